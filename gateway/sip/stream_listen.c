/* Connections that peers make. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/device_store.h"
#include "gateway/sip/stream_private.h"
#include "gateway/sip/transport.h"
#include "gateway/socket_address.h"

static uint32_t count_of(const struct sip_stack *stack, const struct sockaddr *peer)
{
    uint32_t count = 0;
    for (size_t i = 0; i < stack->stream_slots; i++) {
        const struct sip_stream *s = stack->streams[i];
        if (s && s->incoming && sip_transport_same((const struct sockaddr *)&s->peer, peer, false))
            count++;
    }
    return count;
}

/* Cheapest first: a stranger costs an accept and a close. */
static const char *examine(struct sip_stack *stack, const struct sip_listener *listener,
                           const struct sockaddr *peer)
{
    const struct sip_config *c = &stack->config;
    if (c->source_known && !c->source_known(c->user, peer, listener->protocol) &&
        !sip_devices_enabled(stack)) {
        stack->counters.unknown_sources++;
        return "";
    }
    if (stack->is_closing)
        return "";
    if (stack->streams_in > c->max_connections)
        return "too many connections";
    if (count_of(stack, peer) > c->max_connections_of_peer)
        return "too many connections of one peer";
    return NULL;
}

static void on_connection(uv_stream_t *server, int status);

static void on_again(struct sip_timer *timer)
{
    struct sip_listener *listener = timer->owner;
    on_connection((uv_stream_t *)&listener->tcp, 0);
}

/* Accepted into a stream in any case: libuv gives it no other way to be closed. */
static void on_connection(uv_stream_t *server, int status)
{
    struct sip_listener *listener = server->data;
    struct sip_stack *stack = listener->stack;
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    int length = sizeof peer;
    if (status < 0 || stack->is_closed)
        return;
    struct sip_stream *s =
        stream_new(stack, listener->protocol, true, (const struct sockaddr *)&peer);
    if (!s) { /* without memory, and libuv tells of no other until this one is accepted */
        sip_timer_start(&stack->timers, &listener->again, STREAM_AGAIN_MS, on_again, listener);
        return;
    }
    if (uv_accept(server, (uv_stream_t *)&s->tcp) != 0 ||
        uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&s->peer, &length) != 0) {
        stream_lose(s, NULL, false);
        return;
    }
    const char *why = examine(stack, listener, (struct sockaddr *)&s->peer);
    if (why) {
        stack->counters.connections_refused++;
        stream_lose(s, why[0] ? why : NULL, false);
    } else {
        stack->counters.connections_in++;
        if (stream_begin(s) != 0)
            stream_lose(s, stack->trouble[0] ? stack->trouble : "the connection cannot be read",
                        false);
    }
    sip_stack_reap(stack);
}

static int open_listener(struct sip_stack *stack, struct sip_listener *listener,
                         enum sip_protocol protocol, const struct sockaddr_storage *address)
{
    struct sockaddr_storage bound = {0};
    int length = sizeof bound;
    unsigned flags = address->ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
    listener->stack = stack;
    listener->protocol = protocol;
    int error = uv_tcp_init_ex(stack->loop, &listener->tcp, address->ss_family);
    if (error)
        return error;
    listener->tcp.data = listener;
    listener->is_open = true;
    stack->open_handles++;
    error = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)address, flags);
    if (!error)
        error = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&bound, &length);
    if (!error)
        error = uv_listen((uv_stream_t *)&listener->tcp, STREAM_BACKLOG, on_connection);
    if (!error)
        sip_transport_set_bound(stack, protocol, &bound);
    return error;
}

int sip_streams_open(struct sip_stack *stack)
{
    const struct sip_config *c = &stack->config;
    const struct sip_tls_terms own = {.certificate_file = c->tls_certificate_file,
                                      .key_file = c->tls_key_file};
    int error = sip_tls_contexts_new(&stack->tls);
    stack->stream_slots = c->max_connections + STREAM_OUTGOING_MAX + STREAM_BACKLOG;
    stack->streams = calloc(stack->stream_slots, sizeof(struct sip_stream *));
    if (!error && !stack->streams)
        error = -ENOMEM;
    if (!error && c->listen_tcp.ss_family)
        error = open_listener(stack, &stack->listeners[0], SIP_TCP, &c->listen_tcp);
    if (error || !c->listen_tls.ss_family)
        return error;
    if (!c->tls_certificate_file || !c->tls_terms) {
        (void)snprintf(stack->trouble, sizeof stack->trouble, "TLS needs a certificate");
        return -EINVAL;
    }
    error = sip_tls_check(stack->tls, &own, stack->trouble);
    return error ? error : open_listener(stack, &stack->listeners[1], SIP_TLS, &c->listen_tls);
}

static void on_listener_closed(uv_handle_t *handle)
{
    const struct sip_listener *listener = handle->data;
    sip_stack_handle_closed(listener->stack);
}

void sip_streams_close(struct sip_stack *stack)
{
    for (size_t i = 0; stack->streams && i < stack->stream_slots; i++) {
        if (stack->streams[i])
            stream_lose(stack->streams[i], NULL, false);
    }
    for (size_t i = 0; i < sizeof stack->listeners / sizeof stack->listeners[0]; i++) {
        sip_timer_stop(&stack->timers, &stack->listeners[i].again);
        if (stack->listeners[i].is_open)
            uv_close((uv_handle_t *)&stack->listeners[i].tcp, on_listener_closed);
    }
}

void sip_streams_release(struct sip_stack *stack)
{
    sip_tls_contexts_free(stack->tls);
    free(stack->tls_certificate_file);
    free(stack->tls_key_file);
    free(stack->streams);
}
