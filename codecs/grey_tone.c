#include "codecs/grey_tone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

enum {
    CELL = GREY_TONE_CELL,
    LEVELS = 256,
    PAPER_DARKEST = 128, /* paper is not looked for below this level */
    PAPER_SPREAD_MAX = 40,
    BACKGROUND_RADIUS = 2, /* cells; strokes up to 20 pixels wide lie on the background */
    STROKE_RADIUS = 1,
    CONTRAST_MIN = 40,
    THRESHOLD_PERCENT = 56, /* of the way from the stroke to its background */
};

/* The lightest and darkest pixels of a row of cells. */
static void measure_cells(const struct grey_page *page, uint32_t cell_row, uint8_t *darkest,
                          uint8_t *lightest)
{
    uint32_t last = (cell_row + 1) * CELL < page->height ? (cell_row + 1) * CELL : page->height;
    uint32_t columns = (page->width + CELL - 1) / CELL;
    memset(darkest, 255, columns);
    memset(lightest, 0, columns);
    for (uint32_t y = cell_row * CELL; y < last; y++) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        for (uint32_t x = 0; x < page->width; x++) {
            uint8_t v = row[x], *low = &darkest[x / CELL], *high = &lightest[x / CELL];
            *low = v < *low ? v : *low;
            *high = v > *high ? v : *high;
        }
    }
}

/* Paper is the most frequent level of the lighter half, with the spread that its noise has. */
static void find_paper(const struct grey_page *page, struct grey_tone *tone, uint32_t *noise)
{
    uint32_t counts[LEVELS] = {0};
    for (uint32_t y = 0; y < page->height; y += 2) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        for (uint32_t x = 0; x < page->width; x++)
            counts[row[x]]++;
    }
    int peak = LEVELS - 1;
    for (int v = LEVELS - 1; v >= PAPER_DARKEST; v--)
        if (counts[v] > counts[peak])
            peak = v;
    int white = peak;
    while (white > peak - PAPER_SPREAD_MAX && counts[white - 1] > counts[peak] / 20)
        white--;
    tone->white = (uint8_t)white;
    tone->black = (uint8_t)(white / 8);
    *noise = (uint32_t)(peak - white);
}

/* Replaces each cell by the extreme of the cells up to `radius` away along one direction. */
static void spread_line(const uint8_t *in, uint8_t *out, uint32_t n, size_t step, uint32_t radius,
                        bool lightest)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = i > radius ? i - radius : 0;
        uint32_t to = i + radius < n ? i + radius : n - 1;
        uint8_t best = in[from * step];
        for (uint32_t k = from + 1; k <= to; k++) {
            uint8_t v = in[k * step];
            if (lightest ? v > best : v < best)
                best = v;
        }
        out[i * step] = best;
    }
}

static void spread(const struct grey_tone *tone, uint8_t *map, uint8_t *spare, uint32_t radius,
                   bool lightest)
{
    for (uint32_t y = 0; y < tone->rows; y++)
        spread_line(map + (size_t)y * tone->columns, spare + (size_t)y * tone->columns,
                    tone->columns, 1, radius, lightest);
    for (uint32_t x = 0; x < tone->columns; x++)
        spread_line(spare + x, map + x, tone->rows, tone->columns, radius, lightest);
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
    uint8_t *spare = malloc(cells);
    if (!spare)
        return FAX_ENOMEM;
    spread(tone, background, spare, BACKGROUND_RADIUS, true);
    spread(tone, background, spare, BACKGROUND_RADIUS, false);
    spread(tone, stroke, spare, STROKE_RADIUS, false);
    for (size_t i = 0; i < cells; i++)
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
    tone->thresholds = malloc((size_t)tone->columns * tone->rows);
    tone->blocks = calloc((size_t)tone->block_columns, tone->block_rows);
    return tone->thresholds && tone->blocks ? 0 : FAX_ENOMEM;
}

int grey_tone_analyse(const struct grey_page *page, struct grey_tone *out)
{
    uint32_t noise = 0;
    *out = (struct grey_tone){0};
    int rc = prepare(page, out);
    size_t cells = (size_t)out->columns * out->rows;
    uint8_t *darkest = malloc(cells), *lightest = malloc(cells);
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
