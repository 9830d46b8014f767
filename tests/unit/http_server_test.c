#include <errno.h>
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

#include "gateway/http/http_server.h"

enum { ANSWER_BYTES = 4 << 20 };

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    char folder[64];
    char path[80];
    char *answer; /* what the last exchange brought */
    size_t answer_length;
    bool closed_by_server;
    bool server_closed;
    struct http_request *held; /* by the handler that answers later */
    unsigned gone;
    unsigned stream_refused;
    unsigned freed;
};

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

static void is_gone(struct http_request *request, void *user)
{
    struct fixture *f = user;
    assert_ptr_equal(request, f->held);
    f->gone++;
}

static void hold(struct http_request *request, void *user)
{
    struct fixture *f = user;
    assert_null(f->held);
    f->held = request;
    assert_int_equal(http_request_on_gone(request, is_gone, f), 0);
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
    struct fixture *f = user;
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
    assert_int_equal(http_request_on_gone(request, is_gone, f), 0);
}

static void count_free(void *octets, void *user)
{
    struct fixture *f = user;
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

static struct http_server_config config_of(struct fixture *f)
{
    struct http_server_config config = {.socket_path = f->path, .routes = routes, .user = f};
    config.limits.connections_per_user = 8;
    config.limits.connections = 8;
    config.limits.body_total_bytes = (1 << 20) + 4096;
    return config;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->answer = malloc(ANSWER_BYTES + 1);
    assert_non_null(f->answer);
    snprintf(f->folder, sizeof f->folder, "/tmp/http_test_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/api.sock", f->folder);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    *state = f;
    return 0;
}

static void note_closed(void *user)
{
    struct fixture *f = user;
    f->server_closed = true;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_close(f->server, 0, note_closed, f);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(!f->server || f->server_closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(rmdir(f->folder), 0);
    free(f->answer);
    free(f);
    return 0;
}

static void start(struct fixture *f, const struct http_server_config *config)
{
    assert_int_equal(http_server_open(&f->loop, config, &f->server), 0);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void turn(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Sends octets and reads until the server has closed, or until all is sent and wanted stands in the
 * answer. Fails after 20 s. */
static void exchange_on(struct fixture *f, int fd, const void *octets, size_t length,
                        const char *wanted)
{
    size_t sent = 0;
    uint64_t end = uv_hrtime() + 20000000000ull;
    f->answer_length = 0;
    f->closed_by_server = false;
    while (uv_hrtime() < end) {
        turn(f, 1);
        if (sent < length) {
            ssize_t n = send(fd, (const char *)octets + sent, length - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
        }
        ssize_t n = recv(fd, f->answer + f->answer_length, ANSWER_BYTES - f->answer_length, 0);
        f->answer_length += n > 0 ? (size_t)n : 0;
        f->answer[f->answer_length] = '\0';
        f->closed_by_server = n == 0 || (n < 0 && errno == ECONNRESET);
        if (f->closed_by_server || (wanted && sent == length && strstr(f->answer, wanted)))
            return;
    }
    fail_msg("no end: %s", f->answer);
}

static void exchange(struct fixture *f, const char *text, const char *wanted)
{
    int fd = connect_to(f->path);
    exchange_on(f, fd, text, strlen(text), wanted);
    close(fd);
    turn(f, 4);
}

static void assert_answer(const struct fixture *f, const char *part)
{
    if (!strstr(f->answer, part))
        fail_msg("'%s' is not in: %s", part, f->answer);
}

#define H "Host: localhost\r\n"
#define C "Connection: close\r\n"

static void requests_reach_their_handlers(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    start(f, &config);
    exchange(f, "GET /v1/things/a%20b?x=%2B49&limit=7 HTTP/1.1\r\n" H C "X-Test: v \r\n\r\n", NULL);
    assert_answer(f, "HTTP/1.1 200 OK\r\n");
    assert_answer(f, "Connection: close\r\n");
    assert_answer(f, "Cache-Control: no-store\r\n");
    assert_answer(f, "{\"id\":\"a b\",\"limit\":7,\"x\":\"+49\",\"header\":\"v\",\"me\":true}");
    exchange(f, "DELETE /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    assert_answer(f, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(f->answer, "Content-Length"));
    exchange(f,
             "POST /v1/things HTTP/1.1\r\n" H C "Content-Type: application/json; charset=utf-8\r\n"
             "Content-Length: 7\r\n\r\n{\"a\":1}",
             NULL);
    assert_answer(f, "201 Created");
    assert_answer(f, "{\"a\":1}");
    exchange(f, "GET /v1/bytes HTTP/1.1\r\n" H C "\r\n", NULL);
    assert_answer(f, "X-More: yes\r\n");
    assert_answer(f, "Content-Length: 3145728\r\n");
    assert_true(f->answer_length > 3145728);
    assert_int_equal(f->freed, 1);
}

/* Requests that a handler or the routing refuses: text, status line, part of the answer. */
static const struct {
    const char *request;
    const char *status;
    const char *part;
    bool closes;
} refusals[] = {
    {"GET /v1/nothing HTTP/1.1\r\n" H "\r\n", "404 ", "urn:sealfax:problem:not-found", false},
    {"GET /v1/things HTTP/1.1\r\n" H "\r\n", "405 ", "Allow: POST\r\n", false},
    {"PUT /v1/things/a HTTP/1.1\r\n" H "\r\n", "405 ", "Allow: GET, DELETE\r\n", false},
    {"HEAD /v1/nothing HTTP/1.1\r\n" H "\r\n", "404 ", "Content-Length", false},
    {"GET /v1/things/ HTTP/1.1\r\n" H "\r\n", "404 ", "", false},
    {"GET /v1/things/a/ HTTP/1.1\r\n" H "\r\n", "404 ", "", false},
    {"GET /v1/things/a%2Fb HTTP/1.1\r\n" H "\r\n", "400 ", "", false},
    {"GET /v1/things/%ff HTTP/1.1\r\n" H "\r\n", "400 ", "", false},
    {"GET /v1/things/a?y=1 HTTP/1.1\r\n" H "\r\n", "400 ", "unknown-parameter", false},
    {"GET /v1/things/a?limit=11 HTTP/1.1\r\n" H "\r\n", "400 ", "bad-parameter", false},
    {"GET /v1/things/a?limit=+1 HTTP/1.1\r\n" H "\r\n", "400 ", "bad-parameter", false},
    {"GET /v1/things/a?limit= HTTP/1.1\r\n" H "\r\n", "400 ", "bad-parameter", false},
    {"GET /v1/things/a HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", "413 ", "not expected", true},
    {"POST /v1/none HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "404 ", "close", true},
    {"POST /v1/things HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", "413 ", "larger", true},
    {"POST /v1/things HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", "415 ", "", false},
    {"POST /v1/things HTTP/1.1\r\n" H
     "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
     "400 ", "not an object", false},
    {"POST /v1/things HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
     "{\"a\":1,\"a\":2}",
     "400 ", "duplicate", false},
    {"POST /v1/things HTTP/1.1\r\n" H "Content-Type: application/json\r\n\r\n", "400 ",
     "malformed-json", false},
    {"POST /v1/documents HTTP/1.1\r\n" H "\r\n", "422 ", "no-document", false},
    {"POST /v1/documents HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n",
     "400 ", "chunks", true},
    {"POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     "400 ", "exclude", true},
    {"GET / HTTP/1.1\r\n\r\n", "400 ", "Host is missing", true},
    {"GET / HTTP/1.1\n", "400 ", "CR LF", true},
    {"GET / HTTP/1.0\r\n" H "\r\n", "505 ", "", true},
};

static void refusals_are_problems(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char next[] = "GET /v1/things/next HTTP/1.1\r\n" H "\r\n";
    start(f, &config);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        int fd = connect_to(f->path);
        exchange_on(f, fd, refusals[i].request, strlen(refusals[i].request),
                    strncmp(refusals[i].request, "HEAD", 4) == 0 ? "\r\n\r\n" : "}");
        if (strncmp(f->answer + 9, refusals[i].status, 4) != 0)
            fail_msg("%s gives %s", refusals[i].request, f->answer);
        assert_answer(f, refusals[i].part);
        assert_answer(f, "application/problem+json");
        assert_int_equal(strstr(f->answer, "Connection: close") != NULL, refusals[i].closes);
        if (!refusals[i].closes) {
            exchange_on(f, fd, next, sizeof next - 1, "\"id\":\"next\"");
        } else {
            shutdown(fd, SHUT_WR);
            exchange_on(f, fd, "", 0, NULL);
            assert_true(f->closed_by_server);
        }
        close(fd);
        turn(f, 4);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    start(f, &config);
    exchange(f,
             "GET /v1/things/one HTTP/1.1\r\n" H "\r\n"
             "POST /v1/documents HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
             "3\r\ntwo\r\n0\r\n\r\n"
             "GET /v1/stream HTTP/1.1\r\n" H "\r\n"
             "GET /v1/things/four HTTP/1.1\r\n" H C "\r\n",
             NULL);
    const char *one = strstr(f->answer, "\"one\""), *two = strstr(f->answer, "\r\n\r\ntwo");
    const char *three = strstr(f->answer, "b\r\n{\"page\":1}\n\r\nb\r\n{\"page\":2}\n\r\nb\r\n"
                                          "{\"page\":3}\n\r\n0\r\n\r\n");
    const char *four = strstr(f->answer, "\"four\"");
    assert_true(one && two && three && four && one < two && two < three && three < four);
}

static void uploads_come_back_whole(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    enum { LENGTH = 1 << 20 };
    static const char head[] = "POST /v1/documents HTTP/1.1\r\n" H C "Expect: 100-continue\r\n"
                               "Content-Length: 1048576\r\n\r\n";
    start(f, &config);
    uint8_t *document = malloc(LENGTH);
    assert_non_null(document);
    for (size_t i = 0; i < LENGTH; i++)
        document[i] = (uint8_t)(i * 7 + (i >> 8));
    int fd = connect_to(f->path);
    exchange_on(f, fd, head, sizeof head - 1, "\r\n\r\n");
    assert_string_equal(f->answer, "HTTP/1.1 100 Continue\r\n\r\n");
    exchange_on(f, fd, document, LENGTH, NULL);
    assert_answer(f, "200 OK");
    assert_true(f->answer_length > LENGTH);
    assert_memory_equal(f->answer + f->answer_length - LENGTH, document, LENGTH);
    close(fd);
    /* chunked, octet by octet at the ends, beyond the limit of the route */
    fd = connect_to(f->path);
    static const char chunked[] =
        "POST /v1/documents HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n100001\r\n";
    exchange_on(f, fd, chunked, sizeof chunked - 1, "");
    exchange_on(f, fd, document, LENGTH, "");
    exchange_on(f, fd, document, 1, "}");
    assert_answer(f, "413 ");
    close(fd);
    free(document);
}

static void the_total_of_bodies_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char head[] =
        "POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n";
    start(f, &config);
    char *part = calloc(1, 999999);
    assert_non_null(part);
    int first = connect_to(f->path), second = connect_to(f->path);
    exchange_on(f, first, head, sizeof head - 1, "");
    for (int i = 0, at = 0; i < 1000 && at < 999999; i++) {
        ssize_t n = send(first, part + at, (size_t)(999999 - at), MSG_NOSIGNAL);
        at += n > 0 ? (int)n : 0;
        turn(f, 2);
    }
    exchange_on(f, second, head, sizeof head - 1, "");
    exchange_on(f, second, part, 100000, "}");
    assert_answer(f, "503 ");
    close(first);
    close(second);
    turn(f, 10);
    second = connect_to(f->path);
    exchange_on(f, second, head, sizeof head - 1, "");
    exchange_on(f, second, part, 999999, "");
    exchange_on(f, second, part, 1, "200 OK");
    close(second);
    turn(f, 4);
    free(part);
}

static void handlers_may_answer_later(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char request[] =
        "GET /v1/held HTTP/1.1\r\n" H "\r\nGET /v1/things/b HTTP/1.1\r\n" H "\r\n";
    start(f, &config);
    int fd = connect_to(f->path);
    exchange_on(f, fd, request, sizeof request - 1, "");
    turn(f, 10);
    assert_non_null(f->held);
    assert_int_equal(recv(fd, f->answer, 10, 0), -1);
    http_respond_json(f->held, 200, json_pack("{s:i}", "later", 1));
    f->held = NULL;
    exchange_on(f, fd, "", 0, "\"id\":\"b\"");
    assert_answer(f, "{\"later\":1}");
    close(fd);
    turn(f, 4);
    assert_int_equal(f->gone, 0);
}

static void a_gone_client_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    start(f, &config);
    for (unsigned round = 1; round <= 2; round++) {
        int fd = connect_to(f->path);
        exchange_on(f, fd, request, sizeof request - 1, "");
        turn(f, 10);
        assert_non_null(f->held);
        close(fd);
        turn(f, 10);
        assert_int_equal(f->gone, round);
        assert_int_equal(http_request_on_gone(f->held, is_gone, f), -EPIPE);
        if (round == 1) {
            http_respond_json(f->held, 200, json_object());
        } else {
            http_stream_begin(f->held, "application/jsonl");
            assert_int_equal(http_stream_json_line(f->held, json_object()), -EPIPE);
            http_stream_end(f->held);
        }
        f->held = NULL;
    }
    turn(f, 4);
    assert_int_equal(f->gone, 2);
}

static void a_client_that_never_reads_is_cut(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char request[] = "GET /v1/flood HTTP/1.1\r\n" H "\r\n";
    static const char bytes[] = "GET /v1/bytes HTTP/1.1\r\n" H "\r\n";
    config.limits.write_stall_ms = 50;
    start(f, &config);
    int fd = connect_to(f->path);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (int i = 0; i < 1000 && !f->gone; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->stream_refused, 1);
    assert_int_equal(f->gone, 1);
    http_stream_abort(f->held);
    f->held = NULL;
    close(fd);
    fd = connect_to(f->path);
    assert_int_equal(send(fd, bytes, sizeof bytes - 1, MSG_NOSIGNAL), sizeof bytes - 1);
    for (int i = 0; i < 1000 && !f->freed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->freed, 1);
    close(fd);
}

static void slow_and_idle_clients_are_closed(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    config.limits.idle_timeout_ms = 50;
    config.limits.head_timeout_ms = 50;
    config.limits.body_stall_ms = 50;
    start(f, &config);
    exchange(f, "", NULL);
    assert_int_equal(f->answer_length, 0);
    exchange(f, "GET / HTTP/1.1\r\nHost: lo", NULL);
    assert_answer(f, "408 ");
    exchange(f, "POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel", NULL);
    assert_answer(f, "408 ");
}

static void connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    int fds[8];
    start(f, &config);
    for (int i = 0; i < 8; i++)
        fds[i] = connect_to(f->path);
    turn(f, 20);
    int fd = connect_to(f->path);
    exchange_on(f, fd, "", 0, NULL);
    assert_answer(f, "503 ");
    assert_answer(f, "\"status\":503}");
    close(fd);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    turn(f, 20);
    exchange(f, "GET /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    assert_answer(f, "200 OK");
}

static void only_a_dead_socket_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    struct http_server *other = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    /* one that a dead server left */
    snprintf(address.sun_path, sizeof address.sun_path, "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    start(f, &config);
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666);
    assert_int_equal(http_server_open(&f->loop, &config, &other), -EADDRINUSE);
    exchange(f, "GET /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    assert_answer(f, "200 OK");
    /* a file that is no socket */
    char path[100], longer[200];
    snprintf(path, sizeof path, "%s/file", f->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    config.socket_path = path;
    assert_int_equal(http_server_open(&f->loop, &config, &other), -EEXIST);
    assert_int_equal(unlink(path), 0);
    snprintf(longer, sizeof longer, "%s/%0120d", f->folder, 0);
    config.socket_path = longer;
    assert_int_equal(http_server_open(&f->loop, &config, &other), -ENAMETOOLONG);
    config.socket_path = "/nonexistent/api.sock";
    assert_int_equal(http_server_open(&f->loop, &config, &other), -ENOENT);
}

static void closing_lets_answers_finish(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    start(f, &config);
    int idle = connect_to(f->path), busy = connect_to(f->path);
    exchange_on(f, busy, request, sizeof request - 1, "");
    turn(f, 10);
    assert_non_null(f->held);
    http_server_close(f->server, 10000, note_closed, f);
    f->server = NULL;
    assert_int_equal(access(f->path, F_OK), -1);
    exchange_on(f, idle, "", 0, NULL);
    assert_int_equal(f->answer_length, 0);
    assert_false(f->server_closed);
    http_respond_json(f->held, 200, json_pack("{s:i}", "late", 1));
    exchange_on(f, busy, "", 0, NULL);
    assert_answer(f, "Connection: close");
    assert_answer(f, "{\"late\":1}");
    close(busy);
    close(idle);
    for (int i = 0; i < 100 && !f->server_closed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->server_closed);
}

static void closing_cuts_after_the_drain_time(void **state)
{
    struct fixture *f = *state;
    struct http_server_config config = config_of(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    start(f, &config);
    int fd = connect_to(f->path);
    exchange_on(f, fd, request, sizeof request - 1, "");
    turn(f, 10);
    http_server_close(f->server, 20, note_closed, f);
    f->server = NULL;
    for (int i = 0; i < 100 && !f->server_closed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->server_closed);
    assert_int_equal(f->gone, 1);
    http_respond_problem(f->held, 503, "x", "X", NULL);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_reach_their_handlers),
        TEST(refusals_are_problems),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(uploads_come_back_whole),
        TEST(the_total_of_bodies_is_bounded),
        TEST(handlers_may_answer_later),
        TEST(a_gone_client_is_told_once),
        TEST(a_client_that_never_reads_is_cut),
        TEST(slow_and_idle_clients_are_closed),
        TEST(connections_are_bounded),
        TEST(only_a_dead_socket_is_replaced),
        TEST(closing_lets_answers_finish),
        TEST(closing_cuts_after_the_drain_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
