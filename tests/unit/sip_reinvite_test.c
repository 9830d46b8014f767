/* Two stacks of ours on one loop over 127.0.0.1: a call changes to T.38 and back, from either side,
 * and what can cross that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_pair.h"

static void caller_switches_to_t38_and_back(void **state)
{
    struct pair *p = *state;
    struct sdp_session audio = agent_audio();
    establish(p);
    agent_reinvite(&p->a);
    assert_int_equal(sip_session_reinvite(p->a.session, &audio), -EBUSY);
    assert_true(agent_wait(&p->a, "reinvite-answered t38", LIMIT_MS));
    assert_true(agent_wait(&p->b, "offer t38;confirmed none;", LIMIT_MS));
    assert_int_equal(sip_session_reinvite(p->a.session, &audio), 0);
    assert_true(agent_wait(&p->a, "reinvite-answered audio", LIMIT_MS));
}

/* What the callee sees of the caller's re-INVITE, and the caller of its answer. */
static void hold(struct pair *p, struct sdp_session sdp, enum sdp_direction direction,
                 const char *address, enum sdp_direction answered)
{
    char wanted[64];
    sdp.media[0].direction = direction;
    snprintf(sdp.address, sizeof sdp.address, "%s", address);
    snprintf(sdp.media[0].address, sizeof sdp.media[0].address, "%s", address);
    p->a.log[0] = p->b.log[0] = '\0';
    snprintf(wanted, sizeof wanted, "reinvite-answered %s", agent_media(&sdp));
    assert_int_equal(sip_session_reinvite(p->a.session, &sdp), 0);
    assert_true(agent_wait(&p->a, wanted, LIMIT_MS));
    assert_true(agent_wait(&p->b, "confirmed", LIMIT_MS));
    assert_int_equal(p->b.direction, direction);
    assert_int_equal(p->a.direction, answered);
}

/* RFC 3264 §8.4: by direction, or as old peers do by 0.0.0.0, which is answered as it stands. */
static void calls_are_held_and_resumed(void **state)
{
    struct pair *p = *state;
    struct sdp_session media[] = {agent_audio(), agent_t38()};
    establish(p);
    for (size_t i = 0; i < sizeof media / sizeof *media; i++) {
        hold(p, media[i], SDP_SENDONLY, "127.0.0.1", SDP_RECVONLY);
        hold(p, media[i], SDP_INACTIVE, "127.0.0.1", SDP_INACTIVE);
        hold(p, media[i], SDP_SENDRECV, "0.0.0.0", SDP_SENDRECV);
        hold(p, media[i], SDP_SENDRECV, "127.0.0.1", SDP_SENDRECV);
    }
}

static void callee_switches_to_t38_before_the_ack(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_audio(), answer = agent_audio();
    p->b.on_call = AGENT_RING;
    call(p, &offer);
    assert_true(agent_wait(&p->b, "incoming", LIMIT_MS));
    assert_int_equal(sip_session_answer(p->b.session, &answer), 0);
    agent_reinvite(&p->b); /* waits for the ACK by itself */
    assert_true(agent_wait(&p->b, "confirmed none;reinvite-answered t38", LIMIT_MS));
    assert_true(agent_wait(&p->a, "answered audio;offer t38;confirmed none", LIMIT_MS));
}

static void reinvite_is_refused_and_the_call_goes_on(void **state)
{
    struct pair *p = *state;
    establish(p);
    p->a.on_reinvite = 488;
    agent_reinvite(&p->b);
    assert_true(agent_wait(&p->b, "reinvite-refused 488", LIMIT_MS));
    p->a.on_reinvite = 200;
    agent_reinvite(&p->b);
    assert_true(agent_wait(&p->b, "reinvite-answered t38", LIMIT_MS));
}

static void reinvite_is_answered_later(void **state)
{
    struct pair *p = *state;
    struct sdp_session offer = agent_t38(), answer;
    establish(p);
    p->b.on_reinvite = 0;
    assert_int_equal(sip_session_answer_reinvite(p->b.session, &offer), -EPROTO);
    agent_reinvite(&p->a);
    assert_true(agent_wait(&p->b, "offer t38", LIMIT_MS));
    agent_wait(&p->b, NULL, 100);
    assert_int_equal(sip_session_reinvite(p->b.session, &offer), -EBUSY);
    answer = agent_reply(&offer);
    assert_int_equal(sip_session_answer_reinvite(p->b.session, &answer), 0);
    assert_true(agent_wait(&p->a, "reinvite-answered t38", LIMIT_MS));
}

static void reinvite_is_never_answered(void **state)
{
    struct pair *p = *state;
    establish(p);
    p->b.on_reinvite = 0;
    agent_reinvite(&p->a);
    assert_true(agent_wait(&p->a, "ended timeout 408", LIMIT_MS));
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
}

static void both_reinvite_at_once(void **state)
{
    struct pair *p = *state;
    struct sip_stack_counters c;
    establish(p);
    agent_reinvite(&p->a);
    agent_reinvite(&p->b);
    /* The side that did not make the Call-ID retries first; the other's proposal is then dropped
     * and answered by the peer's. */
    assert_true(agent_wait(&p->b, "reinvite-answered t38", LIMIT_MS));
    assert_true(agent_wait(&p->a, "reinvite-refused 491;offer t38;confirmed none", LIMIT_MS));
    sip_stack_read_counters(p->b.stack, &c);
    assert_true(c.glares >= 1);
}

static void bye_during_a_pending_reinvite(void **state)
{
    struct pair *p = *state;
    establish(p);
    p->b.on_reinvite = 0;
    agent_reinvite(&p->a);
    assert_true(agent_wait(&p->b, "offer t38", LIMIT_MS));
    sip_session_hangup(p->a.session, 0, NULL);
    assert_true(agent_wait(&p->b, "ended peer 200", LIMIT_MS));
    assert_true(agent_wait(&p->a, "ended local 200", LIMIT_MS));
}

static void callee_hangs_up_with_a_reinvite_waiting(void **state)
{
    struct pair *p = *state;
    establish(p);
    p->b.on_reinvite = 0;
    agent_reinvite(&p->a);
    assert_true(agent_wait(&p->b, "offer t38", LIMIT_MS));
    sip_session_hangup(p->b.session, 0, NULL);
    assert_true(agent_wait(&p->a, "ended peer 200", LIMIT_MS));
    assert_null(strstr(p->a.log, "reinvite-answered"));
}

/* It gives up after 1.3 s. */
static int open_hasty_pair(void **state)
{
    return open_pair_of(state, 20);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(caller_switches_to_t38_and_back),
        ROW(calls_are_held_and_resumed),
        ROW(callee_switches_to_t38_before_the_ack),
        ROW(reinvite_is_refused_and_the_call_goes_on),
        ROW(reinvite_is_answered_later),
        cmocka_unit_test_setup_teardown(reinvite_is_never_answered, open_hasty_pair, close_pair),
        ROW(both_reinvite_at_once),
        ROW(bye_during_a_pending_reinvite),
        ROW(callee_hangs_up_with_a_reinvite_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
