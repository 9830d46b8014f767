/* mail_out.h: the queue of mails that the gateway sends: reports about faxes that came by mail (RFC
 * 3464), received faxes, notices of them. Event-sourced: mail.queued is durable before a mail is
 * tried, mail.sent, mail.deferred and mail.failed say what became of it; what was not sent is read
 * at the next start. Delivered to the configured relay by SMTP (libcurl). */
#ifndef GATEWAY_MAIL_MAIL_OUT_H
#define GATEWAY_MAIL_MAIL_OUT_H

#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_envelope.h"

struct control;
struct mail_out;

enum mail_report_action { MAIL_REPORT_FAILED = 1, MAIL_REPORT_DELIVERED, MAIL_REPORT_DELAYED };

/* One report to the sender of a message about one recipient (RFC 3464 §2). */
struct mail_report {
    struct fax_id mail; /* the message that came */
    uint32_t recipient; /* from 1 */
    bool has_fax;
    struct fax_id fax; /* that was made of it for this recipient */
    enum mail_report_action action;
    char to[MAIL_ADDRESS_TEXT]; /* reverse path of the message; never "" */
    char address[MAIL_ADDRESS_TEXT], orcpt[MAIL_ORCPT_TEXT], envid[MAIL_ENVID_TEXT];
    char status[12];      /* "5.1.1" (RFC 3463) */
    char verdict[320];    /* one sentence for the sender */
    char subject[200];    /* of the message, UTF-8, "" unknown */
    char message_id[250]; /* of the message, with <>, "" none */
    int64_t arrived_ms;
    uint32_t pages; /* confirmed by the receiver */
};

/* Queues a report: records mail.queued (keys mail and recipient; at most once for a recipient and
 * action). cb: 0 when it is durable, else a negative errno: ask again later. Returns 0, or a
 * negative errno when cb will not run. */
typedef void mail_out_cb(void *user, int status);
int mail_out_report(struct control *control, const struct mail_report *report, mail_out_cb *cb,
                    void *user) __attribute__((warn_unused_result));

#endif
