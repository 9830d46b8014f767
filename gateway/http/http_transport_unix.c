#include "gateway/http/http_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct unix_transport {
    struct http_transport base;
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    uv_buf_t read_buffer;
    int closing;
};

struct unix_write {
    uv_write_t request;
    struct unix_transport *transport;
    void *octets;
    void (*free_cb)(void *octets, void *user);
    void *user;
};

static struct unix_transport *of(struct http_transport *transport)
{
    return (struct unix_transport *)transport;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    const struct unix_transport *transport = handle->data;
    *buffer = transport->read_buffer;
}

static void take_octets(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct unix_transport *transport = stream->data;
    if (count > 0) {
        transport->base.events.octets(transport->base.user, (const uint8_t *)buffer->base,
                                      (size_t)count);
        explicit_bzero(buffer->base, (size_t)count);
    } else if (count < 0) {
        uv_read_stop(stream);
        transport->base.events.ended(transport->base.user, count == UV_EOF ? 0 : (int)count);
    }
    /* 0 is EAGAIN, not the end */
}

static int unix_read_start(struct http_transport *transport)
{
    int error = uv_read_start((uv_stream_t *)&of(transport)->pipe, give_buffer, take_octets);
    return error == UV_EALREADY ? 0 : error;
}

static void unix_read_stop(struct http_transport *transport)
{
    uv_read_stop((uv_stream_t *)&of(transport)->pipe);
}

static void write_done(uv_write_t *request, int status)
{
    struct unix_write *write = request->data;
    struct unix_transport *transport = write->transport;
    if (write->free_cb)
        write->free_cb(write->octets, write->user);
    free(write);
    if (!transport->closing)
        transport->base.events.sent(transport->base.user, status);
}

static int unix_write(struct http_transport *transport, void *octets, size_t length,
                      void (*free_cb)(void *octets, void *user), void *user)
{
    int error = -ENOMEM;
    struct unix_write *write = NULL;
    uv_buf_t buffer = {.base = octets, .len = length};
    if (of(transport)->closing) {
        error = -EPIPE;
        goto fail;
    }
    write = malloc(sizeof *write);
    if (!write)
        goto fail;
    *write = (struct unix_write){
        .transport = of(transport), .octets = octets, .free_cb = free_cb, .user = user};
    write->request.data = write;
    error = uv_write(&write->request, (uv_stream_t *)&of(transport)->pipe, &buffer, 1, write_done);
    if (error == 0)
        return 0;
fail:
    free(write);
    if (free_cb)
        free_cb(octets, user);
    return error;
}

static size_t unix_queued_bytes(const struct http_transport *transport)
{
    const struct unix_transport *self = (const struct unix_transport *)transport;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&self->pipe);
}

static void shutdown_done(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status;
}

static void unix_finish(struct http_transport *transport)
{
    struct unix_transport *self = of(transport);
    if (!self->closing)
        (void)uv_shutdown(&self->shutdown, (uv_stream_t *)&self->pipe, shutdown_done);
}

static void pipe_closed(uv_handle_t *handle)
{
    struct unix_transport *transport = handle->data;
    if (transport->base.events.closed)
        transport->base.events.closed(transport->base.user);
    free(transport);
}

static void unix_close(struct http_transport *transport)
{
    struct unix_transport *self = of(transport);
    if (self->closing)
        return;
    self->closing = 1;
    uv_close((uv_handle_t *)&self->pipe, pipe_closed);
}

static const struct http_transport_ops unix_ops = {
    .read_start = unix_read_start,
    .read_stop = unix_read_stop,
    .write = unix_write,
    .queued_bytes = unix_queued_bytes,
    .finish = unix_finish,
    .close = unix_close,
};

static int find_peer(struct unix_transport *transport)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    uv_os_fd_t fd;
    int error = uv_fileno((const uv_handle_t *)&transport->pipe, &fd);
    if (error < 0)
        return error;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -errno;
    transport->base.peer.uid = credentials.uid;
    transport->base.peer.gid = credentials.gid;
    transport->base.peer.pid = credentials.pid;
    return 0;
}

int http_transport_accept_unix(uv_stream_t *listener, uv_buf_t read_buffer,
                               struct http_transport **out)
{
    struct unix_transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        return -ENOMEM;
    transport->base.ops = &unix_ops;
    transport->read_buffer = read_buffer;
    int error = uv_pipe_init(listener->loop, &transport->pipe, 0);
    if (error < 0) {
        free(transport);
        return error;
    }
    transport->pipe.data = transport;
    error = uv_accept(listener, (uv_stream_t *)&transport->pipe);
    if (error == 0)
        error = find_peer(transport);
    if (error < 0) {
        unix_close(&transport->base);
        return error;
    }
    *out = &transport->base;
    return 0;
}
