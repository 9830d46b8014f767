#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/grey_tone.h"

enum {
    LEVELS = 256,
    TONE_CELLS_MIN = 8,   /* of the 16 of a block */
    AREA_BLOCKS_MIN = 24, /* smaller areas are no photographs: about 1 cm² */
    WHITE_GUARD = 16,     /* levels below white that still pass for paper */
    FLAT_REACH = 12,      /* a fill stays within this many levels of its middle … */
    FLAT_PERCENT = 85,    /* … in this share of its cells */
    MARK_TONE = 1,        /* block of middle tones, not yet judged */
    MARK_AREA = 2,        /* block of the area being judged */
    MARK_DONE = 3,
};

struct search {
    struct grey_tone *tone;
    const uint8_t *darkest, *lightest;
    uint8_t *marks;  /* a block */
    uint32_t *queue; /* room for all blocks */
    uint32_t blocks; /* of the current area: the first ones in queue */
};

/* A cell all of whose pixels are neither paper nor ink. Cells of text hold some of either. */
static bool is_tone_cell(const struct search *s, size_t cell)
{
    return s->darkest[cell] > s->tone->black && s->lightest[cell] + WHITE_GUARD < s->tone->white;
}

/* Counts the tone cells of a block; with `counts` also their levels. */
static uint32_t count_tone_cells(const struct search *s, uint32_t block, uint32_t *counts)
{
    const struct grey_tone *tone = s->tone;
    uint32_t left = block % tone->block_columns * GREY_TONE_BLOCK;
    uint32_t top = block / tone->block_columns * GREY_TONE_BLOCK, n = 0;
    for (uint32_t y = top; y < top + GREY_TONE_BLOCK && y < tone->rows; y++)
        for (uint32_t x = left; x < left + GREY_TONE_BLOCK && x < tone->columns; x++) {
            size_t cell = (size_t)y * tone->columns + x;
            if (!is_tone_cell(s, cell))
                continue;
            n++;
            if (counts)
                counts[(s->darkest[cell] + s->lightest[cell]) / 2]++;
        }
    return n;
}

static void take_neighbour(struct search *s, uint32_t block)
{
    if (s->marks[block] != MARK_TONE)
        return;
    s->marks[block] = MARK_AREA;
    s->queue[s->blocks++] = block;
}

/* Collects the blocks of middle tones connected with `first`. */
static void collect_area(struct search *s, uint32_t first)
{
    uint32_t columns = s->tone->block_columns, all = columns * s->tone->block_rows;
    s->blocks = 0;
    take_neighbour(s, first);
    for (uint32_t i = 0; i < s->blocks; i++) {
        uint32_t b = s->queue[i];
        if (b % columns > 0)
            take_neighbour(s, b - 1);
        if (b % columns + 1 < columns)
            take_neighbour(s, b + 1);
        if (b >= columns)
            take_neighbour(s, b - columns);
        if (b + columns < all)
            take_neighbour(s, b + columns);
    }
}

/* An area of one level is a fill, which looks better without a screen. */
static bool is_flat(const struct search *s)
{
    uint32_t counts[LEVELS] = {0}, total = 0, seen = 0, near = 0;
    for (uint32_t i = 0; i < s->blocks; i++)
        total += count_tone_cells(s, s->queue[i], counts);
    int middle = 0;
    while (middle < LEVELS - 1 && (seen += counts[middle]) * 2 < total)
        middle++;
    for (int v = middle - FLAT_REACH; v <= middle + FLAT_REACH; v++)
        if (v >= 0 && v < LEVELS)
            near += counts[v];
    return (uint64_t)near * 100 >= (uint64_t)total * FLAT_PERCENT;
}

/* Marks a line of blocks from the first to the last one of the area, at every `step`. */
static void mark_span(const struct search *s, uint32_t start, uint32_t n, uint32_t step,
                      uint8_t *counts)
{
    uint32_t first = n, last = 0;
    for (uint32_t i = 0; i < n; i++)
        if (s->marks[start + i * step] == MARK_AREA) {
            first = first < i ? first : i;
            last = i;
        }
    for (uint32_t i = first; i < n && i <= last; i++)
        counts[start + i * step]++;
}

/* A photograph also has white and black places: what lies within the area in both directions
 * belongs to it. */
static int mark_photo(struct search *s)
{
    uint32_t columns = s->tone->block_columns, rows = s->tone->block_rows;
    uint8_t *counts = calloc(columns, rows);
    if (!counts)
        return FAX_ENOMEM;
    for (uint32_t y = 0; y < rows; y++)
        mark_span(s, y * columns, columns, 1, counts);
    for (uint32_t x = 0; x < columns; x++)
        mark_span(s, x, rows, columns, counts);
    for (uint32_t b = 0; b < columns * rows; b++)
        if (counts[b] == 2)
            s->tone->blocks[b] = 1;
    free(counts);
    return 0;
}

static int judge_area(struct search *s)
{
    int rc = 0;
    if (s->blocks >= AREA_BLOCKS_MIN && !is_flat(s))
        rc = mark_photo(s);
    for (uint32_t i = 0; i < s->blocks; i++)
        s->marks[s->queue[i]] = MARK_DONE;
    return rc;
}

int grey_photo_find(struct grey_tone *tone, const uint8_t *darkest, const uint8_t *lightest)
{
    uint32_t blocks = tone->block_columns * tone->block_rows;
    struct search s = {.tone = tone, .darkest = darkest, .lightest = lightest};
    int rc = FAX_ENOMEM;
    s.marks = calloc(blocks, 1);
    s.queue = malloc(blocks * sizeof *s.queue);
    if (s.marks && s.queue) {
        rc = 0;
        for (uint32_t b = 0; b < blocks; b++)
            if (count_tone_cells(&s, b, NULL) >= TONE_CELLS_MIN)
                s.marks[b] = MARK_TONE;
        for (uint32_t b = 0; b < blocks && rc == 0; b++)
            if (s.marks[b] == MARK_TONE) {
                collect_area(&s, b);
                rc = judge_area(&s);
            }
    }
    free(s.marks);
    free(s.queue);
    return rc;
}
