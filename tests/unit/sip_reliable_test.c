/* Reliable provisional responses (RFC 3262), early dialogs, CANCEL that is crossed, OPTIONS of
 * ours, and what refusals and diverted calls say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_wire.h"

static void place_call(struct scene *s)
{
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
}

static void reliable_responses_are_acknowledged_once_and_in_order(void **state)
{
    struct scene *s = *state;
    place_call(s);
    struct wire invite = s->w;
    send_reply(s, "183 Progress", "one", "Require: 100rel\r\nRSeq: 77\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "PRACK", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "RAck"), "77 1 INVITE");
    assert_string_equal(wire_header(&s->w, "CSeq"), "2 PRACK");
    assert_non_null(strstr(wire_header(&s->w, "To"), "tag=one"));
    send_reply(s, "200 OK", "", "", "");
    /* The same again, and one before its turn, are left alone. */
    s->w = invite;
    send_reply(s, "183 Progress", "one", "Require: 100rel\r\nRSeq: 77\r\n", audio_sdp);
    send_reply(s, "180 Ringing", "one", "Require: 100rel\r\nRSeq: 79\r\n", "");
    assert_false(wire_expect(&s->w, "PRACK", QUIET_MS));
    s->w = invite;
    send_reply(s, "180 Ringing", "one", "Require: 100rel\r\nRSeq: 78\r\n", "");
    assert_true(wire_expect(&s->w, "PRACK", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "RAck"), "78 1 INVITE");
    send_reply(s, "200 OK", "", "", "");
    assert_string_equal(s->a.log, "ringing 183;ringing 180;");
    /* The 2xx need not say the answer again. */
    s->w = invite;
    send_reply(s, "200 OK", "one", "", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), "4 BYE");
    send_reply(s, "200 OK", "", "", "");
}

/* Each has its turn and its PRACK, but there is an end to it, over all branches. */
static void peer_that_rings_without_end_is_left(void **state)
{
    enum { MOST = 64 };
    struct scene *s = *state;
    char lines[64];
    place_call(s);
    struct wire invite = s->w;
    for (int i = 0; i <= MOST; i++) {
        s->w = invite;
        snprintf(lines, sizeof lines, "Require: 100rel\r\nRSeq: %d\r\n", i / 2 + 1);
        send_reply(s, "180 Ringing", i % 2 ? "one" : "two", lines, "");
        assert_true(wire_expect(&s->w, i < MOST ? "PRACK" : "CANCEL", LIMIT_MS));
        send_reply(s, "200 OK", "", "", "");
    }
    assert_true(agent_wait(&s->a, "ended local 500", LIMIT_MS));
    s->w = invite;
    send_reply(s, "487 Request Terminated", "one", "", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
}

static void branches_of_a_fork_ring_and_one_answers(void **state)
{
    struct scene *s = *state;
    place_call(s);
    struct wire invite = s->w;
    static const char *const tags[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        s->w = invite;
        send_reply(s, "183 Progress", tags[i], "Require: 100rel\r\nRSeq: 5\r\n", audio_sdp);
        assert_true(wire_expect(&s->w, "PRACK", LIMIT_MS));
        assert_non_null(strstr(wire_header(&s->w, "To"), tags[i]));
        send_reply(s, "200 OK", "", "", "");
    }
    /* One of them refreshes its early dialog; it may not offer anything yet. */
    char own[1024], call_id[1024];
    s->w = invite;
    snprintf(own, sizeof own, "%s", wire_header(&s->w, "From"));
    snprintf(call_id, sizeof call_id, "%s", wire_header(&s->w, "Call-ID"));
    for (int i = 0; i < 2; i++)
        wire_send(&s->w,
                  "%s sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKe%d\r\n"
                  "From: <sip:200@127.0.0.1>;tag=two\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
                  "Content-Length: 0\r\n\r\n",
                  i ? "BYE" : "UPDATE", s->w.port, i, own, call_id, 9 + i, i ? "BYE" : "UPDATE");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS)); /* the UPDATE */
    assert_true(wire_expect(&s->w, "SIP/2.0 481", LIMIT_MS)); /* a callee must not (§15) */
    s->w = invite;
    send_reply(s, "200 OK", "two", "", audio_sdp);
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
    /* A second answer gets ACK and BYE in its own dialog. */
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    s->w = invite;
    send_reply(s, "200 OK", "three", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_non_null(strstr(wire_header(&s->w, "To"), "three"));
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    assert_non_null(strstr(wire_header(&s->w, "To"), "three"));
    assert_string_equal(wire_header(&s->w, "CSeq"), "5 BYE");
    send_reply(s, "200 OK", "", "", "");
    assert_null(strstr(s->a.log, "ended"));
}

static void ok_that_crosses_our_cancel_gets_ack_and_bye(void **state)
{
    struct scene *s = *state;
    place_call(s);
    struct wire invite = s->w;
    send_reply(s, "180 Ringing", "peer", "Require: 100rel\r\nRSeq: 1\r\n", "");
    assert_true(wire_expect(&s->w, "PRACK", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&s->w, "CANCEL", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), "1 CANCEL"); /* that of the INVITE */
    assert_string_equal(wire_header(&s->w, "Via"), wire_header(&invite, "Via"));
    send_reply(s, "200 OK", "", "", "");
    s->w = invite;
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    assert_true(agent_wait(&s->a, "ended local 487", LIMIT_MS));
}

static void we_are_reliable_when_it_is_required(void **state)
{
    struct scene *s = *state;
    char tag[64], rack[64];
    s->a.on_call = AGENT_RING;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "Require: 100rel\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 180", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Require"), "100rel");
    snprintf(tag, sizeof tag, "%s", to_tag(s));
    snprintf(rack, sizeof rack, "RAck: %s 1 INVITE\r\n", wire_header(&s->w, "RSeq"));
    assert_true(wire_expect(&s->w, "SIP/2.0 180", LIMIT_MS)); /* again, and again */
    assert_true(wire_expect(&s->w, "SIP/2.0 180", LIMIT_MS));
    send_request(s, "PRACK", "z9hG4bKp1", tag, 2, "RAck: 999 1 INVITE\r\n");
    assert_true(wire_expect(&s->w, "SIP/2.0 481", LIMIT_MS));
    send_request(s, "PRACK", "z9hG4bKp2", tag, 3, rack);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), "3 PRACK");
    wire_drop(&s->w);
    assert_false(wire_expect(&s->w, "SIP/2.0 180", 2 * QUIET_MS));
    struct sdp_session answer = agent_audio();
    assert_int_equal(sip_session_answer(s->a.session, &answer), 0);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(agent_wait(&s->a, "confirmed", LIMIT_MS));
}

static void reliable_response_that_nobody_acknowledges_ends_the_call(void **state)
{
    struct scene *s = *state;
    s->a.on_call = AGENT_RING;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "Require: 100rel\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 504", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKi1", to_tag(s), 1, "");
    assert_true(agent_wait(&s->a, "ended timeout 408", LIMIT_MS));
}

static void bye_comes_before_the_ack(void **state)
{
    struct scene *s = *state;
    char tag[64];
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    snprintf(tag, sizeof tag, "%s", to_tag(s));
    send_request(s, "BYE", "z9hG4bKb1", tag, 2,
                 "Reason: Q.850;cause=17;text=\"busy, they say\"\r\n");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_true(agent_wait(&s->a, "ended peer 200", LIMIT_MS));
    assert_int_equal(s->a.q850_cause, 17);
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    wire_drop(&s->w);
    assert_false(wire_expect(&s->w, "SIP/2.0 200", QUIET_MS)); /* not repeated any more */
}

static void redirections_are_offered_best_first(void **state)
{
    struct scene *s = *state;
    place_call(s);
    wire_send(
        &s->w,
        "SIP/2.0 302 Moved\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:1@192.0.2.1>;q=0.2, \"x\" <sip:2@192.0.2.2>;q=0.8\r\n"
        "Contact: <tel:+4969123>;q=0.5, <mailto:a@b>, *\r\nContent-Length: 0\r\n\r\n",
        wire_header(&s->w, "Via"), wire_header(&s->w, "From"), wire_header(&s->w, "To"),
        wire_header(&s->w, "Call-ID"));
    assert_true(agent_wait(&s->a, "ended peer 302", LIMIT_MS));
    assert_string_equal(s->a.redirections, "sip:2@192.0.2.2\ntel:+4969123\nsip:1@192.0.2.1\n");
}

static void refusals_say_when_to_come_again_and_why(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *headers;
        uint32_t retry_after_s;
        int cause;
    } rows[] = {
        {"", 0, 0},
        {"Retry-After: 120 (lunch);duration=60\r\n", 120, 0},
        {"Retry-After: 99999999999999999999\r\n", 86400, 0},
        {"Retry-After: soon\r\nReason: SIP;cause=480, Q.850 ;cause=18\r\n", 0, 18},
        {"Reason: Q.850;cause=banana\r\n", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        s->a.log[0] = '\0';
        place_call(s);
        send_reply(s, "503 Later", "x", rows[i].headers, "");
        assert_true(agent_wait(&s->a, "ended peer 503", LIMIT_MS));
        assert_int_equal(s->a.retry_after_s, rows[i].retry_after_s);
        assert_int_equal(s->a.q850_cause, rows[i].cause);
    }
}

static void diverted_calls_name_the_first_number(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *headers, *number, *reason;
        bool privacy;
    } rows[] = {
        {"", "", "", false},
        {"Diversion: <sip:111@h>;reason=user-busy\r\nDiversion: \"a, b\" "
         "<tel:+49222>;reason=no-answer\r\n",
         "+49222", "no-answer", false},
        {"Diversion: <sip:1@h>;reason=x, <sip:3@h>;reason=unconditional\r\n", "3", "unconditional",
         false},
        {"Diversion: what is this\r\nPrivacy: id;header\r\n", "", "", true},
        {"History-Info: <sip:444@h>;index=1, <sip:555@h>;index=1.1\r\nPrivacy: none\r\n", "444", "",
         false},
        {"History-Info: <sip:444@h>;index=1\r\n", "", "", false},
    };
    s->a.on_call = AGENT_BUSY;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char branch[32];
        snprintf(branch, sizeof branch, "z9hG4bKd%zu", i);
        send_invite(s, branch, "", "1 INVITE", rows[i].headers, audio_sdp);
        assert_true(wire_expect(&s->w, "SIP/2.0 486", LIMIT_MS));
        send_request(s, "ACK", branch, to_tag(s), 1, "");
        assert_string_equal(s->a.diverted_from, rows[i].number);
        assert_string_equal(s->a.diversion_reason, rows[i].reason);
        assert_int_equal(s->a.wants_privacy, rows[i].privacy);
    }
}

static void hops_are_counted(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *headers;
        unsigned left;
    } rows[] = {{"", 70},
                {"Max-Forwards: 70\r\n", 70},
                {"Max-Forwards: 1\r\n", 1},
                {"Max-Forwards: 33\r\n", 33},
                {"Max-Forwards: 255\r\n", 70},
                {"Max-Forwards: many\r\n", 70}};
    s->a.on_call = AGENT_BUSY;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char branch[32];
        snprintf(branch, sizeof branch, "z9hG4bKm%zu", i);
        send_invite(s, branch, "", "1 INVITE", rows[i].headers, audio_sdp);
        assert_true(wire_expect(&s->w, "SIP/2.0 486", LIMIT_MS));
        send_request(s, "ACK", branch, to_tag(s), 1, "");
        assert_int_equal(s->a.max_forwards, rows[i].left);
    }
    struct sdp_session offer = agent_audio();
    struct sockaddr_in to = agent_loopback(s->w.port);
    struct sip_call call = {.request_uri = "sip:200@127.0.0.1",
                            .from_uri = "sip:100@127.0.0.1",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = &offer};
    static const struct {
        uint8_t made;
        const char *left;
    } calls[] = {{0, "70"}, {1, "69"}, {69, "1"}, {70, "0"}, {255, "0"}};
    memcpy(&call.target, &to, sizeof to);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        call.hops_made = calls[i].made;
        wire_drop(&s->w);
        assert_int_equal(sip_session_call(s->a.stack, &call, agent_on_event, &s->a, &s->a.session),
                         0);
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        assert_string_equal(wire_header(&s->w, "Max-Forwards"), calls[i].left);
        send_reply(s, "483 Too Many Hops", "x", "", "");
        assert_true(agent_wait(&s->a, "ended peer 483", LIMIT_MS));
        s->a.log[0] = '\0';
    }
}

static void identity_is_asserted_when_asked_for(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    char uri[64];
    struct sockaddr_in to = agent_loopback(s->w.port);
    struct sip_call call = {.request_uri = uri,
                            .from_uri = "sip:anonymous@anonymous.invalid",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = &offer,
                            .asserted_uri = "tel:+4969123",
                            .wants_privacy = true};
    snprintf(uri, sizeof uri, "sip:200@127.0.0.1:%u", s->w.port);
    memcpy(&call.target, &to, sizeof to);
    assert_int_equal(sip_session_call(s->a.stack, &call, agent_on_event, &s->a, &s->a.session), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "P-Asserted-Identity"), "<tel:+4969123>");
    assert_string_equal(wire_header(&s->w, "Privacy"), "id");
    send_reply(s, "200 OK", "x", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "P-Asserted-Identity"), "");
    call.asserted_uri = "sip:1@h>\r\nX: y";
    struct sip_session *none;
    assert_int_equal(sip_session_call(s->a.stack, &call, agent_on_event, &s->a, &none), -22);
}

struct probe_log {
    int calls, code;
    enum sip_party who;
    uint32_t retry_after_s;
    char reason[64];
};

static void on_probe(void *user, const struct sip_options_result *result)
{
    struct probe_log *log = user;
    log->calls++;
    log->code = result->code;
    log->who = result->who;
    log->retry_after_s = result->retry_after_s;
    snprintf(log->reason, sizeof log->reason, "%s", result->reason);
}

static void probe(struct scene *s, struct probe_log *log, struct sip_options **handle,
                  uint32_t timeout_ms)
{
    struct sip_options_target target = {.request_uri = "sip:127.0.0.1", .timeout_ms = timeout_ms};
    struct sockaddr_in to = agent_loopback(s->w.port);
    memcpy(&target.address, &to, sizeof to);
    *log = (struct probe_log){0};
    assert_int_equal(sip_options_send(s->a.stack, &target, on_probe, log, handle), 0);
    assert_true(wire_expect(&s->w, "OPTIONS", LIMIT_MS));
}

static void options_of_ours(void **state)
{
    struct scene *s = *state;
    struct probe_log log;
    struct sip_options *handle;
    probe(s, &log, NULL, 0);
    assert_string_equal(wire_header(&s->w, "Max-Forwards"), "70");
    assert_true(*wire_header(&s->w, "Contact"));
    assert_int_equal(log.calls, 0); /* not before it returned */
    send_reply(s, "503 Maintenance", "x", "Retry-After: 30\r\n", "");
    for (int i = 0; i < 100 && !log.calls; i++)
        agent_wait(&s->a, NULL, 10);
    assert_int_equal(log.calls, 1);
    assert_int_equal(log.who, SIP_PARTY_PEER);
    assert_int_equal(log.code, 503);
    assert_int_equal(log.retry_after_s, 30);
    assert_string_equal(log.reason, "Maintenance");
    probe(s, &log, &handle, 50);
    for (int i = 0; i < 100 && !log.calls; i++)
        agent_wait(&s->a, NULL, 10);
    assert_int_equal(log.who, SIP_PARTY_TIMEOUT);
    assert_int_equal(log.code, 408);
    probe(s, &log, &handle, 0);
    sip_options_cancel(handle);
    send_reply(s, "200 OK", "x", "", "");
    agent_wait(&s->a, NULL, QUIET_MS);
    assert_int_equal(log.calls, 0);
    probe(s, &log, &handle, 0); /* the close forgets it */
    struct sip_options_target bad = {.request_uri = "sip: 127.0.0.1"};
    assert_int_equal(sip_options_send(s->a.stack, &bad, on_probe, &log, NULL), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reliable_responses_are_acknowledged_once_and_in_order,
                                        open_scene, close_scene),
        cmocka_unit_test_setup_teardown(peer_that_rings_without_end_is_left, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(branches_of_a_fork_ring_and_one_answers, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(ok_that_crosses_our_cancel_gets_ack_and_bye, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(we_are_reliable_when_it_is_required, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(reliable_response_that_nobody_acknowledges_ends_the_call,
                                        open_scene, close_scene),
        cmocka_unit_test_setup_teardown(bye_comes_before_the_ack, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(redirections_are_offered_best_first, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(refusals_say_when_to_come_again_and_why, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(hops_are_counted, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(diverted_calls_name_the_first_number, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(identity_is_asserted_when_asked_for, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(options_of_ours, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
