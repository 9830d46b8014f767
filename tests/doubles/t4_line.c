#include "tests/doubles/t4_line.h"

#include <stdlib.h>

static bool bit_at(const uint8_t *octets, size_t i, bool lsb_first)
{
    return octets[i / 8] >> (lsb_first ? i % 8 : 7 - i % 8) & 1;
}

void t4_line_read(struct t4_line *line, const uint8_t *octets, size_t length, bool lsb_first)
{
    size_t begin = 0, zeros = 0;
    uint64_t digest = 1, at_last_one = 1;
    line->count = 0;
    for (size_t i = 0; i < length * 8; i++) {
        bool one = bit_at(octets, i, lsb_first);
        digest = digest * 6364136223846793005u + one + 1;
        if (!one) {
            zeros++;
            continue;
        }
        if (zeros >= T4_LINE_ZEROS_OF_EOL) {
            if (line->count == T4_LINE_ROWS_MAX)
                abort();
            line->bits[line->count] = (uint32_t)(i + 1 - begin);
            line->fill[line->count] = (uint32_t)zeros - T4_LINE_ZEROS_OF_EOL;
            line->digest[line->count++] = at_last_one;
            begin = i + 1;
            digest = 1;
        }
        at_last_one = digest;
        zeros = 0;
    }
}

uint32_t t4_line_differences(const struct t4_line *line, const struct t4_line *plain,
                             uint32_t least_bits)
{
    uint32_t differences = 0, rows = plain->count - T4_LINE_EOLS_OF_RTC;
    if (line->count != plain->count)
        return UINT32_MAX;
    for (uint32_t i = 1; i < plain->count; i++) {
        bool row = i <= rows;
        uint32_t wanted = row && plain->bits[i] < least_bits ? least_bits : plain->bits[i];
        differences += line->bits[i] != wanted || line->digest[i] != plain->digest[i] ||
                       line->fill[i] - plain->fill[i] != wanted - plain->bits[i];
    }
    return differences;
}
