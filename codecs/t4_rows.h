/* t4_rows.h: decoding of single rows of T.4 and T.6; part of the decoder. */
#ifndef CODECS_T4_ROWS_H
#define CODECS_T4_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"
#include "codecs/t4_bits.h"

enum {
    T4_ROW_SENTINELS = 8,
    T4_RUN_BITS = 9,
    T4_WHITE_LONG_BITS = 5, /* of the 12 bits of a white code that begins with seven zeros */
    T4_BLACK_LONG_BITS = 9, /* of the 13 bits of a black code that begins with four zeros */
    T4_MODE_BITS = 7,
    T4_SEQUENCE_BITS = 10,
    T4_SEQUENCE_CODES = 4,
    T4_SEQUENCE_NONE = RASTER_WIDTH_MAX + 3, /* a shift that never fits */
};

/* T.4 table 4. */
enum t4_mode { T4_MODE_NONE, T4_MODE_VERTICAL, T4_MODE_PASS, T4_MODE_HORIZONTAL };

struct t4_mode_entry {
    uint8_t mode, length;
    int8_t shift; /* of vertical mode: right is positive */
};

/* What the next T4_SEQUENCE_BITS bits begin with: up to four codes of vertical mode, of which the
 * first stands in the lowest 16 bits of `shifts`, as the shift + 3 (0 where there is none); then
 * `next`, pass or horizontal mode, or T4_MODE_NONE when it is not known. `bits` are those of all.
 * Where not even the first code is known, it is one with the shift T4_SEQUENCE_NONE. */
struct t4_sequence {
    uint64_t shifts;
    uint8_t count, bits, next;
};

/* Look-up tables over the next bits. An entry of a run is run << 4 | code length, 0 where no code
 * fits: then the code is a long one or none. */
struct t4_tables {
    uint16_t runs[2][1 << T4_RUN_BITS]; /* white, black */
    uint16_t white_long[1 << T4_WHITE_LONG_BITS];
    uint16_t black_long[1 << T4_BLACK_LONG_BITS];
    struct t4_mode_entry modes[1 << T4_MODE_BITS];
    struct t4_sequence sequences[1 << T4_SEQUENCE_BITS];
};

/* A row as the columns where the colour changes, beginning with white: strictly rising, all below
 * the width, then T4_ROW_SENTINELS times the width. One element before the first is 0. */
struct t4_row {
    uint16_t *changes; /* room for width + T4_ROW_SENTINELS */
    uint32_t count;
};

/* Fills the look-up tables from the code lists of T.4. */
void t4_tables_build(struct t4_tables *tables);

/* Makes an empty row (all white). The caller frees it with t4_row_free, for the same width, also
 * on failure. width: at most RASTER_WIDTH_MAX. Errors: FAX_ENOMEM. */
int t4_row_init(struct t4_row *row, uint32_t width) __attribute__((warn_unused_result));

/* Wipes and frees; safe on a row that is all zero. */
void t4_row_free(struct t4_row *row, uint32_t width);

/* Copies the changes of a row of the same width. */
void t4_row_copy(struct t4_row *row, const struct t4_row *from);

/* Decode one row from the bits. 0, FAX_EFORMAT (no such code, or it leads out of the row),
 * FAX_EUNSUPPORTED (uncompressed mode), FAX_ETRUNCATED (zeros in the place of a code, which they
 * are left before). A row that took bits from behind the end is not noticed here. */
int t4_row_decode_1d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     struct t4_row *row) __attribute__((warn_unused_result));
int t4_row_decode_2d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     const struct t4_row *above, struct t4_row *row)
    __attribute__((warn_unused_result));

/* Sets the black pixels of a row whose octets are all zero and aligned to 8. */
void t4_row_paint(const struct t4_row *row, uint8_t *octets);

#endif
