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
#include "tests/doubles/http_fixture.h"

#define H "Host: localhost\r\n"
#define C "Connection: close\r\n"

static void the_total_of_bodies_is_bounded(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char head[] =
        "POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n";
    http_fixture_start(f, &config);
    char *part = calloc(1, 999999);
    assert_non_null(part);
    int first = http_fixture_connect(f->path), second = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, first, head, sizeof head - 1, "");
    for (int i = 0, at = 0; i < 1000 && at < 999999; i++) {
        ssize_t n = send(first, part + at, (size_t)(999999 - at), MSG_NOSIGNAL);
        at += n > 0 ? (int)n : 0;
        http_fixture_turn(f, 2);
    }
    http_fixture_exchange_on(f, second, head, sizeof head - 1, "");
    http_fixture_exchange_on(f, second, part, 100000, "}");
    http_fixture_expect(f, "503 ");
    close(first);
    close(second);
    http_fixture_turn(f, 10);
    second = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, second, head, sizeof head - 1, "");
    http_fixture_exchange_on(f, second, part, 999999, "");
    http_fixture_exchange_on(f, second, part, 1, "200 OK");
    close(second);
    http_fixture_turn(f, 4);
    free(part);
}

static int admits_nobody(void *user, uid_t uid, const char **why)
{
    (void)user;
    *why = "you may send nothing";
    assert_int_equal(uid, getuid());
    return 403;
}

/* Whoever is not admitted is refused before a single octet of a body is kept. */
static void bodies_of_strangers_are_not_received(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    config.admit = admits_nobody;
    http_fixture_start(f, &config);
    http_fixture_exchange(f, "POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n",
                          "send nothing");
    http_fixture_expect(f, "403 ");
    http_fixture_expect(f, "Connection: close");
    http_fixture_exchange(f,
                          "POST /v1/documents HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
                          "send nothing");
    http_fixture_expect(f, "403 ");
}

static void a_gone_client_is_told_once(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    http_fixture_start(f, &config);
    for (unsigned round = 1; round <= 2; round++) {
        int fd = http_fixture_connect(f->path);
        http_fixture_exchange_on(f, fd, request, sizeof request - 1, "");
        http_fixture_turn(f, 10);
        assert_non_null(f->held);
        close(fd);
        http_fixture_turn(f, 10);
        assert_int_equal(f->gone, round);
        assert_int_equal(http_request_on_gone(f->held, http_fixture_is_gone, f), -EPIPE);
        if (round == 1) {
            http_respond_json(f->held, 200, json_object());
        } else {
            http_stream_begin(f->held, "application/jsonl");
            assert_int_equal(http_stream_json_line(f->held, json_object()), -EPIPE);
            http_stream_end(f->held);
        }
        f->held = NULL;
    }
    http_fixture_turn(f, 4);
    assert_int_equal(f->gone, 2);
}

static void a_client_that_never_reads_is_cut(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char request[] = "GET /v1/flood HTTP/1.1\r\n" H "\r\n";
    static const char bytes[] = "GET /v1/bytes HTTP/1.1\r\n" H "\r\n";
    config.limits.write_stall_ms = 50;
    http_fixture_start(f, &config);
    int fd = http_fixture_connect(f->path);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (int i = 0; i < 1000 && !f->gone; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->stream_refused, 1);
    assert_int_equal(f->gone, 1);
    http_stream_abort(f->held);
    f->held = NULL;
    close(fd);
    fd = http_fixture_connect(f->path);
    assert_int_equal(send(fd, bytes, sizeof bytes - 1, MSG_NOSIGNAL), sizeof bytes - 1);
    for (int i = 0; i < 1000 && !f->freed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->freed, 1);
    close(fd);
}

static void idle_clients_are_closed(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    config.limits.idle_timeout_ms = 50;
    http_fixture_start(f, &config);
    http_fixture_exchange(f, "", NULL);
    assert_int_equal(f->answer_length, 0);
}

/* The limit for idle ones stays as it is: on a busy machine it would come first. */
static void slow_clients_are_closed(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    config.limits.head_timeout_ms = 50;
    config.limits.body_stall_ms = 50;
    http_fixture_start(f, &config);
    http_fixture_exchange(f, "GET / HTTP/1.1\r\nHost: lo", NULL);
    http_fixture_expect(f, "408 ");
    http_fixture_exchange(f, "POST /v1/documents HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel",
                          NULL);
    http_fixture_expect(f, "408 ");
}

static void connections_are_bounded(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    int fds[8];
    http_fixture_start(f, &config);
    for (int i = 0; i < 8; i++)
        fds[i] = http_fixture_connect(f->path);
    http_fixture_turn(f, 20);
    int fd = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, fd, "", 0, NULL);
    http_fixture_expect(f, "503 ");
    http_fixture_expect(f, "\"status\":503}");
    close(fd);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    http_fixture_turn(f, 20);
    http_fixture_exchange(f, "GET /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    http_fixture_expect(f, "200 OK");
}

static void only_a_dead_socket_is_replaced(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    struct http_server *other = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    /* one that a dead server left */
    snprintf(address.sun_path, sizeof address.sun_path, "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    http_fixture_start(f, &config);
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666);
    assert_int_equal(http_server_open(&f->loop, &config, &other), -EADDRINUSE);
    http_fixture_exchange(f, "GET /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    http_fixture_expect(f, "200 OK");
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
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    http_fixture_start(f, &config);
    int idle = http_fixture_connect(f->path), busy = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, busy, request, sizeof request - 1, "");
    http_fixture_turn(f, 10);
    assert_non_null(f->held);
    http_server_close(f->server, 10000, http_fixture_note_closed, f);
    f->server = NULL;
    assert_int_equal(access(f->path, F_OK), -1);
    http_fixture_exchange_on(f, idle, "", 0, NULL);
    assert_int_equal(f->answer_length, 0);
    assert_false(f->server_closed);
    http_respond_json(f->held, 200, json_pack("{s:i}", "late", 1));
    http_fixture_exchange_on(f, busy, "", 0, NULL);
    http_fixture_expect(f, "Connection: close");
    http_fixture_expect(f, "{\"late\":1}");
    close(busy);
    close(idle);
    for (int i = 0; i < 100 && !f->server_closed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->server_closed);
}

static void closing_cuts_after_the_drain_time(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char request[] = "GET /v1/held HTTP/1.1\r\n" H "\r\n";
    http_fixture_start(f, &config);
    int fd = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, fd, request, sizeof request - 1, "");
    http_fixture_turn(f, 10);
    http_server_close(f->server, 20, http_fixture_note_closed, f);
    f->server = NULL;
    for (int i = 0; i < 100 && !f->server_closed; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->server_closed);
    assert_int_equal(f->gone, 1);
    http_respond_problem(f->held, 503, "x", "X", NULL);
    close(fd);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, http_fixture_set_up, http_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_total_of_bodies_is_bounded), TEST(bodies_of_strangers_are_not_received),
        TEST(a_gone_client_is_told_once),     TEST(a_client_that_never_reads_is_cut),
        TEST(idle_clients_are_closed),        TEST(slow_clients_are_closed),
        TEST(connections_are_bounded),        TEST(only_a_dead_socket_is_replaced),
        TEST(closing_lets_answers_finish),    TEST(closing_cuts_after_the_drain_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
