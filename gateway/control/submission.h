/* submission.h: takes a document in as an outbound fax: digest, idempotency, rendering, sealing,
 * record, queue. The decision has been made by the caller.
 *
 * The document of the record is the SHA-256 of the upload in hex, followed by what was wanted of it
 * where that is not the usual, as in 'e3b0… resolution=standard paper=b4 pages=1-3 rotate=none
 * priority=low at=1790000000'. */
#ifndef GATEWAY_CONTROL_SUBMISSION_H
#define GATEWAY_CONTROL_SUBMISSION_H

#include "gateway/control/control.h"
#include "gateway/control/render_queue.h"
#include "policy/decision.h"
#include "policy/kek_id.h"
#include "policy/number.h"

enum { IDEMPOTENCY_KEY_MAX = 200 };

struct submission_request {
    char principal[POLICY_NAME_TEXT];
    char from[NUMBER_TEXT], to[NUMBER_TEXT];
    char mailbox[POLICY_NAME_TEXT], class_name[KEK_CLASS_TEXT];
    uint32_t retention_days;
    char idempotency_key[IDEMPOTENCY_KEY_MAX + 1]; /* "": none */
    struct render_options options;
    uint8_t priority;        /* enum fax_priority */
    int64_t not_before_ms;   /* wall clock; 0: at once */
    struct fax_id mail;      /* of the message that it is made of */
    uint32_t mail_recipient; /* 0: of none */
    bool rendered;           /* the document is a page set (codecs/page_set.h) */
    int document;            /* memfd */
    size_t octets;
};

struct submission_result {
    int http_status;  /* 201 new, 200 the fax that this key made before, else a refusal */
    const char *slug; /* of the problem document; NULL for 200 and 201 */
    const char *title;
    char detail[320];
    struct fax_id fax; /* for 200 and 201 */
};

/* Runs once, unless submission_forget() came first. */
typedef void submission_done_cb(void *user, const struct submission_result *result);

struct submission;

/* Starts; on success request->document is taken over. done follows, never before this returns. The
 * submission goes on to its end whether or not somebody still waits: what is recorded is sent.
 * Errors: -EBUSY, -ENOMEM. */
int submission_start(struct control *control, const struct submission_request *request,
                     submission_done_cb *done, void *user, struct submission **out)
    __attribute__((warn_unused_result));

/* The client has gone: done is not called. */
void submission_forget(struct submission *submission);

#endif
