#include "gateway/render/render_job.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/cover_page.h"
#include "gateway/render/run_program.h"
#include "gateway/render/text_library.h"
#include "gateway/render/text_lines.h"

enum { MARGIN_MM = 20, ROW_OCTETS_STEP = 4 }; /* cairo's rows */

static const char font_name[] = "monospace 10"; /* 82 columns on A4 */
static const double points_per_mm = 72 / 25.4;

/* All lengths in points. */
struct typesetter {
    struct render_job *job;
    struct text_library library;
    PangoContext *context;
    PangoLayout *layout;
    PangoFontDescription *font;
    double width, height; /* of the paper */
    struct grey_page page;
    uint32_t stride;
    cairo_surface_t *surface;
    cairo_t *cairo; /* NULL while no page is begun */
    double y;       /* top of the next line */
    uint32_t pages; /* begun */
    uint32_t line;  /* of the text, for messages */
};

static const struct cover_page *cover_of(const struct typesetter *t)
{
    return t->pages == 1 ? t->job->cover : NULL;
}

static int begin_page(struct typesetter *t)
{
    const struct text_library *l = &t->library;
    const struct msg_render_document *request = &t->job->request;

    memset(t->page.pixels, 0, (size_t)t->stride * t->page.height);
    t->surface = l->cairo_image_surface_create_for_data(
        t->page.pixels, CAIRO_FORMAT_A8, (int)t->page.width, (int)t->page.height, (int)t->stride);
    t->cairo = l->cairo_create(t->surface);
    t->pages++;
    t->y = cover_of(t) != NULL ? cover_of(t)->text_top : MARGIN_MM * points_per_mm;
    if (l->cairo_status(t->cairo) != CAIRO_STATUS_SUCCESS)
        return render_fail(t->job, FAX_ENOMEM, t->pages, "no memory for page %u", t->pages);
    l->cairo_scale(t->cairo, request->x_dpi / 72.0, request->y_dpi / 72.0);
    l->cairo_set_source_rgba(t->cairo, 0, 0, 0, 1);
    l->pango_cairo_update_context(t->cairo, t->context);
    return 0;
}

static void drop_page(struct typesetter *t)
{
    if (t->cairo == NULL)
        return;
    t->library.cairo_destroy(t->cairo);
    t->library.cairo_surface_destroy(t->surface);
    t->cairo = NULL;
    t->surface = NULL;
}

/* cairo drew how much ink there is. */
static int end_page(struct typesetter *t)
{
    size_t octets = (size_t)t->page.width * t->page.height;

    if (t->cairo == NULL)
        return 0;
    t->library.cairo_surface_flush(t->surface);
    drop_page(t);
    if (!render_wants(t->job, t->pages))
        return 0;
    for (size_t i = 0; i < octets; i++)
        t->page.pixels[i] = (uint8_t)(255 - t->page.pixels[i]);
    if (cover_of(t) != NULL)
        cover_page_put_under(cover_of(t), &t->page);
    return render_add_grey(t->job, t->pages, &t->page);
}

/* What no font can show would be a box on the page: who reads it could not know what was meant. */
static uint32_t unknown_glyph(const PangoLayoutLine *line)
{
    for (const GSList *run = line->runs; run != NULL; run = run->next) {
        const PangoGlyphString *glyphs = ((const PangoGlyphItem *)run->data)->glyphs;

        for (int i = 0; i < glyphs->num_glyphs; i++) {
            PangoGlyph glyph = glyphs->glyphs[i].glyph;

            if (glyph != PANGO_GLYPH_EMPTY && (glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0)
                return glyph & ~PANGO_GLYPH_UNKNOWN_FLAG;
        }
    }
    return 0;
}

static int check_glyphs(struct typesetter *t, const PangoLayoutLine *line)
{
    uint32_t unknown = unknown_glyph(line);

    if (unknown == 0)
        return 0;
    return render_fail(t->job, FAX_EUNSUPPORTED, t->pages,
                       "line %u of the text has U+%04X, for which no font is installed", t->line,
                       unknown);
}

static int put_line(struct typesetter *t, PangoLayoutIter *at)
{
    const struct text_library *l = &t->library;
    PangoLayoutLine *line = l->pango_layout_iter_get_line_readonly(at);
    double bottom = t->height - MARGIN_MM * points_per_mm, height, ascent;
    PangoRectangle box;
    int error = 0;

    if (t->cairo != NULL && cover_of(t) != NULL)
        bottom = cover_of(t)->text_bottom;
    l->pango_layout_iter_get_line_extents(at, NULL, &box);
    height = (double)box.height / PANGO_SCALE;
    ascent = (double)(l->pango_layout_iter_get_baseline(at) - box.y) / PANGO_SCALE;
    if (t->cairo != NULL && t->y + height > bottom)
        error = end_page(t);
    if (error == 0 && t->cairo == NULL)
        error = begin_page(t);
    if (error == 0)
        error = check_glyphs(t, line);
    if (error != 0)
        return error;
    l->cairo_move_to(t->cairo, MARGIN_MM * points_per_mm + (double)box.x / PANGO_SCALE,
                     t->y + ascent);
    l->pango_cairo_show_layout_line(t->cairo, line);
    t->y += height;
    return 0;
}

static uint32_t unknown_in_layout(const struct typesetter *t)
{
    PangoLayoutIter *at = t->library.pango_layout_get_iter(t->layout);
    uint32_t unknown = 0;

    do
        unknown = unknown_glyph(t->library.pango_layout_iter_get_line_readonly(at));
    while (unknown == 0 && t->library.pango_layout_iter_next_line(at));
    t->library.pango_layout_iter_free(at);
    return unknown;
}

/* Sets the layout to the line with every character that no font has written as its code point. */
static int spell_unknown(struct typesetter *t, const struct text_line *line)
{
    char *text = NULL;
    size_t length = line->length;
    uint32_t unknown;
    int error = 0;

    while (error == 0 && (unknown = unknown_in_layout(t)) != 0) {
        char *spelled;

        error =
            text_lines_spell(text != NULL ? text : line->text, length, unknown, &spelled, &length);
        free(text);
        text = error == 0 ? spelled : NULL;
        if (error == 0)
            t->library.pango_layout_set_text(t->layout, text, (int)length);
    }
    free(text);
    return error == 0
               ? 0
               : render_fail(t->job, error, t->pages,
                             "line %u of the text cannot be shown (U+%04X)", t->line, unknown);
}

static int put_text(struct typesetter *t, const struct text_line *line)
{
    PangoLayoutIter *at;
    int error = 0;

    if (line->page_break) {
        if (t->cairo == NULL && (error = begin_page(t)) != 0)
            return error;
        error = end_page(t);
    }
    t->library.pango_layout_set_text(t->layout, line->text, (int)line->length);
    if (t->job->spell_unknown && (error = spell_unknown(t, line)) != 0)
        return error;
    at = t->library.pango_layout_get_iter(t->layout);
    do {
        if (error == 0 && program_now_ms() >= t->job->deadline_ms)
            error = render_fail(t->job, FAX_ELIMIT, t->pages,
                                "the document takes longer than %u s to render (page %u)",
                                t->job->request.wall_limit_ms / 1000, t->pages);
        if (error == 0)
            error = put_line(t, at);
    } while (error == 0 && t->library.pango_layout_iter_next_line(at));
    t->library.pango_layout_iter_free(at);
    return error;
}

static int set_text(struct typesetter *t, struct text_lines *lines)
{
    struct text_line line;
    int error = t->job->cover != NULL ? begin_page(t) : 0;

    while (error == 0 && render_wants_more(t->job, t->pages - (t->cairo != NULL)) &&
           text_lines_next(lines, &line) == 1) {
        t->line = lines->line;
        error = put_text(t, &line);
        if (error == 0 && t->pages > RENDER_LISTED_MAX)
            error = render_fail(t->job, FAX_ELIMIT, t->pages, "the text has more than %d pages",
                                RENDER_LISTED_MAX);
    }
    if (error == 0)
        error = end_page(t);
    t->job->document.pages = t->pages;
    return error;
}

/* No hints: they are made for square pixels. */
static void set_font(struct typesetter *t)
{
    const struct text_library *l = &t->library;
    cairo_font_options_t *options = l->cairo_font_options_create();

    l->cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    l->cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    l->cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    l->pango_cairo_context_set_font_options(t->context, options);
    l->pango_cairo_context_set_resolution(t->context, 72);
    l->cairo_font_options_destroy(options);
}

static int set_up(struct typesetter *t)
{
    const struct msg_render_document *request = &t->job->request;
    const struct text_library *l = &t->library;
    PangoFontMap *fonts;
    PangoFont *font;

    if (text_library_load(&t->library) != 0)
        return render_fail(t->job, -ENOSYS, 0,
                           "text cannot be rendered: libpangocairo-1.0-0 is not installed");
    fonts = l->pango_cairo_font_map_get_default();
    t->context = l->pango_font_map_create_context(fonts);
    t->font = l->pango_font_description_from_string(font_name);
    font = l->pango_font_map_load_font(fonts, t->context, t->font);
    if (font == NULL)
        return render_fail(t->job, -ENOSYS, 0, "text cannot be rendered: no font is installed");
    l->g_object_unref(font);
    set_font(t);
    t->width = request->width * 72.0 / request->x_dpi;
    t->height = request->height_mm * points_per_mm;
    t->layout = l->pango_layout_new(t->context);
    l->pango_layout_set_font_description(t->layout, t->font);
    l->pango_layout_set_wrap(t->layout, PANGO_WRAP_WORD_CHAR);
    l->pango_layout_set_width(t->layout,
                              (int)((t->width - 2 * MARGIN_MM * points_per_mm) * PANGO_SCALE));
    t->page.width = request->width;
    t->page.height = (uint32_t)(t->height * request->y_dpi / 72);
    t->stride = t->page.width;
    if (t->stride % ROW_OCTETS_STEP != 0)
        return render_fail(t->job, -EINVAL, 0, "text cannot be rendered at this width");
    t->page.pixels = malloc((size_t)t->stride * t->page.height);
    return t->page.pixels != NULL ? 0 : render_fail(t->job, FAX_ENOMEM, 0, "no memory for a page");
}

static void tear_down(struct typesetter *t)
{
    const struct text_library *l = &t->library;

    drop_page(t);
    if (t->layout != NULL)
        l->g_object_unref(t->layout);
    if (t->context != NULL)
        l->g_object_unref(t->context);
    if (t->font != NULL)
        l->pango_font_description_free(t->font);
    grey_page_free(&t->page);
}

int render_text(struct render_job *job)
{
    struct typesetter typesetter = {.job = job};
    struct text_lines lines;
    char reason[TEXT_REASON_MAX];
    int error = 0;

    memset(&lines, 0, sizeof lines);
    if (job->cover == NULL || job->document.octets > 0)
        error = text_lines_open(&lines, job->document.data, job->document.octets, reason);

    if (error != 0)
        return render_fail(job, error, 0, "%s", reason);
    error = set_up(&typesetter);
    if (error == 0)
        error = set_text(&typesetter, &lines);
    tear_down(&typesetter);
    return error;
}
