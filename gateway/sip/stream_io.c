/* What comes and goes on a connection. */
#include "gateway/sip/stream_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/osip.h"
#include "gateway/socket_address.h"

enum { WIRE_CHUNK = 16384 };

struct pending_write {
    uv_write_t request;
    struct sip_stream *stream;
    size_t length;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    struct pending_write *w = request->data;
    struct sip_stream *s = w->stream;
    s->unsent -= w->length;
    free(w);
    if (status != 0 && s->state != STREAM_CLOSING)
        stream_break(s);
}

static int write_wire(struct sip_stream *s, const char *bytes, size_t length)
{
    uv_stream_t *tcp = (uv_stream_t *)&s->tcp;
    uv_buf_t now = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    int sent = s->unsent ? UV_EAGAIN : uv_try_write(tcp, &now, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return sent;
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == length)
        return 0;
    length -= done;
    if (s->unsent + length > STREAM_UNSENT_MAX)
        return -ENOBUFS;
    struct pending_write *w = malloc(sizeof *w + length);
    if (!w)
        return -ENOMEM;
    w->request.data = w;
    w->stream = s;
    w->length = length;
    memcpy(w->bytes, bytes + done, length);
    uv_buf_t rest = uv_buf_init(w->bytes, (unsigned)length);
    int error = uv_write(&w->request, tcp, &rest, 1, on_written);
    if (error) {
        free(w);
        return error;
    }
    s->unsent += length;
    return 0;
}

int stream_flush(struct sip_stream *s)
{
    char chunk[WIRE_CHUNK];
    size_t length;
    while ((length = sip_tls_take(s->tls, chunk, sizeof chunk)) > 0) {
        int error = write_wire(s, chunk, length);
        if (error)
            return error;
    }
    return 0;
}

int stream_write(struct sip_stream *s, const char *bytes, size_t length)
{
    if (!s->tls)
        return write_wire(s, bytes, length);
    int error = sip_tls_write(s->tls, bytes, length);
    return error ? error : stream_flush(s);
}

void stream_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct sip_stream *s = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(s->stack->received, sizeof s->stack->received);
}

static void message_done(struct sip_stream *s, size_t left)
{
    uint64_t now = uv_now(s->stack->loop);
    s->messages_in++;
    s->idle_at_ms = now + s->stack->config.idle_timeout_ms;
    s->deadline_ms = left ? now + s->stack->config.message_timeout_ms : 0;
}

static void handle_message(struct sip_stream *s, const char *bytes, size_t length)
{
    struct sip_hop source = {.address = s->peer, .protocol = s->protocol, .connection = s->number};
    /* Who came in as anybody must not become a trunk whose certificate nobody has seen. */
    if (s->incoming && !stream_terms_hold(s)) {
        stream_break(s);
        return;
    }
    sip_stack_receive(s->stack, bytes, length, &source);
}

static int take_frame(struct sip_stream *s, enum sip_frame_kind kind, const char *bytes,
                      size_t length, size_t left)
{
    uint64_t now = uv_now(s->stack->loop);
    switch (kind) {
    case SIP_FRAME_MESSAGE:
        if (!stream_terms_hold(s))
            return -EACCES;
        message_done(s, left);
        handle_message(s, bytes, length);
        return 0;
    case SIP_FRAME_PING:
        s->stack->counters.keep_alives_in++;
        if (s->incoming)
            s->idle_at_ms = now + s->stack->config.idle_timeout_ms;
        return stream_write(s, "\r\n", 2);
    case SIP_FRAME_PONG:
        if (s->pong_by_ms)
            s->ever_pong = true;
        s->pong_by_ms = 0;
        return 0;
    }
    return 0;
}

/* Takes all that is complete at the start of the buffer. Returns why the connection has to end, or
 * NULL. */
static const char *take_frames(struct sip_stream *s)
{
    size_t at = 0;
    int error = 0;
    while (!error && s->state == STREAM_OPEN && at < s->in_length) {
        enum sip_frame_kind kind;
        size_t length;
        error = sip_frame_next(&s->frame, s->in + at, s->in_length - at, s->pong_by_ms != 0, &kind,
                               &length);
        if (!error) {
            at += length;
            error = take_frame(s, kind, s->in + at - length, length, s->in_length - at);
        }
    }
    memmove(s->in, s->in + at, s->in_length - at);
    s->in_length -= at;
    if (s->in_length == 0) {
        free(s->in);
        s->in = NULL;
        s->in_capacity = 0;
    } else if (!s->deadline_ms) {
        s->deadline_ms = uv_now(s->stack->loop) + s->stack->config.message_timeout_ms;
    }
    if (!error || error == -EAGAIN)
        return NULL;
    if (error == -EACCES)
        return "what was agreed about TLS with this peer has changed";
    s->stack->counters.malformed++;
    return error == -E2BIG ? "the peer sends a message of more than 65,535 octets"
                           : "what the peer sends is no SIP on a stream (RFC 3261 §18.3)";
}

static const char *take_plain(struct sip_stream *s, const char *bytes, size_t length)
{
    size_t needed = s->in_length + length;
    if (needed > s->in_capacity) {
        char *more = realloc(s->in, needed);
        if (!more)
            return "out of memory";
        s->in = more;
        s->in_capacity = needed;
    }
    memcpy(s->in + s->in_length, bytes, length);
    s->in_length = needed;
    return take_frames(s);
}

static int become_open(struct sip_stream *s)
{
    char *waiting = s->waiting;
    size_t length = s->waiting_length;
    s->state = STREAM_OPEN;
    s->deadline_ms = 0;
    s->waiting = NULL;
    s->waiting_length = 0;
    int error = length ? stream_write(s, waiting, length) : 0;
    free(waiting);
    return error;
}

/* Returns why the connection has to end; "" when the peer ended it; NULL. */
static const char *advance_tls(struct sip_stream *s)
{
    char plain[WIRE_CHUNK];
    if (s->state == STREAM_HANDSHAKE) {
        int error = sip_tls_handshake(s->tls);
        if (stream_flush(s) != 0)
            return "the peer does not take what is sent";
        if (error == -EAGAIN)
            return NULL;
        if (error)
            return sip_tls_text(s->tls);
        if (become_open(s) != 0)
            return "the peer does not take what is sent";
    }
    while (s->state == STREAM_OPEN) {
        int n = sip_tls_read(s->tls, plain, sizeof plain);
        if (n == -EAGAIN)
            break;
        if (n <= 0) {
            (void)stream_flush(s);
            return n == 0 ? "" : sip_tls_text(s->tls);
        }
        const char *why = take_plain(s, plain, (size_t)n);
        if (why)
            return why;
    }
    return s->state == STREAM_OPEN && stream_flush(s) != 0 ? "the peer does not take what is sent"
                                                           : NULL;
}

static const char *advance(struct sip_stream *s, const char *bytes, size_t length)
{
    if (!s->tls) {
        if (s->waiting_length && become_open(s) != 0)
            return "the peer does not take what is sent";
        return length ? take_plain(s, bytes, length) : NULL;
    }
    if (length && sip_tls_feed(s->tls, bytes, length) != 0)
        return "out of memory";
    return advance_tls(s);
}

static const char *why_ended(const struct sip_stream *s, ssize_t n, char text[SIP_TROUBLE_TEXT])
{
    if (s->state == STREAM_HANDSHAKE)
        return "the peer closed the connection during the TLS handshake";
    if (n == UV_EOF || n == UV_ECONNRESET)
        return NULL;
    (void)snprintf(text, SIP_TROUBLE_TEXT, "the connection broke: %s", uv_strerror((int)n));
    return text;
}

void stream_read_cb(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buffer)
{
    struct sip_stream *s = tcp->data;
    struct sip_stack *stack = s->stack;
    char text[SIP_TROUBLE_TEXT];
    if (s->state == STREAM_CLOSING)
        return;
    if (n < 0) {
        stream_lose(s, why_ended(s, n, text), false);
    } else {
        const char *why = advance(s, n > 0 ? buffer->base : NULL, (size_t)n);
        if (why)
            stream_lose(s, why[0] ? why : NULL, strstr(why, "certificate") != NULL);
        else if (s->state != STREAM_CLOSING)
            stream_arm(s);
    }
    sip_stack_reap(stack);
}
