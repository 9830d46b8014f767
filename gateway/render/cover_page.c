#include "gateway/render/cover_page.h"

#include <dlfcn.h>
#include <errno.h>
#include <librsvg/rsvg.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/cover_template.h"
#include "gateway/render/library_function.h"
#include "gateway/render/render_job.h"
#include "gateway/render/text_library.h"

enum {
    RED_WEIGHT = 77,
    GREEN_WEIGHT = 150,
    BLUE_WEIGHT = 29,
    PIXEL_OCTETS = 4,
    BOTTOM_MM = 20
}; /* ITU-R BT.601 */

static const double paper_width_mm = 210, points_per_inch = 72, mm_per_inch = 25.4;

#define COVER_LIBRARY_FUNCTIONS(F)                                                                 \
    F(g_error_free)                                                                                \
    F(rsvg_handle_get_geometry_for_layer)                                                          \
    F(rsvg_handle_has_sub)                                                                         \
    F(rsvg_handle_new_from_data)                                                                   \
    F(rsvg_handle_render_document)

struct cover_library {
#define COVER_LIBRARY_MEMBER(name)                                                                 \
    __typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses)                                  \
                             */
    COVER_LIBRARY_FUNCTIONS(COVER_LIBRARY_MEMBER)
#undef COVER_LIBRARY_MEMBER
};

struct drawing {
    struct text_library text;
    struct cover_library cover;
    RsvgHandle *svg;
    RsvgRectangle paper; /* mm */
    uint8_t *pixels;
    uint32_t width, height;
    double x_dpi, y_dpi;
};

static int fail(char reason[COVER_REASON_MAX], int error, const char *text)
{
    snprintf(reason, COVER_REASON_MAX, "%s", text);
    return error;
}

static int load(struct drawing *d)
{
    void *handle = dlopen("librsvg-2.so.2", RTLD_NOW | RTLD_LOCAL);
    int error = handle != NULL ? text_library_load(&d->text) : -ENOSYS;

#define COVER_LIBRARY_FIND(name)                                                                   \
    if (error == 0)                                                                                \
        error = library_function_find(handle, #name, &d->cover.name, sizeof d->cover.name);
    COVER_LIBRARY_FUNCTIONS(COVER_LIBRARY_FIND)
#undef COVER_LIBRARY_FIND
    return error; /* it stays loaded as long as the process lives */
}

static int parse(struct drawing *d, const char *svg, size_t length, char reason[COVER_REASON_MAX])
{
    GError *error = NULL;

    d->svg = d->cover.rsvg_handle_new_from_data((const guint8 *)svg, length, &error);
    if (d->svg != NULL)
        return 0;
    snprintf(reason, COVER_REASON_MAX, "the cover template is not valid SVG: %.120s",
             error != NULL ? error->message : "");
    if (error != NULL)
        d->cover.g_error_free(error);
    return FAX_EFORMAT;
}

/* White, with the drawing on it. */
static int draw(struct drawing *d, char reason[COVER_REASON_MAX])
{
    size_t stride = (size_t)d->width * PIXEL_OCTETS;
    GError *error = NULL;
    int result = 0;

    d->pixels = malloc(stride * d->height);
    if (d->pixels == NULL)
        return fail(reason, FAX_ENOMEM, "no memory for the cover page");
    memset(d->pixels, 0xFF, stride * d->height);
    cairo_surface_t *surface = d->text.cairo_image_surface_create_for_data(
        d->pixels, CAIRO_FORMAT_RGB24, (int)d->width, (int)d->height, (int)stride);
    cairo_t *cairo = d->text.cairo_create(surface);
    if (d->text.cairo_status(cairo) != CAIRO_STATUS_SUCCESS)
        result = fail(reason, FAX_ENOMEM, "no memory for the cover page");
    d->text.cairo_scale(cairo, d->x_dpi / mm_per_inch, d->y_dpi / mm_per_inch);
    if (result == 0 && !d->cover.rsvg_handle_render_document(d->svg, cairo, &d->paper, &error)) {
        snprintf(reason, COVER_REASON_MAX, "the cover template cannot be drawn: %.120s",
                 error != NULL ? error->message : "");
        result = FAX_EFORMAT;
    }
    if (error != NULL)
        d->cover.g_error_free(error);
    d->text.cairo_surface_flush(surface);
    d->text.cairo_destroy(cairo);
    d->text.cairo_surface_destroy(surface);
    return result;
}

static int make_grey(const struct drawing *d, struct grey_page *page, char reason[COVER_REASON_MAX])
{
    size_t count = (size_t)d->width * d->height;

    page->pixels = malloc(count);
    if (page->pixels == NULL)
        return fail(reason, FAX_ENOMEM, "no memory for the cover page");
    page->width = d->width;
    page->height = d->height;
    for (size_t i = 0; i < count; i++) {
        uint32_t pixel;
        memcpy(&pixel, d->pixels + i * PIXEL_OCTETS, sizeof pixel);
        page->pixels[i] =
            (uint8_t)(((pixel >> 16 & 0xFF) * RED_WEIGHT + (pixel >> 8 & 0xFF) * GREEN_WEIGHT +
                       (pixel & 0xFF) * BLUE_WEIGHT) >>
                      8);
    }
    return 0;
}

static void place_text(const struct drawing *d, struct cover_page *cover)
{
    const double points_per_mm = points_per_inch / mm_per_inch;
    double top = RENDER_A4_HEIGHT_MM / 2.0, bottom = RENDER_A4_HEIGHT_MM - BOTTOM_MM;
    RsvgRectangle ink, area;

    if (d->cover.rsvg_handle_has_sub(d->svg, "#text") &&
        d->cover.rsvg_handle_get_geometry_for_layer(d->svg, "#text", &d->paper, &ink, &area,
                                                    NULL) &&
        area.height > 0 && area.y >= 0 && area.y + area.height <= RENDER_A4_HEIGHT_MM) {
        top = area.y;
        bottom = area.y + area.height;
    }
    cover->text_top = top * points_per_mm;
    cover->text_bottom = bottom * points_per_mm;
}

int cover_page_draw(const struct msg_render_message *request, const char *template_text,
                    size_t template_length, struct cover_page *cover, char reason[COVER_REASON_MAX])
{
    const struct msg_render_document *document = &request->document;
    struct drawing d = {
        .width = document->width,
        .height = (uint32_t)(RENDER_A4_HEIGHT_MM * document->y_dpi / mm_per_inch),
        .x_dpi = document->x_dpi,
        .y_dpi = document->y_dpi,
    };
    char *svg = NULL;
    size_t length = 0;
    int error;

    memset(cover, 0, sizeof *cover);
    if (template_length > COVER_TEMPLATE_MAX)
        return fail(reason, FAX_ELIMIT, "the cover template is longer than 1 MiB");
    if (template_text == NULL)
        error =
            cover_page_fill(request, cover_template, strlen(cover_template), &svg, &length, reason);
    else
        error = cover_page_fill(request, template_text, template_length, &svg, &length, reason);
    if (error == 0 && load(&d) != 0)
        error = fail(reason, -ENOSYS, "cover pages cannot be made: librsvg2-2 is not installed");
    if (error == 0)
        error = parse(&d, svg, length, reason);
    /* The paper is a little narrower than the scan line. */
    d.paper = (RsvgRectangle){(d.width * mm_per_inch / d.x_dpi - paper_width_mm) / 2, 0,
                              paper_width_mm, RENDER_A4_HEIGHT_MM};
    if (error == 0)
        error = draw(&d, reason);
    if (error == 0)
        error = make_grey(&d, &cover->page, reason);
    if (error == 0)
        place_text(&d, cover);
    if (d.svg != NULL)
        d.text.g_object_unref(d.svg);
    if (d.pixels != NULL)
        OPENSSL_cleanse(d.pixels, (size_t)d.width * d.height * PIXEL_OCTETS);
    free(d.pixels);
    free(svg);
    return error;
}

void cover_page_put_under(const struct cover_page *cover, struct grey_page *page)
{
    size_t count = (size_t)page->width * page->height;

    if (cover->page.width != page->width || cover->page.height != page->height)
        return;
    for (size_t i = 0; i < count; i++)
        if (cover->page.pixels[i] < page->pixels[i])
            page->pixels[i] = cover->page.pixels[i];
}

void cover_page_free(struct cover_page *cover)
{
    grey_page_free(&cover->page);
}
