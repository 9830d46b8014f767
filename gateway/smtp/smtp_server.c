#include "gateway/smtp/smtp_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/smtp/relay_list.h"
#include "gateway/smtp/smtp_server_private.h"
#include "gateway/socket_address.h"

enum { RATE_KEYS = 4096 };

static void say_busy(struct smtp_session *s, const char *text)
{
    smtp_session_refused(s, text);
    smtp_session_end(s, 421, "4.7.0", "Too many connections; try again later");
}

static size_t count_of(const struct smtp_session *s)
{
    size_t count = 0;
    for (const struct smtp_session *other = s->server->sessions; other; other = other->next)
        count += socket_address_same_host((const struct sockaddr *)&other->peer,
                                          (const struct sockaddr *)&s->peer);
    return count;
}

static void admit(struct smtp_session *s)
{
    const struct smtp_server *server = s->server;
    const struct smtp_server_config *c = &server->config;
    if (server->session_count > c->max_connections)
        say_busy(s, "too many connections");
    else if (!s->relay && count_of(s) > c->max_connections_of_peer)
        say_busy(s, "too many connections of one peer");
    else
        smtp_session_begin(s);
}

static void on_connection(uv_stream_t *stream, int status);

static void on_again(uv_timer_t *timer)
{
    struct smtp_listener *listener = timer->data;
    on_connection(&listener->wire.stream, 0);
}

/* Accepted into a session in any case: libuv gives it no other way to be closed. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct smtp_listener *listener = stream->data;
    struct smtp_server *server = listener->server;
    int length = sizeof(struct sockaddr_storage);
    if (status < 0 || server->closing || server->draining)
        return;
    struct smtp_session *s = smtp_session_new(server, listener->kind);
    if (!s) { /* libuv tells of no other until this one is accepted */
        (void)uv_timer_start(&listener->again, on_again, SMTP_AGAIN_MS, 0);
        return;
    }
    int error = uv_accept(stream, &s->wire.stream);
    if (error == 0 && listener->kind != SMTP_LMTP) {
        error = uv_tcp_getpeername(&s->wire.tcp, (struct sockaddr *)&s->peer, &length);
        (void)uv_tcp_nodelay(&s->wire.tcp, 1);
    }
    if (error < 0) {
        smtp_session_destroy(s);
        return;
    }
    s->relay = listener->kind == SMTP_LMTP ||
               relay_list_has(server->config.relays, (const struct sockaddr *)&s->peer);
    admit(s);
}

/* --- opening --- */

static int listen_tcp(struct smtp_listener *l, const struct sockaddr_storage *address)
{
    int length = sizeof l->bound;
    unsigned flags = address->ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
    int error = uv_tcp_init_ex(l->server->loop, &l->wire.tcp, address->ss_family);
    if (error < 0)
        return error;
    l->is_open = true;
    l->wire.handle.data = l;
    error = uv_tcp_bind(&l->wire.tcp, (const struct sockaddr *)address, flags);
    if (error == 0)
        error = uv_listen(&l->wire.stream, SMTP_BACKLOG, on_connection);
    if (error == 0)
        error = uv_tcp_getsockname(&l->wire.tcp, (struct sockaddr *)&l->bound, &length);
    return error;
}

static int listen_unix(struct smtp_listener *l, const char *path)
{
    struct smtp_server *server = l->server;
    int error = uv_pipe_init(server->loop, &l->wire.pipe, 0);
    if (error < 0)
        return error;
    l->is_open = true;
    l->wire.handle.data = l;
    int fd = http_listen_unix(path, 0660, &server->place);
    if (fd < 0)
        return fd;
    server->has_place = true;
    error = uv_pipe_open(&l->wire.pipe, fd);
    if (error < 0) {
        close(fd);
        return error;
    }
    return uv_listen(&l->wire.stream, SMTP_BACKLOG, on_connection);
}

static int open_listener(struct smtp_server *server, enum smtp_listener_kind kind, char *text)
{
    static const char *const names[] = {"SMTP", "SMTP over TLS", "LMTP"};
    struct smtp_listener *l = &server->listeners[kind];
    const struct smtp_server_config *c = &server->config;
    const struct sockaddr_storage *address = kind == SMTP_PLAIN ? &c->listen : &c->listen_tls;
    if (kind == SMTP_LMTP ? !c->lmtp_socket[0] : !address->ss_family)
        return 0;
    l->server = server;
    l->kind = kind;
    (void)uv_timer_init(server->loop, &l->again);
    l->again.data = l;
    int error = kind == SMTP_LMTP ? listen_unix(l, c->lmtp_socket) : listen_tcp(l, address);
    if (error < 0)
        (void)snprintf(text, SIP_TLS_TEXT, "%s cannot listen: %s", names[kind], strerror(-error));
    return error;
}

static int check(struct smtp_server *server, char *text)
{
    const struct smtp_server_config *c = &server->config;
    const struct sip_tls_terms own = {
        .ca_file = c->ca_file, .certificate_file = c->certificate_file, .key_file = c->key_file};
    char unused[POLICY_NAME_TEXT];
    if (!relay_list_valid(c->relays)) {
        (void)snprintf(text, SIP_TLS_TEXT, "the list of relays cannot be read");
        return -EINVAL;
    }
    if (client_list_find(c->clients, "", unused, sizeof unused) == -EINVAL) {
        (void)snprintf(text, SIP_TLS_TEXT, "the list of client certificates cannot be read");
        return -EINVAL;
    }
    if (!c->certificate_file[0] && c->listen_tls.ss_family) {
        (void)snprintf(text, SIP_TLS_TEXT, "SMTP over TLS needs a certificate");
        return -EINVAL;
    }
    return c->certificate_file[0] ? sip_tls_check(server->tls, &own, text) : 0;
}

static void set_terms(struct smtp_server *server)
{
    const struct smtp_server_config *c = &server->config;
    server->terms = (struct smtp_terms){.host = c->host,
                                        .domains = c->domains,
                                        .offers_tls = c->certificate_file[0] != '\0',
                                        .offers_auth = c->sign_in != NULL,
                                        .must_sign_in = true,
                                        .max_octets = c->max_octets,
                                        .max_line = c->max_line,
                                        .max_recipients = c->max_recipients,
                                        .max_errors = c->max_errors};
    server->lmtp_terms = server->terms;
    server->lmtp_terms.lmtp = server->lmtp_terms.local = true;
    server->lmtp_terms.offers_tls = false;
    server->lmtp_terms.must_sign_in = false;
}

static void ignore(void *user)
{
    (void)user;
}

int smtp_server_open(uv_loop_t *loop, const struct smtp_server_config *config,
                     struct smtp_server **out, char text[240])
{
    struct smtp_server *server = calloc(1, sizeof *server);
    (void)snprintf(text, SIP_TLS_TEXT, "out of memory");
    if (!server)
        return -ENOMEM;
    server->loop = loop;
    server->config = *config;
    set_terms(server);
    smtp_session_handlers(&server->handlers);
    int error = sip_tls_contexts_new(&server->tls);
    if (error == 0)
        error = rate_limit_new(RATE_KEYS, &server->rates);
    if (error == 0)
        error = check(server, text);
    for (int kind = 0; error == 0 && kind < SMTP_LISTENERS; kind++)
        error = open_listener(server, (enum smtp_listener_kind)kind, text);
    if (error < 0) {
        smtp_server_close(server, ignore, NULL);
        return error;
    }
    *out = server;
    return 0;
}

void smtp_server_addresses(const struct smtp_server *server, struct sockaddr_storage *listen,
                           struct sockaddr_storage *listen_tls)
{
    *listen = server->listeners[SMTP_PLAIN].bound;
    *listen_tls = server->listeners[SMTP_TLS_FIRST].bound;
}

size_t smtp_server_sessions(const struct smtp_server *server)
{
    return server ? server->session_count : 0;
}

/* --- closing --- */

static void end_if_done(struct smtp_server *server)
{
    if (!server->closing || server->handles > 0 || server->session_count > 0)
        return;
    void (*closed)(void *user) = server->closed;
    void *user = server->closed_user;
    sip_tls_contexts_free(server->tls);
    rate_limit_free(server->rates);
    free(server);
    closed(user);
}

void smtp_server_session_gone(struct smtp_server *server)
{
    server->session_count--;
    end_if_done(server);
}

static void on_closed(uv_handle_t *handle)
{
    struct smtp_listener *listener = handle->data;
    listener->server->handles--;
    end_if_done(listener->server);
}

static void close_listeners(struct smtp_server *server)
{
    for (int i = 0; i < SMTP_LISTENERS; i++) {
        struct smtp_listener *l = &server->listeners[i];
        if (!l->server)
            continue;
        server->handles += 1 + l->is_open;
        if (l->is_open)
            uv_close(&l->wire.handle, on_closed);
        uv_close((uv_handle_t *)&l->again, on_closed);
        l->is_open = false;
        l->server->listeners[i].bound.ss_family = 0;
    }
    if (server->has_place)
        http_listen_remove(&server->place);
    server->has_place = false;
}

void smtp_server_drain(struct smtp_server *server)
{
    if (!server || server->draining || server->closing)
        return;
    server->draining = true;
    close_listeners(server);
    for (struct smtp_session *s = server->sessions, *next; s; s = next) {
        next = s->next;
        smtp_session_run(s);
    }
}

void smtp_server_close(struct smtp_server *server, void (*closed)(void *user), void *user)
{
    if (!server) {
        closed(user);
        return;
    }
    server->closing = true;
    server->closed = closed;
    server->closed_user = user;
    server->handles++; /* until all of this is done */
    if (!server->draining)
        close_listeners(server);
    for (struct smtp_session *s = server->sessions, *next; s; s = next) {
        next = s->next;
        smtp_session_end(s, 421, "4.3.2", "The gateway stops; try again later");
    }
    server->handles--;
    end_if_done(server);
}
