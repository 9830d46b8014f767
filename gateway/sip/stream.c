#include "gateway/sip/stream_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/register_client.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"
#include "gateway/socket_address.h"

static uint64_t now_of(const struct sip_stream *s)
{
    return uv_now(s->stack->loop);
}

static struct sip_stream *find(const struct sip_stack *stack, uint32_t number)
{
    size_t slot = number & 0xffff;
    struct sip_stream *s = slot < stack->stream_slots ? stack->streams[slot] : NULL;
    return s && s->number == number ? s : NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct sip_stream *s = handle->data;
    struct sip_stack *stack = s->stack;
    sip_tls_free(s->tls);
    free(s->in);
    free(s->waiting);
    free(s);
    sip_stack_handle_closed(stack);
}

/* Requests that wait for their first response are tried once more on another connection when this
 * one has worked before: the peer may have closed it just now, for being idle. */
static void close_stream(struct sip_stream *s, const char *text)
{
    struct sip_stack *stack = s->stack;
    stack->streams[s->number & 0xffff] = NULL;
    if (s->incoming)
        stack->streams_in--;
    stack->counters.connections--;
    if (s->state == STREAM_OPEN && s->tls) {
        sip_tls_shut(s->tls);
        (void)stream_flush(s);
    }
    s->state = STREAM_CLOSING;
    sip_timer_stop(&stack->timers, &s->timer);
    uv_close((uv_handle_t *)&s->tcp, on_closed);
    sip_transaction_connection_lost(stack, s->number, s->messages_in > 0,
                                    text ? text : "the connection was closed");
    if (!stack->is_closing)
        sip_registration_connection_lost(stack, s->number);
}

void stream_lose(struct sip_stream *s, const char *text, bool verification)
{
    struct sip_stack *stack = s->stack;
    if (s->state == STREAM_CLOSING)
        return;
    if (text) {
        const struct sip_trouble trouble = {.peer = (struct sockaddr *)&s->peer,
                                            .protocol = s->protocol,
                                            .incoming = s->incoming,
                                            .verification = verification,
                                            .text = text};
        stack->counters.connections_failed++;
        if (stack->config.trouble && !stack->is_closed)
            stack->config.trouble(stack->config.user, &trouble);
    }
    close_stream(s, text);
}

void stream_break(struct sip_stream *s)
{
    s->broken = true;
    stream_arm(s);
}

/* A call or registration lives on it: without it, a peer behind an address translation cannot be
 * reached, nor can we. */
static bool is_in_use(const struct sip_stream *s)
{
    if (s->keep_until_ms > now_of(s))
        return true;
    for (const struct sip_session *c = s->stack->all_sessions; c; c = c->next) {
        if (!c->over && c->dialog.peer.connection == s->number)
            return true;
    }
    return sip_registration_uses(s->stack, s->number);
}

static void on_due(struct sip_timer *timer)
{
    struct sip_stream *s = timer->owner;
    struct sip_stack *stack = s->stack;
    uint64_t now = now_of(s);
    if (s->broken) {
        stream_lose(s, "the peer does not take what is sent", false);
    } else if (s->deadline_ms && now >= s->deadline_ms) {
        stream_lose(s,
                    s->state == STREAM_CONNECTING  ? "no connection in time"
                    : s->state == STREAM_HANDSHAKE ? "no TLS handshake in time"
                                                   : "a message took too long to arrive",
                    false);
    } else if (s->pong_by_ms && now >= s->pong_by_ms) {
        s->pong_by_ms = 0;
        if (s->ever_pong)
            stream_lose(s, "no answer to a keep-alive", false);
    } else if (now >= s->idle_at_ms && !is_in_use(s)) {
        stream_lose(s, NULL, false);
    } else if (now >= s->idle_at_ms) {
        s->idle_at_ms = now + stack->config.idle_timeout_ms;
    } else if (s->ping_at_ms && now >= s->ping_at_ms) {
        s->ping_at_ms = now + stack->config.keep_alive_ms;
        s->pong_by_ms = now + STREAM_PONG_MS;
        if (stream_write(s, "\r\n\r\n", 4) != 0)
            s->broken = true;
    }
    if (s->state != STREAM_CLOSING)
        stream_arm(s);
    sip_stack_reap(stack);
}

void stream_arm(struct sip_stream *s)
{
    uint64_t now = now_of(s), due = s->idle_at_ms;
    const uint64_t others[] = {s->deadline_ms, s->ping_at_ms, s->pong_by_ms};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] && others[i] < due)
            due = others[i];
    }
    if (s->broken)
        due = now;
    sip_timer_start(&s->stack->timers, &s->timer, due > now ? due - now : 0, on_due, s);
}

static bool take_number(struct sip_stream *s)
{
    struct sip_stack *stack = s->stack;
    for (size_t slot = 0; slot < stack->stream_slots; slot++) {
        if (stack->streams[slot])
            continue;
        if (++stack->stream_generation > 0xffff)
            stack->stream_generation = 1;
        stack->streams[slot] = s;
        s->number = stack->stream_generation << 16 | (uint32_t)slot;
        return true;
    }
    return false;
}

struct sip_stream *stream_new(struct sip_stack *stack, enum sip_protocol protocol, bool incoming,
                              const struct sockaddr *peer)
{
    struct sip_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->stack = stack;
    s->protocol = protocol;
    s->incoming = incoming;
    memcpy(&s->peer, peer, socket_address_length(peer));
    if (!take_number(s) || uv_tcp_init(stack->loop, &s->tcp) != 0) {
        if (s->number)
            stack->streams[s->number & 0xffff] = NULL;
        free(s);
        return NULL;
    }
    s->tcp.data = s;
    s->connect.data = s;
    stack->open_handles++;
    stack->counters.connections++;
    if (incoming)
        stack->streams_in++;
    s->idle_at_ms = now_of(s) + stack->config.idle_timeout_ms;
    s->deadline_ms = now_of(s) + stack->config.connect_timeout_ms;
    return s;
}

static bool get_terms(const struct sip_stream *s, struct sip_tls_terms *terms)
{
    const struct sip_config *c = &s->stack->config;
    *terms = (struct sip_tls_terms){0};
    if (!c->tls_terms ||
        !c->tls_terms(c->user, (const struct sockaddr *)&s->peer, s->incoming, terms))
        return false;
    if (!terms->certificate_file || !terms->certificate_file[0]) {
        terms->certificate_file = c->tls_certificate_file;
        terms->key_file = c->tls_key_file;
    }
    return true;
}

static uint64_t hash_of(const struct sip_stack *stack, const struct sip_tls_terms *terms)
{
    const char *texts[] = {terms->ca_file, terms->name, terms->certificate_file, terms->key_file};
    uint64_t hashes[sizeof texts / sizeof *texts];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = texts[i] ? texts[i] : "";
        hashes[i] = sip_table_hash(stack->tag_seed, text, strlen(text));
    }
    return sip_table_hash(stack->tag_seed, hashes, sizeof hashes) ^ terms->anybody;
}

bool stream_terms_hold(struct sip_stream *s)
{
    struct sip_tls_terms terms;
    return !s->tls || (get_terms(s, &terms) && hash_of(s->stack, &terms) == s->terms);
}

static int begin_tls(struct sip_stream *s)
{
    struct sip_tls_terms terms;
    char *text = s->stack->trouble;
    if (!get_terms(s, &terms)) {
        (void)snprintf(text, SIP_TROUBLE_TEXT, "no TLS is agreed with this peer");
        return -EACCES;
    }
    s->terms = hash_of(s->stack, &terms);
    return sip_tls_new(s->stack->tls, &terms, (struct sockaddr *)&s->peer, s->incoming, &s->tls,
                       text);
}

int stream_begin(struct sip_stream *s)
{
    uv_tcp_nodelay(&s->tcp, 1);
    if (s->protocol == SIP_TLS) {
        int error = s->tls ? 0 : begin_tls(s);
        if (error)
            return error;
        s->state = STREAM_HANDSHAKE;
    } else {
        s->state = STREAM_OPEN;
        s->deadline_ms = 0;
    }
    stream_arm(s);
    return uv_read_start((uv_stream_t *)&s->tcp, stream_alloc_cb, stream_read_cb);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct sip_stream *s = request->data;
    struct sip_stack *stack = s->stack;
    char text[SIP_TROUBLE_TEXT];
    if (status == UV_ECANCELED || s->state == STREAM_CLOSING)
        return;
    if (status == 0)
        status = stream_begin(s);
    if (status == 0) /* our first flight, or what waits */
        stream_read_cb((uv_stream_t *)&s->tcp, 0, NULL);
    if (status != 0) {
        (void)snprintf(text, sizeof text, "no connection: %s", uv_strerror(status));
        stream_lose(s, text, false);
    }
    sip_stack_reap(stack);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
}

static void connect_address(const struct sip_hop *to, struct sockaddr_storage *address)
{
    *address = to->address;
    if (to->return_port)
        set_port(address, to->return_port);
}

/* Peers know us by the address that we listen on. */
static int bind_own(struct sip_stream *s)
{
    const struct sockaddr_storage *bound = &s->stack->bound[s->protocol];
    if (!bound->ss_family)
        bound = &s->stack->bound[SIP_UDP];
    struct sockaddr_storage own = *bound;
    if (own.ss_family != s->peer.ss_family)
        return 0;
    set_port(&own, 0);
    return uv_tcp_bind(&s->tcp, (const struct sockaddr *)&own, 0);
}

/* One that we made to the same place. */
static struct sip_stream *find_made(const struct sip_stack *stack, enum sip_protocol protocol,
                                    const struct sockaddr *address)
{
    for (size_t i = 0; i < stack->stream_slots; i++) {
        struct sip_stream *s = stack->streams[i];
        if (s && !s->incoming && !s->broken && s->protocol == protocol &&
            sip_transport_same((struct sockaddr *)&s->peer, address, true) && stream_terms_hold(s))
            return s;
    }
    return NULL;
}

/* TLS is made before the connection, so that what is wrong with our own files is told at once. */
static struct sip_stream *make(struct sip_stack *stack, enum sip_protocol protocol,
                               const struct sockaddr *address, int *error)
{
    bool is_full = stack->counters.connections - stack->streams_in >= STREAM_OUTGOING_MAX;
    struct sip_stream *s = is_full ? NULL : stream_new(stack, protocol, false, address);
    *error = -EMFILE;
    if (!s)
        return NULL;
    *error = protocol == SIP_TLS ? begin_tls(s) : 0;
    if (!*error)
        *error = bind_own(s);
    if (!*error)
        *error = uv_tcp_connect(&s->connect, &s->tcp, address, on_connect);
    if (*error) {
        close_stream(s, NULL);
        return NULL;
    }
    stack->counters.connections_out++;
    s->ping_at_ms = now_of(s) + stack->config.keep_alive_ms;
    stream_arm(s);
    return s;
}

static int wait_until_open(struct sip_stream *s, const char *bytes, size_t length)
{
    if (s->waiting_length + length > STREAM_UNSENT_MAX)
        return -ENOBUFS;
    char *more = realloc(s->waiting, s->waiting_length + length);
    if (!more)
        return -ENOMEM;
    memcpy(more + s->waiting_length, bytes, length);
    s->waiting = more;
    s->waiting_length += length;
    return 0;
}

int sip_stream_send(struct sip_stack *stack, const char *bytes, size_t length, struct sip_hop *to)
{
    struct sockaddr_storage address;
    struct sip_stream *s = find(stack, to->connection);
    int error = 0;
    stack->trouble[0] = '\0';
    connect_address(to, &address);
    if (stack->is_closed)
        return -ESHUTDOWN;
    if (!s || s->broken || s->protocol != to->protocol)
        s = find_made(stack, to->protocol, (struct sockaddr *)&address);
    if (!s)
        s = make(stack, to->protocol, (struct sockaddr *)&address, &error);
    if (!s)
        return error;
    to->connection = s->number;
    if (s->state != STREAM_OPEN)
        return wait_until_open(s, bytes, length);
    s->idle_at_ms = now_of(s) + stack->config.idle_timeout_ms;
    error = stream_write(s, bytes, length);
    if (error)
        stream_break(s);
    return error;
}

void sip_stream_protection(const struct sip_stack *stack, uint32_t connection, char *text,
                           size_t size)
{
    const struct sip_stream *s = find(stack, connection);
    (void)snprintf(text, size, "%s", "");
    if (s && s->tls && s->state == STREAM_OPEN)
        sip_tls_describe(s->tls, text, size);
}

void sip_stream_keep(struct sip_stack *stack, uint32_t connection, uint64_t until_ms)
{
    struct sip_stream *s = find(stack, connection);
    if (s && until_ms > s->keep_until_ms)
        s->keep_until_ms = until_ms;
}

const struct sip_tls *sip_stream_certified(const struct sip_stack *stack, uint32_t connection)
{
    const struct sip_stream *s = find(stack, connection);
    return s && s->tls && s->state == STREAM_OPEN && sip_tls_is_certified(s->tls) ? s->tls : NULL;
}

bool sip_stream_stands(const struct sip_stack *stack, uint32_t connection)
{
    const struct sip_stream *s = find(stack, connection);
    return s && !s->broken;
}
