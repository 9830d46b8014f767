#include "codecs/grey_tone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

enum {
    CELL = GREY_TONE_CELL,
    CELLS = 8, /* looked at together */
    LEVELS = 256,
    SAMPLE_STEP = 3,
    SAMPLES = 16,        /* looked at together */
    PAPER_DARKEST = 128, /* paper is not looked for below this level */
    PAPER_SPREAD_MAX = 40,
    BACKGROUND_RADIUS = 2, /* cells; strokes up to 20 pixels wide lie on the background */
    STROKE_RADIUS = 1,
    CONTRAST_MIN = 40,
    THRESHOLD_PERCENT = 66, /* of the way from the stroke to its background */
};

static void measure_cell(const uint8_t *pixels, uint32_t stride, uint32_t columns, uint32_t rows,
                         uint8_t *darkest, uint8_t *lightest)
{
    uint8_t low = 255, high = 0;
    for (uint32_t y = 0; y < rows; y++, pixels += stride)
        for (uint32_t x = 0; x < columns; x++) {
            low = pixels[x] < low ? pixels[x] : low;
            high = pixels[x] > high ? pixels[x] : high;
        }
    *darkest = low;
    *lightest = high;
}

/* CELLS cells at once: first each column, then each four columns. */
static void measure_whole_cells(const uint8_t *pixels, uint32_t stride, uint8_t darkest[CELLS],
                                uint8_t lightest[CELLS])
{
    uint8_t low[CELLS * CELL], high[CELLS * CELL];
    memcpy(low, pixels, sizeof low);
    memcpy(high, pixels, sizeof high);
    for (uint32_t y = 1; y < CELL; y++) {
        const uint8_t *row = pixels + (size_t)y * stride;
        for (uint32_t x = 0; x < CELLS * CELL; x++) {
            low[x] = row[x] < low[x] ? row[x] : low[x];
            high[x] = row[x] > high[x] ? row[x] : high[x];
        }
    }
    for (size_t i = 0; i < CELLS; i++) {
        uint8_t l = low[i * CELL], h = high[i * CELL];
        for (size_t k = 1; k < CELL; k++) {
            l = low[i * CELL + k] < l ? low[i * CELL + k] : l;
            h = high[i * CELL + k] > h ? high[i * CELL + k] : h;
        }
        darkest[i] = l;
        lightest[i] = h;
    }
}

/* Whether all pixels of CELLS cells are 255, which most of a page of text is. */
static bool are_white_cells(const uint8_t *pixels, uint32_t stride)
{
    uint64_t all = UINT64_MAX, eight[CELLS * CELL / 8];
    for (uint32_t y = 0; y < CELL; y++) {
        memcpy(eight, pixels + (size_t)y * stride, sizeof eight);
        for (size_t i = 0; i < sizeof eight / sizeof eight[0]; i++)
            all &= eight[i];
    }
    return all == UINT64_MAX;
}

/* The darkest and the lightest pixel of each cell in a row of cells. */
static void measure_cells(const struct grey_page *page, uint32_t cell_row, uint8_t *darkest,
                          uint8_t *lightest)
{
    const uint8_t *band = page->pixels + (size_t)cell_row * CELL * page->width;
    uint32_t rows = page->height - cell_row * CELL < CELL ? page->height % CELL : CELL;
    uint32_t whole = rows == CELL ? page->width / CELL : 0;
    uint32_t i = 0;
    for (; i + CELLS <= whole; i += CELLS) {
        const uint8_t *pixels = band + (size_t)i * CELL;
        if (are_white_cells(pixels, page->width)) {
            memset(darkest + i, 255, CELLS);
            memset(lightest + i, 255, CELLS);
            continue;
        }
        measure_whole_cells(pixels, page->width, darkest + i, lightest + i);
    }
    for (; i * CELL < page->width; i++)
        measure_cell(band + (size_t)i * CELL, page->width,
                     page->width - i * CELL < CELL ? page->width % CELL : CELL, rows, &darkest[i],
                     &lightest[i]);
}

/* What the darkest hundredth of the pixels has, within bounds: printed black is grey on a scan. */
static uint8_t find_ink(const uint32_t counts[LEVELS], int white)
{
    uint64_t total = 0, darker = 0;
    int level = 0;
    for (int v = 0; v < LEVELS; v++)
        total += counts[v];
    while (level < white / 3 && (darker += counts[level]) * 100 < total)
        level++;
    return (uint8_t)(level > white / 8 ? level : white / 8);
}

/* Whether the next SAMPLES samples, and what lies between them, are 255. */
static bool are_samples_white(const uint8_t *pixels)
{
    uint64_t eight[SAMPLES * SAMPLE_STEP / 8], all = UINT64_MAX;
    memcpy(eight, pixels, sizeof eight);
    for (size_t i = 0; i < sizeof eight / sizeof eight[0]; i++)
        all &= eight[i];
    return all == UINT64_MAX;
}

/* Paper is the most frequent level of the lighter half, with the spread that its noise has. */
static void find_paper(const struct grey_page *page, struct grey_tone *tone, uint32_t *noise)
{
    uint32_t counts[LEVELS] = {0}, others[LEVELS] = {0};
    for (uint32_t y = 0; y < page->height; y += SAMPLE_STEP) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        uint32_t x = y / SAMPLE_STEP % SAMPLE_STEP;
        /* Two tables: neighbours are mostly alike, and would wait for each other. */
        for (; x + SAMPLE_STEP < page->width; x += 2 * SAMPLE_STEP) {
            for (; x + (SAMPLES + 1) * SAMPLE_STEP < page->width && are_samples_white(row + x);
                 x += SAMPLES * SAMPLE_STEP)
                counts[LEVELS - 1] += SAMPLES;
            counts[row[x]]++;
            others[row[x + SAMPLE_STEP]]++;
        }
    }
    for (int v = 0; v < LEVELS; v++)
        counts[v] += others[v];
    int peak = LEVELS - 1;
    for (int v = LEVELS - 1; v >= PAPER_DARKEST; v--)
        if (counts[v] > counts[peak])
            peak = v;
    int white = peak;
    while (white > peak - PAPER_SPREAD_MAX && counts[white - 1] > counts[peak] / 20)
        white--;
    tone->white = (uint8_t)white;
    tone->black = find_ink(counts, white);
    *noise = (uint32_t)(peak - white);
}

/* The compilers in use do not vectorise the plain loop at -O2. */
typedef uint8_t lanes __attribute__((vector_size(16)));

/* to[i] becomes the lighter or the darker one of to[i] and from[i]. */
static void combine(uint8_t *to, const uint8_t *from, size_t n, bool lightest)
{
    size_t i = 0;
    for (; i + sizeof(lanes) <= n; i += sizeof(lanes)) {
        lanes a, b;
        memcpy(&a, to + i, sizeof a);
        memcpy(&b, from + i, sizeof b);
        lanes keep = (lanes)(lightest ? a > b : a < b);
        a = (a & keep) | (b & ~keep);
        memcpy(to + i, &a, sizeof a);
    }
    for (; i < n; i++)
        if (lightest ? from[i] > to[i] : from[i] < to[i])
            to[i] = from[i];
}

/* Replaces each cell by the extreme of the cells up to `radius` away, both ways. */
static void spread(const struct grey_tone *tone, uint8_t *map, uint8_t *spare, uint32_t radius,
                   bool lightest)
{
    size_t columns = tone->columns;
    memcpy(spare, map, columns * tone->rows);
    for (uint32_t y = 0; y < tone->rows; y++)
        for (size_t k = 1; k <= radius && k < columns; k++) {
            uint8_t *row = spare + y * columns;
            const uint8_t *from = map + y * columns;
            combine(row, from + k, columns - k, lightest);
            combine(row + k, from, columns - k, lightest);
        }
    memcpy(map, spare, columns * tone->rows);
    for (uint32_t y = 0; y < tone->rows; y++)
        for (uint32_t k = 1; k <= radius; k++) {
            if (y >= k)
                combine(map + y * columns, spare + (y - k) * columns, columns, lightest);
            if (y + k < tone->rows)
                combine(map + y * columns, spare + (y + k) * columns, columns, lightest);
        }
}

/* A cell with a stroke is cut between stroke and background, which keeps grey text and thin lines;
 * any other is all paper or all ink. */
static uint8_t choose_threshold(const struct grey_tone *tone, uint32_t contrast_min, uint8_t stroke,
                                uint8_t background)
{
    if (background > tone->white)
        background = tone->white;
    if (stroke + contrast_min <= background)
        return (uint8_t)(stroke + (background - stroke) * THRESHOLD_PERCENT / 100);
    return background * 2 < tone->white ? 255 : 0;
}

static int set_thresholds(struct grey_tone *tone, uint32_t noise, uint8_t *stroke,
                          uint8_t *background)
{
    size_t cells = (size_t)tone->columns * tone->rows;
    uint32_t contrast_min = noise * 3 > CONTRAST_MIN ? noise * 3 : CONTRAST_MIN;
    uint8_t *spare = calloc(cells, 1);
    if (!spare)
        return FAX_ENOMEM;
    spread(tone, background, spare, BACKGROUND_RADIUS, true);
    spread(tone, background, spare, BACKGROUND_RADIUS, false);
    spread(tone, stroke, spare, STROKE_RADIUS, false);
    for (size_t i = 0; i < cells; i++)
        if (tone->thresholds[i] != GREY_TONE_SCREEN)
            tone->thresholds[i] = choose_threshold(tone, contrast_min, stroke[i], background[i]);
    OPENSSL_cleanse(spare, cells);
    free(spare);
    return 0;
}

static int prepare(const struct grey_page *page, struct grey_tone *tone)
{
    tone->columns = (page->width + CELL - 1) / CELL;
    tone->rows = (page->height + CELL - 1) / CELL;
    tone->block_columns = (tone->columns + GREY_TONE_BLOCK - 1) / GREY_TONE_BLOCK;
    tone->block_rows = (tone->rows + GREY_TONE_BLOCK - 1) / GREY_TONE_BLOCK;
    tone->thresholds = calloc(tone->columns, tone->rows);
    tone->blocks = calloc((size_t)tone->block_columns, tone->block_rows);
    return tone->thresholds && tone->blocks ? 0 : FAX_ENOMEM;
}

int grey_tone_analyse(const struct grey_page *page, struct grey_tone *out)
{
    uint32_t noise = 0;
    *out = (struct grey_tone){0};
    int rc = prepare(page, out);
    size_t cells = (size_t)out->columns * out->rows;
    uint8_t *darkest = calloc(cells, 1), *lightest = calloc(cells, 1);
    if (rc == 0 && (!darkest || !lightest))
        rc = FAX_ENOMEM;
    if (rc == 0) {
        for (uint32_t y = 0; y < out->rows; y++)
            measure_cells(page, y, darkest + (size_t)y * out->columns,
                          lightest + (size_t)y * out->columns);
        find_paper(page, out, &noise);
        rc = grey_photo_find(out, darkest, lightest);
    }
    if (rc == 0)
        rc = set_thresholds(out, noise, darkest, lightest);
    if (darkest)
        OPENSSL_cleanse(darkest, cells);
    if (lightest)
        OPENSSL_cleanse(lightest, cells);
    free(darkest);
    free(lightest);
    return rc;
}

void grey_tone_free(struct grey_tone *tone)
{
    if (!tone)
        return;
    if (tone->thresholds)
        OPENSSL_cleanse(tone->thresholds, (size_t)tone->columns * tone->rows);
    free(tone->thresholds);
    free(tone->blocks);
    *tone = (struct grey_tone){0};
}
