/* text_lines.h: plain text, judged and cut into lines for a page. Pure. */
#ifndef GATEWAY_RENDER_TEXT_LINES_H
#define GATEWAY_RENDER_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_LINE_OCTETS_MAX =
        4096, /* longer lines come in pieces, cut at a blank where there is one */
    TEXT_REASON_MAX = 160,
};

struct text_lines {
    const char *text;
    size_t length, offset;
    uint32_t line; /* of the document, from 1, of the piece handed out last */
};

struct text_line {
    const char *text; /* borrowed, without its end */
    size_t length;
    bool page_break; /* a form feed stands before it */
};

/* Judges all of the text: UTF-8 (RFC 3629; a byte order mark may lead), no control characters but
 * tab, line ends (LF, CR LF, CR) and form feed, something to see. Sets the lines up, which borrow
 * the text. Errors: FAX_EFORMAT, FAX_EUNSUPPORTED (UTF-16), FAX_EEMPTY, with one sentence in
 * reason. */
int text_lines_open(struct text_lines *lines, const uint8_t *text, size_t length,
                    char reason[TEXT_REASON_MAX]) __attribute__((warn_unused_result));

/* Returns 1 with the next line or piece of one, 0 at the end. A form feed ends a line; blanks
 * behind the last one make no page. */
int text_lines_next(struct text_lines *lines, struct text_line *line)
    __attribute__((warn_unused_result));

/* Writes every character code of a line as '[U+1F600]'. On success the caller frees *spelled, which
 * has no NUL. Errors: FAX_EFORMAT (the line does not have it), FAX_ELIMIT (longer than 16 times
 * TEXT_LINE_OCTETS_MAX), FAX_ENOMEM. */
int text_lines_spell(const char *text, size_t length, uint32_t code, char **spelled,
                     size_t *spelled_length) __attribute__((warn_unused_result));

#endif
