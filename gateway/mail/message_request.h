/* message_request.h: the questions that a render child is asked about a message, and its answers.
 * Bodies of messages between control and the child; texts end with a NUL. */
#ifndef GATEWAY_MAIL_MESSAGE_REQUEST_H
#define GATEWAY_MAIL_MESSAGE_REQUEST_H

#include <stdint.h>

#include "gateway/mail/message_facts.h"
#include "gateway/process/messages.h"

enum { MESSAGE_KEY_RECORD_TEXT = 1025 };

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

/* Body of MSG_RENDER_MESSAGE, descriptor 0 = the message, 1 = the cover template (SVG), when any.
 */
struct msg_render_message {
    struct msg_render_document document; /* content_type unused */
    uint32_t text;                       /* enum message_text: what becomes of the body */
    uint32_t cover;                      /* 1: begin with a cover page */
    uint32_t parts_max, depth_max;
    char refused[500]; /* types and name endings that refuse the message */
    /* Fields of the cover page, UTF-8. */
    char from_name[128], from_number[NUMBER_TEXT], to_name[128], to_number[NUMBER_TEXT];
    char subject[200], date[64];
};

#endif
