/* message_parts.h: the parts of a message that become pages, in their order. Private to
 * gateway/render/. */
#ifndef GATEWAY_RENDER_MESSAGE_PARTS_H
#define GATEWAY_RENDER_MESSAGE_PARTS_H

#include "gateway/mail/message_request.h"
#include "gateway/render/message_tree.h"
#include "gateway/render/multipart.h"

struct message_piece {
    const uint8_t *octets; /* owned by the pieces */
    size_t length;
    bool is_body;                   /* text of the message itself, UTF-8; never blank */
    char name[MULTIPART_NAME_TEXT]; /* for messages about it; "" of a body */
    GMimeStream *stream;            /* that holds the octets, or */
    char *text;                     /* that is them */
};

struct message_pieces {
    const struct message_tree *tree;
    const struct msg_render_message *request;
    struct message_piece *pieces;
    uint32_t count, capacity;
    uint32_t parts;    /* looked at */
    bool only_related; /* within multipart/related behind its root */
    char reason[MESSAGE_REASON_MAX];
};

/* Collects them. Of alternatives the plain text counts, else HTML; signatures and pictures that
 * belong to HTML are left out; text comes as UTF-8. Refused, with one sentence in pieces->reason:
 * more parts or deeper nesting than the request allows, encrypted parts, types and names that the
 * request refuses, text that cannot be read. Errors: enum fax_error. message_pieces_free() is safe
 * after each. */
int message_pieces_collect(struct message_pieces *pieces, const struct message_tree *tree,
                           const struct msg_render_message *request)
    __attribute__((warn_unused_result));
void message_pieces_free(struct message_pieces *pieces);

#endif
