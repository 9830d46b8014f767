/* t4_rows.h: decoding of single rows of T.4 and T.6; part of the decoder. */
#ifndef CODECS_T4_ROWS_H
#define CODECS_T4_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/t4_bits.h"

enum {
    T4_ROW_SENTINELS = 4,
    T4_WHITE_BITS = 9,
    T4_BLACK_BITS = 8,
    T4_LONG_BITS = 9, /* of the 13 bits of a black code that begins with four zeros */
};

/* Look-up tables over the next bits; an entry is run << 4 | code length, 0 where no code fits. */
struct t4_tables {
    uint16_t white[1 << T4_WHITE_BITS];
    uint16_t black[1 << T4_BLACK_BITS];
    uint16_t black_long[1 << T4_LONG_BITS];
    uint16_t extended[32]; /* common make-up codes: the 5 bits behind seven zeros */
};

/* A row as the columns where the colour changes, beginning with white: strictly rising, all below
 * the width, then T4_ROW_SENTINELS times the width. */
struct t4_row {
    uint32_t *changes; /* room for width + T4_ROW_SENTINELS */
    uint32_t count;
};

void t4_tables_build(struct t4_tables *tables);

/* Make the row empty (all white). */
void t4_row_clear(struct t4_row *row, uint32_t width);

/* Decode one row from the bits. 0, FAX_EFORMAT (no such code, or it leads out of the row; where no
 * code fits, the bits stand before it), FAX_EUNSUPPORTED (uncompressed mode). A row that took bits
 * from behind the end is not noticed here. */
int t4_row_decode_1d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     struct t4_row *row) __attribute__((warn_unused_result));
int t4_row_decode_2d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     const struct t4_row *above, struct t4_row *row)
    __attribute__((warn_unused_result));

/* Sets the black pixels of a row whose octets are all zero and aligned to 8. */
void t4_row_paint(const struct t4_row *row, uint8_t *octets);

#endif
