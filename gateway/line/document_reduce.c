#include "gateway/line/document_reduce.h"

#include "codecs/fax_error.h"
#include "codecs/raster.h"
#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"

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

static int reduce_page(struct coded_page *out, const struct coded_page *in, uint16_t y_dpi)
{
    const struct t4_limits limits = {.max_rows = RASTER_ROWS_MAX};
    uint32_t factor = (in->format.y_dpi + y_dpi / 2U) / y_dpi;
    struct page_format format = in->format;
    struct raster whole, joined = {0};
    int error = t4_decode(in->data, in->length, &in->format, &limits, &whole, NULL);

    if (error == 0)
        error = join_rows(&joined, &whole, factor);
    raster_free(&whole);
    format.y_dpi = y_dpi;
    format.height = joined.height;
    if (error == 0)
        error = t4_encode_page(&joined, &format, out);
    raster_free(&joined);
    return error == 0 ? 0 : errno_of_codecs(error);
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

int document_reduce(struct loaded_document *out, const struct loaded_document *in, uint16_t y_dpi)
{
    int error = 0;

    memset(out, 0, sizeof *out);
    out->pages = calloc(in->page_count, sizeof *out->pages);
    if (out->pages == NULL)
        return -ENOMEM;
    out->total = in->total;
    while (error == 0 && out->page_count < in->page_count) {
        const struct coded_page *from = &in->pages[out->page_count];
        struct coded_page *to = &out->pages[out->page_count];

        error = from->format.y_dpi > y_dpi ? reduce_page(to, from, y_dpi) : copy_page(to, from);
        out->page_count += error == 0;
        out->octets += to->length;
    }
    if (error != 0)
        document_wipe(out);
    return error;
}
