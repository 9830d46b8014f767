/* One stack that calls a bare socket, and its own re-INVITEs: repeated and unusable answers, glare,
 * CANCEL, routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_wire.h"

/* Who answers a call of ours is no stranger, whatever the list says. */
static void the_callee_may_hang_up_though_not_listed(void **state)
{
    struct scene *s = *state;
    s->a.trusts_nobody = true;
    be_called(s);
    char from[1024], call_id[1024];
    snprintf(from, sizeof from, "%s", wire_header(&s->w, "From"));
    snprintf(call_id, sizeof call_id, "%s", wire_header(&s->w, "Call-ID"));
    wire_send(&s->w,
              "BYE sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKb\r\n"
              "From: <sip:200@127.0.0.1>;tag=peer\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 7 BYE\r\n"
              "Reason: Q.850;cause=16\r\nContent-Length: 0\r\n\r\n",
              from, call_id);
    assert_true(agent_wait(&s->a, "ended peer 200", LIMIT_MS));
    assert_string_equal(s->a.reason, "Q.850;cause=16");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    /* The response says where the request really came from. */
    assert_non_null(strstr(s->w.got, "Via: SIP/2.0/UDP 127.0.0.1:9;"));
}

static void glare_at_the_wire(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish(s, tag);
    agent_reinvite(&s->a);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    struct wire first = s->w; /* their re-INVITE, to be answered after ours was */
    send_invite(s, "z9hG4bKi2", tag, "2 INVITE", "", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 491", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKi2", tag, 2, "");
    s->w = first;
    send_reply(s, "491 Request Pending", "", "", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Max-Forwards"), "70");
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS)); /* the retry */
    assert_string_equal(wire_header(&s->w, "CSeq"), "2 INVITE");
    send_reply(s, "200 OK", "", "", t38_sdp);
    assert_true(agent_wait(&s->a, "reinvite-answered t38", LIMIT_MS));
}

static void glare_without_end_is_reported(void **state)
{
    struct scene *s = *state;
    be_called(s);
    agent_reinvite(&s->a);
    for (int i = 0; i <= SIP_GLARE_RETRIES; i++) {
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        send_reply(s, "491 Request Pending", "", "", "");
        assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    }
    assert_true(agent_wait(&s->a, "reinvite-refused 491", LIMIT_MS));
}

static void reinvite_into_a_lost_dialog_ends_it(void **state)
{
    struct scene *s = *state;
    be_called(s);
    agent_reinvite(&s->a);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "481 Call/Transaction Does Not Exist", "", "", "");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "481 Call/Transaction Does Not Exist", "", "", "");
    assert_true(agent_wait(&s->a, "ended peer 481", LIMIT_MS));
}

static void silence_is_a_timeout(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    for (int i = 0; i < 4; i++)
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    assert_true(agent_wait(&s->a, "ended timeout 408", LIMIT_MS));
}

/* T1/4, the least time between two ACKs, is long enough to send a response again within it. */
static int open_slow_scene(void **state)
{
    const struct sip_config slow = {.t1_ms = 400, .t2_ms = 400};
    return open_scene_with(state, &slow);
}

static void ok_again_gets_the_ack_again_and_branches_are_refused(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    struct wire invite = s->w;
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    struct wire ack = s->w;
    s->w = invite;
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_false(wire_expect(&s->w, "ACK", 1)); /* at once: no storm */
    agent_wait(&s->a, NULL, 150);
    s->w = invite;
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_string_equal(s->w.got, ack.got);
    s->w = invite;
    send_reply(s, "200 OK", "other", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_string_equal(to_tag(s), "other");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    assert_string_equal(to_tag(s), "other");
    send_reply(s, "200 OK", "", "", "");
    agent_wait(&s->a, NULL, 20);
    assert_string_equal(s->a.log, "answered audio;");
}

static void answers_that_cannot_be_used(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    static const char *const bodies[] = {"", "v=0\r\nm=audio x\r\n"};
    for (size_t i = 0; i < 2; i++) {
        s->a.log[0] = '\0';
        assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        send_reply(s, "200 OK", "peer", "", bodies[i]);
        assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
        assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
        send_reply(s, "200 OK", "", "", "");
        assert_true(agent_wait(&s->a, "ended local 488", LIMIT_MS));
    }
}

/* An answer whose routes or contact lead nowhere: no ACK could follow it, and the call is given up.
 */
static void answers_that_lead_nowhere(void **state)
{
    struct scene *s = *state;
    struct sip_stack_counters c;
    struct sdp_session offer = agent_audio();
    static const char *const headers[] = {
        "Record-Route: <tel:+4969>\r\n",
        "Record-Route: <mailto:p@example>, <sip:p1.example;lr>\r\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        s->a.log[0] = '\0';
        assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        send_reply(s, "200 OK", "peer", headers[i], audio_sdp);
        if (!agent_wait(&s->a, "ended", LIMIT_MS))
            fail_msg("%s: %s", headers[i], s->a.log);
        assert_null(strstr(s->a.log, "answered"));
    }
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.sessions, 0);
}

static void cancel_after_a_provisional_response(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    sip_session_hangup(s->a.session, 26, "late");
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    struct wire invite = s->w;
    assert_false(wire_expect(&s->w, "CANCEL", QUIET_MS)); /* §9.1 */
    s->w = invite;
    send_reply(s, "180 Ringing", "peer", "", "");
    assert_true(wire_expect(&s->w, "CANCEL", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Reason"), "SIP;cause=26;text=\"late\"");
    const char *via = wire_header(&s->w, "Via");
    assert_string_equal(wire_header(&s->w, "CSeq"), "1 CANCEL");
    assert_non_null(strstr(invite.got, via)); /* the same branch */
    send_reply(s, "200 OK", "peer", "", "");
    s->w = invite;
    send_reply(s, "487 Request Terminated", "peer", "", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(agent_wait(&s->a, "ended local 487", LIMIT_MS));
}

static void cancel_that_nobody_heeds(void **state)
{
    struct scene *s = *state;
    struct sip_stack_counters c;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "180 Ringing", "peer", "", "");
    assert_true(agent_wait(&s->a, "ringing", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&s->w, "CANCEL", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    agent_wait(&s->a, NULL, 64 * 20 + 400); /* then the INVITE is given up */
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.transactions, 0);
}

static void routes_of_a_call_of_ours(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    char headers[512];
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    /* The last one is the first hop; it is a strict router. */
    snprintf(headers, sizeof headers,
             "Record-Route: <sip:p1.example;lr>\r\nRecord-Route: <sip:127.0.0.1:%u>\r\n",
             s->w.port);
    send_reply(s, "200 OK", "peer", headers, audio_sdp);
    char line[64];
    snprintf(line, sizeof line, "ACK sip:127.0.0.1:%u SIP/2.0", s->w.port);
    assert_true(wire_expect(&s->w, line, LIMIT_MS));
    snprintf(line, sizeof line, "<sip:p1.example;lr>, <sip:peer@127.0.0.1:%u>", s->w.port);
    assert_string_equal(wire_header(&s->w, "Route"), line);
}

static void target_follows_the_contact(void **state)
{
    struct scene *s = *state;
    char tag[64], headers[128];
    struct wire other;
    establish(s, tag);
    wire_open(&other, &s->loop, agent_port(&s->a));
    snprintf(headers, sizeof headers,
             "Contact: <sip:moved@127.0.0.1:%u>\r\nContent-Type: application/sdp\r\n", other.port);
    send_sdp(s, "INVITE sip:200@127.0.0.1", "z9hG4bKi2", tag, "2 INVITE", headers, t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKa2", tag, 2, "");
    assert_true(agent_wait(&s->a, "offer t38;confirmed", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&other, "BYE sip:moved@127.0.0.1", LIMIT_MS));
    struct wire own = s->w;
    s->w = other;
    send_reply(s, "200 OK", "", "", "");
    s->w = own;
    wire_close(&other);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(the_callee_may_hang_up_though_not_listed),
        ROW(glare_at_the_wire),
        ROW(glare_without_end_is_reported),
        ROW(reinvite_into_a_lost_dialog_ends_it),
        ROW(silence_is_a_timeout),
        cmocka_unit_test_setup_teardown(ok_again_gets_the_ack_again_and_branches_are_refused,
                                        open_slow_scene, close_scene),
        ROW(answers_that_cannot_be_used),
        ROW(answers_that_lead_nowhere),
        ROW(cancel_after_a_provisional_response),
        ROW(cancel_that_nobody_heeds),
        ROW(routes_of_a_call_of_ours),
        ROW(target_follows_the_contact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
