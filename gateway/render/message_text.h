/* message_text.h: the text of a part of a message as UTF-8 for a page. Pure. */
#ifndef GATEWAY_RENDER_MESSAGE_TEXT_H
#define GATEWAY_RENDER_MESSAGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_TEXT_REASON_MAX = 160, MESSAGE_TEXT_OCTETS_MAX = 16 * 1024 * 1024 };

struct message_text_form {
    const char *charset; /* NULL or "": US-ASCII, or UTF-8 where it is that */
    bool html;
    bool flowed; /* format=flowed (RFC 3676) */
    bool delsp;
};

/* Makes text of the decoded octets of a part: its character set turned into UTF-8, HTML into text,
 * flowed lines joined, line ends LF, characters without width left out. On success the caller frees
 * *text. Errors, with one sentence in reason: FAX_EUNSUPPORTED (a character set nobody knows),
 * FAX_EFORMAT (octets that are not of it), FAX_ELIMIT (more than MESSAGE_TEXT_OCTETS_MAX),
 * FAX_ENOMEM. */
int message_text_make(const struct message_text_form *form, const uint8_t *octets, size_t length,
                      char **text, size_t *text_length, char reason[MESSAGE_TEXT_REASON_MAX])
    __attribute__((warn_unused_result));

/* Whether there is nothing to see. */
bool message_text_is_blank(const char *text, size_t length);

#endif
