/* RFC 3263 over real datagrams: a name server of the test's own, c-ares, the cache. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/dns/dns_locate.h"
#include "gateway/socket_address.h"

/* Answers "TYPE name" from a list of lines "TYPE name ttl data"; what it has not is NXDOMAIN. */
struct server {
    uv_loop_t loop;
    uv_udp_t socket;
    uint16_t port;
    const char *const *zone;
    unsigned questions;
    bool mute;
    uint8_t in[512], out[1500];
    struct dns_resolver *resolver;
    struct dns_location found;
    unsigned answered;
    bool closed;
};

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct server *s = handle->data;
    (void)size;
    *buf = uv_buf_init((char *)s->in, sizeof s->in);
}

static size_t put_name(uint8_t *out, const char *name)
{
    uint8_t *at = out;
    while (*name) {
        size_t length = strcspn(name, ".");
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    *at++ = 0;
    return (size_t)(at - out);
}

static size_t put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return 2;
}

static size_t put_data(uint8_t *out, const char *type, const char *data)
{
    unsigned a, b, c;
    char name[100], service[32];
    struct sockaddr_storage address;
    if (!strcmp(type, "A") && socket_address_parse(data, 0, &address) == 0) {
        memcpy(out, &((struct sockaddr_in *)&address)->sin_addr, 4);
        return 4;
    }
    if (!strcmp(type, "AAAA") && socket_address_parse(data, 0, &address) == 0) {
        memcpy(out, &((struct sockaddr_in6 *)&address)->sin6_addr, 16);
        return 16;
    }
    if (!strcmp(type, "SRV") && sscanf(data, "%u %u %u %99s", &a, &b, &c, name) == 4) {
        size_t n = put16(out, a);
        n += put16(out + n, b);
        n += put16(out + n, c);
        return n + put_name(out + n, strcmp(name, ".") == 0 ? "" : name);
    }
    if (sscanf(data, "%u %u %31s %99s", &a, &b, service, name) != 4)
        return 0;
    size_t n = put16(out, a);
    n += put16(out + n, b);
    out[n++] = 1;
    out[n++] = 's';
    out[n++] = (uint8_t)strlen(service);
    memcpy(out + n, service, strlen(service));
    n += strlen(service);
    out[n++] = 0;
    return n + put_name(out + n, name);
}

static const struct {
    const char *name;
    unsigned number;
} types[] = {{"A", DNS_A}, {"AAAA", DNS_AAAA}, {"SRV", DNS_SRV}, {"NAPTR", DNS_NAPTR}};

static size_t answer(struct server *s, const char *asked, unsigned number, size_t question)
{
    size_t at = question;
    unsigned answers = 0;
    memcpy(s->out, s->in, question);
    for (const char *const *line = s->zone; *line; line++) {
        char type[8], name[100], data[200];
        unsigned ttl;
        if (sscanf(*line, "%7s %99s %u %199[^\n]", type, name, &ttl, data) != 4)
            fail_msg("the zone is wrong: %s", *line);
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            if (strcmp(types[i].name, type) != 0 || types[i].number != number ||
                strcasecmp(name, asked) != 0)
                continue;
            at += put16(s->out + at, 0xc00c);
            at += put16(s->out + at, number);
            at += put16(s->out + at, 1);
            at += put16(s->out + at, 0);
            at += put16(s->out + at, ttl);
            size_t length = put_data(s->out + at + 2, type, data);
            at += put16(s->out + at, (unsigned)length) + length;
            answers++;
        }
    }
    s->out[2] = 0x81;
    s->out[3] = answers ? 0x80 : 0x83;
    put16(s->out + 6, answers);
    put16(s->out + 8, 0);
    put16(s->out + 10, 0);
    return at;
}

static void on_question(uv_udp_t *socket, ssize_t size, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
    struct server *s = socket->data;
    char name[256] = "";
    size_t at = 12;
    (void)buf;
    (void)flags;
    if (size < 17 || !from)
        return;
    s->questions++;
    while (s->in[at] && at < (size_t)size) {
        if (name[0])
            strcat(name, ".");
        strncat(name, (const char *)s->in + at + 1, s->in[at]);
        at += 1u + s->in[at];
    }
    unsigned number = (unsigned)s->in[at + 1] << 8 | s->in[at + 2];
    if (s->mute)
        return;
    uv_buf_t reply = uv_buf_init((char *)s->out, (unsigned)answer(s, name, number, at + 5));
    (void)uv_udp_try_send(socket, &reply, 1, from);
}

static int setup(void **state)
{
    struct server *s = calloc(1, sizeof *s);
    struct sockaddr_in any;
    struct sockaddr_storage bound;
    int length = sizeof bound;
    char servers[40];
    if (!s || uv_loop_init(&s->loop) < 0)
        return -1;
    uv_udp_init(&s->loop, &s->socket);
    s->socket.data = s;
    uv_ip4_addr("127.0.0.1", 0, &any);
    if (uv_udp_bind(&s->socket, (struct sockaddr *)&any, 0) < 0 ||
        uv_udp_recv_start(&s->socket, on_alloc, on_question) < 0 ||
        uv_udp_getsockname(&s->socket, (struct sockaddr *)&bound, &length) < 0)
        return -1;
    snprintf(servers, sizeof servers, "127.0.0.1:%u",
             (unsigned)socket_address_port((struct sockaddr *)&bound));
    if (dns_resolver_open(&s->loop, &(struct dns_config){servers, 150}, &s->resolver) < 0)
        return -1;
    *state = s;
    return 0;
}

static void on_closed(void *user)
{
    ((struct server *)user)->closed = true;
}

static int teardown(void **state)
{
    struct server *s = *state;
    uv_close((uv_handle_t *)&s->socket, NULL);
    dns_resolver_close(s->resolver, on_closed, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    bool fine = s->closed && uv_loop_close(&s->loop) == 0;
    free(s);
    return fine ? 0 : -1;
}

static void on_located(void *user, const struct dns_location *location)
{
    struct server *s = user;
    s->found = *location;
    s->answered++;
}

/* Asks, and writes what came: "udp 192.0.2.1:5060, ..." or the status. */
static const char *ask(struct server *s, struct dns_question q)
{
    static const char *const protocols[] = {"udp", "tcp", "tls"};
    static char text[600];
    unsigned before = s->answered;
    size_t used = 0;
    q.v4 = q.v4 || !q.v6;
    dns_locate(s->resolver, &q, on_located, s);
    while (s->answered == before)
        uv_run(&s->loop, UV_RUN_ONCE);
    if (s->found.status < 0)
        snprintf(text, sizeof text, "%s", strerrorname_np(-s->found.status));
    for (size_t i = 0; i < s->found.count; i++) {
        char host[SOCKET_ADDRESS_HOST];
        const struct sockaddr *a = (const struct sockaddr *)&s->found.places[i].address;
        socket_address_host(a, host);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s:%u", i ? ", " : "",
                                 protocols[s->found.places[i].protocol], host,
                                 (unsigned)socket_address_port(a));
    }
    return text;
}

static const char *const zone[] = {
    "NAPTR n.test 60 20 10 SIP+D2U _sip._udp.n.test",
    "NAPTR n.test 60 10 10 SIPS+D2T _sips._tcp.n.test",
    "NAPTR n.test 60 5 10 E2U+sip _other.n.test",
    "SRV _sips._tcp.n.test 60 1 0 5071 a.test",
    "SRV _sip._udp.n.test 60 2 0 5062 b.test",
    "SRV _sip._udp.n.test 9 1 0 5061 a.test",
    "SRV _sip._udp.none.test 60 0 0 0 .",
    "A none.test 60 192.0.2.9",
    "SRV _sip._tcp.gone.test 60 1 0 5060 lost.test",
    "A a.test 40 192.0.2.1",
    "A a.test 40 192.0.2.2",
    "A b.test 40 192.0.2.3",
    "AAAA b.test 40 2001:db8::3",
    "A short.test 0 192.0.2.4",
    NULL,
};
enum { UDP = 1 << SIP_UDP, TCP = 1 << SIP_TCP, TLS = 1 << SIP_TLS };

static void names(void **state)
{
    struct server *s = *state;
    s->zone = zone;
    const struct dns_question any = {.host = "n.test", .protocols = UDP | TCP | TLS},
                              udp = {.host = "n.test", .protocols = UDP};
    assert_string_equal(ask(s, any), "tls 192.0.2.1:5071, tls 192.0.2.2:5071, udp 192.0.2.1:5061, "
                                     "udp 192.0.2.2:5061, udp 192.0.2.3:5062");
    assert_int_equal(s->found.ttl_s, 9);
    unsigned questions = s->questions;
    assert_string_equal(ask(s, udp), "udp 192.0.2.1:5061, udp 192.0.2.2:5061, udp 192.0.2.3:5062");
    assert_int_equal(s->questions, questions); /* all of it was known */
    assert_string_equal(ask(s, (struct dns_question){.host = "b.test", .protocols = TLS}),
                        "tls 192.0.2.3:5061");
    assert_string_equal(
        ask(s, (struct dns_question){.host = "B.test", .port = 7, .protocols = UDP, .v6 = true}),
        "udp 2001:db8::3:7");
    assert_string_equal(ask(s, (struct dns_question){.host = "b.test", .protocols = UDP | TCP}),
                        "udp 192.0.2.3:5060");
    assert_string_equal(ask(s, (struct dns_question){.host = "192.0.2.77", .protocols = TCP}),
                        "tcp 192.0.2.77:5060");
}

static void nowhere(void **state)
{
    struct server *s = *state;
    s->zone = zone;
    assert_string_equal(ask(s, (struct dns_question){.host = "none.test", .protocols = UDP}),
                        "ENXIO"); /* it says that there is no such service */
    assert_string_equal(ask(s, (struct dns_question){.host = "gone.test", .protocols = TCP}),
                        "ENXIO");
    assert_string_equal(ask(s, (struct dns_question){.host = "no.test", .protocols = UDP}),
                        "ENXIO");
    assert_string_equal(ask(s, (struct dns_question){.host = "-bad", .protocols = UDP}), "ENXIO");
}

/* A server that does not answer: bounded, and what was known serves on. */
static void mute_server(void **state)
{
    struct server *s = *state;
    s->zone = zone;
    const struct dns_question q = {.host = "short.test", .port = 9, .protocols = UDP};
    assert_string_equal(ask(s, q), "udp 192.0.2.4:9");
    s->mute = true;
    usleep((DNS_TTL_LEAST_S * 1000 + 50) * 1000);
    uv_update_time(&s->loop);
    assert_string_equal(ask(s, q), "udp 192.0.2.4:9");
    assert_string_equal(
        ask(s, (struct dns_question){.host = "a.test", .port = 9, .protocols = UDP}), "ETIMEDOUT");
}

static void equal_questions_are_one(void **state)
{
    struct server *s = *state;
    s->zone = zone;
    for (int i = 0; i < 100; i++)
        dns_locate(
            s->resolver,
            &(struct dns_question){.host = "a.test", .port = 1, .protocols = UDP, .v4 = true},
            on_located, s);
    while (s->answered < 100)
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_int_equal(s->questions, 1);
}

static void closing_answers_all(void **state)
{
    struct server *s = *state;
    s->zone = zone;
    s->mute = true;
    dns_locate(s->resolver, &(struct dns_question){.host = "n.test", .protocols = UDP, .v4 = true},
               on_located, s);
    assert_int_equal(s->answered, 0);
    dns_resolver_close(s->resolver, NULL, NULL);
    s->resolver = NULL;
    assert_int_equal(s->answered, 1);
    assert_int_not_equal(s->found.status, 0);
}

static void valid_names(void **state)
{
    char label[70];
    (void)state;
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_true(dns_name_valid("sip.carrier-1.example"));
    assert_true(dns_name_valid("localhost"));
    assert_true(dns_name_valid("3com.example"));
    assert_false(dns_name_valid(""));
    assert_false(dns_name_valid("a..b"));
    assert_false(dns_name_valid("a."));
    assert_false(dns_name_valid("a_b"));
    assert_false(dns_name_valid("-a"));
    assert_false(dns_name_valid("192.0.2.1"));
    assert_false(dns_name_valid("192.0.2"));
    assert_false(dns_name_valid("::1"));
    assert_false(dns_name_valid(label));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names, setup, teardown),
        cmocka_unit_test_setup_teardown(nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(mute_server, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_questions_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_answers_all, setup, teardown),
        cmocka_unit_test(valid_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
