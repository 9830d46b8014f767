/* mail_out.h: the queue of mails that the gateway sends: reports about faxes that came by mail (RFC
 * 3464), received faxes, notices of them. Event-sourced: mail.queued is durable before a mail is
 * tried, mail.sent, mail.deferred and mail.failed say what became of it; what was not sent is read
 * at the next start. Delivered to the configured relay by SMTP (libcurl). */
#ifndef GATEWAY_MAIL_MAIL_OUT_H
#define GATEWAY_MAIL_MAIL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_envelope.h"

struct control;
struct mail_out;

enum mail_report_action { MAIL_REPORT_FAILED = 1, MAIL_REPORT_DELIVERED, MAIL_REPORT_DELAYED };

/* What is kept of the head of a message, so that its sender knows it again: UTF-8, "" unknown. */
struct mail_head {
    char author[MAIL_ADDRESS_TEXT], author_name[128]; /* From */
    char subject[200];
    char message_id[250]; /* with <> */
    char date[64];        /* as it was written */
};

/* One report to the sender of a message about one recipient (RFC 3464 §2). */
struct mail_report {
    struct fax_id mail; /* the message that came */
    uint32_t recipient; /* from 1 */
    bool has_fax;
    struct fax_id fax; /* that was made of it for this recipient */
    enum mail_report_action action;
    char to[MAIL_ADDRESS_TEXT]; /* reverse path of the message; never "" */
    char address[MAIL_ADDRESS_TEXT], orcpt[MAIL_ORCPT_TEXT], envid[MAIL_ENVID_TEXT];
    char status[12];       /* "5.1.1" (RFC 3463) */
    char verdict[320];     /* one sentence for the sender */
    struct mail_head head; /* of the message */
    int64_t arrived_ms;
    uint32_t pages;      /* confirmed by the receiver */
    uint32_t unreported; /* recipients that ended before it and were not reported to the sender */
};

/* Queues a report: records mail.queued (keys mail and recipient; at most once for a recipient and
 * action). cb: 0 when it is durable, else a negative errno: ask again later. Returns 0, or a
 * negative errno when cb will not run. */
typedef void mail_out_cb(void *user, int status);
int mail_out_report(struct control *control, const struct mail_report *report, mail_out_cb *cb,
                    void *user) __attribute__((warn_unused_result));

/* --- faxes by mail --- */

struct fax_end;

/* What is to go out by mail of a fax that ended: "fax", "notice", or "". It stands in the same
 * record as its end (fax.completed, key mail_due). */
const char *mail_out_plan(const struct control *control, const struct fax_end *end);

/* Queues what was planned and recorded: one mail.queued for all addresses of the mailbox.
 * Everything is copied; what cannot be recorded is tried again, also by the next start. */
void mail_out_fax(struct control *control, const struct fax_id *fax, const char *mailbox,
                  const char *due);

/* --- mails that come back --- */

/* Whether the recipient of a message that came is the reverse path of a mail of ours: then it is a
 * report about that mail (RFC 3464), to be taken from the null reverse path only. From memory. */
bool mail_out_owns(const struct control *control, const char *recipient);

/* The key of the reverse paths, which marks of messages (mail_repeat.h) are made with as well;
 * NULL: none, or not yet. */
const uint8_t *mail_out_key(const struct control *control);

/* Records mail.bounced for the mail that the recipient names. why: what is known of it, one line of
 * UTF-8, may be "". cb as above; -ENOENT: no such recipient. */
int mail_out_bounced(struct control *control, const char *recipient, const char *why,
                     mail_out_cb *cb, void *user) __attribute__((warn_unused_result));

/* --- the queue itself --- */

/* A mail as its owner in the API sees it after it changed the record. */
struct mail_out_change {
    struct fax_id out, about; /* about: the fax, or the message, that its records are filed under */
    int64_t next_ms;          /* when it is tried; 0: never again */
};

/* Makes the queue; nothing is sent before mail_out_start(). Returns 0, -EINVAL (settings), -ENOMEM.
 */
int mail_out_new(struct control *control, struct mail_out **out)
    __attribute__((warn_unused_result));

/* Reads what was queued, or due, and not sent before the start; with the log applied, before
 * anything is recorded. status: as unfinished_done_cb. Returns as db_query(). */
typedef void mail_out_read_cb(void *user, int status);
int mail_out_read(struct control *control, mail_out_read_cb *cb, void *user)
    __attribute__((warn_unused_result));

void mail_out_start(struct control *control);

/* Mails that are being sent. A stop waits for them for a while. */
size_t mail_out_sending(const struct control *control);

/* Ends them; they are sent again by the next start. done runs from the loop, or at once. */
void mail_out_stop(struct control *control, void (*done)(void *user), void *user);

/* After db and keeper are closed. NULL is allowed. */
void mail_out_free(struct mail_out *box);

/* A principal had it tried again or dropped, which is durable. */
void mail_out_changed(struct control *control, const struct mail_out_change *change);

/* Mails that wait, those being sent included. */
size_t mail_out_waiting(const struct control *control);

#endif
