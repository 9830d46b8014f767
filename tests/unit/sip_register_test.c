/* A registration, and a bare socket as the registrar. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/sip/digest.h"
#include "gateway/sip/registration.h"
#include "tests/unit/sip_test_wire.h"

struct client {
    struct scene *s;
    struct sip_registration *r;
    bool end_when_told;
};

static void on_status(void *user, const struct sip_registration_status *status)
{
    static const char *const names[] = {"trying", "registered", "failed"};
    struct client *c = user;
    char text[256];
    snprintf(text, sizeof text, "%s %u %s", names[status->state], status->expires_s,
             status->reason);
    agent_log(&c->s->a, text, status->code);
    if (c->end_when_told) {
        sip_registration_end(c->r);
        c->r = NULL;
    }
}

static struct sip_registration_config config_of(struct scene *s)
{
    struct sip_registration_config config = {.registrar_uri = "sip:carrier.example",
                                             .record_uri = "sip:4989@carrier.example",
                                             .contact_user = "4989",
                                             .expires_s = 60,
                                             .retry_ms = 20,
                                             .retry_max_ms = 100};
    struct sockaddr_in to = agent_loopback(s->w.port);
    memcpy(&config.target, &to, sizeof to);
    return config;
}

static void start(struct client *c, struct scene *s)
{
    struct digest_secret secret;
    assert_int_equal(digest_secret_make("4989", "carrier.example", "secret", &secret), 0);
    const struct sip_credential credential = {"carrier.example", "4989", &secret};
    struct sip_registration_config config = config_of(s);
    config.credentials = &credential;
    config.credential_count = 1;
    *c = (struct client){.s = s};
    assert_int_equal(sip_registration_start(s->a.stack, &config, on_status, c, &c->r), 0);
    assert_true(wire_expect(&s->w, "REGISTER sip:carrier.example SIP/2.0", LIMIT_MS));
}

static void answer(struct scene *s, const char *status, const char *headers)
{
    char via[1024], from[1024], to[1024], call_id[1024], cseq[1024];
    snprintf(via, sizeof via, "%s", wire_header(&s->w, "Via"));
    snprintf(from, sizeof from, "%s", wire_header(&s->w, "From"));
    snprintf(to, sizeof to, "%s", wire_header(&s->w, "To"));
    snprintf(call_id, sizeof call_id, "%s", wire_header(&s->w, "Call-ID"));
    snprintf(cseq, sizeof cseq, "%s", wire_header(&s->w, "CSeq"));
    wire_send(&s->w,
              "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=r\r\nCall-ID: %s\r\nCSeq: %s\r\n%s"
              "Content-Length: 0\r\n\r\n",
              status, via, from, to, call_id, cseq, headers);
}

/* Our Contact as last sent, and that of somebody else, with these seconds. */
static void grant(struct scene *s, unsigned expires_s)
{
    char contact[512], headers[1200];
    snprintf(contact, sizeof contact, "%s", wire_header(&s->w, "Contact"));
    *strchr(contact, '>') = '\0';
    snprintf(headers, sizeof headers,
             "Expires: 7\r\nContact: <sip:other@192.0.2.1>;expires=9\r\n"
             "Contact: %s;x=1>;q=0.5;expires=%u\r\n",
             contact, expires_s);
    answer(s, "200 OK", headers);
}

/* A REGISTER that is no repetition of those before number `from`: on a slow machine they come. */
static bool another_comes(struct scene *s, int from, int limit_ms)
{
    while (wire_expect(&s->w, "REGISTER", limit_ms))
        if (atoi(wire_header(&s->w, "CSeq")) >= from)
            return true;
    return false;
}

static void expect_cseq(struct scene *s, const char *cseq)
{
    assert_true(another_comes(s, atoi(cseq), LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), cseq);
}

/* Challenged, accepted, refreshed with the nonce that is known, taken back at the end. */
static void a_registration_is_kept_and_taken_back(void **state)
{
    struct scene *s = *state;
    struct client c;
    struct digest_params p;
    char call_id[1024], want[128];
    start(&c, s);
    snprintf(call_id, sizeof call_id, "%s", wire_header(&s->w, "Call-ID"));
    snprintf(want, sizeof want, "<sip:4989@127.0.0.1:%u>;expires=60", agent_port(&s->a));
    assert_string_equal(wire_header(&s->w, "Contact"), want);
    assert_non_null(strstr(wire_header(&s->w, "From"), "<sip:4989@carrier.example>;tag="));
    assert_string_equal(wire_header(&s->w, "To"), "<sip:4989@carrier.example>");
    answer(s, "401 Unauthorized",
           "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\", qop=\"auth\"\r\n");
    expect_cseq(s, "2 REGISTER");
    const char *value = wire_header(&s->w, "Authorization");
    assert_int_equal(digest_read(&p, value, strlen(value)), 0);
    assert_string_equal(p.uri, "sip:carrier.example");
    grant(s, 1);
    assert_true(agent_wait(&s->a, "registered 1  200", LIMIT_MS));
    expect_cseq(s, "3 REGISTER"); /* within that second */
    assert_string_equal(wire_header(&s->w, "Call-ID"), call_id);
    value = wire_header(&s->w, "Authorization");
    assert_int_equal(digest_read(&p, value, strlen(value)), 0);
    assert_int_equal(p.nonce_count, 2);
    grant(s, 600);
    assert_true(agent_wait(&s->a, "registered 600  200", LIMIT_MS));
    sip_registration_end(c.r);
    expect_cseq(s, "4 REGISTER");
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";expires=0"));
    answer(s, "401 Unauthorized",
           "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"m\", qop=\"auth\", "
           "stale=true\r\n");
    expect_cseq(s, "5 REGISTER");
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";expires=0"));
    answer(s, "200 OK", "");
    assert_false(another_comes(s, 6, QUIET_MS));
}

static void too_brief_is_raised_once(void **state)
{
    struct scene *s = *state;
    struct client c;
    start(&c, s);
    answer(s, "423 Interval Too Brief", "Min-Expires: 120\r\n");
    expect_cseq(s, "2 REGISTER");
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";expires=120"));
    answer(s, "423 Interval Too Brief", "Min-Expires: 240\r\n");
    assert_true(agent_wait(&s->a, "failed 0 Interval Too Brief 423", LIMIT_MS));
    expect_cseq(s, "3 REGISTER");
    answer(s, "423 Interval Too Brief", "Min-Expires: 99999999\r\n");
    assert_true(agent_wait(&s->a, "Brief 423;failed 0 Interval Too Brief 423", LIMIT_MS));
}

static void failures_are_told_and_tried_again(void **state)
{
    static const struct {
        const char *status, *headers, *log;
    } table[] = {
        {"503 Service Unavailable", "", "failed 0 Service Unavailable 503;"},
        {"200 OK", "", "failed 0 the registrar's answer does not name our Contact 200;"},
        {"200 OK", "Contact: <sip:4989@127.0.0.1:1>;expires=60\r\n",
         "failed 0 the registrar's answer does not name our Contact 200;"},
        {"302 Moved", "", "failed 0 Moved 302;"},
        {"401 Unauthorized",
         "WWW-Authenticate: Digest realm=\"other.example\", nonce=\"n\", qop=\"auth\"\r\n",
         "failed 0 realm \"other.example\": no credentials for it 401;"},
    };
    struct scene *s = *state;
    struct client c;
    start(&c, s);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (i > 0)
            assert_true(wire_expect(&s->w, "REGISTER", LIMIT_MS));
        s->a.log[0] = '\0';
        answer(s, table[i].status, table[i].headers);
        assert_true(agent_wait(&s->a, table[i].log, LIMIT_MS));
    }
    assert_true(wire_expect(&s->w, "REGISTER", LIMIT_MS));
    s->a.log[0] = '\0';
    assert_true(agent_wait(&s->a, "failed 0 no response 408;", LIMIT_MS)); /* 64 * T1 */
    wire_drop(&s->w); /* the repetitions of that one */
    assert_true(wire_expect(&s->w, "REGISTER", LIMIT_MS));
    grant(s, 60);
    assert_true(agent_wait(&s->a, "registered 60  200", LIMIT_MS));
}

/* One answer for one challenge: the next attempt is for later. */
static void a_wrong_password_is_not_tried_again_soon(void **state)
{
    struct scene *s = *state;
    struct client c;
    static const char again[] =
        "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\", qop=\"auth\"\r\n";
    start(&c, s);
    answer(s, "401 Unauthorized", again);
    expect_cseq(s, "2 REGISTER");
    answer(s, "401 Unauthorized", again);
    assert_true(agent_wait(&s->a, "the credentials were refused 401", LIMIT_MS));
    assert_false(wire_expect(&s->w, "REGISTER", 30)); /* half of retry_max_ms at least */
    assert_true(wire_expect(&s->w, "REGISTER", LIMIT_MS));
}

static void it_may_be_ended_at_any_time(void **state)
{
    struct scene *s = *state;
    struct sip_registration_config config = config_of(s);
    struct client c = {.s = s};
    /* Before anything was sent: nothing is. */
    assert_int_equal(sip_registration_start(s->a.stack, &config, on_status, &c, &c.r), 0);
    sip_registration_end(c.r);
    assert_false(wire_expect(&s->w, "REGISTER", QUIET_MS));
    /* In the callback. */
    start(&c, s);
    c.end_when_told = true;
    answer(s, "500 Server Error", "");
    assert_true(agent_wait(&s->a, "failed 0 Server Error 500", LIMIT_MS));
    assert_false(wire_expect(&s->w, "REGISTER", QUIET_MS));
    start(&c, s);
    c.end_when_told = true;
    answer(s, "423 Interval Too Brief", "Min-Expires: 120\r\n");
    expect_cseq(s, "2 REGISTER");
    grant(s, 120);
    expect_cseq(s, "3 REGISTER");
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";expires=0"));
    /* While one is out: that may be accepted, and is taken back. */
    start(&c, s);
    sip_registration_end(c.r);
    expect_cseq(s, "2 REGISTER");
    /* With the stack. */
    start(&c, s);
    grant(s, 60);
    assert_true(agent_wait(&s->a, "registered 60  200", LIMIT_MS));
    sip_stack_close(s->a.stack, agent_on_closed, &s->a);
    s->a.stack = NULL;
    expect_cseq(s, "2 REGISTER");
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";expires=0"));
    answer(s, "200 OK", "");
}

static void it_goes_where_it_is_led(void **state)
{
    struct scene *s = *state;
    struct client c;
    struct wire other;
    struct sockaddr_storage target = {0};
    wire_open(&other, &s->loop, agent_port(&s->a));
    struct sockaddr_in to = agent_loopback(other.port);
    memcpy(&target, &to, sizeof to);
    start(&c, s);
    sip_registration_retarget(c.r, &target, SIP_UDP);
    answer(s, "503 Service Unavailable", "");
    assert_true(wire_expect(&other, "REGISTER", LIMIT_MS));
    wire_close(&other);
}

/* Runs the loop until the descriptor is readable. */
static bool wait_for(struct scene *s, int fd)
{
    for (int i = 0; i < LIMIT_MS / 2; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uv_run(&s->loop, UV_RUN_NOWAIT);
        if (poll(&p, 1, 2) > 0)
            return true;
    }
    return false;
}

/* A registrar by TCP: takes a connection and the REGISTER in it, and accepts that. */
static int take_connection(struct scene *s, int listener)
{
    char headers[256], text[2048];
    assert_true(wait_for(s, listener));
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(wait_for(s, fd));
    ssize_t n = recv(fd, s->w.got, sizeof s->w.got - 1, 0);
    assert_true(n > 0);
    s->w.got[n] = '\0';
    assert_int_equal(strncmp(s->w.got, "REGISTER", 8), 0);
    assert_non_null(strstr(wire_header(&s->w, "Contact"), ";transport=tcp>;expires=60"));
    snprintf(headers, sizeof headers, "%s", wire_header(&s->w, "Contact"));
    int length =
        snprintf(text, sizeof text,
                 "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=r\r\n"
                 "Call-ID: %s\r\nCSeq: %s\r\nContact: %s\r\nContent-Length: 0\r\n\r\n",
                 wire_header(&s->w, "Via"), wire_header(&s->w, "From"), wire_header(&s->w, "To"),
                 wire_header(&s->w, "Call-ID"), wire_header(&s->w, "CSeq"), headers);
    assert_int_equal(send(fd, text, (size_t)length, 0), length);
    return fd;
}

static void a_lost_connection_is_registered_again(void **state)
{
    struct scene *s = *state;
    struct client c = {.s = s};
    struct sip_registration_config config = config_of(s);
    struct sockaddr_in own = agent_loopback(0);
    socklen_t length = sizeof own;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&own, &length), 0);
    memcpy(&config.target, &own, sizeof own);
    config.protocol = SIP_TCP;
    assert_int_equal(sip_registration_start(s->a.stack, &config, on_status, &c, &c.r), 0);
    int first = take_connection(s, listener);
    assert_true(agent_wait(&s->a, "registered 60  200;", LIMIT_MS));
    close(first);
    int second = take_connection(s, listener);
    assert_true(agent_wait(&s->a, "registered 60  200;registered 60  200;", LIMIT_MS));
    sip_registration_end(c.r);
    close(second);
    close(listener);
}

static void bad_settings_are_refused(void **state)
{
    static const char *const users[] = {"", "a b", "a@b", "a>b", "a\r\nb", "a;b"};
    struct scene *s = *state;
    struct sip_registration *r;
    struct sip_registration_config config = config_of(s);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        config.contact_user = users[i];
        assert_int_equal(sip_registration_start(s->a.stack, &config, NULL, NULL, &r), -EINVAL);
    }
    config = config_of(s);
    config.record_uri = "sip:a\r\nb";
    assert_int_equal(sip_registration_start(s->a.stack, &config, NULL, NULL, &r), -EINVAL);
    config = config_of(s);
    config.target.ss_family = 0;
    assert_int_equal(sip_registration_start(s->a.stack, &config, NULL, NULL, &r), -EINVAL);
    sip_registration_end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registration_is_kept_and_taken_back, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(too_brief_is_raised_once, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(failures_are_told_and_tried_again, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_wrong_password_is_not_tried_again_soon, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(it_may_be_ended_at_any_time, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(it_goes_where_it_is_led, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_registered_again, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(bad_settings_are_refused, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
