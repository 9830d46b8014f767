#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <http_parser.h>

#include "gateway/http/http_connection.h"
#include "gateway/http/http_utf8.h"

enum { HEAD_BYTES = 1024 + HTTP_EXTRA_HEADERS_BYTES };

struct answer {
    int status;
    const char *content_type; /* NULL: none and no body */
    void *octets;
    size_t length;
    void (*free_cb)(void *octets, void *user);
    void *user;
    int fd; /* instead of octets; -1: none */
};

static void free_octets(void *octets, void *user)
{
    (void)user;
    free(octets);
}

/* Names are written here because strftime() follows the locale. */
static void write_date(char *text, size_t size)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    snprintf(text, size, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + 3 * (ptrdiff_t)(t.tm_wday % 7), t.tm_mday,
             months + 3 * (ptrdiff_t)(t.tm_mon % 12), t.tm_year + 1900, t.tm_hour, t.tm_min,
             t.tm_sec);
}

static char *make_head(const struct http_request *request, int status, const char *content_type,
                       const char *framing, size_t *length)
{
    char date[64];
    char *head = malloc(HEAD_BYTES);
    if (!head)
        return NULL;
    write_date(date, sizeof date);
    int count =
        snprintf(head, HEAD_BYTES,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\nCache-Control: no-store\r\n%s%s%s%s%s%s\r\n",
                 status, http_status_str((enum http_status)status), date,
                 request->connection->close_after || request->connection->server->closing
                     ? "Connection: close\r\n"
                     : "",
                 content_type ? "Content-Type: " : "", content_type ? content_type : "",
                 content_type ? "\r\n" : "", framing, request->extra_headers);
    if (count < 0 || count >= HEAD_BYTES) {
        free(head);
        return NULL;
    }
    *length = (size_t)count;
    return head;
}

static void drop_answer(const struct answer *answer)
{
    if (answer->free_cb)
        answer->free_cb(answer->octets, answer->user);
    http_body_close(answer->fd);
}

static void send_answer(struct http_request *request, const struct answer *answer)
{
    struct http_connection *connection = request->connection;
    char framing[64] = "";
    size_t head_length = 0;
    assert(!request->streaming);
    if (!connection) {
        drop_answer(answer);
        http_request_free(request);
        return;
    }
    bool with_body =
        answer->length > 0 && !(request->head.method && strcmp(request->head.method, "HEAD") == 0);
    if (answer->status != 204)
        snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", answer->length);
    char *head = make_head(request, answer->status, answer->content_type, framing, &head_length);
    http_connection_answered(connection, request);
    if (!head || http_connection_send(connection, head, head_length, free_octets, NULL) < 0) {
        drop_answer(answer);
        http_connection_close(connection);
    } else if (!with_body) {
        drop_answer(answer);
    } else if (answer->fd >= 0) {
        connection->answer_fd = answer->fd;
        connection->answer_offset = 0;
        connection->answer_left = answer->length;
    } else if (http_connection_send(connection, answer->octets, answer->length, answer->free_cb,
                                    answer->user) < 0) {
        http_connection_close(connection);
    }
}

int http_respond_header(struct http_request *request, const char *name, const char *value)
{
    size_t room = sizeof request->extra_headers - request->extra_length;
    size_t name_length = strlen(name), value_length = strlen(value);
    if (name_length == 0 || name_length + value_length > 512 ||
        name_length + value_length + 5 > room)
        return -EINVAL;
    for (size_t i = 0; i < name_length; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
            return -EINVAL;
    for (size_t i = 0; i < value_length; i++)
        if (value[i] < ' ' || value[i] > '~')
            return -EINVAL;
    request->extra_length += (size_t)snprintf(request->extra_headers + request->extra_length, room,
                                              "%s: %s\r\n", name, value);
    return 0;
}

static void respond_typed(struct http_request *request, int status, const char *content_type,
                          json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    struct answer answer = {.status = status, .content_type = content_type, .fd = -1};
    if (text) {
        answer.octets = text;
        answer.length = strlen(text);
        answer.free_cb = free_octets;
    } else {
        static char broken[] = "{\"type\":\"urn:sealfax:problem:internal\",\"title\":"
                               "\"Internal error\",\"status\":500}";
        answer.status = 500;
        answer.content_type = "application/problem+json";
        answer.octets = broken;
        answer.length = sizeof broken - 1;
    }
    send_answer(request, &answer);
}

void http_respond_json(struct http_request *request, int status, json_t *body)
{
    respond_typed(request, status, "application/json", body);
}

void http_respond_problem(struct http_request *request, int status, const char *slug,
                          const char *title, const char *detail)
{
    json_t *body =
        json_pack("{s:o, s:s, s:i}", "type", json_sprintf("urn:sealfax:problem:%s", slug), "title",
                  title, "status", status);
    /* A detail may quote what the client sent; what is no text is left out. */
    if (body && detail && http_utf8_is_clean(detail, strlen(detail)))
        json_object_set_new(body, "detail", json_string(detail));
    respond_typed(request, status, "application/problem+json", body);
}

void http_respond_bytes(struct http_request *request, int status, const char *content_type,
                        const void *octets, size_t length_bytes,
                        void (*free_cb)(void *octets, void *user), void *user)
{
    struct answer answer = {.status = status,
                            .content_type = content_type,
                            .length = length_bytes,
                            .free_cb = free_cb,
                            .user = user,
                            .fd = -1};
    memcpy(&answer.octets, &octets, sizeof octets);
    send_answer(request, &answer);
}

void http_respond_fd(struct http_request *request, int status, const char *content_type, int fd,
                     size_t length_bytes)
{
    struct answer answer = {
        .status = status, .content_type = content_type, .length = length_bytes, .fd = fd};
    send_answer(request, &answer);
}

void http_respond_empty(struct http_request *request, int status)
{
    struct answer answer = {.status = status, .fd = -1};
    send_answer(request, &answer);
}

void http_stream_begin(struct http_request *request, const char *content_type)
{
    struct http_connection *connection = request->connection;
    size_t length = 0;
    assert(!request->streaming);
    request->streaming = true;
    if (!connection)
        return;
    char *head = make_head(request, 200, content_type, "Transfer-Encoding: chunked\r\n", &length);
    if (!head || http_connection_send(connection, head, length, free_octets, NULL) < 0)
        http_connection_close(connection);
}

int http_stream_json_line(struct http_request *request, json_t *line)
{
    struct http_connection *connection = request->connection;
    char size[24];
    assert(request->streaming);
    if (!connection) {
        json_decref(line);
        return -EPIPE;
    }
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    size_t length = text ? strlen(text) + 1 : 0;
    size_t waiting = connection->transport->ops->queued_bytes(connection->transport);
    int digits = snprintf(size, sizeof size, "%zx\r\n", length);
    char *chunk = text ? malloc((size_t)digits + length + 3) : NULL;
    int error = -ENOMEM;
    if (!chunk)
        goto fail;
    error = -ENOBUFS;
    if (waiting + length > connection->server->limits.stream_queue_bytes)
        goto fail;
    snprintf(chunk, (size_t)digits + length + 3, "%s%s\n\r\n", size, text);
    free(text);
    if (http_connection_send(connection, chunk, (size_t)digits + length + 2, free_octets, NULL) ==
        0)
        return 0;
    http_connection_close(connection);
    return -EPIPE;
fail:
    free(text);
    free(chunk);
    return error;
}

void http_stream_end(struct http_request *request)
{
    static char last[] = "0\r\n\r\n";
    struct http_connection *connection = request->connection;
    assert(request->streaming);
    http_connection_answered(connection, request);
    if (connection && http_connection_send(connection, last, sizeof last - 1, NULL, NULL) < 0)
        http_connection_close(connection);
}

void http_stream_abort(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    http_connection_answered(connection, request);
    if (connection)
        http_connection_close(connection);
}
