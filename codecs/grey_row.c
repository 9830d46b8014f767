#include "codecs/grey_row.h"

#include <stdbool.h>
#include <string.h>

enum { PIECE = 16, LANES = 4 };
enum { RED = 77, GREEN = 150, BLUE = 29, HALF = 128, RED_BLUE = RED << 16 | BLUE }; /* of 256 */

typedef uint32_t pixels __attribute__((vector_size(LANES * 4)));
typedef uint16_t halves __attribute__((vector_size(LANES * 4)));
typedef uint8_t greys __attribute__((vector_size(LANES)));

/* Most of a page is white. Bits 24 to 31 of a pixel say nothing; they were set with the paper. */
static bool is_white(const uint8_t *rgb)
{
    uint64_t two[PIECE / 2], all = UINT64_MAX;

    memcpy(two, rgb, sizeof two);
    for (size_t i = 0; i < PIECE / 2; i++)
        all &= two[i];
    return (all | 0xFF000000FF000000u) == UINT64_MAX;
}

/* Products stay below 2^16, so lanes of 16 bits do. */
static void convert(const uint8_t *rgb, uint8_t *grey)
{
    static const pixels factors = {RED_BLUE, RED_BLUE, RED_BLUE, RED_BLUE};
    pixels p, red_blue, green;
    greys g;

    memcpy(&p, rgb, sizeof p);
    red_blue = (pixels)((halves)(p & 0x00FF00FF) * (halves)factors);
    green = (pixels)((halves)(p >> 8 & 0xFF) * GREEN);
    p = ((red_blue & 0xFFFF) + (red_blue >> 16) + green + HALF) >> 8;
    g = __builtin_convertvector(p, greys);
    memcpy(grey, &g, sizeof g);
}

static uint8_t convert_one(const uint8_t *rgb)
{
    uint32_t p;

    memcpy(&p, rgb, sizeof p);
    return (uint8_t)(((p >> 16 & 255) * RED + (p >> 8 & 255) * GREEN + (p & 255) * BLUE + HALF) >>
                     8);
}

void grey_row_from_rgb(const uint8_t *rgb, size_t width, uint8_t *grey)
{
    size_t x = 0;

    for (; x + PIECE <= width; x += PIECE) {
        if (is_white(rgb + 4 * x)) {
            memset(grey + x, 255, PIECE);
            continue;
        }
        for (size_t i = x; i < x + PIECE; i += LANES)
            convert(rgb + 4 * i, grey + i);
    }
    for (; x < width; x++)
        grey[x] = convert_one(rgb + 4 * x);
}
