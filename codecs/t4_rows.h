/* t4_rows.h: decoding of single rows of T.4 and T.6; part of the decoder. */
#ifndef CODECS_T4_ROWS_H
#define CODECS_T4_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/t4_bits.h"

enum {
    T4_ROW_SENTINELS = 4,
    T4_RUN_BITS = 9,
    T4_WHITE_LONG_BITS = 5, /* of the 12 bits of a white code that begins with seven zeros */
    T4_BLACK_LONG_BITS = 9, /* of the 13 bits of a black code that begins with four zeros */
    T4_MODE_BITS = 7,
};

/* T.4 table 4. */
enum t4_mode { T4_MODE_NONE, T4_MODE_VERTICAL, T4_MODE_PASS, T4_MODE_HORIZONTAL };

struct t4_mode_entry {
    uint8_t mode, length;
    int8_t shift; /* of vertical mode: right is positive */
};

/* Look-up tables over the next bits. An entry of a run is run << 4 | code length, 0 where no code
 * fits: then the code is a long one or none. */
struct t4_tables {
    uint16_t runs[2][1 << T4_RUN_BITS]; /* white, black */
    uint16_t white_long[1 << T4_WHITE_LONG_BITS];
    uint16_t black_long[1 << T4_BLACK_LONG_BITS];
    struct t4_mode_entry modes[1 << T4_MODE_BITS];
};

/* A row as the columns where the colour changes, beginning with white: strictly rising, all below
 * the width, then T4_ROW_SENTINELS times the width. */
struct t4_row {
    uint32_t *changes; /* room for width + T4_ROW_SENTINELS */
    uint32_t count;
};

/* Fills the look-up tables of both directions from the code lists of T.4. */
void t4_tables_build(struct t4_tables *tables);

/* Make the row empty (all white). */
void t4_row_clear(struct t4_row *row, uint32_t width);

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
