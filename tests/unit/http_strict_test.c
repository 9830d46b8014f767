#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http/http_body.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_head.h"
#include "gateway/http/http_utf8.h"

static const struct http_head_limits limits = {
    .head_bytes = 1024, .target_bytes = 100, .headers = 8};

/* Reads a head given in pieces of step octets. Returns 0 or the status of the refusal. */
static int judge(const char *text, size_t step, struct http_head *head)
{
    struct http_refusal refusal = {0};
    size_t seen = 0, total = strlen(text);
    long length = 0;
    memset(head, 0, sizeof *head);
    for (size_t have = step; length == 0; have += step) {
        size_t now = have < total ? have : total;
        char *exact = malloc(now);
        assert_non_null(exact);
        memcpy(exact, text, now);
        length = http_strict_find_end(exact, now, &seen, &limits, &refusal);
        if (length > 0 && http_head_parse(head, exact, (size_t)length, &limits, &refusal) < 0)
            length = -1;
        free(exact);
        if (length == 0 && now == total)
            return -1;
    }
    return length < 0 ? refusal.status : 0;
}

#define H "Host: localhost\r\n"

static const struct {
    const char *text;
    int status; /* 0: good; -1: not complete */
} heads[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", 0},
    {"GET /v1/faxes?from=+49301&to=%2B49302 HTTP/1.1\r\n" H "\r\n", 0},
    {"POST /v1/x HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0},
    {"POST /v1/x HTTP/1.1\r\n" H "Content-Length:5\r\n\r\n", 0},
    {"POST /v1/x HTTP/1.1\r\n" H "Transfer-Encoding: Chunked \r\n\r\n", 0},
    {"GET / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\n" H, -1},
    {"GET / HTTP/1.1\r\n" H "\r", -1},
    /* framing that two readers would understand differently */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 6\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 05\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\vchunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"GET / HTTP/1.1\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: localhost\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\n\tA: b\r\n" H "\r\n", 400},
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", 400},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    /* characters */
    {"GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: \xc3\xa4\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A(: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A\r\n\r\n", 400},
    {"\x16\x03\x01 / HTTP/1.1\r\n" H "\r\n", 400},
    /* request line */
    {"GET  / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
    {"GET /\r\n" H "\r\n", 400},
    {"GET\r\n" H "\r\n", 400},
    {" / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /a b HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /\tHTTP/1.1\r\n" H "\r\n", 400},
    {"GET http://localhost/ HTTP/1.1\r\n" H "\r\n", 400},
    {"GET * HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /#a HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /a\"b HTTP/1.1\r\n" H "\r\n", 400},
    {"GET //a HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.0\r\n" H "\r\n", 505},
    {"GET / HTTP/2.0\r\n" H "\r\n", 505},
    {"GET / http/1.1\r\n" H "\r\n", 400},
    {"BREW / HTTP/1.1\r\n" H "\r\n", 501},
    {"TRACE / HTTP/1.1\r\n" H "\r\n", 501},
    {"CONNECT /a HTTP/1.1\r\n" H "\r\n", 501},
    /* queries */
    {"GET /?a=1&a=2 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%2 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%zz HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%00 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%0a HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%ff HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%c0%80 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?=1 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a&&b HTTP/1.1\r\n" H "\r\n", 400},
    /* expectations and repeated single headers */
    {"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417},
    {"POST / HTTP/1.1\r\n" H "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 400},
    /* sizes */
    {"GET / HTTP/1.1\r\n" H "a:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\n" H "a:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\n\r\n", 431},
};

static void heads_are_judged(void **state)
{
    (void)state;
    struct http_head head;
    static const size_t steps[] = {1, 7, 4096};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        for (size_t s = 0; s < 3; s++) {
            int status = judge(heads[i].text, steps[s], &head);
            if (status != heads[i].status)
                print_error("head %zu, step %zu: %s\n", i, steps[s], heads[i].text);
            assert_int_equal(status, heads[i].status);
            http_head_free(&head);
        }
    }
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct http_head head;
    char text[4096];
    snprintf(text, sizeof text, "GET /%099d HTTP/1.1\r\n" H "\r\n", 0);
    assert_int_equal(judge(text, 1, &head), 0);
    http_head_free(&head);
    snprintf(text, sizeof text, "GET /%0100d HTTP/1.1\r\n" H "\r\n", 0);
    assert_int_equal(judge(text, 1, &head), 414);
    http_head_free(&head);
    snprintf(text, sizeof text, "GET /%02000d", 0);
    assert_int_equal(judge(text, 100, &head), 414);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H "A: %02000d", 0);
    assert_int_equal(judge(text, 100, &head), 431);
}

static void a_head_is_cut_into_strings(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(judge("POST /v1/a%20b?x=+1&y=%C3%A4&z HTTP/1.1\r\n" H
                           "X-Blank: \t v w \t\r\nX-Empty:\r\nExpect: 100-Continue\r\n"
                           "Connection: close\r\nContent-Length: 12\r\n\r\n",
                           4096, &head),
                     0);
    assert_string_equal(head.method, "POST");
    assert_string_equal(head.path, "/v1/a%20b");
    assert_string_equal(http_uri_query_find(&head.query, "x"), "+1");
    assert_string_equal(http_uri_query_find(&head.query, "y"), "\xc3\xa4");
    assert_string_equal(http_uri_query_find(&head.query, "z"), "");
    assert_null(http_uri_query_find(&head.query, "w"));
    assert_string_equal(http_head_find(&head, "x-blank"), "v w");
    assert_string_equal(http_head_find(&head, "X-EMPTY"), "");
    assert_null(http_head_find(&head, "X"));
    assert_true(head.expect_continue && head.close && !head.chunked);
    assert_int_equal(head.content_length, 12);
    http_head_free(&head);
}

/* Reads a body in pieces of step octets into out. Returns its length, -1 incomplete, -2 refused. */
static int read_body(const char *text, size_t step, bool chunked, uint64_t length, char *out)
{
    struct http_body_reader reader;
    struct http_refusal refusal;
    size_t total = strlen(text), at = 0, used, data_length, got = 0;
    const uint8_t *data;
    int result = 0;
    http_body_begin(&reader, chunked, length);
    while (result == 0) {
        size_t piece = total - at < step ? total - at : step;
        result = http_body_read(&reader, (const uint8_t *)text + at, piece, &used, &data,
                                &data_length, &refusal);
        at += used;
        memcpy(out + got, data ? (const char *)data : "", data_length);
        got += data_length;
        if (result == 0 && at == total)
            return -1;
    }
    return result < 0 ? -2 : (int)got;
}

static void bodies_end_where_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"0\r\n\r\n", 0},
        {"5\r\nhello\r\n0\r\n\r\nGET", 5},
        {"1\r\na\r\n000A\r\n0123456789\r\n00\r\n\r\n", 11},
        {"5\r\nhello\r\n", -1},
        {"5\r\nhel", -1},
        {"5\nhello\r\n0\r\n\r\n", -2},
        {"5\r\nhello\n0\r\n\r\n", -2},
        {"5\r\nhello0\r\n\r\n", -2},
        {"5;a=b\r\nhello\r\n0\r\n\r\n", -2},
        {"5 \r\nhello\r\n0\r\n\r\n", -2},
        {" 5\r\nhello\r\n0\r\n\r\n", -2},
        {"+5\r\nhello\r\n0\r\n\r\n", -2},
        {"0x5\r\nhello\r\n0\r\n\r\n", -2},
        {"\r\n", -2},
        {"000000005\r\nhello\r\n0\r\n\r\n", -2},
        {"FFFFFFFFFFFFFFFF1\r\n", -2},
        {"0\r\nTrailer: x\r\n\r\n", -2},
        {"0\r\n\n", -2},
        {"0\r\r\n", -2},
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step < 40; step += 6)
            assert_int_equal(read_body(cases[i].text, step, true, 0, out), cases[i].result);
    assert_int_equal(read_body("hello", 2, false, 5, out), 5);
    assert_int_equal(read_body("hello", 2, false, 3, out), 3);
    assert_memory_equal(out, "hel", 3);
    assert_int_equal(read_body("he", 2, false, 3, out), -1);
    assert_int_equal(read_body("", 1, false, 0, out), 0);
}

static void text_is_checked(void **state)
{
    (void)state;
    uint32_t c;
    assert_int_equal(http_utf8_next("\xf0\x9f\x93\xa0", 4, &c), 4);
    assert_int_equal(c, 0x1f4e0);
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc3",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xc3("};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_utf8_next(bad[i], strlen(bad[i]), &c), 0);
    assert_true(http_utf8_is_clean("a\xc3\xa4", 3));
    assert_false(http_utf8_is_clean("a\x1b", 2));
    assert_false(http_utf8_is_clean("\xc2\x9b", 2));
}

static void targets_are_encoded(void **state)
{
    (void)state;
    struct http_target target;
    http_target_begin(&target, "/v1/numbers");
    http_target_segment(&target, "+49/30 \xc3\xa4");
    http_target_plain(&target, "/x");
    http_target_query(&target, "a", "b&c=d");
    http_target_query(&target, "none", NULL);
    http_target_query(&target, "e", "");
    assert_false(target.failed);
    assert_string_equal(target.text, "/v1/numbers/%2B49%2F30%20%C3%A4/x?a=b%26c%3Dd&e=");
    http_target_segment(&target, "..");
    assert_true(target.failed);
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    http_target_begin(&target, "/");
    http_target_segment(&target, longest);
    assert_true(target.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_judged),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(a_head_is_cut_into_strings),
        cmocka_unit_test(bodies_end_where_they_say),
        cmocka_unit_test(text_is_checked),
        cmocka_unit_test(targets_are_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
