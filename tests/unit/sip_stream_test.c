/* TCP: two stacks of ours over connections, and one stack with a bare socket that sends what it
 * should not. */
#include "tests/unit/sip_test_pair.h"

#include "gateway/sip/stack.h"

enum { BARE_LIMIT_MS = 4000 };

static void open_stream_agent(struct agent *a, uv_loop_t *loop, uint32_t message_timeout_ms,
                              uint32_t idle_timeout_ms)
{
    struct sip_config c = {.t1_ms = 20,
                           .max_connections = 8,
                           .max_connections_of_peer = 3,
                           .message_timeout_ms = message_timeout_ms,
                           .idle_timeout_ms = idle_timeout_ms};
    struct sockaddr_in in4 = agent_loopback(0);
    memcpy(&c.listen_tcp, &in4, sizeof in4);
    agent_open(a, loop, &c);
}

static int open_streams(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(uv_loop_init(&p->loop), 0);
    open_stream_agent(&p->a, &p->loop, 0, 0);
    open_stream_agent(&p->b, &p->loop, 300, 0);
    *state = p;
    return 0;
}

static uint16_t tcp_port(const struct agent *a)
{
    struct sockaddr_storage address;
    struct sockaddr_in in4;
    sip_stack_address(a->stack, SIP_TCP, &address);
    memcpy(&in4, &address, sizeof in4);
    return ntohs(in4.sin_port);
}

static int call_by_tcp(struct agent *a, uint16_t port)
{
    char uri[64];
    struct sdp_session offer = agent_audio();
    struct sockaddr_in to = agent_loopback(port);
    struct sip_call call = {.protocol = SIP_TCP,
                            .request_uri = uri,
                            .from_uri = "sip:100@127.0.0.1",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = &offer};
    snprintf(uri, sizeof uri, "sip:200@127.0.0.1:%u;transport=tcp", port);
    memcpy(&call.target, &to, sizeof to);
    return sip_session_call(a->stack, &call, agent_on_event, a, &a->session);
}

static struct sip_stack_counters counters_of(const struct agent *a)
{
    struct sip_stack_counters c;
    sip_stack_read_counters(a->stack, &c);
    return c;
}

static void calls_share_a_connection_and_repeat_nothing(void **state)
{
    struct pair *p = *state;
    char signalling[SIP_SIGNALLING_TEXT];
    p->b.on_call = AGENT_RING_AND_ANSWER;
    for (int i = 0; i < 3; i++) {
        p->a.log[0] = p->b.log[0] = '\0';
        assert_int_equal(call_by_tcp(&p->a, tcp_port(&p->b)), 0);
        assert_true(agent_wait(&p->b, "confirmed", LIMIT_MS));
        assert_true(agent_wait(&p->a, "answered", LIMIT_MS));
        assert_int_equal(sip_session_protocol(p->a.session), SIP_TCP);
        sip_session_signalling(p->b.session, signalling);
        assert_string_equal(signalling, "tcp");
        /* The callee's BYE comes back by the same connection. */
        sip_session_hangup(i % 2 ? p->a.session : p->b.session, 0, NULL);
        assert_true(agent_wait(&p->a, "ended", LIMIT_MS));
        assert_true(agent_wait(&p->b, "ended", LIMIT_MS));
    }
    agent_wait(&p->a, NULL, 200); /* ten times T1 */
    assert_int_equal(counters_of(&p->a).connections_out, 1);
    assert_int_equal(counters_of(&p->b).connections_out, 0);
    assert_int_equal(counters_of(&p->b).connections_in, 1);
    assert_int_equal(counters_of(&p->a).retransmissions_out, 0);
    assert_int_equal(counters_of(&p->a).datagrams_out, 0);
    assert_int_equal(counters_of(&p->a).transactions, 0); /* D, J and K are zero */
}

static void reinvite_goes_by_the_connection(void **state)
{
    struct pair *p = *state;
    p->b.on_call = AGENT_ANSWER;
    p->b.reinvite_on_confirm = true;
    assert_int_equal(call_by_tcp(&p->a, tcp_port(&p->b)), 0);
    assert_true(agent_wait(&p->b, "reinvite-answered t38", LIMIT_MS));
    assert_int_equal(counters_of(&p->b).connections_out, 0);
}

static void refusal_is_acknowledged(void **state)
{
    struct pair *p = *state;
    p->b.on_call = AGENT_BUSY;
    assert_int_equal(call_by_tcp(&p->a, tcp_port(&p->b)), 0);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    agent_wait(&p->b, NULL, 100);
    assert_int_equal(counters_of(&p->b).retransmissions_out, 0);
}

static void nobody_listens(void **state)
{
    struct pair *p = *state;
    assert_int_equal(call_by_tcp(&p->a, 1), 0);
    assert_true(agent_wait(&p->a, "ended transport 503", LIMIT_MS));
    assert_non_null(strstr(p->a.reason, "refused"));
}

static int connect_bare(uint16_t port)
{
    struct sockaddr_in to = agent_loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* What arrives while the loop runs, until `wanted` stands in it or the connection ends. */
static bool read_bare(struct agent *a, int fd, const char *wanted, char *text, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < BARE_LIMIT_MS / 10; i++) {
        agent_wait(a, NULL, 10);
        ssize_t got = recv(fd, text + n, size - 1 - n, MSG_DONTWAIT);
        if (got > 0)
            n += (size_t)got;
        text[n] = '\0';
        if (got == 0)
            return wanted == NULL;
        if (wanted && strstr(text, wanted))
            return true;
    }
    return false;
}

static const char options[] = "OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
                              "Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKo%d\r\n"
                              "From: <sip:1@127.0.0.1>;tag=x\r\nTo: <sip:2@127.0.0.1>\r\n"
                              "Call-ID: c%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n";

static void put(int fd, const char *text, size_t length)
{
    assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), length);
}

static void messages_come_in_pieces_and_together(void **state)
{
    struct pair *p = *state;
    char one[1024], both[2048], text[4096];
    int fd = connect_bare(tcp_port(&p->b));
    int n = snprintf(one, sizeof one, options, 1, 1);
    n += snprintf(one + n, sizeof one - (size_t)n, "l : 0\r\n\r\n");
    for (int i = 0; i < n; i++) {
        put(fd, one + i, 1);
        uv_run(&p->loop, UV_RUN_NOWAIT);
    }
    assert_true(read_bare(&p->b, fd, "z9hG4bKo1", text, sizeof text));
    int m = snprintf(both, sizeof both, options, 2, 2);
    m += snprintf(both + m, sizeof both - (size_t)m, "Content-Length: 4\r\n\r\nbody\r\n\r\n");
    m += snprintf(both + m, sizeof both - (size_t)m, options, 3, 3);
    m += snprintf(both + m, sizeof both - (size_t)m, "Content-Length: 0\r\n\r\n");
    put(fd, both, (size_t)m);
    assert_true(read_bare(&p->b, fd, "z9hG4bKo3", text, sizeof text));
    assert_non_null(strstr(text, "z9hG4bKo2"));
    assert_non_null(strstr(text, "SIP/2.0 200"));
    /* Between both stood a ping. */
    assert_int_equal(counters_of(&p->b).keep_alives_in, 1);
    assert_non_null(strstr(text, "\r\n\r\n\r\nSIP/2.0"));
    close(fd);
}

static void what_is_no_sip_ends_the_connection(void **state)
{
    struct pair *p = *state;
    char text[4096];
    static char large[70000];
    memset(large, 'a', sizeof large);
    memcpy(large, "OPTIONS sip:a SIP/2.0\r\n", 23);
    const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", sizeof("GET / HTTP/1.1\r\nHost: a\r\n\r\n") - 1},
        {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\nx",
         sizeof("OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\nx") - 1},
        {"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
         sizeof("OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n") - 1},
        {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 65535\r\n\r\n",
         sizeof("OPTIONS sip:a SIP/2.0\r\nContent-Length: 65535\r\n\r\n") - 1},
        {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n",
         sizeof("OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n") - 1},
        {"\rX", sizeof("\rX") - 1},
        {large, sizeof large}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = connect_bare(tcp_port(&p->b));
        put(fd, cases[i].text, cases[i].length);
        if (!read_bare(&p->b, fd, NULL, text, sizeof text))
            fail_msg("case %zu was not ended", i);
        assert_string_equal(text, "");
        close(fd);
    }
    assert_int_equal(counters_of(&p->b).connections, 0);
}

static void slow_sender_is_put_off(void **state)
{
    struct pair *p = *state;
    char text[256];
    int fd = connect_bare(tcp_port(&p->b));
    put(fd, "OPTIONS sip:a SIP/2.0\r\n", 23);
    assert_true(read_bare(&p->b, fd, NULL, text, sizeof text));
    close(fd);
    assert_int_equal(counters_of(&p->b).connections_failed, 1);
    /* Nothing at all is no message that is slow: the connection stays until it is idle. */
    fd = connect_bare(tcp_port(&p->b));
    agent_wait(&p->b, NULL, 600);
    assert_int_equal(counters_of(&p->b).connections, 1);
    close(fd);
}

static void connections_of_a_peer_are_counted(void **state)
{
    struct pair *p = *state;
    char text[64];
    int fds[4];
    for (size_t i = 0; i < 4; i++)
        fds[i] = connect_bare(tcp_port(&p->b));
    assert_true(read_bare(&p->b, fds[3], NULL, text, sizeof text));
    assert_int_equal(counters_of(&p->b).connections, 3);
    assert_int_equal(counters_of(&p->b).connections_refused, 1);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    p->b.trusts_nobody = true;
    int fd = connect_bare(tcp_port(&p->b));
    assert_true(read_bare(&p->b, fd, NULL, text, sizeof text));
    assert_int_equal(counters_of(&p->b).unknown_sources, 1);
    close(fd);
}

/* libuv tells of no further connection until the last one was accepted. */
static void a_connection_that_cannot_be_taken_is_not_the_last(void **state)
{
    struct pair *p = *state;
    char one[1024], text[4096];
    size_t slots = p->b.stack->stream_slots;
    int fds[2], n = snprintf(one, sizeof one, options, 1, 1);
    n += snprintf(one + n, sizeof one - (size_t)n, "l : 0\r\n\r\n");
    p->b.stack->stream_slots = 0; /* as without memory */
    for (int i = 0; i < 2; i++)
        fds[i] = connect_bare(tcp_port(&p->b));
    agent_wait(&p->b, NULL, 250);
    assert_int_equal(counters_of(&p->b).connections_in, 0);
    p->b.stack->stream_slots = slots;
    for (int i = 0; i < 2; i++) {
        put(fds[i], one, (size_t)n);
        assert_true(read_bare(&p->b, fds[i], "SIP/2.0 200", text, sizeof text));
        close(fds[i]);
    }
    assert_int_equal(counters_of(&p->b).connections_in, 2);
    /* A stack that closes meanwhile. */
    agent_wait(&p->b, NULL, 50);
    p->b.stack->stream_slots = 0;
    fds[0] = connect_bare(tcp_port(&p->b));
    agent_wait(&p->b, NULL, 50);
    p->b.stack->stream_slots = slots;
    close(fds[0]);
}

/* The callee closes the connection while nothing happens on it; the caller's BYE finds another. */
static void idle_connections_are_closed_and_made_again(void **state)
{
    struct pair *p = *state;
    struct agent *c = calloc(1, sizeof *c);
    assert_non_null(c);
    open_stream_agent(c, &p->loop, 0, 150);
    c->on_call = AGENT_BUSY;
    assert_int_equal(call_by_tcp(&p->a, tcp_port(c)), 0);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    for (int i = 0; i < 100 && counters_of(&p->a).connections; i++)
        agent_wait(&p->a, NULL, 20);
    assert_int_equal(counters_of(&p->a).connections, 0);
    p->a.log[0] = '\0';
    assert_int_equal(call_by_tcp(&p->a, tcp_port(c)), 0);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    assert_int_equal(counters_of(&p->a).connections_out, 2);
    agent_close(c);
    while (!c->is_closed)
        uv_run(&p->loop, UV_RUN_ONCE);
    free(c);
}

/* A connection that breaks when a request is sent on it: the request goes once more on a new one.
 */
static void request_on_a_dead_connection_is_sent_again(void **state)
{
    struct pair *p = *state;
    struct sockaddr_in in4 = agent_loopback(0);
    socklen_t length = sizeof in4;
    char text[4096], answer[2048];
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(listener, (struct sockaddr *)&in4, sizeof in4), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&in4, &length), 0);
    assert_int_equal(call_by_tcp(&p->a, ntohs(in4.sin_port)), 0);
    int first = accept(listener, NULL, NULL);
    assert_true(read_bare(&p->a, first, "\r\n\r\n", text, sizeof text));
    const char *via = strstr(text, "Via:"), *stop = strstr(text, "Contact:");
    assert_true(via && stop && stop > via);
    int n = snprintf(answer, sizeof answer, "SIP/2.0 486 Busy\r\n%.*sContent-Length: 0\r\n\r\n",
                     (int)(stop - via), via);
    put(first, answer, (size_t)n);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    p->a.log[0] = '\0';
    assert_int_equal(call_by_tcp(&p->a, ntohs(in4.sin_port)), 0);
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(first, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(first); /* a reset */
    agent_wait(&p->a, NULL, 200);
    int second = accept(listener, NULL, NULL);
    assert_true(read_bare(&p->a, second, "INVITE sip:200", text, sizeof text));
    close(second);
    assert_true(agent_wait(&p->a, "ended transport 503", LIMIT_MS));
    close(listener);
}

static void long_requests_go_by_tcp_when_allowed(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    char uri[64], to_uri[1000];
    struct sockaddr_storage udp;
    struct agent *c = calloc(1, sizeof *c);
    assert_non_null(c);
    /* One that listens on the same port for both. */
    for (int i = 0;; i++) {
        struct sip_config config = {.t1_ms = 20};
        struct sockaddr_in in4 = agent_loopback((uint16_t)(20000 + (getpid() + i) % 30000));
        memcpy(&config.listen_tcp, &in4, sizeof in4);
        memset(c, 0, sizeof *c);
        config.listen = config.listen_tcp;
        config.incoming = agent_on_incoming;
        config.user = c;
        c->loop = &p->loop;
        if (sip_stack_open(&p->loop, &config, &c->stack) == 0)
            break;
        assert_true(i < 100);
    }
    c->on_call = AGENT_BUSY;
    sip_stack_address(c->stack, SIP_UDP, &udp);
    snprintf(uri, sizeof uri, "sip:200@127.0.0.1:%u", agent_port(c));
    memset(to_uri, 'a', sizeof to_uri);
    memcpy(to_uri, "sip:", 4);
    snprintf(to_uri + sizeof to_uri - 11, 11, "@127.0.0.1");
    for (int allowed = 0; allowed < 2; allowed++) {
        struct sip_call call = {.target = udp,
                                .long_by_tcp = allowed,
                                .request_uri = uri,
                                .from_uri = "sip:100@127.0.0.1",
                                .to_uri = to_uri,
                                .offer = &offer};
        p->a.log[0] = '\0';
        assert_int_equal(sip_session_call(p->a.stack, &call, agent_on_event, &p->a, &p->a.session),
                         0);
        assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
        assert_int_equal(counters_of(c).connections_in, allowed);
    }
    agent_close(c);
    while (!c->is_closed)
        uv_run(&p->loop, UV_RUN_ONCE);
    free(c);
}

static void calls_go_over_ipv6(void **state)
{
    struct pair *p = *state;
    char uri[64];
    struct sdp_session offer = agent_audio();
    struct agent *c = calloc(1, sizeof *c);
    struct sip_config config = {.t1_ms = 20, .incoming = agent_on_incoming, .user = c};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_non_null(c);
    c->loop = &p->loop;
    c->on_call = AGENT_BUSY;
    memcpy(&config.listen, &any, sizeof any);
    memcpy(&config.listen_tcp, &any, sizeof any);
    assert_int_equal(sip_stack_open(&p->loop, &config, &c->stack), 0);
    struct sip_call call = {.protocol = SIP_TCP,
                            .request_uri = uri,
                            .from_uri = "sip:100@[::1]",
                            .to_uri = "sip:200@[::1]",
                            .offer = &offer};
    sip_stack_address(c->stack, SIP_TCP, &call.target);
    memcpy(&any, &call.target, sizeof any);
    snprintf(uri, sizeof uri, "sip:200@[::1]:%u;transport=tcp", ntohs(any.sin6_port));
    assert_int_equal(sip_session_call(p->a.stack, &call, agent_on_event, &p->a, &p->a.session), 0);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    assert_int_equal(counters_of(c).connections_in, 1);
    agent_close(c);
    while (!c->is_closed)
        uv_run(&p->loop, UV_RUN_ONCE);
    free(c);
}

int main(void)
{
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, open_streams, close_pair)
    const struct CMUnitTest tests[] = {
        STREAM_TEST(calls_share_a_connection_and_repeat_nothing),
        STREAM_TEST(reinvite_goes_by_the_connection),
        STREAM_TEST(refusal_is_acknowledged),
        STREAM_TEST(nobody_listens),
        STREAM_TEST(messages_come_in_pieces_and_together),
        STREAM_TEST(what_is_no_sip_ends_the_connection),
        STREAM_TEST(slow_sender_is_put_off),
        STREAM_TEST(connections_of_a_peer_are_counted),
        STREAM_TEST(a_connection_that_cannot_be_taken_is_not_the_last),
        STREAM_TEST(idle_connections_are_closed_and_made_again),
        STREAM_TEST(request_on_a_dead_connection_is_sent_again),
        STREAM_TEST(long_requests_go_by_tcp_when_allowed),
        STREAM_TEST(calls_go_over_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
