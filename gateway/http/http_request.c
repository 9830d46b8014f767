#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/http/http_connection.h"

struct http_request *http_request_new(struct http_connection *connection)
{
    struct http_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->connection = connection;
    request->peer = connection->peer;
    request->user = connection->server->user;
    request->body_fd = -1;
    return request;
}

void http_request_free(struct http_request *request)
{
    if (!request)
        return;
    for (size_t i = 0; i < request->param_count; i++)
        free(request->params[i].value);
    http_body_close(request->body_fd);
    if (request->body) {
        explicit_bzero(request->body, request->body_length);
        free(request->body);
    }
    http_head_free(&request->head);
    free(request);
}

void http_body_close(int fd)
{
    struct stat info;
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        void *octets = mmap(NULL, (size_t)info.st_size, PROT_WRITE, MAP_SHARED, fd, 0);
        if (octets != MAP_FAILED) {
            explicit_bzero(octets, (size_t)info.st_size);
            munmap(octets, (size_t)info.st_size);
        }
    }
    close(fd);
}

const char *http_request_method(const struct http_request *request)
{
    return request->head.method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->head.path;
}

const char *http_request_param(const struct http_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < request->param_count; i++)
        if (request->params[i].name_length == length &&
            memcmp(request->params[i].name, name, length) == 0)
            return request->params[i].value;
    return NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return http_uri_query_find(&request->head.query, name);
}

int http_request_check_query(struct http_request *request, const char *const *known)
{
    for (size_t i = 0; i < request->head.query.count; i++) {
        const char *const *name = known;
        while (*name && strcmp(*name, request->head.query.items[i].name) != 0)
            name++;
        if (!*name) {
            http_respond_problem(request, 400, "unknown-parameter", "Unknown parameter",
                                 request->head.query.items[i].name);
            return -EINVAL;
        }
    }
    return 0;
}

int http_request_query_number(struct http_request *request, const char *name, int64_t min,
                              int64_t max, int64_t fallback, int64_t *value)
{
    const char *text = http_request_query(request, name);
    char *end;
    *value = fallback;
    if (!text)
        return 0;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    size_t sign = text[0] == '-';
    if (errno || end == text || *end || strspn(text + sign, "0123456789") != strlen(text + sign) ||
        number < min || number > max) {
        http_respond_problem(request, 400, "bad-parameter", "Parameter out of range", name);
        return -EINVAL;
    }
    *value = number;
    return 0;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return http_head_find(&request->head, name);
}

int http_request_has_type(const struct http_request *request, const char *media_type)
{
    const char *type = http_head_find(&request->head, "Content-Type");
    size_t length = strlen(media_type);
    if (!type || strncasecmp(type, media_type, length) != 0)
        return 0;
    type += length + strspn(type + length, " \t");
    return *type == '\0' || *type == ';';
}

const uint8_t *http_request_body(const struct http_request *request, size_t *length_bytes)
{
    bool in_memory = request->body_fd < 0 && request->body_length > 0;
    *length_bytes = in_memory ? request->body_length : 0;
    return in_memory ? request->body : NULL;
}

json_t *http_request_json(struct http_request *request)
{
    json_error_t error;
    char detail[JSON_ERROR_TEXT_LENGTH + 64];
    if (!http_request_has_type(request, "application/json")) {
        http_respond_problem(request, 415, "unsupported-type", "Unsupported media type",
                             "the body must be application/json");
        return NULL;
    }
    size_t length;
    const uint8_t *body = http_request_body(request, &length);
    json_t *value =
        json_loadb(body ? (const char *)body : "", length, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value))
        return value;
    if (value)
        snprintf(detail, sizeof detail, "the body is not an object");
    else
        snprintf(detail, sizeof detail, "line %d, column %d: %s", error.line, error.column,
                 error.text);
    json_decref(value);
    http_respond_problem(request, 400, "malformed-json", "Malformed JSON", detail);
    return NULL;
}

int http_request_take_body(struct http_request *request, size_t *length_bytes)
{
    int fd = request->body_fd;
    if (fd < 0)
        return -ENODATA;
    request->body_fd = -1;
    *length_bytes = request->body_length;
    return fd;
}

uid_t http_request_peer_uid(const struct http_request *request)
{
    return request->peer.uid;
}

gid_t http_request_peer_gid(const struct http_request *request)
{
    return request->peer.gid;
}

pid_t http_request_peer_pid(const struct http_request *request)
{
    return request->peer.pid;
}

void http_request_set_state(struct http_request *request, void *state)
{
    request->state = state;
}

void *http_request_state(const struct http_request *request)
{
    return request->state;
}

int http_request_on_gone(struct http_request *request, http_gone_cb *gone, void *user)
{
    if (!request->connection)
        return -EPIPE;
    request->gone = gone;
    request->gone_user = user;
    return 0;
}
