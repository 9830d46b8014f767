/* Session timers (RFC 4028) and UPDATE (RFC 3311): refreshes of both sides are answered with what
 * was said before, long calls live, dead ones end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_wire.h"

static const char timer_headers[] = "Supported: timer\r\nSession-Expires: 2;refresher=%s\r\n";

static int open_short(void **state)
{
    struct sip_config config = {.t1_ms = 20, .session_expires_s = 2, .min_session_expires_s = 1};
    return open_scene_with(state, &config);
}

/* The body of the last datagram. */
static const char *body_of(const struct wire *w)
{
    const char *at = strstr(w->got, "\r\n\r\n");
    return at ? at + 4 : "";
}

static void establish_timed(struct scene *s, const char *refresher, const char *more, char tag[64])
{
    char headers[512];
    size_t n = (size_t)snprintf(headers, sizeof headers, timer_headers, refresher);
    snprintf(headers + n, sizeof headers - n, "%s", more);
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", headers, audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    snprintf(tag, 64, "%s", to_tag(s));
}

/* The known trouble of the field: a gateway that answers a refresh with a new version, or with
 * other attributes, is taken to have changed the media in the middle of a page. */
static void refresh_gets_the_same_answer_octet_for_octet(void **state)
{
    struct scene *s = *state;
    char tag[64], first[2048], again[4096];
    establish_timed(s, "uac", "", tag);
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "2;refresher=uac");
    assert_string_equal(wire_header(&s->w, "Require"), "timer");
    snprintf(first, sizeof first, "%s", body_of(&s->w));
    assert_non_null(strstr(first, "m=audio"));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(agent_wait(&s->a, "confirmed none", LIMIT_MS));
    for (int i = 2; i < 5; i++) {
        char branch[32], cseq[32], headers[128];
        snprintf(branch, sizeof branch, "z9hG4bKi%d", i);
        snprintf(cseq, sizeof cseq, "%d INVITE", i);
        snprintf(headers, sizeof headers, timer_headers, "uac");
        /* A peer that counts its version up without a change is none that changes. */
        snprintf(again, sizeof again, "%s", audio_sdp);
        again[strcspn(again, "5") + 2] = (char)('0' + i + (i == 4));
        wire_drop(&s->w);
        send_invite(s, branch, tag, cseq, headers, again);
        assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
        assert_string_equal(body_of(&s->w), first);
        assert_string_equal(wire_header(&s->w, "Session-Expires"), "2;refresher=uac");
        send_request(s, "ACK", branch, tag, i, "");
    }
    agent_wait(&s->a, NULL, QUIET_MS);
    assert_string_equal(s->a.log, "incoming;confirmed none;"); /* nobody was troubled */
}

static void refresh_of_t38_keeps_what_was_agreed(void **state)
{
    struct scene *s = *state;
    char tag[64], first[2048];
    establish(s, tag);
    send_invite(s, "z9hG4bKi2", tag, "2 INVITE", "", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    snprintf(first, sizeof first, "%s", body_of(&s->w));
    send_request(s, "ACK", "z9hG4bKa2", tag, 2, "");
    assert_true(agent_wait(&s->a, "offer t38", LIMIT_MS));
    s->a.on_reinvite = 500; /* whoever asks the application is refused */
    wire_drop(&s->w);
    send_invite(s, "z9hG4bKi3", tag, "3 INVITE", "", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(body_of(&s->w), first);
    send_request(s, "ACK", "z9hG4bKa3", tag, 3, "");
}

static void session_without_refresh_ends_with_a_reason(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish_timed(s, "uac", "", tag);
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Reason"),
                        "SIP;cause=408;text=\"session timer expired\"");
    send_reply(s, "200 OK", "", "", "");
    assert_true(agent_wait(&s->a, "ended timeout 408", LIMIT_MS));
}

/* As callee that refreshes: by re-INVITE when the peer does not take UPDATE. */
static void we_refresh_by_reinvite(void **state)
{
    struct scene *s = *state;
    char tag[64], first[2048];
    establish_timed(s, "uas", "Allow: INVITE, ACK, BYE\r\n", tag);
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "2;refresher=uas");
    snprintf(first, sizeof first, "%s", body_of(&s->w));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    for (int i = 0; i < 2; i++) {
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        assert_string_equal(body_of(&s->w), first);
        assert_string_equal(wire_header(&s->w, "Session-Expires"), "2;refresher=uac");
        send_reply(s, "200 OK", "", "Require: timer\r\nSession-Expires: 2;refresher=uac\r\n",
                   audio_sdp);
        assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    }
    assert_string_equal(s->a.log, "incoming;confirmed none;");
}

static void refresh_answered_with_other_media_is_told(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish_timed(s, "uas", "", tag);
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "200 OK", "", "Session-Expires: 2;refresher=uac\r\n", t38_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(agent_wait(&s->a, "reinvite-answered t38", LIMIT_MS));
    /* One without description changes nothing. */
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "200 OK", "", "Session-Expires: 2;refresher=uac\r\n", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_null(strstr(s->a.log, "ended"));
}

/* Long faxes live with a peer that answers a refresh, whatever it says. */
static void refused_refresh_leaves_the_call(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish_timed(s, "uas", "", tag);
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    for (int i = 0; i < 3; i++) {
        assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
        send_reply(s, "500 No", "", "", "");
        assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    }
    assert_string_equal(s->a.log, "incoming;confirmed none;");
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "481 Gone", "", "", "");
    assert_true(agent_wait(&s->a, "ended peer 481", LIMIT_MS));
}

static void we_refresh_by_update_and_then_otherwise(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "2");
    assert_string_equal(wire_header(&s->w, "Min-SE"), "1");
    assert_non_null(strstr(s->w.got, "\r\nSupported: timer\r\nSupported: 100rel\r\n"));
    send_reply(s, "200 OK", "peer", "Allow: INVITE, UPDATE\r\nSession-Expires: 2;refresher=uac\r\n",
               audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(wire_expect(&s->w, "UPDATE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Content-Length"), "0");
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "2;refresher=uac");
    send_reply(s, "200 OK", "", "Session-Expires: 2;refresher=uac\r\n", "");
    assert_true(wire_expect(&s->w, "UPDATE", LIMIT_MS));
    send_reply(s, "405 Method Not Allowed", "", "", "");
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "200 OK", "", "Session-Expires: 2;refresher=uas\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_string_equal(s->a.log, "answered audio;");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS)); /* now it was the peer's to refresh */
    send_reply(s, "200 OK", "", "", "");
    assert_true(agent_wait(&s->a, "ended timeout 408", LIMIT_MS));
}

static void longer_interval_is_proposed_after_422(void **state)
{
    struct scene *s = *state;
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "422 Too Small", "a", "Min-SE: 600\r\n", "");
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "CSeq"), "2 INVITE");
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "600");
    assert_string_equal(wire_header(&s->w, "Min-SE"), "600");
    send_reply(s, "422 Too Small", "a", "Min-SE: 600\r\n", ""); /* it is not */
    assert_true(agent_wait(&s->a, "ended peer 422", LIMIT_MS));
}

static void two_stacks_refresh_each_other(void **state)
{
    struct scene *s = *state;
    struct agent b;
    struct sip_config config = {.t1_ms = 20, .session_expires_s = 2, .min_session_expires_s = 1};
    struct sdp_session offer = agent_audio();
    struct sip_stack_counters c;
    agent_open(&b, &s->loop, &config);
    b.on_call = AGENT_ANSWER;
    assert_int_equal(agent_call(&s->a, agent_port(&b), &offer, 0), 0);
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
    agent_wait(&s->a, NULL, 3500); /* longer than the interval */
    assert_string_equal(s->a.log, "answered audio;");
    assert_string_equal(b.log, "incoming;confirmed none;");
    sip_stack_read_counters(b.stack, &c);
    assert_true(c.refreshes_in + c.refreshes_out >= 2);
    agent_close(&b);
    assert_true(agent_wait(&s->a, "ended peer 200", LIMIT_MS));
}

static void update_of_the_peer(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish(s, tag);
    send_request(s, "UPDATE", "z9hG4bKu1", tag, 2,
                 "Supported: timer\r\nSession-Expires: 4;refresher=uac\r\n");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Content-Length"), "0");
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "4;refresher=uac");
    assert_true(*wire_header(&s->w, "Contact"));
    /* With an offer that says nothing new: the answer is the old one. */
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu2", tag, "3 UPDATE",
             "Content-Type: application/sdp\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_non_null(strstr(body_of(&s->w), "m=audio 40000"));
    assert_null(strstr(s->a.log, "offer"));
    /* With T.38, as if it were a re-INVITE. */
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu3", tag, "4 UPDATE",
             "Content-Type: application/sdp\r\n", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_non_null(strstr(body_of(&s->w), "m=image 40002"));
    assert_non_null(strstr(s->a.log, "offer t38"));
    /* Nobody answers at once: there is no waiting for this method. */
    s->a.on_reinvite = 0;
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu4", tag, "5 UPDATE",
             "Content-Type: application/sdp\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 504", LIMIT_MS));
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu5", tag, "6 UPDATE",
             "Content-Type: text/plain\r\n", "hello");
    assert_true(wire_expect(&s->w, "SIP/2.0 415", LIMIT_MS));
    send_request(s, "UPDATE", "z9hG4bKu6", tag, 7, "Supported: timer\r\nx: 0001\r\n");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS)); /* 1 s is allowed here */
}

/* RFC 3311 §5.2, RFC 3261 §14.1. */
static void update_out_of_turn(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish(s, tag);
    agent_reinvite(&s->a);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    struct wire first = s->w;
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu1", tag, "2 UPDATE",
             "Content-Type: application/sdp\r\n", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 491", LIMIT_MS));
    send_request(s, "UPDATE", "z9hG4bKu2", tag, 3, ""); /* without offer it may */
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    s->w = first;
    send_reply(s, "488 No", "", "", "");
    assert_true(agent_wait(&s->a, "reinvite-refused 488", LIMIT_MS));
    s->a.on_reinvite = 0;
    send_invite(s, "z9hG4bKi2", tag, "4 INVITE", "", t38_sdp);
    assert_true(agent_wait(&s->a, "offer t38", LIMIT_MS));
    send_sdp(s, "UPDATE sip:200@127.0.0.1", "z9hG4bKu3", tag, "5 UPDATE",
             "Content-Type: application/sdp\r\n", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 500", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Retry-After"), "2");
}

/* Whatever a peer says: there is no refreshing every half second. */
static void intervals_have_a_least(void **state)
{
    struct scene *s = *state;
    char tag[64];
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "Session-Expires: 1\r\n", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Session-Expires"), "90;refresher=uas");
    snprintf(tag, sizeof tag, "%s", to_tag(s));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(agent_wait(&s->a, "confirmed none", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "200 OK", "peer",
               "Require: timer\r\nSession-Expires: 1;refresher=uac\r\nAllow: UPDATE\r\n",
               audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_false(wire_expect(&s->w, "UPDATE", 800));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refresh_gets_the_same_answer_octet_for_octet, open_short,
                                        close_scene),
        cmocka_unit_test_setup_teardown(refresh_of_t38_keeps_what_was_agreed, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(session_without_refresh_ends_with_a_reason, open_short,
                                        close_scene),
        cmocka_unit_test_setup_teardown(we_refresh_by_reinvite, open_short, close_scene),
        cmocka_unit_test_setup_teardown(refresh_answered_with_other_media_is_told, open_short,
                                        close_scene),
        cmocka_unit_test_setup_teardown(refused_refresh_leaves_the_call, open_short, close_scene),
        cmocka_unit_test_setup_teardown(we_refresh_by_update_and_then_otherwise, open_short,
                                        close_scene),
        cmocka_unit_test_setup_teardown(longer_interval_is_proposed_after_422, open_short,
                                        close_scene),
        cmocka_unit_test_setup_teardown(two_stacks_refresh_each_other, open_short, close_scene),
        cmocka_unit_test_setup_teardown(update_of_the_peer, open_short, close_scene),
        cmocka_unit_test_setup_teardown(intervals_have_a_least, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(update_out_of_turn, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
