#include <stdbool.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/grey_page.h"
#include "codecs/grey_scale.h"
#include "codecs/grey_tone.h"

enum { SCREEN_SIZE = 8, SCREEN_LEVELS = 32, SCREEN_DPI = 196, DPI_MAX = 4800 };

/* Clustered dots at 45°, two to a tile; 0 turns black first. At 204 × 196 that is 36 dots an inch,
 * coarse enough for T.6 and for the printers of fax machines. */
static const uint8_t screen[SCREEN_SIZE][SCREEN_SIZE] = {
    {0, 6, 22, 30, 31, 25, 9, 1},     {4, 8, 20, 26, 27, 23, 11, 5},
    {19, 17, 15, 13, 12, 14, 16, 18}, {29, 24, 10, 3, 2, 7, 21, 28},
    {31, 25, 9, 1, 0, 6, 22, 30},     {27, 23, 11, 5, 4, 8, 20, 26},
    {12, 14, 16, 18, 19, 17, 15, 13}, {2, 7, 21, 28, 29, 24, 10, 3},
};

/* Size on the fax page: real size, but not wider than it. */
static void fit(const struct grey_page *page, const struct grey_conversion *c, uint64_t *width,
                uint64_t *height)
{
    uint64_t w = ((uint64_t)page->width * c->x_dpi + c->source_x_dpi / 2) / c->source_x_dpi;
    uint64_t h = (uint64_t)page->height * c->y_dpi;
    if (w > c->width) {
        h = h * c->source_x_dpi * c->width / ((uint64_t)page->width * c->x_dpi);
        w = c->width;
    }
    h = (h + c->source_y_dpi / 2) / c->source_y_dpi;
    *width = w ? w : 1;
    *height = h ? h : 1;
}

static void set_thresholds(const struct grey_tone *tone, uint32_t y, uint16_t y_dpi,
                           const uint8_t levels[SCREEN_LEVELS], uint8_t *row)
{
    const uint8_t *cells = tone->thresholds + (size_t)(y / GREY_TONE_CELL) * tone->columns;
    const uint8_t *blocks =
        tone->blocks + (size_t)(y / GREY_TONE_CELL / GREY_TONE_BLOCK) * tone->block_columns;
    const uint8_t *dots = screen[(uint64_t)y * SCREEN_DPI / y_dpi % SCREEN_SIZE];
    for (uint32_t i = 0; i < tone->columns; i++) {
        uint8_t *to = row + (size_t)i * GREY_TONE_CELL;
        if (!blocks[i / GREY_TONE_BLOCK]) {
            memset(to, cells[i], GREY_TONE_CELL);
            continue;
        }
        for (uint32_t k = 0; k < GREY_TONE_CELL; k++)
            to[k] = levels[dots[(i * GREY_TONE_CELL + k) % SCREEN_SIZE]];
    }
}

/* Sets the bits of the pixels below their thresholds, from column `at` on. */
static void cut_row(const uint8_t *pixels, const uint8_t *thresholds, uint32_t width, uint32_t at,
                    uint8_t *row)
{
    uint32_t bits = 0, n = at % 8;
    row += at / 8;
    for (uint32_t x = 0; x < width; x++) {
        bits = bits << 1 | (pixels[x] < thresholds[x]);
        if (++n == 8) {
            *row++ = (uint8_t)bits;
            n = 0;
        }
    }
    if (n > 0)
        *row = (uint8_t)(bits << (8 - n));
}

static int cut_page(const struct grey_page *page, const struct grey_conversion *conversion,
                    struct raster *out)
{
    uint8_t levels[SCREEN_LEVELS], thresholds[RASTER_WIDTH_MAX + GREY_TONE_CELL];
    struct grey_tone tone;
    int rc = grey_tone_analyse(page, &tone);
    if (rc == 0)
        rc = raster_init(out, conversion->width, page->height);
    if (rc == 0) {
        int range = tone.white - tone.black;
        for (int i = 0; i < SCREEN_LEVELS; i++)
            levels[i] = (uint8_t)(tone.white - range * (2 * i + 1) / (2 * SCREEN_LEVELS));
        for (uint32_t y = 0; y < page->height; y++) {
            set_thresholds(&tone, y, conversion->y_dpi, levels, thresholds);
            cut_row(page->pixels + (size_t)y * page->width, thresholds, page->width,
                    (conversion->width - page->width) / 2, raster_row(out, y));
        }
    }
    grey_tone_free(&tone);
    return rc;
}

static bool is_dpi(uint16_t dpi)
{
    return dpi > 0 && dpi <= DPI_MAX;
}

int grey_page_convert(const struct grey_page *page, const struct grey_conversion *conversion,
                      struct raster *out)
{
    struct grey_page scaled = {0};
    uint64_t width, height;
    *out = (struct raster){0};
    if (conversion->width == 0 || conversion->width > RASTER_WIDTH_MAX ||
        conversion->max_rows == 0 || !is_dpi(conversion->x_dpi) || !is_dpi(conversion->y_dpi) ||
        !is_dpi(conversion->source_x_dpi) || !is_dpi(conversion->source_y_dpi))
        return FAX_EINVAL;
    if (page->width == 0 || page->height == 0)
        return FAX_EEMPTY;
    fit(page, conversion, &width, &height);
    if (height > conversion->max_rows || height > RASTER_ROWS_MAX)
        return FAX_ELIMIT;
    if (width == page->width && height == page->height)
        return cut_page(page, conversion, out);
    int rc = grey_scale(page, (uint32_t)width, (uint32_t)height, &scaled);
    if (rc == 0)
        rc = cut_page(&scaled, conversion, out);
    grey_page_free(&scaled);
    return rc;
}
