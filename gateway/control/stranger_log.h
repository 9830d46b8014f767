/* stranger_log.h: records SIP requests from addresses that belong to no trunk, and API requests of
 * local accounts that are no principal: the first of a source at once, what follows as one event a
 * minute and source with the exact count, so that nobody can fill the log from outside. Likewise
 * connections that failed, requests above a rate, mail clients that were refused, sign-ins, and
 * what happens to one message or one mail address again and again. */
#ifndef GATEWAY_CONTROL_STRANGER_LOG_H
#define GATEWAY_CONTROL_STRANGER_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "gateway/audit/audit.h"

enum { STRANGERS_MAX = 256, STRANGER_TEXT = 64, STRANGER_REASON = 256, STRANGER_PERIOD_MS = 60000 };

struct stranger {
    char address[STRANGER_TEXT]; /* or "UID REASON", "> ADDRESS", "< ADDRESS"; "": free */
    char text[STRANGER_REASON];  /* of a connection: why it failed; of a limit: which, and trunk */
    uint64_t since_ms;
    uint64_t count; /* not recorded yet */
};

/* All zero but audit and accounts is an empty log. */
struct stranger_log {
    struct audit *audit;
    bool accounts;     /* of local accounts, not of addresses */
    bool connections;  /* of SIP connections that failed */
    bool devices;      /* of requests that could not be signed in */
    bool limits;       /* of requests above a rate */
    bool mail;         /* of mail clients that were refused */
    bool right, wrong; /* of mail clients that signed in, or could not */
    const char *again; /* of what happens again: the type of its events */
    struct stranger strangers[STRANGERS_MAX];
    uint64_t others; /* from sources beyond STRANGERS_MAX */
    uint64_t others_since_ms;
};

/* Counts a request from source (IPv4 or IPv6), and records it when it is the first for a while. */
void stranger_log_note(struct stranger_log *log, const struct sockaddr *source, uint64_t now_ms);
void stranger_log_note_account(struct stranger_log *log, uid_t uid, const char *reason,
                               uint64_t now_ms);

/* A connection with that address failed for that reason; for a log of connections. */
void stranger_log_note_connection(struct stranger_log *log, const struct sockaddr *peer,
                                  bool incoming, const char *reason, uint64_t now_ms);

/* A request of that address was not signed in as a device, for that reason; for a log of devices.
 */
void stranger_log_note_device(struct stranger_log *log, const struct sockaddr *source,
                              const char *reason, uint64_t now_ms);
/* A request of that source was above a limit; trunk "": of an address of no trunk. For a log of
 * limits. */
void stranger_log_note_limit(struct stranger_log *log, const char *trunk,
                             const struct sockaddr *source, const char *reason, uint64_t now_ms);

/* A mail client was refused (peer NULL: on the Unix socket) for that reason; for a log of mail. */
void stranger_log_note_mail(struct stranger_log *log, const struct sockaddr *peer,
                            const char *reason, uint64_t now_ms);

/* A mail client at that host signed in as the principal (a log of right ones), or could not, for
 * that reason (of wrong ones). */
void stranger_log_note_sign_in(struct stranger_log *log, const char *host, const char *text,
                               uint64_t now_ms);

/* That happened again to the message or mail that `about` names, or to an address; for a log of
 * `again`. */
void stranger_log_note_again(struct stranger_log *log, const char *about, uint64_t now_ms);

/* Records what has waited for STRANGER_PERIOD_MS; to be called every few seconds. */
void stranger_log_flush(struct stranger_log *log, uint64_t now_ms);

#endif
