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

static void requests_reach_their_handlers(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    http_fixture_start(f, &config);
    http_fixture_exchange(
        f, "GET /v1/things/a%20b?x=%2B49&limit=7 HTTP/1.1\r\n" H C "X-Test: v \r\n\r\n", NULL);
    http_fixture_expect(f, "HTTP/1.1 200 OK\r\n");
    http_fixture_expect(f, "Connection: close\r\n");
    http_fixture_expect(f, "Cache-Control: no-store\r\n");
    http_fixture_expect(f,
                        "{\"id\":\"a b\",\"limit\":7,\"x\":\"+49\",\"header\":\"v\",\"me\":true}");
    http_fixture_exchange(f, "DELETE /v1/things/a HTTP/1.1\r\n" H C "\r\n", NULL);
    http_fixture_expect(f, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(f->answer, "Content-Length"));
    http_fixture_exchange(f,
                          "POST /v1/things HTTP/1.1\r\n" H C
                          "Content-Type: application/json; charset=utf-8\r\n"
                          "Content-Length: 7\r\n\r\n{\"a\":1}",
                          NULL);
    http_fixture_expect(f, "201 Created");
    http_fixture_expect(f, "{\"a\":1}");
    http_fixture_exchange(f, "GET /v1/bytes HTTP/1.1\r\n" H C "\r\n", NULL);
    http_fixture_expect(f, "X-More: yes\r\n");
    http_fixture_expect(f, "Content-Length: 3145728\r\n");
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
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char next[] = "GET /v1/things/next HTTP/1.1\r\n" H "\r\n";
    http_fixture_start(f, &config);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        int fd = http_fixture_connect(f->path);
        http_fixture_exchange_on(f, fd, refusals[i].request, strlen(refusals[i].request),
                                 strncmp(refusals[i].request, "HEAD", 4) == 0 ? "\r\n\r\n" : "}");
        if (strncmp(f->answer + 9, refusals[i].status, 4) != 0)
            fail_msg("%s gives %s", refusals[i].request, f->answer);
        http_fixture_expect(f, refusals[i].part);
        http_fixture_expect(f, "application/problem+json");
        assert_int_equal(strstr(f->answer, "Connection: close") != NULL, refusals[i].closes);
        if (!refusals[i].closes) {
            http_fixture_exchange_on(f, fd, next, sizeof next - 1, "\"id\":\"next\"");
        } else {
            shutdown(fd, SHUT_WR);
            http_fixture_exchange_on(f, fd, "", 0, NULL);
            assert_true(f->closed_by_server);
        }
        close(fd);
        http_fixture_turn(f, 4);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    http_fixture_start(f, &config);
    http_fixture_exchange(f,
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
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    enum { LENGTH = 1 << 20 };
    static const char head[] = "POST /v1/documents HTTP/1.1\r\n" H C "Expect: 100-continue\r\n"
                               "Content-Length: 1048576\r\n\r\n";
    http_fixture_start(f, &config);
    uint8_t *document = malloc(LENGTH);
    assert_non_null(document);
    for (size_t i = 0; i < LENGTH; i++)
        document[i] = (uint8_t)(i * 7 + (i >> 8));
    int fd = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, fd, head, sizeof head - 1, "\r\n\r\n");
    assert_string_equal(f->answer, "HTTP/1.1 100 Continue\r\n\r\n");
    http_fixture_exchange_on(f, fd, document, LENGTH, NULL);
    http_fixture_expect(f, "200 OK");
    assert_true(f->answer_length > LENGTH);
    assert_memory_equal(f->answer + f->answer_length - LENGTH, document, LENGTH);
    close(fd);
    /* chunked, octet by octet at the ends, beyond the limit of the route */
    fd = http_fixture_connect(f->path);
    static const char chunked[] =
        "POST /v1/documents HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n100001\r\n";
    http_fixture_exchange_on(f, fd, chunked, sizeof chunked - 1, "");
    http_fixture_exchange_on(f, fd, document, LENGTH, "");
    http_fixture_exchange_on(f, fd, document, 1, "}");
    http_fixture_expect(f, "413 ");
    close(fd);
    free(document);
}

static void handlers_may_answer_later(void **state)
{
    struct http_fixture *f = *state;
    struct http_server_config config = http_fixture_config(f);
    static const char request[] =
        "GET /v1/held HTTP/1.1\r\n" H "\r\nGET /v1/things/b HTTP/1.1\r\n" H "\r\n";
    http_fixture_start(f, &config);
    int fd = http_fixture_connect(f->path);
    http_fixture_exchange_on(f, fd, request, sizeof request - 1, "");
    http_fixture_turn(f, 10);
    assert_non_null(f->held);
    assert_int_equal(recv(fd, f->answer, 10, 0), -1);
    http_respond_json(f->held, 200, json_pack("{s:i}", "later", 1));
    f->held = NULL;
    http_fixture_exchange_on(f, fd, "", 0, "\"id\":\"b\"");
    http_fixture_expect(f, "{\"later\":1}");
    close(fd);
    http_fixture_turn(f, 4);
    assert_int_equal(f->gone, 0);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, http_fixture_set_up, http_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_reach_their_handlers),
        TEST(refusals_are_problems),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(uploads_come_back_whole),
        TEST(handlers_may_answer_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
