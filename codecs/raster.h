/* raster.h: a bilevel page image in memory.
 *
 * One bit a pixel, 1 is black, the most significant bit of an octet is the leftmost pixel. Each row
 * takes `stride` octets, a multiple of 8; the bits beyond `width` are always 0. The contents are
 * confidential: every buffer is wiped before it is given back. */
#ifndef CODECS_RASTER_H
#define CODECS_RASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RASTER_WIDTH_MAX = 16384, /* pixels; T.4 needs 4864 (A3 at 400 dpi) */
    RASTER_ROWS_MAX = 65536,  /* rows that any raster may have */
    RASTER_DIGEST_OCTETS = 32,
};

struct raster {
    uint32_t width, height;
    size_t stride; /* octets from one row to the next */
    uint8_t *rows; /* row_capacity rows, those at and beyond height are all white */
    uint32_t row_capacity;
};

/* Octets of a row without padding: ceil(width / 8). */
size_t raster_row_octets(const struct raster *raster);

/* Makes a white raster. height may be 0 (rows are appended later). The caller frees it with
 * raster_free; on failure it is empty and needs no free.
 * Errors: FAX_EINVAL (width 0 or above RASTER_WIDTH_MAX, height above RASTER_ROWS_MAX), FAX_ENOMEM.
 */
int raster_init(struct raster *raster, uint32_t width, uint32_t height)
    __attribute__((warn_unused_result));

/* Wipes and frees; the raster is then all zero. Safe on NULL and on an all-zero raster. */
void raster_free(struct raster *raster);

/* Makes room for `rows` rows in all (never shrinks; height stays). The new rows are white.
 * Pointers into rows are no longer valid after it. Errors: FAX_ELIMIT (above RASTER_ROWS_MAX),
 * FAX_ENOMEM; the raster is unchanged then. */
int raster_reserve(struct raster *raster, uint32_t rows) __attribute__((warn_unused_result));

/* Appends one row of raster_row_octets() octets; bits beyond width are ignored.
 * Errors: FAX_ELIMIT when the raster has max_rows rows already, FAX_ENOMEM. */
int raster_append_row(struct raster *raster, const uint8_t *row, uint32_t max_rows)
    __attribute__((warn_unused_result));

/* First octet of a row; y must be below height. */
uint8_t *raster_row(struct raster *raster, uint32_t y);
const uint8_t *raster_row_const(const struct raster *raster, uint32_t y);

/* Makes a copy turned by 90° clockwise. The caller frees *out with raster_free; on failure it is
 * empty. Errors: FAX_EINVAL (height 0 or above RASTER_WIDTH_MAX), FAX_ENOMEM. */
int raster_turn(const struct raster *raster, struct raster *out)
    __attribute__((warn_unused_result));

/* Same size and same pixels. */
bool raster_equal(const struct raster *a, const struct raster *b);

/* The digest of the pixels: SHA-256 over width and height (32 bits each, big-endian) and the rows
 * from the top, ceil(width / 8) octets each. It does not depend on the coding of the page.
 * Errors: FAX_ENOMEM when OpenSSL fails. */
int raster_digest(const struct raster *raster, uint8_t out[RASTER_DIGEST_OCTETS])
    __attribute__((warn_unused_result));

#endif
