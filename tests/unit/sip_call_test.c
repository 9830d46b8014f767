/* Two stacks of ours on one loop over 127.0.0.1: calls made, answered, refused, cancelled and
 * ended, and the races between both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_pair.h"

static void call_is_answered_and_ended_by_the_caller(void **state)
{
    struct pair *p = *state;
    establish(p);
    assert_string_equal(p->a.log, "ringing 180;answered audio;");
    assert_string_equal(p->b.log, "incoming;confirmed none;");
    assert_string_equal(p->b.to_user, "200");
    assert_string_equal(p->b.from_user, "100");
    assert_true(p->b.had_offer);
    assert_string_equal(sip_session_call_id(p->a.session), sip_session_call_id(p->b.session));
    sip_session_hangup(p->a.session, 16, "done \"now\"\r\n");
    assert_string_equal(p->a.log, "ringing 180;answered audio;"); /* not before it returns */
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended local 200", LIMIT_MS));
    assert_string_equal(p->b.reason, "SIP;cause=16;text=\"done now\"");
}

static void call_is_ended_by_the_callee(void **state)
{
    struct pair *p = *state;
    struct sip_stack_counters c;
    establish(p);
    sip_session_hangup(p->b.session, 0, NULL);
    assert_true(agent_wait(&p->a, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended local 200", LIMIT_MS));
    sip_stack_read_counters(p->a.stack, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(c.calls_out, 1);
    assert_int_equal(c.calls_answered, 1);
}

static void both_hang_up_at_once(void **state)
{
    struct pair *p = *state;
    establish(p);
    sip_session_hangup(p->a.session, 0, NULL);
    sip_session_hangup(p->b.session, 0, NULL);
    sip_session_hangup(p->b.session, 0, NULL);
    assert_true(agent_wait(&p->a, "ended local", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended local", LIMIT_MS));
}

static void call_is_refused(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_BUSY;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "ended peer 486", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended local 486", LIMIT_MS));
}

static void call_is_refused_later_with_our_words(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "ringing 180", LIMIT_MS));
    assert_int_equal(sip_session_reject(p->b.session, 200, NULL), -EINVAL);
    assert_int_equal(sip_session_reject(p->b.session, 404, "a\r\nb"), -EINVAL);
    assert_int_equal(sip_session_reject(p->b.session, 404, "No Such Number"), 0);
    assert_int_equal(sip_session_reject(p->b.session, 404, NULL), -EPROTO);
    assert_true(agent_wait(&p->a, "ended peer 404", LIMIT_MS));
    assert_string_equal(p->a.reason, "No Such Number");
}

static void caller_cancels(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "ringing", LIMIT_MS));
    sip_session_hangup(p->a.session, 0, NULL);
    assert_true(agent_wait(&p->b, "ended peer 487", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended local 487", LIMIT_MS));
}

static void caller_cancels_before_any_response(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    call(p, &offer);
    sip_session_hangup(p->a.session, 0, NULL);
    assert_true(agent_wait(&p->a, "ended local 487", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended peer 487", LIMIT_MS));
}

static void answer_crosses_cancel(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio(), answer = agent_audio();
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "ringing", LIMIT_MS));
    /* In one turn of the loop: neither has seen the other's message. */
    assert_int_equal(sip_session_answer(p->b.session, &answer), 0);
    sip_session_hangup(p->a.session, 0, NULL);
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended local 487", LIMIT_MS));
    assert_null(strstr(p->a.log, "answered"));
}

static void nobody_answers(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_RING;
    assert_int_equal(agent_call(&p->a, agent_port(&p->b), &offer, 60), 0);
    assert_true(agent_wait(&p->a, "ended timeout 408", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended peer 487", LIMIT_MS));
}

static void port_is_unreachable(void **state)
{
    struct pair *p = *state;
    struct wire w;
    struct sdp_session offer = agent_audio();
    wire_open(&w, &p->loop, 0);
    wire_close(&w); /* its port is closed now */
    assert_int_equal(agent_call(&p->a, w.port, &offer, 0), 0);
    assert_true(agent_wait(&p->a, "ended transport 503", LIMIT_MS));
    /* The error on the socket does no harm to others. */
    establish(p);
}

static void first_invite_is_t38(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_t38();
    p->b.on_call = AGENT_ANSWER;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "answered t38", LIMIT_MS));
}

static void first_invite_has_both_lines(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio(), t38 = agent_t38();
    assert_int_equal(sdp_add_t38(&offer, 40002, &t38.media[0].t38), 0);
    p->b.on_call = AGENT_ANSWER;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "answered t38", LIMIT_MS));
}

static void hangup_inside_callbacks(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_ANSWER;
    p->a.hangup_on_answer = p->a.reinvite_on_answer = true;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "answered audio;ended local 200", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
}

static void a_stack_calls_itself(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    p->a.on_call = AGENT_RING_AND_ANSWER;
    p->a.reinvite_on_confirm = true;
    assert_int_equal(agent_call(&p->a, agent_port(&p->a), &offer, 0), 0);
    struct sip_session *caller = p->a.session;
    assert_true(agent_wait(&p->a, "reinvite-answered t38", LIMIT_MS));
    assert_true(agent_wait(&p->a, "offer t38", LIMIT_MS));
    assert_ptr_not_equal(p->a.session, caller); /* the callee's came since */
    sip_session_hangup(caller, 0, NULL);
    assert_true(agent_wait(&p->a, "ended local 200", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended peer 200", LIMIT_MS));
}

static void bad_arguments_are_refused(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio(), empty = {.media_count = 0};
    struct sockaddr_in to = agent_loopback(agent_port(&p->b));
    struct sip_call good = {.request_uri = "sip:1@127.0.0.1",
                            .from_uri = "sip:2@127.0.0.1",
                            .to_uri = "sip:1@127.0.0.1",
                            .offer = &offer};
    struct sip_session *s;
    memcpy(&good.target, &to, sizeof to);
    struct sip_call bad[6] = {good, good, good, good, good, good};
    bad[0].request_uri = "sip:1@h\r\nX: y";
    bad[1].from_uri = "sip:2@h>\r\nEvil: 1";
    bad[2].request_uri = "tel:123";
    bad[3].offer = &empty;
    bad[4].target.ss_family = AF_INET6;
    bad[5].to_uri = "";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sip_session_call(p->a.stack, &bad[i], agent_on_event, &p->a, &s), -EINVAL);
        assert_null(s);
    }
    agent_wait(&p->a, NULL, 20);
    assert_string_equal(p->a.log, "");
    assert_int_equal(sip_session_call(p->a.stack, &good, NULL, NULL, &s), 0);
    assert_true(agent_wait(&p->b, "incoming", LIMIT_MS));
}

static void closing_ends_what_is_going_on(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    establish(p);
    struct sip_session *first = p->a.session;
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->b, "confirmed none;incoming", LIMIT_MS));
    agent_close(&p->b);
    assert_true(agent_wait(&p->a, "ended peer 503", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended local 503;ended local 503", LIMIT_MS));
    assert_non_null(first);
}

static void closing_cancels_what_we_call(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio();
    struct sip_session *s;
    struct sip_call call_after = {.offer = &offer};
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->a, "ringing", LIMIT_MS));
    struct sip_stack *closing = p->a.stack;
    agent_close(&p->a);
    assert_int_equal(sip_session_call(closing, &call_after, NULL, NULL, &s), -EAGAIN);
    assert_true(agent_wait(&p->b, "ended peer 487", LIMIT_MS));
}

enum { PATIENCE_TURNS = 3000 };

static void many_calls_at_once(void **state)
{
    struct pair *p = *state;
    int turns = 0;
    struct sip_stack_counters c;
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_ANSWER;
    p->a.hangup_on_answer = true;
    for (int i = 0; i < 100; i++)
        call(p, &offer);
    do {
        agent_wait(&p->a, NULL, 20);
        sip_stack_read_counters(p->b.stack, &c);
    } while (++turns < PATIENCE_TURNS && (c.calls_answered < 100 || c.sessions > 0));
    assert_int_equal(c.calls_answered, 100);
    assert_int_equal(c.sessions, 0);
}

static void max_sessions_gives_503(void **state)
{
    struct pair *p = *state;
    struct agent small;
    struct sdp_session offer = agent_audio();
    struct sip_config config = {.t1_ms = 20, .max_sessions = 1};
    agent_open(&small, &p->loop, &config);
    small.on_call = AGENT_ANSWER;
    assert_int_equal(agent_call(&p->a, agent_port(&small), &offer, 0), 0);
    assert_true(agent_wait(&p->a, "answered", LIMIT_MS));
    assert_int_equal(agent_call(&p->a, agent_port(&small), &offer, 0), 0);
    assert_true(agent_wait(&p->a, "ended peer 503", LIMIT_MS));
    assert_int_equal(agent_call(&small, agent_port(&p->a), &offer, 0), -EAGAIN);
    agent_close(&small);
    assert_true(agent_wait(&p->a, "ended peer 200", LIMIT_MS));
    while (!small.is_closed)
        uv_run(&p->loop, UV_RUN_ONCE);
}

static void wildcard_listener_and_ipv6(void **state)
{
    struct pair *p = *state;
    struct sip_config config = {.t1_ms = 20, .incoming = agent_on_incoming, .user = &p->b};
    struct sip_stack *stack;
    struct sockaddr_in any = agent_loopback(0);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sdp_session offer = agent_audio();
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    memcpy(&config.listen, &any, sizeof any);
    assert_int_equal(sip_stack_open(&p->loop, &config, &stack), 0);
    struct sockaddr_storage bound;
    sip_stack_address(stack, SIP_UDP, &bound);
    memcpy(&any, &bound, sizeof any);
    p->b.on_call = AGENT_ANSWER;
    assert_int_equal(agent_call(&p->a, ntohs(any.sin_port), &offer, 0), 0);
    assert_true(agent_wait(&p->a, "answered audio", LIMIT_MS));
    assert_true(agent_wait(&p->b, "confirmed", LIMIT_MS));
    sip_session_hangup(p->a.session, 0, NULL);
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
    sip_stack_close(stack, NULL, NULL);
    memcpy(&config.listen, &in6, sizeof in6);
    if (sip_stack_open(&p->loop, &config, &stack) != 0)
        return; /* no IPv6 here */
    sip_stack_address(stack, SIP_UDP, &bound);
    struct sip_call self = {.target = bound,
                            .request_uri = "sip:200@[::1]",
                            .from_uri = "sip:100@[::1]",
                            .to_uri = "sip:200@[::1]",
                            .offer = &offer};
    struct sip_session *s;
    p->a.log[0] = p->b.log[0] = '\0';
    assert_int_equal(sip_session_call(stack, &self, agent_on_event, &p->a, &s), 0);
    assert_true(agent_wait(&p->a, "answered audio", LIMIT_MS));
    sip_session_hangup(s, 0, NULL);
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
    sip_stack_close(stack, NULL, NULL);
}

static void bad_configs_are_refused(void **state)
{
    struct pair *p = *state;
    struct sip_stack *stack;
    struct sip_config config = {.t1_ms = 20};
    assert_int_equal(sip_stack_open(&p->loop, &config, &stack), -EINVAL);
    struct sockaddr_in taken = agent_loopback(agent_port(&p->a));
    memcpy(&config.listen, &taken, sizeof taken);
    assert_int_equal(sip_stack_open(&p->loop, &config, &stack), -EADDRINUSE);
    config.user_agent = "a\r\nb";
    assert_int_equal(sip_stack_open(&p->loop, &config, &stack), -EINVAL);
    assert_null(stack);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(call_is_answered_and_ended_by_the_caller),
        ROW(call_is_ended_by_the_callee),
        ROW(both_hang_up_at_once),
        ROW(call_is_refused),
        ROW(call_is_refused_later_with_our_words),
        ROW(caller_cancels),
        ROW(caller_cancels_before_any_response),
        ROW(answer_crosses_cancel),
        ROW(nobody_answers),
        ROW(port_is_unreachable),
        ROW(first_invite_is_t38),
        ROW(first_invite_has_both_lines),
        ROW(hangup_inside_callbacks),
        ROW(a_stack_calls_itself),
        ROW(bad_arguments_are_refused),
        ROW(closing_ends_what_is_going_on),
        ROW(closing_cancels_what_we_call),
        ROW(many_calls_at_once),
        ROW(max_sessions_gives_503),
        ROW(wildcard_listener_and_ipv6),
        ROW(bad_configs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
