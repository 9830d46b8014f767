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
    RECTANGLE_PERCENT = 60,
    FLAT_REACH = 12,   /* a fill stays within this many levels of its middle … */
    FLAT_PERCENT = 85, /* … in this share of its cells */
    MARK_TONE = 1,     /* block of middle tones, not yet judged */
    MARK_AREA = 2,     /* block of the area being judged */
    MARK_DONE = 3,
    MARK_EDGE = 4, /* of the blocks: beside a photograph */
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

/* Whether the cells of a block's row have nothing but white, which is what most have. */
static bool are_white_cells(const struct search *s, size_t cell, uint32_t left)
{
    uint32_t darkest;
    if (left + GREY_TONE_BLOCK > s->tone->columns)
        return false;
    memcpy(&darkest, s->darkest + cell, sizeof darkest);
    return darkest == UINT32_MAX;
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
            if (x == left && are_white_cells(s, cell, left))
                break;
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

/* Most photographs are upright rectangles, parts of which may be as light as the paper. Marks the
 * whole rectangle around the area when the area is most of it. */
static bool mark_rectangle(struct search *s)
{
    uint32_t columns = s->tone->block_columns;
    uint32_t left = columns, right = 0, top = s->tone->block_rows, bottom = 0;
    for (uint32_t i = 0; i < s->blocks; i++) {
        uint32_t x = s->queue[i] % columns, y = s->queue[i] / columns;
        left = x < left ? x : left;
        right = x > right ? x : right;
        top = y < top ? y : top;
        bottom = y > bottom ? y : bottom;
    }
    uint64_t all = (uint64_t)(right - left + 1) * (bottom - top + 1);
    if ((uint64_t)s->blocks * 100 < all * RECTANGLE_PERCENT)
        return false;
    for (uint32_t y = top; y <= bottom; y++)
        memset(s->tone->blocks + (size_t)y * columns + left, 1, right - left + 1);
    return true;
}

/* A photograph also has white and black places: what lies within the area in both directions
 * belongs to it. */
static int mark_photo(struct search *s)
{
    if (mark_rectangle(s))
        return 0;
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

/* Whether a block touches a photograph. */
static bool is_beside_photo(const struct grey_tone *tone, uint32_t x, uint32_t y)
{
    uint32_t left = x > 0 ? x - 1 : 0, top = y > 0 ? y - 1 : 0;
    for (uint32_t j = top; j <= y + 1 && j < tone->block_rows; j++)
        for (uint32_t i = left; i <= x + 1 && i < tone->block_columns; i++)
            if (tone->blocks[j * tone->block_columns + i] == 1)
                return true;
    return false;
}

/* Marks the cells of a block; with `all` false, as at the edge of a photograph, the tone cells. */
static bool mark_cells(const struct search *s, uint32_t block, bool all)
{
    const struct grey_tone *tone = s->tone;
    uint32_t left = block % tone->block_columns * GREY_TONE_BLOCK;
    uint32_t top = block / tone->block_columns * GREY_TONE_BLOCK;
    bool any = false;
    for (uint32_t y = top; y < top + GREY_TONE_BLOCK && y < tone->rows; y++)
        for (uint32_t x = left; x < left + GREY_TONE_BLOCK && x < tone->columns; x++) {
            size_t cell = (size_t)y * tone->columns + x;
            if (!all && !is_tone_cell(s, cell))
                continue;
            tone->thresholds[cell] = GREY_TONE_SCREEN;
            any = true;
        }
    return any;
}

/* The edge of a photograph runs through blocks that have less than half of it. */
static void mark_photo_cells(const struct search *s)
{
    struct grey_tone *tone = s->tone;
    uint32_t columns = tone->block_columns, blocks = columns * tone->block_rows;
    if (!memchr(tone->blocks, 1, blocks))
        return;
    for (uint32_t b = 0; b < blocks; b++)
        if (tone->blocks[b] == 1)
            mark_cells(s, b, true);
        else if (is_beside_photo(tone, b % columns, b / columns) && mark_cells(s, b, false))
            tone->blocks[b] = MARK_EDGE;
    for (uint32_t b = 0; b < blocks; b++)
        tone->blocks[b] = tone->blocks[b] != 0;
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
        mark_photo_cells(&s);
    }
    free(s.marks);
    free(s.queue);
    return rc;
}
