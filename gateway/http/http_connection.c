#include "gateway/http/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINGER_MS = 1000, ANSWER_PIECE_BYTES = 64 * 1024, INPUT_WAITING_BYTES = 64 * 1024 };

static void handle_closed(struct http_connection *connection)
{
    if (--connection->open_handles > 0)
        return;
    http_server_forget(connection->server, connection);
    if (connection->input)
        explicit_bzero(connection->input, connection->input_capacity);
    free(connection->input);
    free(connection);
}

static void timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void transport_closed(void *user)
{
    handle_closed(user);
}

void http_connection_close(struct http_connection *connection)
{
    if (connection->phase == PHASE_CLOSING)
        return;
    connection->phase = PHASE_CLOSING;
    struct http_request *request = connection->request;
    connection->request = NULL;
    connection->server->body_bytes -= connection->charged_bytes;
    connection->charged_bytes = 0;
    http_body_close(connection->answer_fd);
    connection->answer_fd = -1;
    uv_close((uv_handle_t *)&connection->timer, timer_closed);
    connection->transport->ops->close(connection->transport);
    if (!request)
        return;
    http_gone_cb *gone = request->gone;
    request->connection = NULL;
    request->gone = NULL;
    if (!request->handed)
        http_request_free(request);
    else if (gone)
        gone(request, request->gone_user);
}

static size_t queued(const struct http_connection *connection)
{
    return connection->transport->ops->queued_bytes(connection->transport);
}

/* Sent octets so far; grows only when the peer takes some. */
static uint64_t taken(const struct http_connection *connection)
{
    return connection->given_bytes - queued(connection);
}

static void refuse_late(struct http_connection *connection, const char *detail)
{
    struct http_refusal refusal;
    http_refuse(&refusal, 408, detail);
    http_connection_refuse(connection, &refusal);
}

static void time_is_up(uv_timer_t *timer)
{
    struct http_connection *connection = timer->data;
    switch (connection->phase) {
    case PHASE_HEAD:
        refuse_late(connection, "the headers took too long");
        break;
    case PHASE_BODY:
        refuse_late(connection, "the body took too long");
        break;
    case PHASE_HANDLING:
    case PHASE_ANSWERING:
        if (queued(connection) > 0 && taken(connection) == connection->taken_bytes) {
            http_connection_close(connection);
        } else if (queued(connection) > 0) {
            connection->taken_bytes = taken(connection);
            http_connection_set_timer(connection, connection->server->limits.write_stall_ms);
        }
        break;
    case PHASE_IDLE:
    case PHASE_LINGERING:
        http_connection_close(connection);
        break;
    case PHASE_CLOSING:
        break;
    }
}

void http_connection_set_timer(struct http_connection *connection, uint64_t after_ms)
{
    uv_update_time(connection->server->loop);
    uv_timer_start(&connection->timer, time_is_up, after_ms, 0);
}

static bool reserve_input(struct http_connection *connection, size_t more)
{
    size_t need = connection->input_length + more;
    if (need <= connection->input_capacity)
        return true;
    size_t capacity = connection->input_capacity ? connection->input_capacity : 4096;
    while (capacity < need)
        capacity *= 2;
    uint8_t *input = malloc(capacity);
    if (!input)
        return false;
    if (connection->input) {
        memcpy(input, connection->input, connection->input_length);
        explicit_bzero(connection->input, connection->input_capacity);
        free(connection->input);
    }
    connection->input = input;
    connection->input_capacity = capacity;
    return true;
}

static void take_octets(void *user, const uint8_t *octets, size_t length)
{
    struct http_connection *connection = user;
    if (connection->phase == PHASE_LINGERING || connection->phase == PHASE_CLOSING)
        return;
    if (!reserve_input(connection, length)) {
        http_connection_close(connection);
        return;
    }
    memcpy(connection->input + connection->input_length, octets, length);
    connection->input_length += length;
    http_connection_advance(connection);
    if (connection->phase != PHASE_CLOSING && connection->input_length >= INPUT_WAITING_BYTES) {
        connection->paused = true;
        connection->transport->ops->read_stop(connection->transport);
    }
}

static void peer_ended(void *user, int status)
{
    struct http_connection *connection = user;
    connection->peer_ended = true;
    /* An answer that is under way is still delivered when the peer only finished sending. */
    if (connection->phase == PHASE_ANSWERING && status == 0)
        connection->close_after = true;
    else
        http_connection_close(connection);
}

/* The answer is out: nothing more is said, and the peer gets a moment to read it. */
static void linger(struct http_connection *connection)
{
    connection->phase = PHASE_LINGERING;
    connection->transport->ops->finish(connection->transport);
    if (connection->peer_ended || connection->transport->ops->read_start(connection->transport) < 0)
        http_connection_close(connection);
    else
        http_connection_set_timer(connection, LINGER_MS);
}

static void next_request(struct http_connection *connection)
{
    uv_timer_stop(&connection->timer);
    if (connection->close_after || connection->server->closing) {
        linger(connection);
        return;
    }
    connection->phase = PHASE_IDLE;
    http_connection_set_timer(connection, connection->server->limits.idle_timeout_ms);
    if (connection->paused) {
        connection->paused = false;
        if (connection->transport->ops->read_start(connection->transport) < 0) {
            http_connection_close(connection);
            return;
        }
    }
    http_connection_advance(connection);
}

static void free_wiped(void *octets, void *user)
{
    (void)user;
    explicit_bzero(octets, ANSWER_PIECE_BYTES);
    free(octets);
}

/* Gives the next piece of answer_fd to the transport. False when it cannot be read. */
static bool send_piece(struct http_connection *connection)
{
    size_t length = ANSWER_PIECE_BYTES;
    if (length > connection->answer_left)
        length = (size_t)connection->answer_left;
    uint8_t *piece = malloc(ANSWER_PIECE_BYTES);
    if (!piece)
        return false;
    ssize_t count = pread(connection->answer_fd, piece, length, (off_t)connection->answer_offset);
    if (count <= 0) {
        free(piece);
        return false;
    }
    connection->answer_offset += (uint64_t)count;
    connection->answer_left -= (uint64_t)count;
    return http_connection_send(connection, piece, (size_t)count, free_wiped, NULL) == 0;
}

static void continue_answer(struct http_connection *connection)
{
    if (connection->answer_left > 0) {
        if (!send_piece(connection))
            http_connection_close(connection);
        return;
    }
    http_body_close(connection->answer_fd);
    connection->answer_fd = -1;
    next_request(connection);
}

static void octets_sent(void *user, int status)
{
    struct http_connection *connection = user;
    if (connection->phase == PHASE_CLOSING)
        return;
    if (status < 0)
        http_connection_close(connection);
    else if (connection->phase == PHASE_ANSWERING && queued(connection) == 0)
        continue_answer(connection);
}

int http_connection_send(struct http_connection *connection, void *octets, size_t length,
                         void (*free_cb)(void *octets, void *user), void *user)
{
    bool watched = connection->phase == PHASE_HANDLING || connection->phase == PHASE_ANSWERING;
    connection->given_bytes += length;
    int error =
        connection->transport->ops->write(connection->transport, octets, length, free_cb, user);
    if (error < 0)
        return error;
    if (watched && !uv_is_active((const uv_handle_t *)&connection->timer)) {
        connection->taken_bytes = taken(connection);
        http_connection_set_timer(connection, connection->server->limits.write_stall_ms);
    }
    return 0;
}

void http_connection_answered(struct http_connection *connection, struct http_request *request)
{
    http_request_free(request);
    if (!connection)
        return;
    connection->request = NULL;
    connection->server->body_bytes -= connection->charged_bytes;
    connection->charged_bytes = 0;
    connection->phase = PHASE_ANSWERING;
    /* Every answer has queued at least its head, so octets_sent() follows. */
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->phase == PHASE_IDLE || connection->phase == PHASE_HEAD)
        http_connection_close(connection);
    else
        connection->close_after = true;
}

static const struct http_transport_events events = {
    .octets = take_octets,
    .ended = peer_ended,
    .sent = octets_sent,
    .closed = transport_closed,
};

void http_connection_open(struct http_server *server, struct http_transport *transport)
{
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        transport->ops->close(transport);
        return;
    }
    connection->server = server;
    connection->transport = transport;
    connection->peer = transport->peer;
    connection->answer_fd = -1;
    connection->open_handles = 2;
    transport->events = events;
    transport->user = connection;
    uv_timer_init(server->loop, &connection->timer);
    connection->timer.data = connection;
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->connection_count++;
    http_connection_set_timer(connection, server->limits.idle_timeout_ms);
    if (transport->ops->read_start(transport) < 0)
        http_connection_close(connection);
}
