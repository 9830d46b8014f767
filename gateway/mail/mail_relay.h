/* mail_relay.h: brings mails to the relay by SMTP (RFC 5321): libcurl's multi interface on our
 * loop. No proxy, no .netrc, no other protocol than SMTP; names are resolved on a thread of
 * libcurl. Connections are kept for the next mail. */
#ifndef GATEWAY_MAIL_MAIL_RELAY_H
#define GATEWAY_MAIL_MAIL_RELAY_H

#include <uv.h>

#include "gateway/config/config.h"
#include "gateway/mail/mail_content.h"

struct mail_relay;
struct mail_transfer;

enum mail_outcome {
    MAIL_SENT = 1,    /* the relay has it */
    MAIL_REFUSED,     /* it will not take this mail (5yz) */
    MAIL_POSTPONED,   /* it will not take it now (4yz) */
    MAIL_UNREACHABLE, /* nothing was said of this mail: no connection, no TLS, no login */
};

struct mail_result {
    enum mail_outcome outcome;
    int code;         /* of SMTP; 0: none */
    char answer[300]; /* the relay's last line, or what happened; printable */
};

typedef void mail_relay_cb(void *user, const struct mail_result *result);

struct mail_delivery {
    const char *from; /* reverse path; "": the null one */
    const char *to;
    struct mail_content *content; /* the caller's; until the end */
};

/* Returns 0, -ENOMEM, -EINVAL. config must outlive it. host: what we call ourselves. */
int mail_relay_new(uv_loop_t *loop, const struct config *config, const char *host,
                   struct mail_relay **out) __attribute__((warn_unused_result));

/* Starts to send; cb runs once, unless cancelled, never before this returns. Errors: -EINVAL: an
 * address that could break out of its command; -EACCES: no password; -ENOMEM. */
int mail_relay_send(struct mail_relay *relay, const struct mail_delivery *delivery,
                    mail_relay_cb *cb, void *user, struct mail_transfer **out)
    __attribute__((warn_unused_result));

/* Ends it; cb does not follow. */
void mail_relay_cancel(struct mail_transfer *transfer);

/* No transfer may be left. done runs when its handles are closed. */
void mail_relay_close(struct mail_relay *relay, void (*done)(void *user), void *user);

#endif
