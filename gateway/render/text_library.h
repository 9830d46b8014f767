/* text_library.h: Pango and cairo, loaded when a text document comes. So they and the twenty
 * libraries below them are in no process but the one that renders text. */
#ifndef GATEWAY_RENDER_TEXT_LIBRARY_H
#define GATEWAY_RENDER_TEXT_LIBRARY_H

#include <pango/pangocairo.h>

#define TEXT_LIBRARY_FUNCTIONS(F)                                                                  \
    F(cairo_create)                                                                                \
    F(cairo_destroy)                                                                               \
    F(cairo_font_options_create)                                                                   \
    F(cairo_font_options_destroy)                                                                  \
    F(cairo_font_options_set_antialias)                                                            \
    F(cairo_font_options_set_hint_metrics)                                                         \
    F(cairo_font_options_set_hint_style)                                                           \
    F(cairo_image_surface_create_for_data)                                                         \
    F(cairo_move_to)                                                                               \
    F(cairo_scale)                                                                                 \
    F(cairo_set_source_rgba)                                                                       \
    F(cairo_status)                                                                                \
    F(cairo_surface_destroy)                                                                       \
    F(cairo_surface_flush)                                                                         \
    F(g_object_unref)                                                                              \
    F(pango_cairo_context_set_font_options)                                                        \
    F(pango_cairo_context_set_resolution)                                                          \
    F(pango_cairo_font_map_get_default)                                                            \
    F(pango_cairo_show_layout_line)                                                                \
    F(pango_cairo_update_context)                                                                  \
    F(pango_font_description_free)                                                                 \
    F(pango_font_description_from_string)                                                          \
    F(pango_font_map_create_context)                                                               \
    F(pango_font_map_load_font)                                                                    \
    F(pango_layout_get_iter)                                                                       \
    F(pango_layout_iter_free)                                                                      \
    F(pango_layout_iter_get_baseline)                                                              \
    F(pango_layout_iter_get_line_extents)                                                          \
    F(pango_layout_iter_get_line_readonly)                                                         \
    F(pango_layout_iter_next_line)                                                                 \
    F(pango_layout_new)                                                                            \
    F(pango_layout_set_font_description)                                                           \
    F(pango_layout_set_text)                                                                       \
    F(pango_layout_set_width)                                                                      \
    F(pango_layout_set_wrap)

struct text_library {
#define TEXT_LIBRARY_MEMBER(name) __typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */
    TEXT_LIBRARY_FUNCTIONS(TEXT_LIBRARY_MEMBER)
#undef TEXT_LIBRARY_MEMBER
};

/* Loads the libraries for the rest of the process's life. Returns 0, or -ENOSYS when they are not
 * installed or too old. */
int text_library_load(struct text_library *library) __attribute__((warn_unused_result));

#endif
