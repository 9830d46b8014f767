/* sip_test_pair.h: two stacks on one loop, one calling the other. Shared by the sip_call_test and
 * sip_reinvite_test programs. */
#ifndef TESTS_UNIT_SIP_TEST_PAIR_H
#define TESTS_UNIT_SIP_TEST_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_agent.h"

enum { LIMIT_MS = 8000 };

struct pair {
    uv_loop_t loop;
    struct agent a, b; /* a calls b */
};

static inline int open_pair_of(void **state, uint32_t t1_ms)
{
    const struct sip_config config = {.t1_ms = t1_ms};
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(uv_loop_init(&p->loop), 0);
    agent_open(&p->a, &p->loop, &config);
    agent_open(&p->b, &p->loop, &config);
    *state = p;
    return 0;
}

/* For what waits for no time-out: a machine that stands still for seconds ends no call. */
static inline int open_pair(void **state)
{
    return open_pair_of(state, 500);
}

/* Every test ends with both stacks closing cleanly and nothing left in the loop. */
static inline int close_pair(void **state)
{
    struct pair *p = *state;
    agent_close(&p->a);
    agent_close(&p->b);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&p->loop);
    bool closed = p->a.is_closed && p->b.is_closed;
    free(p);
    return left == 0 && closed ? 0 : -1;
}

static inline void call(struct pair *p, const struct sdp_session *offer)
{
    assert_int_equal(agent_call(&p->a, agent_port(&p->b), offer, 0), 0);
}

static inline void establish(struct pair *p)
{
    struct sdp_session offer = agent_audio();
    p->b.on_call = AGENT_RING_AND_ANSWER;
    call(p, &offer);
    assert_true(agent_wait(&p->b, "confirmed", LIMIT_MS));
    assert_true(agent_wait(&p->a, "answered", LIMIT_MS));
}

#endif
