/* The life of a session. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/smtp/relay_list.h"
#include "gateway/smtp/smtp_server_private.h"
#include "gateway/socket_address.h"

/* The handle closes what smtp_session_destroy() has let go of. */
static void on_closed(uv_handle_t *handle)
{
    struct smtp_session *s = handle->data;
    struct smtp_server *server = s->server;
    if (--s->handles > 0)
        return;
    free(s->held);
    free(s->out);
    free(s);
    smtp_server_session_gone(server);
}

void smtp_session_destroy(struct smtp_session *s)
{
    if (s->state == SMTP_SESSION_CLOSED)
        return;
    s->state = SMTP_SESSION_CLOSED;
    smtp_session_forget(s);
    smtp_machine_free(s->machine);
    sip_tls_free(s->tls);
    s->machine = NULL;
    s->tls = NULL;
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    uv_close(&s->wire.handle, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

struct smtp_session *smtp_session_new(struct smtp_server *server, enum smtp_listener_kind kind)
{
    struct smtp_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->server = server;
    s->kind = kind;
    s->message = -1;
    int error = kind == SMTP_LMTP ? uv_pipe_init(server->loop, &s->wire.pipe, 0)
                                  : uv_tcp_init(server->loop, &s->wire.tcp);
    if (error < 0) {
        free(s);
        return NULL;
    }
    (void)uv_timer_init(server->loop, &s->timer);
    s->handles = 2;
    s->wire.handle.data = s->timer.data = s;
    s->replied_ms = s->moved_ms = uv_now(server->loop);
    s->next = server->sessions;
    s->link = &server->sessions;
    if (s->next)
        s->next->link = &s->next;
    server->sessions = s;
    server->session_count++;
    return s;
}

void smtp_session_refused(const struct smtp_session *s, const char *reason)
{
    const struct smtp_server_config *c = &s->server->config;
    if (c->refused)
        c->refused(c->user, s->peer.ss_family ? (const struct sockaddr *)&s->peer : NULL, reason);
}

/* --- the machine, and what it begins --- */

static int make_machine(struct smtp_session *s)
{
    const struct smtp_server *server = s->server;
    char peer[SOCKET_ADDRESS_HOST] = "local";
    if (s->peer.ss_family)
        socket_address_host((const struct sockaddr *)&s->peer, peer);
    s->handlers = server->handlers;
    s->handlers.user = s;
    return smtp_machine_new(s->kind == SMTP_LMTP ? &server->lmtp_terms : &server->terms,
                            &s->handlers, peer, s->relay, &s->machine);
}

static int begin_tls(struct smtp_session *s)
{
    const struct smtp_server_config *c = &s->server->config;
    const struct sip_tls_terms terms = {.ca_file = c->ca_file,
                                        .certificate_file = c->certificate_file,
                                        .key_file = c->key_file,
                                        .anybody = !c->ca_file[0],
                                        .optional = true};
    char text[SIP_TLS_TEXT];
    int error =
        sip_tls_new(s->server->tls, &terms, (const struct sockaddr *)&s->peer, true, &s->tls, text);
    if (error < 0)
        smtp_session_refused(s, text);
    s->state = SMTP_SESSION_HANDSHAKE;
    s->moved_ms = uv_now(s->server->loop);
    return error;
}

static void identify(struct smtp_session *s)
{
    const struct smtp_server_config *c = &s->server->config;
    char name[MAIL_HOST_TEXT], host[MAIL_HOST_TEXT] = "", principal[POLICY_NAME_TEXT] = "";
    for (int i = 0; sip_tls_peer_name(s->tls, i, name, sizeof name) == 0; i++) {
        if (i == 0)
            (void)snprintf(host, sizeof host, "%s", name);
        if (!principal[0] && client_list_find(c->clients, name, principal, sizeof principal) == 0 &&
            !(c->knows && c->knows(c->user, principal)))
            principal[0] = '\0';
    }
    smtp_machine_secured(s->machine, principal, host);
}

static void greet(struct smtp_session *s)
{
    s->state = SMTP_SESSION_OPEN;
    smtp_machine_greet(s->machine);
}

void smtp_session_secured(struct smtp_session *s)
{
    bool starts = s->starts_tls;
    s->starts_tls = false;
    identify(s);
    s->replied_ms = uv_now(s->server->loop);
    if (starts)
        s->state = SMTP_SESSION_OPEN;
    else if (s->relay || s->server->config.greeting_delay_ms == 0)
        greet(s);
    else
        s->state = SMTP_SESSION_GREETING;
}

void smtp_session_begin(struct smtp_session *s)
{
    if (make_machine(s) < 0 || (s->kind == SMTP_TLS_FIRST && begin_tls(s) < 0)) {
        smtp_session_destroy(s);
        return;
    }
    if (s->kind != SMTP_TLS_FIRST) {
        s->state = SMTP_SESSION_GREETING;
        if (s->relay || s->server->config.greeting_delay_ms == 0)
            greet(s);
    }
    smtp_session_flush(s);
    smtp_session_arm(s);
}

static void linger(struct smtp_session *s);

void smtp_session_end(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
    if (s->state == SMTP_SESSION_CLOSED || s->state == SMTP_SESSION_LINGERING)
        return;
    /* Nobody can be told under a handshake. */
    if (s->state == SMTP_SESSION_HANDSHAKE || (s->kind == SMTP_TLS_FIRST && !s->tls) ||
        (!s->machine && make_machine(s) < 0)) {
        smtp_session_destroy(s);
        return;
    }
    smtp_machine_end(s->machine, code, enhanced, text);
    linger(s);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status;
}

/* The last reply is to arrive: what still comes is read and dropped, as closing with octets unread
 * would reset the connection. */
static void linger(struct smtp_session *s)
{
    if (s->tls) {
        smtp_session_flush(s);
        sip_tls_shut(s->tls);
    }
    smtp_session_flush(s);
    if (s->state == SMTP_SESSION_CLOSED)
        return;
    s->state = SMTP_SESSION_LINGERING;
    smtp_session_forget(s);
    s->moved_ms = uv_now(s->server->loop);
    if (s->broken || uv_shutdown(&s->shutdown, &s->wire.stream, on_shut) < 0) {
        smtp_session_destroy(s);
        return;
    }
    smtp_session_arm(s);
}

static bool drains(const struct smtp_session *s)
{
    return s->server->draining && s->state == SMTP_SESSION_OPEN &&
           !smtp_machine_in_message(s->machine) && !smtp_machine_waits(s->machine);
}

/* Gives the machine what has been answered. Returns whether there was something. */
static bool answer(struct smtp_session *s)
{
    if (s->has_answer) {
        s->has_answer = false;
        smtp_machine_answered(s->machine, &s->answer);
        return true;
    }
    if (s->sign_in_later) {
        s->sign_in_later = false;
        smtp_machine_signed_in(s->machine, SMTP_SIGN_IN_LATER, "");
        return true;
    }
    return false;
}

static void feed(struct smtp_session *s)
{
    size_t taken = smtp_machine_feed(s->machine, s->held, s->held_length);
    s->held_length -= taken;
    memmove(s->held, s->held + taken, s->held_length);
    if (s->held_length == 0) {
        free(s->held);
        s->held = NULL;
    }
}

void smtp_session_run(struct smtp_session *s)
{
    if (s->state != SMTP_SESSION_OPEN && s->state != SMTP_SESSION_GREETING)
        return;
    bool more = true;
    while (more && !s->ends) {
        more = answer(s);
        if (s->held_length > 0 && !s->ends && !smtp_machine_waits(s->machine)) {
            feed(s);
            more = true;
        }
    }
    if (s->ends) {
        linger(s);
        return;
    }
    smtp_session_flush(s);
    if (s->broken || (s->starts_tls && begin_tls(s) < 0)) {
        smtp_session_destroy(s);
    } else if (drains(s)) {
        smtp_session_end(s, 421, "4.3.2", "The gateway stops; try again later");
    } else {
        smtp_session_arm(s);
    }
}

/* --- time --- */

static uint64_t deadline_of(const struct smtp_session *s)
{
    const struct smtp_server_config *c = &s->server->config;
    switch (s->state) {
    case SMTP_SESSION_GREETING:
        return s->replied_ms + c->greeting_delay_ms;
    case SMTP_SESSION_HANDSHAKE:
        return s->moved_ms + SMTP_HANDSHAKE_MS;
    case SMTP_SESSION_LINGERING:
        return s->moved_ms + SMTP_LINGER_MS;
    case SMTP_SESSION_OPEN:
    case SMTP_SESSION_CLOSED:
        break;
    }
    if (smtp_machine_waits(s->machine))
        return s->replied_ms + c->message_timeout_ms + c->command_timeout_ms;
    if (!smtp_machine_in_content(s->machine))
        return s->replied_ms + c->command_timeout_ms;
    uint64_t start = s->message >= 0 ? s->message_ms : s->replied_ms;
    uint64_t idle = s->moved_ms + c->data_timeout_ms, whole = start + c->message_timeout_ms;
    return idle < whole ? idle : whole;
}

static void on_time(uv_timer_t *timer)
{
    struct smtp_session *s = timer->data;
    if (uv_now(s->server->loop) < deadline_of(s)) {
        smtp_session_arm(s);
        return;
    }
    switch (s->state) {
    case SMTP_SESSION_GREETING:
        s->replied_ms = uv_now(s->server->loop);
        greet(s);
        smtp_session_run(s);
        break;
    case SMTP_SESSION_OPEN:
        smtp_session_refused(s, "too slow");
        smtp_session_end(s, 421, "4.4.2", "You were too slow");
        break;
    case SMTP_SESSION_HANDSHAKE:
        smtp_session_refused(s, "the TLS handshake took too long");
        smtp_session_destroy(s);
        break;
    case SMTP_SESSION_LINGERING:
    case SMTP_SESSION_CLOSED:
        smtp_session_destroy(s);
        break;
    }
}

void smtp_session_arm(struct smtp_session *s)
{
    if (s->state == SMTP_SESSION_CLOSED)
        return;
    uint64_t now = uv_now(s->server->loop), at = deadline_of(s);
    (void)uv_timer_start(&s->timer, on_time, at > now ? at - now : 0, 0);
    bool waits = s->state == SMTP_SESSION_OPEN &&
                 (smtp_machine_waits(s->machine) ||
                  uv_stream_get_write_queue_size(&s->wire.stream) > SMTP_UNSENT_PAUSE);
    if (waits && s->reading)
        (void)uv_read_stop(&s->wire.stream);
    s->reading = s->reading && !waits;
    if (!waits && !s->reading && smtp_session_read(s) < 0)
        smtp_session_destroy(s);
}
