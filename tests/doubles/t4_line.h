/* t4_line.h: the rows of a page in T.4 as they stand on a line, looked at bit by bit and without
 * our coders.
 */
#ifndef TESTS_DOUBLES_T4_LINE_H
#define TESTS_DOUBLES_T4_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { T4_LINE_ROWS_MAX = 4000, T4_LINE_ZEROS_OF_EOL = 11, T4_LINE_EOLS_OF_RTC = 6 };

/* What ends with an EOL, that EOL included: what stands before the first row, the rows, and five
 * more EOLs of the RTC behind the one that ends the last row. */
struct t4_line {
    uint32_t count;
    uint32_t bits[T4_LINE_ROWS_MAX];
    uint32_t fill[T4_LINE_ROWS_MAX];   /* zeros before the EOL's own, those of the codes included */
    uint64_t digest[T4_LINE_ROWS_MAX]; /* of the bits before those zeros */
};

/* Looks at the octets up to the RTC. Ends the program when there are too many rows. */
void t4_line_read(struct t4_line *line, const uint8_t *octets, size_t length, bool lsb_first);

/* How many rows of `line` are not those of `plain` with as many zeros before their EOL as make
 * least_bits. What stands before the first EOL is not compared. UINT32_MAX: not the same number of
 * rows. */
uint32_t t4_line_differences(const struct t4_line *line, const struct t4_line *plain,
                             uint32_t least_bits);

#endif
