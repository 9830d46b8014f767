/* smtp_server_private.h: listeners and sessions, for the files smtp_server.c and smtp_session*.c
 * alone.
 *
 * A session: GREETING (delay) or HANDSHAKE -> OPEN <-> HANDSHAKE (STARTTLS) -> LINGERING, when the
 * last reply is on its way -> CLOSED, when libuv still holds its handles; it frees itself then. */
#ifndef GATEWAY_SMTP_SMTP_SERVER_PRIVATE_H
#define GATEWAY_SMTP_SMTP_SERVER_PRIVATE_H

#include "gateway/http/http_listen.h"
#include "gateway/routing/rate_limit.h"
#include "gateway/sip/stream_tls.h"
#include "gateway/smtp/smtp_machine.h"
#include "gateway/smtp/smtp_server.h"

enum {
    SMTP_BACKLOG = 128,
    SMTP_READ = 64 * 1024,         /* octets read from a socket at once */
    SMTP_UNSENT_PAUSE = 16 * 1024, /* nothing more is read from who leaves so much unread */
    SMTP_UNSENT_MAX = 512 * 1024,
    SMTP_LINGER_MS = 2000,
    SMTP_HANDSHAKE_MS = 30000,
    SMTP_AGAIN_MS = 100 /* until a connection is accepted that could not be */
};

enum smtp_listener_kind { SMTP_PLAIN, SMTP_TLS_FIRST, SMTP_LMTP, SMTP_LISTENERS };

struct smtp_listener {
    struct smtp_server *server;
    enum smtp_listener_kind kind;
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
        uv_handle_t handle;
    } wire;
    uv_timer_t again;
    bool is_open;
    struct sockaddr_storage bound;
};

struct smtp_server {
    uv_loop_t *loop;
    struct smtp_server_config config;
    struct smtp_terms terms, lmtp_terms;
    struct smtp_handlers handlers; /* user is filled in for each session */
    struct smtp_listener listeners[SMTP_LISTENERS];
    struct http_listen_place place; /* of the Unix socket */
    bool has_place;
    struct sip_tls_contexts *tls;
    struct rate_limit *rates;
    struct smtp_session *sessions;
    size_t session_count;
    uint64_t memory; /* octets in memfds of ours */
    size_t handles;  /* of the server, not yet closed */
    bool draining, closing;
    void (*closed)(void *user);
    void *closed_user;
    char received[SMTP_READ]; /* what was just read, of whichever session */
};

enum smtp_session_state {
    SMTP_SESSION_GREETING,
    SMTP_SESSION_HANDSHAKE,
    SMTP_SESSION_OPEN,
    SMTP_SESSION_LINGERING,
    SMTP_SESSION_CLOSED
};

struct smtp_session {
    struct smtp_server *server;
    struct smtp_session *next, **link;
    enum smtp_session_state state;
    enum smtp_listener_kind kind;
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
        uv_handle_t handle;
    } wire;
    uv_timer_t timer;
    unsigned handles;
    struct sockaddr_storage peer; /* family 0: on the Unix socket */
    bool relay;
    struct smtp_handlers handlers;
    struct smtp_machine *machine;
    struct sip_tls *tls;
    char *held; /* octets that the machine has not taken */
    size_t held_length;
    char *out; /* replies of this turn */
    size_t out_length, out_room;
    bool reading, broken, starts_tls, ends;
    uv_shutdown_t shutdown;
    int message;                               /* memfd, -1: none */
    uint64_t written;                          /* octets in it */
    uint64_t replied_ms, moved_ms, message_ms; /* last reply, octets; start of the content */
    struct mail_intake *intake;
    struct smtp_sign_in *sign_in;
    bool has_answer, sign_in_later; /* to be given to the machine */
    struct mail_verdict answer;
};

/* smtp_server.c: a session of it is freed. */
void smtp_server_session_gone(struct smtp_server *server);

/* smtp_session.c */

/* Makes a session with its handles, in the list; accepted by the caller. NULL: out of memory. */
struct smtp_session *smtp_session_new(struct smtp_server *server, enum smtp_listener_kind kind);

/* Begins to serve the accepted connection. */
void smtp_session_begin(struct smtp_session *s);

/* Closes at once. */
void smtp_session_destroy(struct smtp_session *s);

/* Says that and closes when it was sent. */
void smtp_session_end(struct smtp_session *s, int code, const char *enhanced, const char *text);

/* Takes the next steps: what is held, what has been answered. */
void smtp_session_run(struct smtp_session *s);

/* TLS stands: who the client is, and on. */
void smtp_session_secured(struct smtp_session *s);

/* Tells of a client that was refused. */
void smtp_session_refused(const struct smtp_session *s, const char *reason);

/* smtp_session_message.c: the machine's handlers for messages and sign-ins. */
void smtp_session_handlers(struct smtp_handlers *handlers);
void smtp_session_forget(struct smtp_session *s);

/* smtp_session_io.c */
int smtp_session_read(struct smtp_session *s);
void smtp_session_reply(void *user, const char *octets, size_t length);

/* Sends the replies of the turn. What fails ends the session soon. */
void smtp_session_flush(struct smtp_session *s);

/* Hands octets of the network to TLS or to the machine; n 0: only what is there already. */
void smtp_session_take(struct smtp_session *s, const char *octets, size_t n);

/* Starts or stops reading, and the timer, as the state wants. */
void smtp_session_arm(struct smtp_session *s);

#endif
