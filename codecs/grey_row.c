#include "codecs/grey_row.h"

#include <stdbool.h>
#include <string.h>

enum {
    LANES = 8,
    PIECE = 4 * LANES,
    RED = 633, /* 0.299 × 255 / 31 × 256, less a little so that white stays below 2^16 */
    GREEN = 607,
    BLUE = 239,
    HALF = 128,
};

typedef uint16_t lanes __attribute__((vector_size(LANES * 2)));
typedef uint64_t pairs __attribute__((vector_size(LANES * 2)));
typedef uint8_t greys __attribute__((vector_size(LANES)));

/* Most of a page is. */
static bool is_white(const uint8_t *pixels)
{
    pairs four[4], all;

    memcpy(four, pixels, sizeof four);
    all = four[0] & four[1] & four[2] & four[3];
    return (all[0] & all[1]) == UINT64_MAX;
}

static void convert(const uint8_t *pixels, uint8_t *grey)
{
    lanes p;
    greys g;

    memcpy(&p, pixels, sizeof p);
    p = ((p >> 11) * RED + (p >> 5 & 63) * GREEN + (p & 31) * BLUE + HALF) >> 8;
    g = __builtin_convertvector(p, greys);
    memcpy(grey, &g, sizeof g);
}

void grey_row_from_565(const uint8_t *pixels, size_t width, uint8_t *grey)
{
    uint8_t rest[LANES * 2] = {0}, converted[LANES];
    size_t x = 0;

    for (; x + PIECE <= width; x += PIECE) {
        if (is_white(pixels + 2 * x)) {
            memset(grey + x, 255, PIECE);
            continue;
        }
        for (size_t i = x; i < x + PIECE; i += LANES)
            convert(pixels + 2 * i, grey + i);
    }
    for (; x + LANES <= width; x += LANES)
        convert(pixels + 2 * x, grey + x);
    if (x == width)
        return;
    memcpy(rest, pixels + 2 * x, 2 * (width - x));
    convert(rest, converted);
    memcpy(grey + x, converted, width - x);
}
