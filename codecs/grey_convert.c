#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/grey_page.h"
#include "codecs/grey_paper.h"
#include "codecs/grey_scale.h"
#include "codecs/grey_tone.h"

enum {
    SCREEN_SIZE = 8,
    SCREEN_LEVELS = 32,
    SCREEN_DPI = 196,
    STANDARD_BELOW_DPI = 147,
    WIDE_ABOVE_DPI = 306,
    DPI_MAX = 4800,
    MARGIN_MAX = 16, /* columns, both sides together: 2 mm */
    MARGIN_LIGHTEST = 200,
};

/* Clustered dots at 45°, two to a tile; 0 turns black first. At 204 × 196 that is 36 dots an inch,
 * coarse enough for T.6 and for the printers of fax machines. */
static const uint8_t screen[SCREEN_SIZE][SCREEN_SIZE] = {
    {0, 6, 22, 30, 31, 25, 9, 1},     {4, 8, 20, 26, 27, 23, 11, 5},
    {19, 17, 15, 13, 12, 14, 16, 18}, {29, 24, 10, 3, 2, 7, 21, 28},
    {31, 25, 9, 1, 0, 6, 22, 30},     {27, 23, 11, 5, 4, 8, 20, 26},
    {12, 14, 16, 18, 19, 17, 15, 13}, {2, 7, 21, 28, 29, 24, 10, 3},
};

/* The same dots where the rows are twice as far apart. */
static const uint8_t standard_screen[SCREEN_SIZE / 2][SCREEN_SIZE] = {
    {0, 6, 20, 28, 30, 22, 10, 2},
    {26, 18, 14, 8, 4, 12, 16, 24},
    {30, 22, 10, 2, 0, 6, 20, 28},
    {4, 12, 16, 24, 26, 18, 14, 8},
};

static const uint8_t *screen_row(uint32_t y, uint16_t y_dpi)
{
    if (y_dpi < STANDARD_BELOW_DPI)
        return standard_screen[y % (SCREEN_SIZE / 2)];
    return screen[(uint64_t)y * SCREEN_DPI / y_dpi % SCREEN_SIZE];
}

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

/* `row` must be the same for all rows of the page: it is kept from row to row. */
static void set_thresholds(const struct grey_tone *tone, uint32_t y,
                           const struct grey_conversion *conversion,
                           const uint8_t levels[SCREEN_LEVELS], uint8_t *row)
{
    uint32_t columns =
        conversion->x_dpi > WIDE_ABOVE_DPI ? 2 : 1; /* of the page, a column of dots */
    const uint8_t *cells = tone->thresholds + (size_t)(y / GREY_TONE_CELL) * tone->columns;
    const uint8_t *blocks =
        tone->blocks + (size_t)(y / GREY_TONE_CELL / GREY_TONE_BLOCK) * tone->block_columns;
    /* Without a screen the four rows of a cell are cut alike. */
    if (y % GREY_TONE_CELL > 0 && !memchr(blocks, 1, tone->block_columns))
        return;
    const uint8_t *dots = screen_row(y, conversion->y_dpi);
    for (uint32_t i = 0; i < tone->columns; i++) {
        uint8_t *to = row + (size_t)i * GREY_TONE_CELL;
        if (cells[i] != GREY_TONE_SCREEN) {
            memset(to, cells[i], GREY_TONE_CELL);
            continue;
        }
        for (uint32_t k = 0; k < GREY_TONE_CELL; k++)
            to[k] = levels[dots[(i * GREY_TONE_CELL + k) / columns % SCREEN_SIZE]];
    }
}

typedef uint8_t octet_lanes __attribute__((vector_size(8)));

/* The bits that the lanes have are apart, so their sum holds each of them. */
static unsigned cut_octet(const uint8_t *pixels, const uint8_t *thresholds)
{
    static const octet_lanes places = {128, 64, 32, 16, 8, 4, 2, 1};
    octet_lanes p, t;
    uint64_t bits;
    memcpy(&p, pixels, sizeof p);
    memcpy(&t, thresholds, sizeof t);
    p = (octet_lanes)(p < t) & places;
    memcpy(&bits, &p, sizeof bits);
    return (unsigned)(bits * 0x0101010101010101u >> 56);
}

static bool are_all_white(const uint8_t *eight_pixels)
{
    uint64_t w;
    memcpy(&w, eight_pixels, sizeof w);
    return w == UINT64_MAX;
}

static bool are_32_white(const uint8_t *pixels)
{
    uint64_t w[4];
    memcpy(w, pixels, sizeof w);
    return (w[0] & w[1] & w[2] & w[3]) == UINT64_MAX;
}

/* Sets the bits of the pixels below their thresholds, from column `at` on. */
static void cut_row(const uint8_t *pixels, const uint8_t *thresholds, uint32_t width, uint32_t at,
                    uint8_t *row)
{
    unsigned shift = at % 8;
    uint32_t x = 0;
    row += at / 8;
    for (; x + 8 <= width; x += 8, row++) {
        for (; x + 40 <= width && are_32_white(pixels + x); x += 32)
            row += 4;
        if (are_all_white(pixels + x)) /* no threshold is above 255 */
            continue;
        unsigned bits = cut_octet(pixels + x, thresholds + x) << 8 >> shift;
        row[0] |= (uint8_t)(bits >> 8);
        if (shift)
            row[1] |= (uint8_t)bits;
    }
    for (uint32_t i = 0; x < width; i++, x++)
        if (pixels[x] < thresholds[x])
            row[(shift + i) / 8] |= (uint8_t)(0x80 >> (shift + i) % 8);
}

static int cut_even_page(const struct grey_page *page, const struct grey_conversion *conversion,
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
            set_thresholds(&tone, y, conversion, levels, thresholds);
            cut_row(page->pixels + (size_t)y * page->width, thresholds, page->width,
                    (conversion->width - page->width) / 2, raster_row(out, y));
        }
    }
    grey_tone_free(&tone);
    return rc;
}

static int cut_page(const struct grey_page *page, const struct grey_conversion *conversion,
                    struct raster *out)
{
    struct grey_page levelled;
    int rc = grey_paper_level(page, &levelled);
    if (rc < 0)
        return rc;
    rc = cut_even_page(rc == 1 ? &levelled : page, conversion, out);
    grey_page_free(&levelled);
    return rc;
}

/* A letter page has six columns more than the 1,728 of a fax. Where the columns too many are blank,
 * it is cut: making it smaller would blur all of it. */
static bool is_margin_blank(const struct grey_page *page, uint32_t margin)
{
    for (uint32_t y = 0; y < page->height; y++) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        for (uint32_t x = 0; x < margin; x++)
            if (row[x] < MARGIN_LIGHTEST || row[page->width - 1 - x] < MARGIN_LIGHTEST)
                return false;
    }
    return true;
}

static int crop(const struct grey_page *page, uint32_t width, struct grey_page *out)
{
    uint32_t margin = (page->width - width) / 2;
    *out = (struct grey_page){.width = width, .height = page->height};
    out->pixels = malloc((size_t)width * page->height);
    if (!out->pixels) {
        *out = (struct grey_page){0};
        return FAX_ENOMEM;
    }
    for (uint32_t y = 0; y < page->height; y++)
        memcpy(out->pixels + (size_t)y * width, page->pixels + (size_t)y * page->width + margin,
               width);
    return 0;
}

static bool can_crop(const struct grey_page *page, const struct grey_conversion *c)
{
    return c->source_x_dpi == c->x_dpi && c->source_y_dpi == c->y_dpi && page->width > c->width &&
           page->width - c->width <= MARGIN_MAX && page->height <= c->max_rows &&
           page->height <= RASTER_ROWS_MAX &&
           is_margin_blank(page, (page->width - c->width + 1) / 2);
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
    if (can_crop(page, conversion)) {
        int cropped = crop(page, conversion->width, &scaled);
        if (cropped == 0)
            cropped = cut_page(&scaled, conversion, out);
        grey_page_free(&scaled);
        return cropped;
    }
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
