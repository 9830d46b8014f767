#include "gateway/http/http_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/http/http_connection.h"

enum { READ_BUFFER_BYTES = 64 * 1024, SOCKET_MODE = 0666, ACCEPT_AGAIN_MS = 100 };

static void set_size(size_t *value, size_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void set_count(unsigned *value, unsigned fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void set_time(uint64_t *value_ms, uint64_t fallback_ms)
{
    if (*value_ms == 0)
        *value_ms = fallback_ms;
}

static struct http_limits complete_limits(struct http_limits limits)
{
    set_count(&limits.connections, 256);
    set_count(&limits.connections_per_user, 64);
    set_size(&limits.body_total_bytes, (size_t)512 << 20);
    set_size(&limits.head_bytes, 16 << 10);
    set_count(&limits.headers, 64);
    if (limits.headers > HTTP_HEADERS_MAX)
        limits.headers = HTTP_HEADERS_MAX;
    set_size(&limits.target_bytes, 4096);
    set_size(&limits.stream_queue_bytes, 256 << 10);
    set_time(&limits.idle_timeout_ms, 30000);
    set_time(&limits.head_timeout_ms, 10000);
    set_time(&limits.body_stall_ms, 15000);
    set_time(&limits.body_timeout_ms, 300000);
    set_time(&limits.write_stall_ms, 30000);
    return limits;
}

static void free_server(struct http_server *server)
{
    free(server->read_buffer);
    free(server);
}

static void finish_when_empty(struct http_server *server)
{
    if (!server->closing || server->open_handles > 0 || server->connections)
        return;
    http_closed_cb *closed = server->closed;
    void *user = server->closed_user;
    free_server(server);
    if (closed)
        closed(user);
}

static void handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    server->open_handles--;
    finish_when_empty(server);
}

void http_server_forget(struct http_server *server, struct http_connection *connection)
{
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    server->connection_count--;
    if (server->closing && !server->connections && !uv_is_closing((uv_handle_t *)&server->drain))
        uv_close((uv_handle_t *)&server->drain, handle_closed);
    else
        finish_when_empty(server);
}

static unsigned count_of_user(const struct http_server *server, uid_t uid)
{
    unsigned count = 0;
    for (const struct http_connection *c = server->connections; c; c = c->next)
        count += c->peer.uid == uid && c->phase != PHASE_CLOSING;
    return count;
}

static void accept_one(uv_stream_t *listener, int status);

static void turn_away(struct http_transport *transport)
{
    static char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                         "Content-Type: application/problem+json\r\nContent-Length: 95\r\n\r\n"
                         "{\"type\":\"urn:sealfax:problem:overloaded\","
                         "\"title\":\"There are too many connections\",\"status\":503}";
    (void)transport->ops->write(transport, busy, sizeof busy - 1, NULL, NULL);
    transport->ops->close(transport);
}

static void accept_again(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    accept_one((uv_stream_t *)&server->listener, 0);
}

static void accept_one(uv_stream_t *listener, int status)
{
    struct http_server *server = listener->data;
    struct http_transport *transport;
    uv_buf_t buffer = {.base = (char *)server->read_buffer, .len = READ_BUFFER_BYTES};
    int error = status < 0 ? status : http_transport_accept_unix(listener, buffer, &transport);
    /* Without memory it was not accepted, and libuv tells of no other until it is. */
    if (error == -ENOMEM && !server->closing)
        uv_timer_start(&server->drain, accept_again, ACCEPT_AGAIN_MS, 0);
    if (error < 0)
        return;
    uid_t uid = transport->peer.uid;
    if (server->connection_count >= server->limits.connections ||
        (uid != 0 && count_of_user(server, uid) >= server->limits.connections_per_user))
        turn_away(transport);
    else
        http_connection_open(server, transport);
}

int http_server_open(uv_loop_t *loop, const struct http_server_config *config,
                     struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof *server);
    int fd = -1, error = -ENOMEM;
    if (!server || !(server->read_buffer = malloc(READ_BUFFER_BYTES)))
        goto fail;
    server->loop = loop;
    server->routes = config->routes;
    server->user = config->user;
    server->admit = config->admit;
    server->limits = complete_limits(config->limits);
    signal(SIGPIPE, SIG_IGN);
    fd = http_listen_unix(config->socket_path,
                          config->socket_mode ? config->socket_mode : SOCKET_MODE, &server->place);
    error = fd;
    if (fd < 0)
        goto fail;
    uv_pipe_init(loop, &server->listener, 0);
    server->listener.data = server;
    uv_timer_init(loop, &server->drain);
    server->drain.data = server;
    server->open_handles = 2;
    error = uv_pipe_open(&server->listener, fd);
    if (error == 0) {
        fd = -1;
        error = uv_listen((uv_stream_t *)&server->listener, 128, accept_one);
    }
    if (error < 0) {
        http_listen_remove(&server->place);
        if (fd >= 0)
            close(fd);
        http_server_close(server, 0, NULL, NULL);
        return error;
    }
    *out = server;
    return 0;
fail:
    if (server)
        free_server(server);
    return error;
}

static void cut_all(struct http_server *server)
{
    for (struct http_connection *c = server->connections; c; c = c->next)
        http_connection_close(c);
}

static void drain_is_over(uv_timer_t *timer)
{
    cut_all(timer->data);
}

void http_server_close(struct http_server *server, uint64_t drain_ms, http_closed_cb *closed,
                       void *user)
{
    if (!server)
        return;
    server->closing = true;
    server->closed = closed;
    server->closed_user = user;
    http_listen_remove(&server->place);
    uv_close((uv_handle_t *)&server->listener, handle_closed);
    for (struct http_connection *c = server->connections; c; c = c->next)
        http_connection_drain(c);
    if (drain_ms == 0)
        cut_all(server);
    if (server->connections)
        uv_timer_start(&server->drain, drain_is_over, drain_ms, 0);
    else
        uv_close((uv_handle_t *)&server->drain, handle_closed);
}
