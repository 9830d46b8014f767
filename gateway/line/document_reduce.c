#include "gateway/line/document_reduce.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/raster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int errno_of_codecs(int error)
{
    return error == FAX_ENOMEM ? -ENOMEM : -EBADMSG;
}

static int join_rows(struct raster *out, const struct raster *in, uint32_t factor)
{
    size_t octets = raster_row_octets(in);
    int error = raster_init(out, in->width, (in->height + factor - 1) / factor);

    for (uint32_t y = 0; error == 0 && y < in->height; y++) {
        const uint8_t *from = raster_row_const(in, y);
        uint8_t *to = raster_row(out, y / factor);

        for (size_t i = 0; i < octets; i++)
            to[i] |= from[i];
    }
    return error;
}

static int reduce_page(struct loaded_document *out, const struct coded_page *in, uint16_t y_dpi)
{
    const struct page_limits limits = {.max_rows = RASTER_ROWS_MAX};
    uint32_t factor = (in->format.y_dpi + y_dpi / 2U) / y_dpi;
    struct page_format format = in->format;
    struct raster whole, joined = {0};
    int error = page_decode(in->data, in->length, &in->format, &limits, &whole, NULL);

    if (error == 0)
        error = join_rows(&joined, &whole, factor);
    raster_free(&whole);
    format.y_dpi = y_dpi;
    error = error == 0 ? document_append(out, &joined, &format) : errno_of_codecs(error);
    raster_free(&joined);
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

int document_reduce(struct loaded_document *out, const struct loaded_document *in, uint16_t y_dpi)
{
    int error = 0;

    memset(out, 0, sizeof *out);
    out->total = in->total;
    while (error == 0 && out->page_count < in->page_count) {
        uint32_t i = out->page_count;

        error = document_reserve(out, in->t85_pages != NULL);
        if (error != 0)
            break;
        error = in->pages[i].format.y_dpi > y_dpi ? reduce_page(out, &in->pages[i], y_dpi)
                                                  : copy_document_page(out, in, i);
    }
    if (error != 0)
        document_wipe(out);
    return error;
}
