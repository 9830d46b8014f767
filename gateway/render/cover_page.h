/* cover_page.h: the cover page of a fax: a template in SVG with fields, drawn by librsvg, which is
 * loaded when one is wanted. The text of the message may stand on it. Private to gateway/render/.
 */
#ifndef GATEWAY_RENDER_COVER_PAGE_H
#define GATEWAY_RENDER_COVER_PAGE_H

#include "codecs/grey_page.h"
#include "gateway/mail/message_request.h"

enum { COVER_REASON_MAX = 200, COVER_TEMPLATE_MAX = 1024 * 1024 };

struct cover_page {
    struct grey_page page;
    double text_top, text_bottom; /* of the area for text, in points from the top of the page */
};

/* Draws the template (SVG; UTF-8) on a page of width × A4 at the resolution of the request's
 * document.
 * '{{to_name}}', '{{to_number}}', '{{from_name}}', '{{from_number}}', '{{subject}}' and '{{date}}'
 * in it become the fields of the request; the element with the id 'text' (a rect; not shown) is the
 * area for text, without one it is the lower half. template NULL: the built-in one. On success the
 * caller calls cover_page_free(). Errors, with one sentence in reason: -ENOSYS (no librsvg),
 * FAX_EFORMAT (not SVG, an unknown field), FAX_ELIMIT (longer than COVER_TEMPLATE_MAX), FAX_ENOMEM.
 */
int cover_page_draw(const struct msg_render_message *request, const char *template_text,
                    size_t template_length, struct cover_page *cover, char reason[COVER_REASON_MAX])
    __attribute__((warn_unused_result));

/* Fills the fields of a template in; values become XML text. On success the caller frees *filled.
 * Errors as above. Pure. */
int cover_page_fill(const struct msg_render_message *request, const char *template_text,
                    size_t template_length, char **filled, size_t *filled_length,
                    char reason[COVER_REASON_MAX]) __attribute__((warn_unused_result));

/* Lays the cover under a page of the same size: what is darker stays. */
void cover_page_put_under(const struct cover_page *cover, struct grey_page *page);

void cover_page_free(struct cover_page *cover);

#endif
