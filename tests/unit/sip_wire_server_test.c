/* One stack against a bare socket that calls it: retransmissions, refusals, routes, odd and broken
 * messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_wire.h"

static void refusals_without_state(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *line, *cseq, *to_tag, *headers, *body, *expected, *header, *value;
    } rows[] = {
        {"OPTIONS sip:127.0.0.1", "1 OPTIONS", "", "", "", "SIP/2.0 200", "Accept",
         "application/sdp"},
        {"OPTIONS sip:127.0.0.1", "1 OPTIONS", "nothing", "", "", "SIP/2.0 481", NULL, NULL},
        {"SUBSCRIBE sip:127.0.0.1", "1 SUBSCRIBE", "", "", "", "SIP/2.0 405", "Allow",
         "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE"},
        {"PRACK sip:127.0.0.1", "1 PRACK", "x", "", "", "SIP/2.0 481", NULL, NULL},
        {"UPDATE sip:127.0.0.1", "1 UPDATE", "", "", "", "SIP/2.0 481", NULL, NULL},
        {"FROBNICATE sip:127.0.0.1", "1 FROBNICATE", "", "", "", "SIP/2.0 405", NULL, NULL},
        {"BYE sip:127.0.0.1", "2 BYE", "nothing", "", "", "SIP/2.0 481", NULL, NULL},
        {"BYE sip:127.0.0.1", "2 BYE", "", "", "", "SIP/2.0 481", NULL, NULL},
        {"CANCEL sip:127.0.0.1", "2 CANCEL", "", "", "", "SIP/2.0 481", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "Max-Forwards: 0\r\n", "", "SIP/2.0 483", NULL,
         NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "Require: 100rel, gruu,x\r\nRequire: timer\r\n",
         "", "SIP/2.0 420", "Unsupported", "gruu, x"},
        {"INVITE tel:+4969", "1 INVITE", "", "", "", "SIP/2.0 416", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "", "", "SIP/2.0 400", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "Contact: <mailto:1@h>\r\n", "", "SIP/2.0 400",
         NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "Contact: *\r\n", "",
         "SIP/2.0 400 One Contact with a SIP URI is needed", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "", "Contact: <tel:+4969>\r\n", "",
         "SIP/2.0 400 One Contact", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "",
         "Contact: <sip:127.0.0.1:9>\r\nSupported: timer\r\nSession-Expires: 30\r\n", "",
         "SIP/2.0 422", "Min-SE", "90"},
        {"INVITE sip:127.0.0.1", "1 INVITE", "",
         "Contact: <sip:127.0.0.1:9>\r\nContent-Type: text/plain\r\n", "hello", "SIP/2.0 415",
         "Accept", "application/sdp"},
        {"INVITE sip:127.0.0.1", "1 INVITE", "",
         "Contact: <sip:127.0.0.1:9>\r\nContent-Encoding: gzip\r\nContent-Type: "
         "application/sdp\r\n",
         "hello", "SIP/2.0 415", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "",
         "Contact: <sip:127.0.0.1:9>\r\nContent-Type: application/sdp\r\n", "v=0\r\nhello\r\n",
         "SIP/2.0 488", NULL, NULL},
        {"INVITE sip:127.0.0.1", "1 INVITE", "nothing", "", "", "SIP/2.0 481", NULL, NULL},
    };
    char branch[32];
    struct sip_stack_counters c;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(branch, sizeof branch, "z9hG4bKr%zu", i);
        send_sdp(s, rows[i].line, branch, rows[i].to_tag, rows[i].cseq, rows[i].headers,
                 rows[i].body);
        if (!wire_expect(&s->w, "SIP/2.0", LIMIT_MS) ||
            strncmp(s->w.got, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s: %s", rows[i].line, s->w.got);
        if (rows[i].header)
            assert_string_equal(wire_header(&s->w, rows[i].header), rows[i].value);
        assert_non_null(strstr(wire_header(&s->w, "Via"), branch));
        assert_true(*to_tag(s));
        send_request(s, "ACK", branch, to_tag(s), 1, "");
    }
    assert_string_equal(s->a.log, "");
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(c.transactions, 0);
}

static void unknown_source_is_refused_or_ignored(void **state)
{
    struct scene *s = *state;
    struct agent silent;
    struct sip_config config = {.t1_ms = 20, .unknown_source = SIP_UNKNOWN_SILENT};
    struct sip_stack_counters c;
    s->a.trusts_nobody = true;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 403", LIMIT_MS));
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.transactions, 0);
    assert_int_equal(c.unknown_sources, 1);
    agent_open(&silent, &s->loop, &config);
    silent.trusts_nobody = true;
    s->w.to_port = agent_port(&silent);
    send_invite(s, "z9hG4bKi2", "", "1 INVITE", "", audio_sdp);
    assert_false(wire_expect(&s->w, "SIP/2.0", QUIET_MS));
    sip_stack_read_counters(silent.stack, &c);
    assert_int_equal(c.unknown_sources, 1);
    agent_close(&silent);
    while (!silent.is_closed)
        uv_run(&s->loop, UV_RUN_ONCE);
}

static void answers_go_to_the_source(void **state)
{
    struct scene *s = *state;
    char expected[64];
    wire_send(&s->w, "OPTIONS sip:127.0.0.1 SIP/2.0\nv: SIP/2.0/UDP far.example:9;rport;"
                     "branch=z9hG4bKs\nf: <sip:1@h>;tag=x\nt: <sip:2@h>\ni: 1@h\n"
                     "CSeq: 1 OPTIONS\nl: 0\n\n");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    snprintf(expected, sizeof expected, "rport=%u", s->w.port);
    assert_non_null(strstr(wire_header(&s->w, "Via"), expected));
    assert_non_null(strstr(wire_header(&s->w, "Via"), "received=127.0.0.1"));
}

static void bye_again_gets_the_same_response(void **state)
{
    struct scene *s = *state;
    char tag[64];
    struct sip_stack_counters c;
    establish(s, tag);
    send_request(s, "BYE", "z9hG4bKb1", tag, 2, "");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    struct wire first = s->w;
    assert_true(agent_wait(&s->a, "ended peer 200", LIMIT_MS));
    send_request(s, "BYE", "z9hG4bKb1", tag, 2, "");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(s->w.got, first.got);
    send_request(s, "BYE", "z9hG4bKb2", tag, 3, ""); /* another one: the dialog is gone */
    assert_true(wire_expect(&s->w, "SIP/2.0 481", LIMIT_MS));
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.retransmissions_in, 1);
}

static void invite_again_gets_the_same_response(void **state)
{
    struct scene *s = *state;
    char tag[64];
    s->a.on_call = AGENT_RING;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 180", LIMIT_MS));
    snprintf(tag, sizeof tag, "%s", to_tag(s));
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 180", LIMIT_MS));
    assert_string_equal(to_tag(s), tag);
    assert_string_equal(s->a.log, "incoming;");
    struct sdp_session answer = agent_audio();
    assert_int_equal(sip_session_answer(s->a.session, &answer), 0);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp); /* after the 2xx: no new call */
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(to_tag(s), tag);
    assert_string_equal(s->a.log, "incoming;");
}

static void ok_is_repeated_until_the_ack(void **state)
{
    struct scene *s = *state;
    struct sip_stack_counters c;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    for (int i = 0; i < 4; i++)
        assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKa1", to_tag(s), 2, ""); /* not for this INVITE */
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKa1", to_tag(s), 1, "");
    assert_true(agent_wait(&s->a, "confirmed", LIMIT_MS));
    while (wire_expect(&s->w, "SIP/2.0 200", 10))
        ;
    assert_false(wire_expect(&s->w, "SIP/2.0 200", 4 * QUIET_MS));
    sip_stack_read_counters(s->a.stack, &c);
    assert_true(c.retransmissions_out >= 4);
}

static void no_ack_at_all_ends_in_bye(void **state)
{
    struct scene *s = *state;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    assert_true(agent_wait(&s->a, "incoming;ended timeout 408", LIMIT_MS));
}

static void hangup_before_the_ack_waits_for_it(void **state)
{
    struct scene *s = *state;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    char tag[64];
    snprintf(tag, sizeof tag, "%s", to_tag(s));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(agent_wait(&s->a, "ended local", LIMIT_MS));
    assert_false(wire_expect(&s->w, "BYE", QUIET_MS));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
}

static void late_offer_is_ours_and_the_ack_answers(void **state)
{
    struct scene *s = *state;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", "");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_false(s->a.had_offer);
    assert_non_null(strstr(s->w.got, "m=audio 40000 RTP/AVP 8 0"));
    send_sdp(s, "ACK sip:200@127.0.0.1", "z9hG4bKa1", to_tag(s), "1 ACK",
             "Content-Type: application/sdp\r\n", audio_sdp);
    assert_true(agent_wait(&s->a, "confirmed audio", LIMIT_MS));
}

static void ack_without_the_answer_ends_the_call(void **state)
{
    struct scene *s = *state;
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", "");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKa1", to_tag(s), 1, "");
    assert_true(wire_expect(&s->w, "BYE", LIMIT_MS));
    send_reply(s, "200 OK", "", "", "");
    assert_true(agent_wait(&s->a, "ended local 488", LIMIT_MS));
}

static void peer_switches_to_t38_and_back(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish(s, tag);
    send_invite(s, "z9hG4bKi2", tag, "2 INVITE", "", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_non_null(strstr(s->w.got, "m=image 40002 udptl t38"));
    /* Its ACK is lost; the next re-INVITE shows that the 200 arrived. */
    send_invite(s, "z9hG4bKi3", tag, "3 INVITE", "", audio_sdp);
    assert_true(agent_wait(&s->a, "offer t38;confirmed none;offer audio", LIMIT_MS));
    while (wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS) &&
           strcmp(wire_header(&s->w, "CSeq"), "3 INVITE") != 0)
        ;
    assert_non_null(strstr(s->w.got, "m=audio 40000"));
    send_request(s, "ACK", "z9hG4bKa3", tag, 3, "");
    assert_true(agent_wait(&s->a, "offer audio;confirmed none", LIMIT_MS));
}

static void reinvites_out_of_turn(void **state)
{
    struct scene *s = *state;
    char tag[64];
    establish(s, tag);
    s->a.on_reinvite = 0;
    send_invite(s, "z9hG4bKi2", tag, "2 INVITE", "", t38_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 100", LIMIT_MS));
    send_invite(s, "z9hG4bKi3", tag, "3 INVITE", "", t38_sdp); /* while one waits */
    assert_true(wire_expect(&s->w, "SIP/2.0 500", LIMIT_MS));
    assert_string_equal(wire_header(&s->w, "Retry-After"), "2");
    send_request(s, "ACK", "z9hG4bKi3", tag, 3, "");
    send_request(s, "CANCEL", "z9hG4bKi2", "", 2, "");
    assert_true(wire_expect(&s->w, "SIP/2.0 ", LIMIT_MS));
    assert_true(agent_wait(&s->a, "offer t38;offer-cancelled 487", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKi2", tag, 2, "");
    send_invite(s, "z9hG4bKi4", tag, "1 INVITE", "", t38_sdp); /* an old CSeq */
    assert_true(wire_expect(&s->w, "SIP/2.0 500", LIMIT_MS));
    send_request(s, "OPTIONS", "z9hG4bKo1", tag, 4, "");
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    send_invite(s, "z9hG4bKi5", tag, "5 INVITE", "", "v=0\r\nbroken");
    assert_true(wire_expect(&s->w, "SIP/2.0 488", LIMIT_MS));
    send_request(s, "ACK", "z9hG4bKi5", tag, 5, "");
    assert_null(strstr(s->a.log, "ended"));
}

static void routes_of_a_call_to_us(void **state)
{
    struct scene *s = *state;
    char headers[512];
    snprintf(headers, sizeof headers,
             "Record-Route: <sip:127.0.0.1:%u;lr>, <sip:p2.example;lr>\r\n"
             "Record-Route: <sip:p3.example;lr>\r\n",
             s->w.port);
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", headers, audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_non_null(strstr(s->w.got, "p3.example"));
    send_request(s, "ACK", "z9hG4bKa1", to_tag(s), 1, "");
    assert_true(agent_wait(&s->a, "confirmed", LIMIT_MS));
    sip_session_hangup(s->a.session, 0, NULL);
    assert_true(wire_expect(&s->w, "BYE sip:300@127.0.0.1:", LIMIT_MS));
    const char *first = strstr(s->w.got, ";lr>"), *second = strstr(s->w.got, "p2.example");
    assert_true(first && second && strstr(second, "p3.example") && first < second);
    send_reply(s, "200 OK", "", "", "");
}

/* Such a route leads nowhere: no request could follow it. */
static void routes_that_are_no_sip(void **state)
{
    struct scene *s = *state;
    struct sip_stack_counters c;
    static const char *const routes[] = {"<tel:+4969>", "<mailto:p1@example>",
                                         "<http://p1.example;lr>",
                                         "<sip:p1.example;lr>, <tel:+4969>"};
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        char branch[32], header[128];
        snprintf(branch, sizeof branch, "z9hG4bKn%zu", i);
        snprintf(header, sizeof header, "Record-Route: %s\r\n", routes[i]);
        send_invite(s, branch, "", "1 INVITE", header, audio_sdp);
        if (!wire_expect(&s->w, "SIP/2.0 400", LIMIT_MS))
            fail_msg("%s: %s", routes[i], s->w.got);
        send_request(s, "ACK", branch, to_tag(s), 1, "");
    }
    assert_string_equal(s->a.log, "");
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.sessions, 0);
}

static void multipart_with_sdp(void **state)
{
    struct scene *s = *state;
    char body[1024], headers[256];
    snprintf(body, sizeof body,
             "--xx\r\nContent-Type: application/isup\r\n\r\nabc\r\n"
             "--xx\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--xx--\r\n",
             t38_sdp);
    snprintf(headers, sizeof headers,
             "Contact: <sip:127.0.0.1:%u>\r\nContent-Type: multipart/mixed;boundary=xx\r\n",
             s->w.port);
    send_sdp(s, "INVITE sip:200@127.0.0.1", "z9hG4bKi1", "", "1 INVITE", headers, body);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    assert_non_null(strstr(s->w.got, "m=image 40002 udptl t38"));
    assert_true(s->a.had_offer);
}

static void what_is_no_message_is_dropped(void **state)
{
    struct scene *s = *state;
    struct sip_stack_counters before, after;
    static char big[60000];
    static const char nul[] = "OPTIONS sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                              "From: <sip:1\0@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: 1\r\n"
                              "CSeq: 1 OPTIONS\r\n\r\n";
    sip_stack_read_counters(s->a.stack, &before);
    wire_send_octets(&s->w, "\r\n\r\n", 4); /* keep-alive */
    wire_send_octets(&s->w, "x", 1);
    wire_send_octets(&s->w, nul, sizeof nul - 1);
    memset(big, 'a', sizeof big);
    for (size_t i = 0; i < 12; i++)
        big[i] = "OPTIONS sip:"[i];
    wire_send_octets(&s->w, big, sizeof big);
    for (size_t i = 24; i + 6 < sizeof big; i += 6)
        for (size_t j = 0; j < 6; j++)
            big[i + j] = "A: b\r\n"[j];
    wire_send_octets(&s->w, big, sizeof big);
    send_sdp(s, "SIP/2.0 200 OK\r\nX:", "z9hG4bK1", "", "1 INVITE", "", audio_sdp);
    assert_false(wire_expect(&s->w, "SIP/2.0", QUIET_MS));
    /* What can be read though it is wrong is told so. */
    send_sdp(s, "OPTIONS sip:127.0.0.1", "z9hG4bK1", "", "1 INVITE", "", "");
    assert_true(wire_expect(&s->w, "SIP/2.0 400", LIMIT_MS));
    send_sdp(s, "OPTIONS sip:127.0.0.1", "z9hG4bK1", "", "99999999999 OPTIONS", "", "");
    assert_true(wire_expect(&s->w, "SIP/2.0 400", LIMIT_MS));
    sip_stack_read_counters(s->a.stack, &after);
    assert_int_equal(after.malformed - before.malformed, 6);
    assert_int_equal(after.datagrams_in - before.datagrams_in, 8);
    assert_int_equal(after.strays - before.strays, 1);
    assert_string_equal(s->a.log, "");
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(refusals_without_state),
        ROW(unknown_source_is_refused_or_ignored),
        ROW(answers_go_to_the_source),
        ROW(bye_again_gets_the_same_response),
        ROW(invite_again_gets_the_same_response),
        ROW(ok_is_repeated_until_the_ack),
        ROW(no_ack_at_all_ends_in_bye),
        ROW(hangup_before_the_ack_waits_for_it),
        ROW(late_offer_is_ours_and_the_ack_answers),
        ROW(ack_without_the_answer_ends_the_call),
        ROW(peer_switches_to_t38_and_back),
        ROW(reinvites_out_of_turn),
        ROW(routes_of_a_call_to_us),
        ROW(routes_that_are_no_sip),
        ROW(multipart_with_sdp),
        ROW(what_is_no_message_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
