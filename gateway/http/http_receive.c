#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <http_parser.h>

#include "gateway/file_octets.h"

#include "gateway/http/http_connection.h"

static void drop_input(struct http_connection *connection, size_t length)
{
    size_t left = connection->input_length - length;
    memmove(connection->input, connection->input + length, left);
    explicit_bzero(connection->input + left, length);
    connection->input_length = left;
}

static void hand_over(struct http_connection *connection)
{
    struct http_request *request = connection->request;
    uv_timer_stop(&connection->timer);
    connection->phase = PHASE_HANDLING;
    if (request->body_fd >= 0 &&
        (fcntl(request->body_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
         lseek(request->body_fd, 0, SEEK_SET) < 0)) {
        http_respond_problem(request, 500, "internal", "Internal error", NULL);
        return;
    }
    request->handed = true;
    request->route->handler(request, request->user);
}

/* Answers without a handler. */
static void answer_refusal(struct http_connection *connection, const struct http_refusal *refusal)
{
    if (!connection->request)
        connection->request = http_request_new(connection);
    if (!connection->request) {
        http_connection_close(connection);
        return;
    }
    connection->phase = PHASE_HANDLING;
    uv_timer_stop(&connection->timer);
    http_respond_problem(connection->request, refusal->status, refusal->slug,
                         http_status_str((enum http_status)refusal->status), refusal->detail);
}

void http_connection_refuse(struct http_connection *connection, const struct http_refusal *refusal)
{
    connection->close_after = true;
    answer_refusal(connection, refusal);
}

/* Without a body to skip the connection can go on. */
static int refuse_route(struct http_connection *connection, int status, const char *allow)
{
    struct http_request *request = connection->request;
    struct http_refusal refusal;
    if (request->head.chunked || request->head.content_length > 0)
        connection->close_after = true;
    if (status == 405)
        (void)http_respond_header(request, "Allow", allow);
    http_refuse(&refusal, status,
                status == 404   ? "there is nothing under this path"
                : status == 405 ? "the path does not know this method"
                : status == 503 ? "no memory for the path"
                                : "an escape in the path is malformed");
    answer_refusal(connection, &refusal);
    return -EBADMSG;
}

/* Decides whether the announced body is wanted. Returns 0, or -EBADMSG after having answered. */
static int admit(struct http_connection *connection)
{
    struct http_request *request = connection->request;
    struct http_server *server = connection->server;
    struct http_refusal refusal;
    char allow[128] = "";
    int status = http_route_find(server->routes, request, allow, sizeof allow);
    if (status)
        return refuse_route(connection, status, allow);
    if (request->route->user)
        request->user = request->route->user;
    size_t limit = request->route->body_limit_bytes;
    if (request->head.content_length > limit || (request->head.chunked && limit == 0)) {
        http_refuse(&refusal, 413,
                    limit ? "the body is larger than allowed" : "a body is not expected");
        http_connection_refuse(connection, &refusal);
        return -EBADMSG;
    }
    bool has_body = request->head.chunked || request->head.content_length > 0;
    const char *why = NULL;
    status =
        has_body && server->admit ? server->admit(server->user, connection->peer.uid, &why) : 0;
    if (status) {
        http_refuse(&refusal, status, why);
        http_connection_refuse(connection, &refusal);
        return -EBADMSG;
    }
    if (has_body && (request->route->flags & HTTP_ROUTE_BODY_MEMFD)) {
        request->body_fd = memfd_create("request", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (request->body_fd < 0) {
            http_refuse(&refusal, 503, "no memory for the body");
            http_connection_refuse(connection, &refusal);
            return -EBADMSG;
        }
    }
    return 0;
}

static int begin_body(struct http_connection *connection)
{
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_request *request = connection->request;
    http_body_begin(&connection->reader, request->head.chunked, request->head.content_length);
    connection->phase = PHASE_BODY;
    connection->body_deadline_ms =
        uv_now(connection->server->loop) + connection->server->limits.body_timeout_ms;
    http_connection_set_timer(connection, connection->server->limits.body_stall_ms);
    if (request->head.expect_continue && connection->input_length == 0 &&
        http_connection_send(connection, go_on, sizeof go_on - 1, NULL, NULL) < 0) {
        http_connection_close(connection);
        return -EPIPE;
    }
    return 0;
}

/* Returns 1 when the head is complete and its body may be read, else 0. */
static int read_head(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_refusal refusal;
    struct http_head_limits limits = {.head_bytes = server->limits.head_bytes,
                                      .target_bytes = server->limits.target_bytes,
                                      .headers = server->limits.headers};
    if (connection->phase == PHASE_IDLE) {
        connection->phase = PHASE_HEAD;
        connection->head_seen = 0;
        http_connection_set_timer(connection, server->limits.head_timeout_ms);
    }
    const char *octets = (const char *)connection->input;
    long length = http_strict_find_end(octets, connection->input_length, &connection->head_seen,
                                       &limits, &refusal);
    if (length == 0)
        return 0;
    if (length < 0) {
        http_connection_refuse(connection, &refusal);
        return 0;
    }
    connection->request = http_request_new(connection);
    if (!connection->request) {
        http_connection_close(connection);
        return 0;
    }
    int error =
        http_head_parse(&connection->request->head, octets, (size_t)length, &limits, &refusal);
    drop_input(connection, (size_t)length);
    if (error == -EBADMSG)
        http_connection_refuse(connection, &refusal);
    else if (error < 0)
        http_connection_close(connection);
    if (error < 0)
        return 0;
    connection->close_after = connection->request->head.close || server->closing;
    return admit(connection) == 0 && begin_body(connection) == 0;
}

static int store_in_memory(struct http_request *request, const uint8_t *data, size_t length)
{
    if (request->body_length + length > request->body_capacity) {
        size_t capacity = request->body_capacity ? request->body_capacity * 2 : 4096;
        while (capacity < request->body_length + length)
            capacity *= 2;
        uint8_t *body = malloc(capacity);
        if (!body)
            return -ENOMEM;
        if (request->body) {
            memcpy(body, request->body, request->body_length);
            explicit_bzero(request->body, request->body_length);
            free(request->body);
        }
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_length, data, length);
    return 0;
}

static bool has_share(const struct http_connection *connection, size_t more)
{
    const struct http_server *server = connection->server;
    size_t charged = more;
    if (server->body_bytes + more > server->limits.body_total_bytes)
        return false;
    if (connection->peer.uid == 0)
        return true;
    for (const struct http_connection *c = server->connections; c; c = c->next)
        if (c->peer.uid == connection->peer.uid)
            charged += c->charged_bytes;
    return charged <= server->limits.body_total_bytes / 2;
}

static int store(struct http_connection *connection, const uint8_t *data, size_t length,
                 struct http_refusal *refusal)
{
    struct http_request *request = connection->request;
    struct http_server *server = connection->server;
    if (request->body_length + length > request->route->body_limit_bytes)
        return http_refuse(refusal, 413, "the body is larger than allowed");
    if (!has_share(connection, length))
        return http_refuse(refusal, 503, "too much is being received already");
    server->body_bytes += length;
    connection->charged_bytes += length;
    int error = request->body_fd >= 0 ? file_write_all(request->body_fd, data, length)
                                      : store_in_memory(request, data, length);
    if (error < 0)
        return http_refuse(refusal, 503, "no memory for the body");
    request->body_length += length;
    return 0;
}

static void watch_body(struct http_connection *connection)
{
    uint64_t now = uv_now(connection->server->loop);
    uint64_t left = connection->body_deadline_ms > now ? connection->body_deadline_ms - now : 0;
    uint64_t stall = connection->server->limits.body_stall_ms;
    http_connection_set_timer(connection, left < stall ? left : stall);
}

static void read_body(struct http_connection *connection)
{
    struct http_refusal refusal;
    size_t used, done = 0, length;
    const uint8_t *data;
    bool got_data = false;
    int result;
    do {
        result = http_body_read(&connection->reader, connection->input + done,
                                connection->input_length - done, &used, &data, &length, &refusal);
        done += used;
        if (result >= 0 && length > 0) {
            got_data = true;
            if (store(connection, data, length, &refusal) < 0)
                result = -EBADMSG;
        }
    } while (result == 0 && used > 0);
    if (done > 0)
        drop_input(connection, done);
    if (result < 0)
        http_connection_refuse(connection, &refusal);
    else if (result > 0)
        hand_over(connection);
    else if (got_data)
        watch_body(connection);
}

void http_connection_advance(struct http_connection *connection)
{
    bool in_head = connection->phase == PHASE_IDLE || connection->phase == PHASE_HEAD;
    if (in_head && (connection->input_length == 0 || !read_head(connection)))
        return;
    if (connection->phase == PHASE_BODY)
        read_body(connection);
}
