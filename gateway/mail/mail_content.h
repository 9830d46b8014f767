/* mail_content.h: the octets of a mail, read as they are sent: text, a document in base64, text.
 * The document is never held in memory twice. */
#ifndef GATEWAY_MAIL_MAIL_CONTENT_H
#define GATEWAY_MAIL_MAIL_CONTENT_H

#include "gateway/mail/mail_compose.h"

enum { MAIL_LINE_OCTETS = 57, MAIL_LINE_TEXT = 78 }; /* of base64, with CRLF */

struct mail_content {
    struct mail_frame frame;
    int document;       /* memfd; -1: none */
    uint64_t octets;    /* of the document */
    uint8_t *encrypted; /* instead of a descriptor, by OPENSSL_malloc() */
    uint64_t at;        /* octets read so far */
};

/* Octets of the whole. */
uint64_t mail_content_length(const struct mail_content *content);

/* Reads up to capacity octets at content->at and moves on. Returns how many, 0 at the end, or a
 * negative errno. */
int64_t mail_content_read(struct mail_content *content, char *out, size_t capacity)
    __attribute__((warn_unused_result));

/* Closes the document, wipes and frees the rest. */
void mail_content_clear(struct mail_content *content);

#endif
