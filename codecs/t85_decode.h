/* t85_decode.h: decoder for T.85, the facsimile profile of JBIG (T.82): a bi-level image entity in,
 * rows out.
 *
 * Input is hostile: time and memory are bounded by the length of the data, the width and max_rows;
 * the rows come one by one, so that the caller can stop at any of them. */
#ifndef CODECS_T85_DECODE_H
#define CODECS_T85_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"

struct t85_limits {
    uint32_t width;    /* the image must have it; 0: any up to RASTER_WIDTH_MAX */
    uint32_t max_rows; /* at most RASTER_ROWS_MAX; 0: 10,000 */
};

struct t85_report {
    uint32_t rows;       /* rows decoded */
    size_t error_offset; /* octet near which decoding failed; the length of the data if it ended */
    size_t end_offset;   /* octets up to and including the last stripe's marker */
};

struct t85_decoder;

/* Reads the header of an image; the data must stay until the decoder is freed. The caller owns
 * *out; it is NULL on failure. Errors: FAX_ETRUNCATED, FAX_EFORMAT (also another width than that
 * demanded), FAX_EUNSUPPORTED (JBIG outside of T.85), FAX_ELIMIT (it announces more rows than
 * allowed, or is wider than any raster), FAX_ENOMEM. */
int t85_decoder_new(struct t85_decoder **out, const uint8_t *data, size_t length,
                    const struct t85_limits *limits) __attribute__((warn_unused_result));

uint32_t t85_decoder_width(const struct t85_decoder *d);

/* Decodes the next row into ceil(width / 8) octets, bits beyond width are 0. Returns 1; 0 at the
 * end of the image; FAX_ETRUNCATED (a stripe or the announced rows are missing), FAX_EFORMAT (an
 * unknown marker, ABORT, a length or a place of the adaptive pixel that is not allowed),
 * FAX_EUNSUPPORTED (more than four moves of the adaptive pixel in a stripe), FAX_ELIMIT (more than
 * max_rows rows), FAX_ENOMEM. After an error it gives the same error again. */
int t85_decoder_next(struct t85_decoder *d, uint8_t *row) __attribute__((warn_unused_result));

/* What is known so far. */
void t85_decoder_report(const struct t85_decoder *d, struct t85_report *out);

/* Wipes and frees. Safe on NULL. */
void t85_decoder_free(struct t85_decoder *d);

/* Decodes a whole page. Tolerated: anything behind the last stripe (frames are filled with zeros).
 * On success *out owns the rows and the caller frees it with raster_free; on failure it is empty.
 * *report is always filled in and may be NULL. Errors as t85_decoder_new and t85_decoder_next;
 * FAX_EEMPTY (no row). */
int t85_decode(const uint8_t *data, size_t length, const struct t85_limits *limits,
               struct raster *out, struct t85_report *report) __attribute__((warn_unused_result));

#endif
