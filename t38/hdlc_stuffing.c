#include "t38/hdlc_stuffing.h"

#include <endian.h>
#include <string.h>

enum { STEP = 7 }; /* octets: 56 bits and up to four ones before them fit a word */

/* Most words have no five ones in a row, which four shifts show for all places at once. A run of
 * ones gets a zero after each five of them. */
unsigned hdlc_stuffing_count(const uint8_t *octets, size_t n)
{
    unsigned stuffed = 0, run = 0; /* ones since the last zero, 4 at most */
    for (size_t i = 0; i < n; i += STEP) {
        size_t left = n - i < STEP ? n - i : STEP;
        unsigned bits = 8 * STEP + run;
        uint64_t word = 0, five;
        memcpy(&word, octets + i, left);
        word = le64toh(word) << run | ((1u << run) - 1);
        run = (unsigned)__builtin_clzll(~(word << (64 - bits)));
        if (run >= 5)
            run %= 5;
        while ((five = word & word >> 1 & word >> 2 & word >> 3 & word >> 4) != 0) {
            unsigned from = (unsigned)__builtin_ctzll(five);
            unsigned ones = (unsigned)__builtin_ctzll(~(word >> from));
            stuffed += ones / 5;
            word &= UINT64_MAX << (from + ones);
        }
    }
    return stuffed;
}
