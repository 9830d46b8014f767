/* message_child.h: the three things that a render child does with a message; control never reads
 * one. Each is a task of the render queue with its limits, one child each. */
#ifndef GATEWAY_MAIL_MESSAGE_CHILD_H
#define GATEWAY_MAIL_MESSAGE_CHILD_H

#include <stdint.h>

#include "gateway/control/render_queue.h"
#include "gateway/mail/message_facts.h"

enum { MESSAGE_KEY_RECORD_TEXT = 1025, MESSAGE_COVER_TEXT = 600 };

/* What the head is judged by. Body of MSG_INSPECT, descriptor 0 = the message. */
struct msg_inspect {
    uint64_t octets;
    char trusted_host[MAIL_HOST_TEXT]; /* authserv-id whose results count (RFC 8601); "": none */
    char domains[1000];                /* mail.domains: for the numbers in To and Cc */
};

/* Body of MSG_VERIFY, descriptor 0 = the message: checks signatures with keys that control got from
 * the DNS (<selector>._domainkey.<domain>, TXT). */
struct msg_verify {
    uint64_t octets;
    uint32_t count;
    uint32_t reserved;
    struct {
        char domain[MESSAGE_DOMAIN_TEXT], selector[MESSAGE_SELECTOR_TEXT];
        char record[MESSAGE_KEY_RECORD_TEXT];
    } keys[MESSAGE_SIGNATURES_MAX];
};

/* Bit n: signature n of the facts is good (RFC 6376 §6), by libopendkim. Body of MSG_VERIFIED. */
struct msg_verified {
    uint32_t good;
    uint32_t reserved;
    char reason[MESSAGE_SIGNATURES_MAX][100]; /* why not */
};

enum message_text { MESSAGE_TEXT_PAGE = 0, MESSAGE_TEXT_COVER, MESSAGE_TEXT_IGNORED };

/* Body of MSG_RENDER_MESSAGE, descriptor 0 = the message, 1 = the cover template (SVG), when any. */
struct msg_render_message {
    struct msg_render_document document; /* content_type unused */
    uint32_t text;                       /* enum message_text: what becomes of the body */
    uint32_t cover;                      /* 1: begin with a cover page */
    uint32_t office;                     /* 1: Office documents are converted where possible */
    uint32_t parts_max, depth_max;
    uint32_t reserved;
    char refused[500];                   /* types and name endings that refuse the message */
    /* Fields of the cover page, UTF-8. */
    char from_name[128], from_number[NUMBER_TEXT], to_name[128], to_number[NUMBER_TEXT];
    char subject[200], date[64];
};

struct message_handlers {
    /* One of these with render_result.status 0, by the kind of task; facts and verified are valid
     * during the call. On failure the pointers are NULL. */
    void (*inspected)(void *user, const struct render_result *result,
                      const struct message_facts *facts);
    void (*verified)(void *user, const struct render_result *result,
                     const struct msg_verified *verified);
    void *user;
};

/* As render_document() in ownership and errors. -EBADMSG in the result: the message is refused, the
 * reason is for its sender. */
int message_inspect(struct render_queue *queue, int message, const struct msg_inspect *request,
                    const struct message_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));
int message_verify(struct render_queue *queue, int message, const struct msg_verify *request,
                   const struct message_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));

/* Renders the message to a page set; the result comes as from render_document(). template: -1:
 * the built-in one. */
int message_render(struct render_queue *queue, int message, int cover_template,
                   const struct msg_render_message *request,
                   const struct render_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));

#endif
