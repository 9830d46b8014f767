#include "codecs/t85_adaptive.h"

#include <endian.h>
#include <string.h>

enum {
    NEAREST = 3,
    FARTHEST = 32, /* a screen of eight dots an inch */
    EVERY = 16,    /* rows */
    BLOCK = 4,     /* rows beneath each other that are looked at */
    ENOUGH = 64,   /* words with something in them; of less nothing can be learned */
};

/* How many pixels differ from the pixel in a place. */
struct misses {
    uint64_t at[FARTHEST + 1]; /* [0]: the nominal place, two to the right in the row above */
    uint64_t words;
};

static uint64_t word_at(const uint8_t *row, size_t i)
{
    uint64_t w;
    memcpy(&w, row + i * sizeof w, sizeof w);
    return be64toh(w);
}

/* Words in which the colour changes often: text has few of them, a screen nothing else. */
static bool is_busy(uint64_t w)
{
    return __builtin_popcountll(w ^ w << 1) >= 8;
}

static void count_row(struct misses *m, const uint8_t *row, const uint8_t *above, size_t words)
{
    for (size_t i = 1; i + 1 < words; i++) {
        uint64_t w = word_at(row, i), before = word_at(row, i - 1);
        if (!is_busy(w))
            continue;
        uint64_t nominal = word_at(above, i) << 2 | word_at(above, i + 1) >> 62;
        m->words++;
        m->at[0] += (uint64_t)__builtin_popcountll(w ^ nominal);
        for (unsigned x = NEAREST; x <= FARTHEST; x++) {
            uint64_t moved = w >> x | before << (64 - x);
            m->at[x] += (uint64_t)__builtin_popcountll(w ^ moved);
        }
    }
}

uint8_t t85_adaptive_place(const struct raster *page)
{
    struct misses m = {0};
    for (uint32_t y = 1; y < page->height; y++)
        if (y % EVERY < BLOCK)
            count_row(&m, raster_row_const(page, y), raster_row_const(page, y - 1),
                      page->stride / sizeof(uint64_t));
    unsigned best = NEAREST;
    for (unsigned x = NEAREST; x <= FARTHEST; x++)
        if (m.at[x] < m.at[best])
            best = x;
    /* It must be clearly better than the nominal place, for pixels near by tell more than their
     * likeness. */
    return m.words >= ENOUGH && m.at[best] * 4 < m.at[0] * 3 ? (uint8_t)best : 0;
}
