#include "codecs/raster_reduce.h"

#include <stdlib.h>

#include "codecs/fax_error.h"
#include "codecs/grey_scale.h"

enum { BLACK_BELOW = 255 * 7 / 10, PIXELS_OF_OCTET = 8 };

/* Each two bits of an octet as one, in the low half. */
static uint8_t join_pairs(uint8_t octet)
{
    unsigned any = (octet | octet >> 1) & 0x55U;
    any = (any | any >> 1) & 0x33U;
    return (uint8_t)((any | any >> 2) & 0x0FU);
}

static void add_row(uint8_t *to, const uint8_t *from, size_t octets, unsigned x_factor)
{
    for (size_t i = 0; i < octets; i++)
        if (x_factor == 1)
            to[i] |= from[i];
        else
            to[i / 2] |= (uint8_t)(join_pairs(from[i]) << (i % 2 == 0 ? 4 : 0));
}

int raster_join(const struct raster *page, unsigned x_factor, unsigned y_factor, struct raster *out)
{
    *out = (struct raster){0};
    if (x_factor < 1 || x_factor > 2 || y_factor == 0)
        return FAX_EINVAL;
    int rc = raster_init(out, (page->width + x_factor - 1) / x_factor,
                         (page->height + y_factor - 1) / y_factor);
    for (uint32_t y = 0; rc == 0 && y < page->height; y++)
        add_row(raster_row(out, y / y_factor), raster_row_const(page, y), raster_row_octets(page),
                x_factor);
    return rc;
}

static void paint_row(const uint8_t *from, uint32_t width, uint8_t *to)
{
    for (uint32_t x = 0; x < width; x++)
        to[x] = from[x / PIXELS_OF_OCTET] & 0x80 >> x % PIXELS_OF_OCTET ? 0 : 255;
}

static void cut_row(const uint8_t *from, uint32_t width, uint8_t *to)
{
    for (uint32_t x = 0; x < width; x++)
        if (from[x] < BLACK_BELOW)
            to[x / PIXELS_OF_OCTET] |= (uint8_t)(0x80 >> x % PIXELS_OF_OCTET);
}

int raster_shrink(const struct raster *page, uint32_t width, uint32_t height, struct raster *out)
{
    struct grey_page grey = {.width = page->width, .height = page->height}, scaled = {0};
    *out = (struct raster){0};
    if (page->height == 0 || width == 0 || height == 0)
        return FAX_EINVAL;
    grey.pixels = malloc((size_t)page->width * page->height);
    int rc = grey.pixels ? 0 : FAX_ENOMEM;
    for (uint32_t y = 0; rc == 0 && y < page->height; y++)
        paint_row(raster_row_const(page, y), page->width, grey.pixels + (size_t)y * grey.width);
    if (rc == 0)
        rc = grey_scale(&grey, width, height, &scaled);
    if (rc == 0)
        rc = raster_init(out, width, height);
    for (uint32_t y = 0; rc == 0 && y < height; y++)
        cut_row(scaled.pixels + (size_t)y * width, width, raster_row(out, y));
    grey_page_free(&scaled);
    grey_page_free(&grey);
    return rc;
}
