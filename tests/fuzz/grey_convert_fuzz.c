/* Grey pages of any size and pattern: the conversion keeps to its limits, gives the width that was
 * asked for, and the same page twice. */
#include <stdlib.h>
#include <string.h>

#include "codecs/grey_page.h"

enum { HEAD = 9, SIDE_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The octets as tiles from left to right and top to bottom, with a slope laid over them. */
static void fill(struct grey_page *page, const uint8_t *data, size_t size, uint8_t tile,
                 uint8_t slope)
{
    uint32_t side = 1U + tile % 64U, across = (page->width + side - 1) / side;

    for (uint32_t y = 0; y < page->height; y++)
        for (uint32_t x = 0; x < page->width; x++) {
            size_t at = (size_t)(y / side) * across + x / side;
            uint32_t level = size == 0 ? 255 : data[at % size];
            uint32_t shade = x * slope / page->width;

            page->pixels[(size_t)y * page->width + x] =
                (uint8_t)(level > shade ? level - shade : 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    const struct grey_conversion conversion = {
        .width = data[4] * 8U,
        .source_x_dpi = 204,
        .source_y_dpi = (uint16_t)(98U + data[5]),
        .x_dpi = 204,
        .y_dpi = (uint16_t)(98U + data[6]),
        .max_rows = 1000,
    };
    struct grey_page page = {.width = 1U + (data[0] + 256U * data[1]) % SIDE_MAX,
                             .height = 1U + (data[2] + 256U * data[3]) % SIDE_MAX};
    struct raster first, second;

    page.pixels = malloc((size_t)page.width * page.height);
    if (page.pixels == NULL)
        return 0;
    fill(&page, data + HEAD, size - HEAD, data[7], data[8]);
    int error = grey_page_convert(&page, &conversion, &first);
    if (grey_page_convert(&page, &conversion, &second) != error)
        abort();
    if (error == 0 && (first.width != conversion.width || first.height > conversion.max_rows ||
                       !raster_equal(&first, &second)))
        abort();
    if (error != 0 && (first.rows != NULL || second.rows != NULL))
        abort();
    raster_free(&first);
    raster_free(&second);
    grey_page_free(&page);
    return 0;
}
