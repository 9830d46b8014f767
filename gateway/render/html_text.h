/* html_text.h: the text of an HTML document as lines, for a page: paragraphs, lists, tables in
 * rows, preformatted text; scripts, styles and pictures do not count. Pure. */
#ifndef GATEWAY_RENDER_HTML_TEXT_H
#define GATEWAY_RENDER_HTML_TEXT_H

#include <stddef.h>

/* Makes UTF-8 text of UTF-8 HTML (WHATWG HTML, its tags and character references as far as text
 * needs them). On success the caller frees *text, which ends with a NUL (not counted) and is at
 * most 8 times as long as the document. Errors: FAX_ENOMEM; FAX_ELIMIT: longer than limit octets.
 */
int html_text_make(const char *html, size_t length, size_t limit, char **text, size_t *text_length)
    __attribute__((warn_unused_result));

#endif
