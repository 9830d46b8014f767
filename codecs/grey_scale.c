#include "codecs/grey_scale.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

/* With `from` source and `to` target pixels side by side, both are measured in parts of which a
 * source pixel has `to` and a target pixel `from`. All sums are then exact. */

/* The rows that make up target row y, summed up: 8.8 fixed point. */
static void average_rows(const struct grey_page *page, uint32_t y, uint32_t height, uint32_t *sums,
                         uint16_t *row)
{
    uint64_t start = (uint64_t)y * page->height, end = start + page->height;
    memset(sums, 0, page->width * sizeof *sums);
    for (uint64_t i = start / height; i * height < end; i++) {
        uint64_t from = i * height > start ? i * height : start;
        uint64_t to = (i + 1) * height < end ? (i + 1) * height : end;
        uint32_t weight = (uint32_t)(to - from);
        const uint8_t *pixels = page->pixels + i * page->width;
        for (uint32_t x = 0; x < page->width; x++)
            sums[x] += weight * pixels[x];
    }
    for (uint32_t x = 0; x < page->width; x++)
        row[x] = (uint16_t)(((uint64_t)sums[x] * 256 + page->height / 2) / page->height);
}

static void average_columns(const uint16_t *row, uint32_t from_width, uint32_t to_width,
                            uint8_t *out)
{
    uint64_t start = 0;
    for (uint32_t x = 0; x < to_width; x++) {
        uint64_t end = start + from_width, sum = 0;
        for (uint64_t i = start / to_width; i * to_width < end; i++) {
            uint64_t from = i * to_width > start ? i * to_width : start;
            uint64_t to = (i + 1) * to_width < end ? (i + 1) * to_width : end;
            sum += (to - from) * row[i];
        }
        out[x] = (uint8_t)((sum / from_width + 128) / 256);
        start = end;
    }
}

int grey_scale(const struct grey_page *page, uint32_t width, uint32_t height, struct grey_page *out)
{
    *out = (struct grey_page){0};
    if (page->width == 0 || page->height == 0 || width == 0 || height == 0)
        return FAX_EEMPTY;
    uint32_t *sums = calloc(page->width, sizeof *sums);
    uint16_t *row = calloc(page->width, sizeof *row);
    int rc = 0;
    *out = (struct grey_page){.width = width, .height = height};
    out->pixels = malloc((size_t)width * height);
    if (!sums || !row || !out->pixels) {
        grey_page_free(out);
        rc = FAX_ENOMEM;
    } else {
        for (uint32_t y = 0; y < height; y++) {
            average_rows(page, y, height, sums, row);
            average_columns(row, page->width, width, out->pixels + (size_t)y * width);
        }
    }
    if (sums)
        OPENSSL_cleanse(sums, page->width * sizeof *sums);
    if (row)
        OPENSSL_cleanse(row, page->width * sizeof *row);
    free(sums);
    free(row);
    return rc;
}
