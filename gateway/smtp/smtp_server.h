/* smtp_server.h: listeners and sessions for SMTP and LMTP on libuv and OpenSSL. Knows nothing of
 * the configuration or the log: what it needs stands in its config. One thread, one loop. */
#ifndef GATEWAY_SMTP_SMTP_SERVER_H
#define GATEWAY_SMTP_SMTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_intake.h"

struct smtp_server;
struct smtp_sign_in;

/* result as in smtp_machine.h; runs once unless forgotten, never before sign_in() returns. */
typedef void smtp_signed_in_cb(void *session, int result, const char *principal);

/* Texts are borrowed until the server is closed; "" or family 0: not wanted. */
struct smtp_server_config {
    struct sockaddr_storage listen, listen_tls;
    const char *lmtp_socket; /* mode 0660 */
    const char *host;
    const char *domains;                     /* separated by commas */
    const char *relays;                      /* addresses and ADDRESS/PREFIX, separated by commas */
    const char *certificate_file, *key_file; /* "": no STARTTLS */
    const char *ca_file;                     /* of clients' certificates; "": not asked for */
    const char *clients;                     /* NAME=PRINCIPAL of certificates, by commas */
    uint64_t max_octets;                     /* of a message */
    uint64_t max_memory;                     /* of all that come in, octets */
    uint32_t max_line, max_recipients, max_errors;
    uint32_t max_connections, max_connections_of_peer;
    uint32_t messages_per_s, recipients_per_s; /* of a peer that is no relay; 0: no limit */
    uint64_t greeting_delay_ms, command_timeout_ms, data_timeout_ms, message_timeout_ms;

    void (*judge_recipient)(void *user, const struct mail_envelope *envelope,
                            const struct mail_recipient *recipient, struct mail_verdict *verdict);
    /* As in smtp_machine.h. May be NULL. */
    bool (*is_return)(void *user, const char *address);
    /* As mail_intake_start(), mail_intake_forget(). */
    int (*take)(void *user, const struct mail_envelope *envelope, int message, size_t octets,
                mail_intake_cb *done, void *session, struct mail_intake **out);
    void (*forget)(struct mail_intake *intake);
    /* NULL: AUTH is not offered. Returns 0 or a negative errno: try later. */
    int (*sign_in)(void *user, const struct sockaddr *peer, const char *name, const char *password,
                   smtp_signed_in_cb *done, void *session, struct smtp_sign_in **out);
    void (*forget_sign_in)(struct smtp_sign_in *sign_in);
    /* Whether a principal that a certificate stands for may be one now. */
    bool (*knows)(void *user, const char *principal);
    /* A client was refused or broke a rule; peer NULL: on the Unix socket. */
    void (*refused)(void *user, const struct sockaddr *peer, const char *reason);
    void *user;
};

/* Opens the listeners. Errors: -EINVAL (TLS without certificate, unreadable ones, wrong lists),
 * -EADDRINUSE and others of libuv, -ENOMEM; text says which. */
int smtp_server_open(uv_loop_t *loop, const struct smtp_server_config *config,
                     struct smtp_server **out, char text[240]) __attribute__((warn_unused_result));

/* The bound addresses; family 0: none. */
void smtp_server_addresses(const struct smtp_server *server, struct sockaddr_storage *listen,
                           struct sockaddr_storage *listen_tls);

/* No new connections; sessions without a message end with 421, others after it. NULL is allowed. */
void smtp_server_drain(struct smtp_server *server);

/* Sessions there are. */
size_t smtp_server_sessions(const struct smtp_server *server);

/* Ends all with 421 and frees the server. closed runs once, also for NULL, then at once. */
void smtp_server_close(struct smtp_server *server, void (*closed)(void *user), void *user);

#endif
