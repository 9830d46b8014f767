/* What comes and goes on a connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/smtp/smtp_server_private.h"

enum { PLAIN_CHUNK = 16384 };

struct pending_write {
    uv_write_t request;
    struct smtp_session *session;
    char octets[];
};

/* --- out --- */

static void on_written(uv_write_t *request, int status)
{
    struct pending_write *w = request->data;
    struct smtp_session *s = w->session;
    free(w);
    if (status < 0 && status != UV_ECANCELED)
        smtp_session_destroy(s);
    else if (s->state == SMTP_SESSION_OPEN && !s->reading)
        smtp_session_take(s, NULL, 0);
}

static int write_wire(struct smtp_session *s, const char *octets, size_t length)
{
    uv_buf_t now = uv_buf_init((char *)(uintptr_t)octets, (unsigned)length);
    size_t queued = uv_stream_get_write_queue_size(&s->wire.stream);
    int sent = queued ? UV_EAGAIN : uv_try_write(&s->wire.stream, &now, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return sent;
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == length)
        return 0;
    length -= done;
    if (queued + length > SMTP_UNSENT_MAX)
        return -ENOBUFS;
    struct pending_write *w = malloc(sizeof *w + length);
    if (!w)
        return -ENOMEM;
    w->request.data = w;
    w->session = s;
    memcpy(w->octets, octets + done, length);
    uv_buf_t rest = uv_buf_init(w->octets, (unsigned)length);
    int error = uv_write(&w->request, &s->wire.stream, &rest, 1, on_written);
    if (error < 0)
        free(w);
    return error;
}

void smtp_session_reply(void *user, const char *octets, size_t length)
{
    struct smtp_session *s = user;
    s->replied_ms = uv_now(s->server->loop);
    if (s->out_length + length > s->out_room) {
        size_t room = 2 * s->out_room + length + 256;
        char *more = room > SMTP_UNSENT_MAX ? NULL : realloc(s->out, room);
        if (!more) {
            s->broken = true;
            return;
        }
        s->out = more;
        s->out_room = room;
    }
    memcpy(s->out + s->out_length, octets, length);
    s->out_length += length;
}

static int flush_tls(struct smtp_session *s)
{
    char chunk[PLAIN_CHUNK];
    size_t length;
    while ((length = sip_tls_take(s->tls, chunk, sizeof chunk)) > 0) {
        int error = write_wire(s, chunk, length);
        if (error < 0)
            return error;
    }
    return 0;
}

void smtp_session_flush(struct smtp_session *s)
{
    int error = 0;
    if (s->state == SMTP_SESSION_CLOSED)
        return;
    if (s->tls && s->out_length > 0)
        error = sip_tls_write(s->tls, s->out, s->out_length);
    else if (s->out_length > 0)
        error = write_wire(s, s->out, s->out_length);
    if (s->tls && error == 0)
        error = flush_tls(s);
    if (error < 0)
        s->broken = true;
    free(s->out);
    s->out = NULL;
    s->out_length = s->out_room = 0;
}

/* --- in --- */

static void fail(struct smtp_session *s, const char *reason)
{
    if (reason)
        smtp_session_refused(s, reason);
    smtp_session_destroy(s);
}

static bool hold(struct smtp_session *s, const char *octets, size_t length)
{
    char *more = realloc(s->held, s->held_length + length);
    if (!more)
        return false;
    memcpy(more + s->held_length, octets, length);
    s->held = more;
    s->held_length += length;
    return true;
}

/* Straight from where it was read, when nothing waits before it. */
static void take_plain(struct smtp_session *s, const char *octets, size_t length)
{
    size_t taken = 0;
    if (s->held_length == 0 && !smtp_machine_waits(s->machine))
        taken = smtp_machine_feed(s->machine, octets, length);
    if (!s->ends && taken < length && !hold(s, octets + taken, length - taken)) {
        fail(s, "out of memory");
        return;
    }
    smtp_session_run(s);
}

static bool may_go_on(const struct smtp_session *s)
{
    return (s->state == SMTP_SESSION_OPEN || s->state == SMTP_SESSION_GREETING) &&
           !smtp_machine_waits(s->machine) &&
           uv_stream_get_write_queue_size(&s->wire.stream) <= SMTP_UNSENT_PAUSE;
}

static void shake_hands(struct smtp_session *s)
{
    char text[SIP_TLS_TEXT];
    int error = sip_tls_handshake(s->tls);
    smtp_session_flush(s);
    if (error == -EAGAIN && !s->broken) {
        smtp_session_arm(s);
    } else if (error < 0 || s->broken) {
        (void)snprintf(text, sizeof text, "%s", sip_tls_text(s->tls));
        fail(s, text);
    } else {
        smtp_session_secured(s);
        smtp_session_flush(s);
        smtp_session_arm(s);
    }
}

static void take_tls(struct smtp_session *s)
{
    char plain[PLAIN_CHUNK];
    if (s->state == SMTP_SESSION_HANDSHAKE)
        shake_hands(s);
    while (may_go_on(s)) {
        int n = sip_tls_read(s->tls, plain, sizeof plain);
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            fail(s, n < 0 ? sip_tls_text(s->tls) : NULL);
            return;
        }
        take_plain(s, plain, (size_t)n);
    }
}

void smtp_session_take(struct smtp_session *s, const char *octets, size_t n)
{
    if (s->state == SMTP_SESSION_CLOSED || s->state == SMTP_SESSION_LINGERING)
        return;
    if (n > 0)
        s->moved_ms = uv_now(s->server->loop);
    if (!s->tls) {
        if (n > 0)
            take_plain(s, octets, n);
        else
            smtp_session_run(s);
        return;
    }
    if (n > 0 && sip_tls_feed(s->tls, octets, n) < 0) {
        fail(s, "out of memory");
        return;
    }
    smtp_session_run(s);
    take_tls(s);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct smtp_session *s = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(s->server->received, sizeof s->server->received);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct smtp_session *s = stream->data;
    if (n < 0)
        fail(s, s->state == SMTP_SESSION_HANDSHAKE ? "it closed the connection during the handshake"
                                                   : NULL);
    else if (n > 0)
        smtp_session_take(s, buffer->base, (size_t)n);
}

int smtp_session_read(struct smtp_session *s)
{
    int error = uv_read_start(&s->wire.stream, on_alloc, on_read);
    s->reading = error == 0;
    return error;
}
