/* t85_encode.h: encoder for T.85, the facsimile profile of JBIG (T.82): rows in, octets of a
 * bi-level image entity out. */
#ifndef CODECS_T85_ENCODE_H
#define CODECS_T85_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"
#include "codecs/wiped_buffer.h"

/* All zero is what every T.85 receiver takes (T.85 table 1): stripes of 128 rows, the template of
 * three lines, typical prediction, the adaptive pixel in its place. */
struct t85_options {
    uint32_t stripe_rows; /* L0; 0: 128. Others only for a peer that said so (bit 79 of its DIS) */
    uint8_t at_x;       /* the adaptive pixel lies so far to the left, in the row itself; 0: in its
                           nominal place; else 3 to 127, with two lines 5 to 127 */
    bool two_line;      /* LRLTWO */
    bool not_typical;   /* no TPBON */
    bool reset_stripes; /* each stripe ends with SDRST: it can be decoded by itself */
};

struct t85_encoder;

/* Begins an image of `rows` rows, 0: not known yet (VLENGTH; the number comes at the end). The
 * octets are appended to *to, which stays the caller's and must outlive the encoder; it may be
 * drained between calls. They come by the stripe. The caller owns *out; it is NULL on failure.
 * Errors: FAX_EINVAL (width 0 or above RASTER_WIDTH_MAX, options out of range), FAX_ENOMEM,
 * FAX_ELIMIT (of *to). */
int t85_encoder_new(struct t85_encoder **out, uint32_t width, uint32_t rows,
                    const struct t85_options *options, struct wiped_buffer *to)
    __attribute__((warn_unused_result));

/* Codes the next row: ceil(width / 8) octets as in a raster, bits beyond width are ignored.
 * Errors: FAX_ESTATE (more rows than announced), FAX_ENOMEM, FAX_ELIMIT; the image is lost then. */
int t85_encoder_row(struct t85_encoder *e, const uint8_t *row) __attribute__((warn_unused_result));

/* Ends the image. Errors: FAX_ESTATE (fewer rows than announced, or none), FAX_ENOMEM, FAX_ELIMIT.
 */
int t85_encoder_finish(struct t85_encoder *e) __attribute__((warn_unused_result));

/* Wipes and frees. Safe on NULL. */
void t85_encoder_free(struct t85_encoder *e);

/* Codes a whole page; options NULL: all zero. On success *data is the caller's, freed with
 * wiped_free(*data, *length); on failure it is NULL. Errors: FAX_EINVAL (empty raster, options out
 * of range), FAX_ENOMEM. */
int t85_encode(const struct raster *page, const struct t85_options *options, uint8_t **data,
               size_t *length) __attribute__((warn_unused_result));

#endif
