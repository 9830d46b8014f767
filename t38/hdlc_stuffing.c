#include "t38/hdlc_stuffing.h"

#include <endian.h>
#include <string.h>

enum { STEP = 7 }; /* octets: 56 bits and up to four ones before them fit a word */

/* Most words have no five ones in a row, which five shifts show for all places at once. */
unsigned hdlc_stuffing_count(const uint8_t *octets, size_t n)
{
    unsigned stuffed = 0, run = 0;
    for (size_t i = 0; i < n; i += STEP) {
        size_t left = n - i < STEP ? n - i : STEP;
        uint64_t bits = 0, five;
        memcpy(&bits, octets + i, left);
        bits = le64toh(bits) << run | ((1u << run) - 1);
        while ((five = bits & bits >> 1 & bits >> 2 & bits >> 3 & bits >> 4) != 0) {
            stuffed++;
            /* What lies up to the fifth one is done with. */
            bits &= UINT64_MAX << (__builtin_ctzll(five) + 5);
        }
        /* The ones at the end, four at most. */
        run = (unsigned)__builtin_clzll(~(bits << (64 - STEP * 8 - run)));
    }
    return stuffed;
}
