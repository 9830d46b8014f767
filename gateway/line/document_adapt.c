#include "gateway/line/document_adapt.h"

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
static uint32_t width_at(const struct document_form *form, uint16_t x_dpi)
{
    return form->width * (x_dpi / 204U);
}

static bool fits(const struct page_format *format, const struct document_form *form)
{
    return format->width <= width_at(form, format->x_dpi) && format->x_dpi <= form->x_dpi &&
           (format->x_dpi > 204 || format->y_dpi <= form->y_dpi);
}

/* First as many pixels to one as the resolution says, then the page as a whole smaller. */
static int reduce_raster(const struct raster *whole, struct page_format *format,
                         const struct document_form *form, struct raster *out)
{
    uint16_t x_dpi = format->x_dpi > form->x_dpi ? form->x_dpi : format->x_dpi;
    uint16_t y_dpi = x_dpi == 204 && format->y_dpi > form->y_dpi ? form->y_dpi : format->y_dpi;
    struct raster joined;
    int error =
        raster_join(whole, format->x_dpi / x_dpi, (format->y_dpi + y_dpi / 2U) / y_dpi, &joined);
    uint32_t width = width_at(form, x_dpi);

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

static int adapt_page(struct loaded_document *out, const struct coded_page *in,
                      const struct document_form *form)
{
    const struct page_limits limits = {.max_rows = RASTER_ROWS_MAX};
    struct page_format format = in->format;
    struct raster whole, reduced = {0};
    bool plain = fits(&in->format, form);
    int error = page_decode(in->data, in->length, &in->format, &limits, &whole, NULL);

    if (error == 0 && !plain)
        error = reduce_raster(&whole, &format, form, &reduced);
    format.coding = form->coding;
    error = error == 0 ? document_append(out, plain ? &whole : &reduced, &format)
                       : errno_of_codecs(error);
    raster_free(&whole);
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

int document_adapt(struct loaded_document *out, const struct loaded_document *in,
                   const struct document_form *form)
{
    bool with_t85 = in->t85_pages != NULL && form->coding == PAGE_CODING_T6;
    int error = 0;

    memset(out, 0, sizeof *out);
    out->total = in->total;
    while (error == 0 && out->page_count < in->page_count) {
        uint32_t i = out->page_count;
        const struct page_format *format = &in->pages[i].format;

        error = document_reserve(out, with_t85);
        if (error != 0)
            break;
        error = format->coding == form->coding && fits(format, form)
                    ? copy_document_page(out, in, i)
                    : adapt_page(out, &in->pages[i], form);
    }
    if (error != 0)
        document_wipe(out);
    return error;
}
