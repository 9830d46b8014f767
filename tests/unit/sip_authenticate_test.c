/* One stack that calls, a bare socket that challenges: what is answered, how often, and with what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/sip/digest.h"
#include "tests/unit/sip_test_wire.h"

static const char user[] = "4989", realm[] = "sip.example", password[] = "zanzibar";

/* Credentials for two realms: the trunk's, and that of a proxy on the way. */
static int call_with(struct scene *s, size_t count)
{
    char uri[64];
    struct sockaddr_in to = agent_loopback(s->w.port);
    struct sdp_session offer = agent_audio();
    struct digest_secret one, two;
    assert_int_equal(digest_secret_make(user, realm, password, &one), 0);
    assert_int_equal(digest_secret_make("gate", "proxy.example", "other", &two), 0);
    const struct sip_credential credentials[] = {{realm, user, &one},
                                                 {"proxy.example", "gate", &two}};
    struct sip_call call = {.request_uri = uri,
                            .from_uri = "sip:100@127.0.0.1",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = &offer,
                            .credentials = credentials,
                            .credential_count = count};
    snprintf(uri, sizeof uri, "sip:200@127.0.0.1:%u", s->w.port);
    memcpy(&call.target, &to, sizeof to);
    return sip_session_call(s->a.stack, &call, agent_on_event, &s->a, &s->a.session);
}

static void expect(struct scene *s, const char *method, const char *cseq)
{
    assert_true(wire_expect(&s->w, method, LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), cseq);
}

/* Checks an answer in the request last received as a server would. */
static void check_answer(struct scene *s, const char *header, const char *method, const char *nonce,
                         uint32_t count)
{
    struct digest_params p, challenge;
    char ha1[DIGEST_HEX], again[DIGEST_HEADER_MAX], uri[64];
    const char *value = wire_header(&s->w, header);
    bool is_proxy = !strcmp(header, "Proxy-Authorization");
    assert_int_equal(digest_read(&p, value, strlen(value)), 0);
    snprintf(uri, sizeof uri, "%s", strchr(s->w.got, ' ') + 1);
    *strchr(uri, ' ') = '\0';
    assert_string_equal(p.uri, uri);
    assert_string_equal(p.nonce, nonce);
    assert_string_equal(p.opaque, "keep");
    assert_int_equal(p.nonce_count, count);
    assert_string_equal(p.username, is_proxy ? "gate" : user);
    assert_int_equal(
        digest_ha1(p.algorithm, p.username, p.realm, is_proxy ? "other" : password, ha1), 0);
    challenge = p;
    const struct digest_use use = {.username = p.username,
                                   .ha1 = ha1,
                                   .method = method,
                                   .uri = uri,
                                   .nonce_count = count,
                                   .cnonce = p.cnonce};
    challenge.qop_auth = true;
    assert_true(digest_answer(&challenge, &use, again, sizeof again) > 0);
    assert_non_null(strstr(again, p.response));
}

#define CHALLENGE(name, realm, nonce, rest)                                                        \
    name ": Digest realm=\"" realm "\", nonce=\"" nonce "\", opaque=\"keep\"" rest "\r\n"
#define QOP ", qop=\"auth,auth-int\""

static void challenge(struct scene *s, const char *status, const char *headers)
{
    send_reply(s, status, "refused", headers, "");
}

/* Every request of the call answers; the nonce is used again, counted; the ACK has what the INVITE
 * had. */
static void a_challenged_call_goes_through(void **state)
{
    struct scene *s = *state;
    char sent[1024];
    assert_int_equal(call_with(s, 1), 0);
    expect(s, "INVITE", "1 INVITE");
    assert_string_equal(wire_header(&s->w, "Authorization"), "");
    char *call_id = strdup(wire_header(&s->w, "Call-ID"));
    challenge(
        s, "401 Unauthorized",
        CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP ", algorithm=MD5")
            CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP ", algorithm=SHA-256")
                CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP ", algorithm=SHA-512-256"));
    expect(s, "ACK", "1 ACK");
    expect(s, "INVITE", "2 INVITE");
    check_answer(s, "Authorization", "INVITE", "n1", 1);
    assert_non_null(strstr(s->w.got, "algorithm=SHA-256"));
    assert_string_equal(wire_header(&s->w, "Call-ID"), call_id);
    assert_null(strstr(wire_header(&s->w, "To"), "tag="));
    assert_non_null(strstr(s->w.got, "m=audio"));
    /* The library writes the parameters of requests in an order of its own. */
    snprintf(sent, sizeof sent, "%.80s", strstr(wire_header(&s->w, "Authorization"), "response="));
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    expect(s, "ACK", "2 ACK");
    assert_non_null(strstr(wire_header(&s->w, "Authorization"), sent));
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
    agent_reinvite(&s->a);
    expect(s, "INVITE", "3 INVITE");
    check_answer(s, "Authorization", "INVITE", "n1", 2);
    challenge(s, "401 Unauthorized",
              CHALLENGE("WWW-Authenticate", "sip.example", "n2", QOP ", stale=true"));
    expect(s, "INVITE", "4 INVITE");
    check_answer(s, "Authorization", "INVITE", "n2", 1);
    send_reply(s, "200 OK", "", "", t38_sdp);
    assert_true(agent_wait(&s->a, "reinvite-answered t38", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    expect(s, "BYE", "5 BYE");
    check_answer(s, "Authorization", "BYE", "n2", 2);
    challenge(s, "401 Unauthorized",
              CHALLENGE("WWW-Authenticate", "sip.example", "n3", QOP ", stale=true"));
    expect(s, "BYE", "6 BYE");
    check_answer(s, "Authorization", "BYE", "n3", 1);
    send_reply(s, "200 OK", "", "", "");
    free(call_id);
}

/* The proxy first, then the server behind it: the last request answers both. */
static void a_proxy_and_a_server_are_answered(void **state)
{
    struct scene *s = *state;
    assert_int_equal(call_with(s, 2), 0);
    expect(s, "INVITE", "1 INVITE");
    challenge(s, "407 Proxy Authentication Required",
              CHALLENGE("Proxy-Authenticate", "proxy.example", "p1", ", qop=\"auth\""));
    expect(s, "INVITE", "2 INVITE");
    check_answer(s, "Proxy-Authorization", "INVITE", "p1", 1);
    challenge(s, "401 Unauthorized", CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP));
    expect(s, "INVITE", "3 INVITE");
    check_answer(s, "Proxy-Authorization", "INVITE", "p1", 2);
    check_answer(s, "Authorization", "INVITE", "n1", 1);
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
}

/* A secret that is refused is not tried again, a stale nonce once: accounts get locked. */
static void a_refused_secret_ends_the_call(void **state)
{
    struct scene *s = *state;
    assert_int_equal(call_with(s, 1), 0);
    expect(s, "INVITE", "1 INVITE");
    challenge(s, "401 Unauthorized", CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP));
    expect(s, "INVITE", "2 INVITE");
    challenge(s, "401 Unauthorized", CHALLENGE("WWW-Authenticate", "sip.example", "n2", QOP));
    assert_true(agent_wait(&s->a, "ended peer 401", LIMIT_MS));
    assert_string_equal(s->a.reason, "realm \"sip.example\": the credentials were refused");
    expect(s, "ACK", "2 ACK");
    assert_false(wire_expect(&s->w, "INVITE", QUIET_MS));
}

static void stale_without_end_ends_the_call(void **state)
{
    struct scene *s = *state;
    assert_int_equal(call_with(s, 1), 0);
    for (int i = 1; i <= 3; i++) {
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        challenge(s, "401 Unauthorized",
                  CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP ", stale=true"));
        assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    }
    assert_true(agent_wait(&s->a, "ended peer 401", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), "3 ACK");
}

static void strangers_get_no_answer(void **state)
{
    static const struct {
        const char *headers, *reason;
    } table[] = {
        {CHALLENGE("WWW-Authenticate", "evil.example", "n1", QOP),
         "realm \"evil.example\": no credentials for it"},
        {CHALLENGE("WWW-Authenticate", "SIP.example", "n1", QOP),
         "realm \"SIP.example\": no credentials for it"},
        {CHALLENGE("WWW-Authenticate", "sip.example", "n1", ", qop=\"auth-int\""),
         "realm \"sip.example\": it wants another protection than qop=auth"},
        {"WWW-Authenticate: Basic realm=\"sip.example\"\r\n",
         "the challenge cannot be answered: not Digest with MD5 or SHA-256"},
        {"", "Unauthorized"},
    };
    struct scene *s = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        s->a.log[0] = '\0';
        assert_int_equal(call_with(s, 1), 0);
        expect(s, "INVITE", "1 INVITE");
        challenge(s, "401 Unauthorized", table[i].headers);
        assert_true(agent_wait(&s->a, "ended peer 401", LIMIT_MS));
        assert_string_equal(s->a.reason, table[i].reason);
        assert_false(wire_expect(&s->w, "INVITE", QUIET_MS));
    }
}

/* CANCEL belongs to the INVITE that is out now, and waits for its response; once the call is over,
 * no challenge brings it back. */
static void a_call_is_cancelled_after_a_challenge(void **state)
{
    struct scene *s = *state;
    assert_int_equal(call_with(s, 1), 0);
    expect(s, "INVITE", "1 INVITE");
    send_reply(s, "180 Ringing", "a", "", "");
    assert_true(agent_wait(&s->a, "ringing 180", LIMIT_MS));
    challenge(s, "401 Unauthorized", CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP));
    expect(s, "INVITE", "2 INVITE");
    struct wire invite = s->w;
    char branch[256];
    snprintf(branch, sizeof branch, "%s", strstr(wire_header(&s->w, "Via"), "branch="));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_false(wire_expect(&s->w, "CANCEL", QUIET_MS));
    s->w = invite;
    send_reply(s, "180 Ringing", "a", "", "");
    expect(s, "CANCEL", "2 CANCEL");
    assert_non_null(strstr(wire_header(&s->w, "Via"), branch));
    s->w = invite;
    challenge(s, "401 Unauthorized",
              CHALLENGE("WWW-Authenticate", "sip.example", "n2", QOP ", stale=true"));
    expect(s, "ACK", "2 ACK");
    assert_false(wire_expect(&s->w, "INVITE", QUIET_MS));
}

/* In a call that came in, too. */
static void our_requests_in_a_call_to_us_are_answered(void **state)
{
    struct scene *s = *state;
    struct digest_secret secret;
    char tag[64];
    assert_int_equal(digest_secret_make(user, realm, password, &secret), 0);
    const struct sip_credential credential = {realm, user, &secret};
    const struct sip_credential bad = {"", user, &secret};
    establish(s, tag);
    assert_int_equal(sip_session_set_credentials(s->a.session, &credential, 1), 0);
    assert_int_equal(sip_session_set_credentials(s->a.session, &bad, 1), -EINVAL);
    agent_reinvite(&s->a);
    expect(s, "INVITE", "1 INVITE");
    challenge(s, "401 Unauthorized", CHALLENGE("WWW-Authenticate", "sip.example", "n1", QOP));
    expect(s, "INVITE", "2 INVITE");
    check_answer(s, "Authorization", "INVITE", "n1", 1);
    send_reply(s, "200 OK", "", "", t38_sdp);
    assert_true(agent_wait(&s->a, "reinvite-answered t38", LIMIT_MS));
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    expect(s, "BYE", "3 BYE");
    check_answer(s, "Authorization", "BYE", "n1", 2);
    send_reply(s, "200 OK", "", "", "");
}

static void bad_credentials_are_refused(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    struct sockaddr_in to = agent_loopback(s->w.port);
    struct digest_secret secret = {.md5 = ""};
    const struct sip_credential bad[] = {{"a\r\nb", "u", &secret},
                                         {"a", "u\n", &secret},
                                         {"a", "u", NULL},
                                         {"a", "", &secret},
                                         {"a", "u", &secret}};
    struct sip_call call = {.request_uri = "sip:1@127.0.0.1",
                            .from_uri = "sip:1@127.0.0.1",
                            .to_uri = "sip:1@127.0.0.1",
                            .offer = &offer,
                            .credential_count = 1};
    struct sip_session *session;
    memcpy(&call.target, &to, sizeof to);
    for (size_t i = 0; i < 4; i++) {
        call.credentials = &bad[i];
        assert_int_equal(sip_session_call(s->a.stack, &call, NULL, NULL, &session), -EINVAL);
    }
    call.credentials = &bad[4];
    call.credential_count = SIP_CREDENTIALS_MAX + 1;
    assert_int_equal(sip_session_call(s->a.stack, &call, NULL, NULL, &session), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_challenged_call_goes_through, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_proxy_and_a_server_are_answered, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_refused_secret_ends_the_call, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(stale_without_end_ends_the_call, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(strangers_get_no_answer, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_call_is_cancelled_after_a_challenge, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(our_requests_in_a_call_to_us_are_answered, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(bad_credentials_are_refused, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
