/* mail_intake.h: takes a message in: seals it in the vault, records it, and answers only then. What
 * it asks for is done later (mail_work.h). */
#ifndef GATEWAY_MAIL_MAIL_INTAKE_H
#define GATEWAY_MAIL_MAIL_INTAKE_H

#include <stddef.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_envelope.h"

struct control;
struct mail_intake;

/* The answer to a client. */
struct mail_verdict {
    int code;           /* 250, 4yz or 5yz (RFC 5321 §4.2) */
    char enhanced[12];  /* "2.0.0" (RFC 3463) */
    char text[200];     /* one line */
    struct fax_id mail; /* with 250 to a message */
};

/* Runs once, unless mail_intake_forget() came first, and never before mail_intake_start() returns.
 */
typedef void mail_intake_cb(void *user, const struct mail_verdict *verdict);

/* Judges a recipient by what is known before the content: when a principal has signed in, whether
 * it may send to the number at all; otherwise whether the client is a relay whose senders are
 * identified by the message. From memory, at once. */
void mail_intake_judge_recipient(struct control *control, const struct mail_envelope *envelope,
                                 const struct mail_recipient *recipient,
                                 struct mail_verdict *verdict);

/* Takes the message in a memfd of ours (octets long, CRLF lines, dot-stuffing removed). On success
 * the descriptor is taken over and the envelope copied. The message is taken once it is recorded,
 * whether or not somebody still waits. Errors: -EBUSY, -ENOMEM: answer 451. */
int mail_intake_start(struct control *control, const struct mail_envelope *envelope, int message,
                      size_t octets, mail_intake_cb *done, void *user, struct mail_intake **out)
    __attribute__((warn_unused_result));

/* The next one of control->mail_intakes; NULL past the last. */
const struct mail_intake *mail_intake_next(const struct mail_intake *intake);

/* Goes on with messages of which it can be said now whether they were brought before. */
void mail_intake_resume(struct control *control);

/* The client has gone: done is not called. */
void mail_intake_forget(struct mail_intake *intake);

#endif
