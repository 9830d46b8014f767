#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/doubles/http_fixture.h"

static void show(struct http_request *request, void *user)
{
    (void)user;
    static const char *const known[] = {"limit", "x", NULL};
    int64_t limit;
    if (http_request_check_query(request, known) < 0 ||
        http_request_query_number(request, "limit", 1, 10, 5, &limit) < 0)
        return;
    const char *x = http_request_query(request, "x");
    const char *header = http_request_header(request, "x-test");
    http_respond_json(request, 200,
                      json_pack("{s:s, s:I, s:s, s:s, s:b}", "id",
                                http_request_param(request, "id"), "limit", (json_int_t)limit, "x",
                                x ? x : "-", "header", header ? header : "-", "me",
                                http_request_peer_uid(request) == getuid() &&
                                    http_request_peer_pid(request) == getpid()));
}

static void echo_json(struct http_request *request, void *user)
{
    (void)user;
    json_t *body = http_request_json(request);
    if (body)
        http_respond_json(request, 201, body);
}

static void echo_memfd(struct http_request *request, void *user)
{
    (void)user;
    size_t length;
    int fd = http_request_take_body(request, &length);
    if (fd < 0) {
        http_respond_problem(request, 422, "no-document", "No document", NULL);
        return;
    }
    assert_int_equal(http_request_take_body(request, &length), -ENODATA);
    assert_int_equal(ftruncate(fd, 0), -1);
    http_respond_fd(request, 200, "application/pdf", fd, length);
}

void http_fixture_is_gone(struct http_request *request, void *user)
{
    struct http_fixture *f = user;
    assert_ptr_equal(request, f->held);
    f->gone++;
}

static void hold(struct http_request *request, void *user)
{
    struct http_fixture *f = user;
    assert_null(f->held);
    f->held = request;
    assert_int_equal(http_request_on_gone(request, http_fixture_is_gone, f), 0);
}

static void stream(struct http_request *request, void *user)
{
    (void)user;
    http_stream_begin(request, "application/jsonl");
    for (int i = 1; i <= 3; i++)
        assert_int_equal(http_stream_json_line(request, json_pack("{s:i}", "page", i)), 0);
    http_stream_end(request);
}

/* Sends until the bound says no. */
static void flood(struct http_request *request, void *user)
{
    struct http_fixture *f = user;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    http_stream_begin(request, "application/jsonl");
    int error = 0;
    for (int i = 0; i < 100000 && error == 0; i++)
        error = http_stream_json_line(request, json_pack("{s:s}", "text", text));
    assert_int_equal(error, -ENOBUFS);
    f->stream_refused++;
    f->held = request;
    assert_int_equal(http_request_on_gone(request, http_fixture_is_gone, f), 0);
}

static void count_free(void *octets, void *user)
{
    struct http_fixture *f = user;
    f->freed++;
    free(octets);
}

static void give_bytes(struct http_request *request, void *user)
{
    size_t length = 3 << 20;
    char *octets = malloc(length);
    assert_non_null(octets);
    memset(octets, 'b', length);
    assert_int_equal(http_respond_header(request, "X-More", "yes"), 0);
    assert_int_equal(http_respond_header(request, "X-Bad", "a\r\nb"), -EINVAL);
    http_respond_bytes(request, 200, "text/plain", octets, length, count_free, user);
}

static void give_nothing(struct http_request *request, void *user)
{
    (void)user;
    http_respond_empty(request, 204);
}

static const struct http_route routes[] = {
    {"GET", "/v1/things/{id}", show, NULL, 0, 0},
    {"DELETE", "/v1/things/{id}", give_nothing, NULL, 0, 0},
    {"POST", "/v1/things", echo_json, NULL, 0, 1000},
    {"POST", "/v1/documents", echo_memfd, NULL, HTTP_ROUTE_BODY_MEMFD, 1 << 20},
    {"GET", "/v1/held", hold, NULL, 0, 0},
    {"GET", "/v1/stream", stream, NULL, 0, 0},
    {"GET", "/v1/flood", flood, NULL, 0, 0},
    {"GET", "/v1/bytes", give_bytes, NULL, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};

struct http_server_config http_fixture_config(struct http_fixture *f)
{
    struct http_server_config config = {.socket_path = f->path, .routes = routes, .user = f};
    config.limits.connections_per_user = 8;
    config.limits.connections = 8;
    config.limits.body_total_bytes = (1 << 20) + 4096;
    return config;
}

int http_fixture_set_up(void **state)
{
    struct http_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->answer = malloc(HTTP_FIXTURE_ANSWER_BYTES + 1);
    assert_non_null(f->answer);
    snprintf(f->folder, sizeof f->folder, "/tmp/http_test_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/api.sock", f->folder);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    *state = f;
    return 0;
}

void http_fixture_note_closed(void *user)
{
    struct http_fixture *f = user;
    f->server_closed = true;
}

int http_fixture_tear_down(void **state)
{
    struct http_fixture *f = *state;
    http_server_close(f->server, 0, http_fixture_note_closed, f);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(!f->server || f->server_closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(rmdir(f->folder), 0);
    free(f->answer);
    free(f);
    return 0;
}

void http_fixture_start(struct http_fixture *f, const struct http_server_config *config)
{
    assert_int_equal(http_server_open(&f->loop, config, &f->server), 0);
}

int http_fixture_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void http_fixture_turn(struct http_fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

void http_fixture_exchange_on(struct http_fixture *f, int fd, const void *octets, size_t length,
                              const char *wanted)
{
    size_t sent = 0;
    uint64_t end = uv_hrtime() + 20000000000ull;
    f->answer_length = 0;
    f->closed_by_server = false;
    while (uv_hrtime() < end) {
        http_fixture_turn(f, 1);
        if (sent < length) {
            ssize_t n = send(fd, (const char *)octets + sent, length - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
        }
        ssize_t n =
            recv(fd, f->answer + f->answer_length, HTTP_FIXTURE_ANSWER_BYTES - f->answer_length, 0);
        f->answer_length += n > 0 ? (size_t)n : 0;
        f->answer[f->answer_length] = '\0';
        f->closed_by_server = n == 0 || (n < 0 && errno == ECONNRESET);
        if (f->closed_by_server || (wanted && sent == length && strstr(f->answer, wanted)))
            return;
        if (n < 0 && sent == length)
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1);
    }
    fail_msg("no end: %s", f->answer);
}

void http_fixture_exchange(struct http_fixture *f, const char *text, const char *wanted)
{
    int fd = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, fd, text, strlen(text), wanted);
    close(fd);
    http_fixture_turn(f, 4);
}

void http_fixture_expect(const struct http_fixture *f, const char *part)
{
    if (!strstr(f->answer, part))
        fail_msg("'%s' is not in: %s", part, f->answer);
}
