/* TLS between two stacks of ours: mutual verification by chain, time and name, what is said when it
 * fails, and files that change while we run. */
#include "tests/unit/sip_test_pair.h"

#include <sys/stat.h>

#include "tests/doubles/tls_files.h"

struct side {
    struct agent agent;
    char certificate[128], key[128], ca[128], name[64];
    char trouble[256];
    bool verification;
};

struct world {
    uv_loop_t loop;
    char directory[64];
    struct tls_authority good, other;
    struct side a, b;
};

/* What is wrong, on whose side. */
struct flaw {
    const char *names;
    long from_s, until_s;
    bool other_authority;
};

static const struct flaw fine = {"IP:127.0.0.1,DNS:peer.example,URI:sip:fax.example", -60, 3600,
                                 false};

/* The first member, so that the agent's callbacks find it too. */
static bool terms_of(void *user, const struct sockaddr *peer, bool incoming,
                     struct sip_tls_terms *terms)
{
    struct side *s = user;
    (void)peer, (void)incoming;
    *terms = (struct sip_tls_terms){.ca_file = s->ca, .name = s->name};
    return true;
}

static void on_trouble(void *user, const struct sip_trouble *t)
{
    struct side *s = user;
    snprintf(s->trouble, sizeof s->trouble, "%s", t->text);
    s->verification = t->verification;
    assert_int_equal(t->protocol, SIP_TLS);
}

static void place(const struct world *w, char out[128], const char *side, const char *what)
{
    snprintf(out, 128, "%s/%s-%s.pem", w->directory, side, what);
}

static void write_files(struct world *w, struct side *s, const struct flaw *flaw)
{
    tls_files_write(flaw->other_authority ? &w->other : &w->good, flaw->names, flaw->from_s,
                    flaw->until_s, s->certificate, s->key, 0600);
}

static void open_side(struct world *w, struct side *s)
{
    struct sip_config c = {.t1_ms = 50,
                           .tls_terms = terms_of,
                           .trouble = on_trouble,
                           .tls_certificate_file = s->certificate,
                           .tls_key_file = s->key,
                           .connect_timeout_ms = 3000};
    struct sockaddr_in in4 = agent_loopback(0);
    memcpy(&c.listen_tls, &in4, sizeof in4);
    agent_open(&s->agent, &w->loop, &c);
    s->agent.on_call = AGENT_ANSWER;
    s->trouble[0] = '\0';
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(offsetof(struct side, agent), 0);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    snprintf(w->directory, sizeof w->directory, "/tmp/sip-tls-test.XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    tls_authority_open(&w->good, "good authority");
    tls_authority_open(&w->other, "other authority");
    struct side *sides[] = {&w->a, &w->b};
    for (int i = 0; i < 2; i++) {
        place(w, sides[i]->certificate, i ? "b" : "a", "certificate");
        place(w, sides[i]->key, i ? "b" : "a", "key");
        place(w, sides[i]->ca, "good", "ca");
        write_files(w, sides[i], &fine);
    }
    tls_authority_write(&w->good, w->a.ca);
    open_side(w, &w->a);
    open_side(w, &w->b);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    const struct side *sides[] = {&w->a, &w->b};
    agent_close(&w->a.agent);
    agent_close(&w->b.agent);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&w->loop);
    tls_authority_close(&w->good);
    tls_authority_close(&w->other);
    for (int i = 0; i < 2; i++) {
        (void)unlink(sides[i]->certificate);
        (void)unlink(sides[i]->key);
        (void)unlink(sides[i]->ca);
    }
    (void)rmdir(w->directory);
    free(w);
    return left == 0 ? 0 : -1;
}

static uint16_t tls_port(const struct agent *a)
{
    struct sockaddr_storage address;
    struct sockaddr_in in4;
    sip_stack_address(a->stack, SIP_TLS, &address);
    memcpy(&in4, &address, sizeof in4);
    return ntohs(in4.sin_port);
}

static int call_by_tls(struct world *w, const char *scheme)
{
    char uri[64];
    struct agent *a = &w->a.agent;
    uint16_t port = tls_port(&w->b.agent);
    struct sdp_session offer = agent_audio();
    struct sockaddr_in to = agent_loopback(port);
    struct sip_call call = {.protocol = SIP_TLS,
                            .request_uri = uri,
                            .from_uri = "sip:100@127.0.0.1",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = &offer};
    a->log[0] = w->b.agent.log[0] = '\0';
    snprintf(uri, sizeof uri, "%s:200@127.0.0.1:%u%s", scheme, port,
             strcmp(scheme, "sips") ? ";transport=tls" : "");
    memcpy(&call.target, &to, sizeof to);
    return sip_session_call(a->stack, &call, agent_on_event, a, &a->session);
}

static void call_succeeds(struct world *w, const char *scheme)
{
    char signalling[SIP_SIGNALLING_TEXT];
    assert_int_equal(call_by_tls(w, scheme), 0);
    if (!agent_wait(&w->b.agent, "confirmed", LIMIT_MS))
        fail_msg("%s; %s; %s", w->a.agent.log, w->a.trouble, w->b.trouble);
    assert_int_equal(sip_session_protocol(w->a.agent.session), SIP_TLS);
    sip_session_signalling(w->a.agent.session, signalling);
    assert_memory_equal(signalling, "tls TLSv1.3 TLS_", 16);
    sip_session_signalling(w->b.agent.session, signalling);
    assert_memory_equal(signalling, "tls TLSv1.3 TLS_", 16);
    sip_session_hangup(w->b.agent.session, 0, NULL); /* back by the same connection */
    assert_true(agent_wait(&w->a.agent, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&w->b.agent, "ended", LIMIT_MS));
}

static void both_sides_show_who_they_are(void **state)
{
    struct world *w = *state;
    struct sip_stack_counters c;
    const char *const names[] = {"", "127.0.0.1", "peer.example", "PEER.example", "fax.example"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(w->a.name, sizeof w->a.name, "%s", names[i]);
        snprintf(w->b.name, sizeof w->b.name, "%s", names[i]);
        call_succeeds(w, "sips");
        call_succeeds(w, "sip");
    }
    sip_stack_read_counters(w->b.agent.stack, &c);
    assert_int_equal(c.connections_in, sizeof names / sizeof names[0]);
    assert_int_equal(c.connections_out, 0);
    assert_string_equal(w->a.trouble, "");
    assert_string_equal(w->b.trouble, "");
}

/* The caller refuses what the callee shows. */
static void server_certificates_are_judged(void **state)
{
    struct world *w = *state;
    static const struct {
        struct flaw flaw;
        const char *name, *text;
    } cases[] = {
        {{"IP:127.0.0.1", -7200, -3600, false}, "", "it has expired"},
        {{"IP:127.0.0.1", 3600, 7200, false}, "", "not valid yet"},
        {{"IP:127.0.0.2", -60, 3600, false}, "", "not for 127.0.0.1"},
        {{NULL, -60, 3600, false}, "", "no name"},
        {{"DNS:*.example", -60, 3600, false}, "peer.example", "it is for *.example"},
        {{"DNS:other.example,URI:sip:user@peer.example", -60, 3600, false},
         "peer.example",
         "it is for other.example, sip:user@peer.example"},
        {{"IP:127.0.0.1", -60, 3600, true}, "", "no authority that is trusted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_files(w, &w->b, &cases[i].flaw);
        snprintf(w->a.name, sizeof w->a.name, "%s", cases[i].name);
        assert_int_equal(call_by_tls(w, "sip"), 0);
        assert_true(agent_wait(&w->a.agent, "ended transport 503", LIMIT_MS));
        if (!strstr(w->a.trouble, cases[i].text) || !strstr(w->a.agent.reason, "certificate"))
            fail_msg("case %zu: %s; %s", i, w->a.trouble, w->a.agent.reason);
        assert_true(w->a.verification);
        assert_null(strstr(w->b.agent.log, "incoming"));
        agent_wait(&w->b.agent, NULL, 50);
        assert_non_null(strstr(w->b.trouble, "the peer refused our certificate"));
    }
    write_files(w, &w->b, &fine); /* a new certificate, and no restart */
    w->a.name[0] = '\0';
    call_succeeds(w, "sip");
    /* What was agreed changes while a connection stands: it is not used again. */
    snprintf(w->a.name, sizeof w->a.name, "stranger.example");
    w->a.trouble[0] = '\0';
    assert_int_equal(call_by_tls(w, "sip"), 0);
    assert_true(agent_wait(&w->a.agent, "ended transport 503", LIMIT_MS));
    assert_non_null(strstr(w->a.trouble, "not for stranger.example"));
}

static void client_certificates_are_judged(void **state)
{
    struct world *w = *state;
    static const struct {
        struct flaw flaw;
        const char *text;
    } cases[] = {
        {{"IP:127.0.0.1", -7200, -3600, false}, "it has expired"},
        {{"DNS:peer.example", -60, 3600, false}, "it is for peer.example, not for 127.0.0.1"},
        {{"IP:127.0.0.1", -60, 3600, true}, "no authority that is trusted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_files(w, &w->a, &cases[i].flaw);
        assert_int_equal(call_by_tls(w, "sip"), 0);
        assert_true(agent_wait(&w->a.agent, "ended transport 503", LIMIT_MS));
        if (!strstr(w->b.trouble, cases[i].text))
            fail_msg("case %zu: %s", i, w->b.trouble);
        if (!strstr(w->a.agent.reason, "the peer refused our certificate"))
            fail_msg("case %zu: %s", i, w->a.agent.reason);
        assert_null(strstr(w->b.agent.log, "incoming"));
    }
}

static void unusable_files_are_named(void **state)
{
    struct world *w = *state;
    assert_int_equal(chmod(w->a.key, 0604), 0);
    assert_int_equal(call_by_tls(w, "sip"), 0);
    assert_true(agent_wait(&w->a.agent, "ended transport 503", LIMIT_MS));
    assert_non_null(strstr(w->a.agent.reason, "key file"));
    write_files(w, &w->a, &fine);
    char *ca = w->a.ca;
    snprintf(ca, sizeof w->a.ca, "/nonexistent/ca.pem");
    assert_int_equal(call_by_tls(w, "sip"), 0);
    assert_true(agent_wait(&w->a.agent, "ended transport 503", LIMIT_MS));
    assert_string_equal(
        w->a.agent.reason,
        "the CA file /nonexistent/ca.pem cannot be used: No such file or directory");
    place(w, ca, "good", "ca");
}

static void a_listener_needs_its_key(void **state)
{
    struct world *w = *state;
    struct sip_stack *stack;
    struct sockaddr_in in4 = agent_loopback(0);
    struct sip_config c = {.tls_terms = terms_of, .user = &w->a};
    memcpy(&c.listen, &in4, sizeof in4);
    memcpy(&c.listen_tls, &in4, sizeof in4);
    assert_int_equal(sip_stack_open(&w->loop, &c, &stack), -EINVAL);
    c.tls_certificate_file = w->a.certificate;
    c.tls_key_file = w->b.key; /* of another certificate */
    assert_int_equal(sip_stack_open(&w->loop, &c, &stack), -EINVAL);
    c.tls_key_file = w->a.key;
    assert_int_equal(chmod(w->a.key, 0644), 0);
    assert_int_equal(sip_stack_open(&w->loop, &c, &stack), -EACCES);
}

static void a_peer_without_tls_gets_nowhere(void **state)
{
    struct world *w = *state;
    struct sockaddr_in to = agent_loopback(tls_port(&w->b.agent));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[64];
    static const char request[] = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (int i = 0; i < 100 && !w->b.trouble[0]; i++)
        agent_wait(&w->b.agent, NULL, 10);
    assert_non_null(strstr(w->b.trouble, "TLS failed"));
    (void)!recv(fd, text, sizeof text, MSG_DONTWAIT);
    close(fd);
}

int main(void)
{
#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TLS_TEST(both_sides_show_who_they_are),   TLS_TEST(server_certificates_are_judged),
        TLS_TEST(client_certificates_are_judged), TLS_TEST(unusable_files_are_named),
        TLS_TEST(a_listener_needs_its_key),       TLS_TEST(a_peer_without_tls_gets_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
