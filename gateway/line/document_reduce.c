#include "gateway/line/document_reduce.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/raster.h"
#include "codecs/raster_reduce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int errno_of_codecs(int error)
{
    return error == FAX_ENOMEM ? -ENOMEM : -EBADMSG;
}

/* How wide a page may be in its own pixels. */
static uint32_t width_at(const struct page_shape_limit *limit, uint16_t x_dpi)
{
    return limit->width * (x_dpi / 204U);
}

static bool fits(const struct page_format *format, const struct page_shape_limit *limit)
{
    return format->width <= width_at(limit, format->x_dpi) && format->x_dpi <= limit->x_dpi &&
           (format->x_dpi > 204 || format->y_dpi <= limit->y_dpi);
}

/* First as many pixels to one as the resolution says, then the page as a whole smaller. */
static int reduce_raster(const struct raster *whole, struct page_format *format,
                         const struct page_shape_limit *limit, struct raster *out)
{
    uint16_t x_dpi = format->x_dpi > limit->x_dpi ? limit->x_dpi : format->x_dpi;
    uint16_t y_dpi = x_dpi == 204 && format->y_dpi > limit->y_dpi ? limit->y_dpi : format->y_dpi;
    struct raster joined;
    int error =
        raster_join(whole, format->x_dpi / x_dpi, (format->y_dpi + y_dpi / 2U) / y_dpi, &joined);
    uint32_t width = width_at(limit, x_dpi);

    format->x_dpi = x_dpi;
    format->y_dpi = y_dpi;
    if (error != 0 || joined.width <= width) {
        *out = joined;
        return error;
    }
    error = raster_shrink(
        &joined, width,
        (uint32_t)(((uint64_t)joined.height * width + joined.width - 1) / joined.width), out);
    raster_free(&joined);
    return error;
}

static int reduce_page(struct loaded_document *out, const struct coded_page *in,
                       const struct page_shape_limit *limit)
{
    const struct page_limits limits = {.max_rows = RASTER_ROWS_MAX};
    struct page_format format = in->format;
    struct raster whole, reduced = {0};
    int error = page_decode(in->data, in->length, &in->format, &limits, &whole, NULL);

    if (error == 0)
        error = reduce_raster(&whole, &format, limit, &reduced);
    raster_free(&whole);
    error = error == 0 ? document_append(out, &reduced, &format) : errno_of_codecs(error);
    raster_free(&reduced);
    return error;
}

static int copy_page(struct coded_page *out, const struct coded_page *in)
{
    out->data = malloc(in->length);
    if (out->data == NULL)
        return -ENOMEM;
    memcpy(out->data, in->data, in->length);
    out->length = in->length;
    out->format = in->format;
    return 0;
}

static int copy_document_page(struct loaded_document *out, const struct loaded_document *in,
                              uint32_t i)
{
    int error = copy_page(&out->pages[i], &in->pages[i]);

    if (error == 0 && in->t85_pages != NULL) {
        error = copy_page(&out->t85_pages[i], &in->t85_pages[i]);
        if (error != 0)
            coded_page_free(&out->pages[i]);
    }
    if (error == 0) {
        out->page_count++;
        out->octets += in->pages[i].length + (in->t85_pages ? in->t85_pages[i].length : 0);
    }
    return error;
}

int document_reduce(struct loaded_document *out, const struct loaded_document *in,
                    const struct page_shape_limit *limit)
{
    int error = 0;

    memset(out, 0, sizeof *out);
    out->total = in->total;
    while (error == 0 && out->page_count < in->page_count) {
        uint32_t i = out->page_count;

        error = document_reserve(out, in->t85_pages != NULL);
        if (error != 0)
            break;
        error = fits(&in->pages[i].format, limit) ? copy_document_page(out, in, i)
                                                  : reduce_page(out, &in->pages[i], limit);
    }
    if (error != 0)
        document_wipe(out);
    return error;
}
