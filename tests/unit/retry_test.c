#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/control/retry.h"
#include "t38/t30_result.h"

static const struct retry_limits limits = {.max_attempts = 4,
                                           .first_delay_ms = 1000,
                                           .busy_delay_ms = 60000,
                                           .max_delay_ms = 3000,
                                           .resume = true};

static struct retry_attempt failed(int sip_code, int t30_result)
{
    return (struct retry_attempt){.attempt = 1,
                                  .state = "failed",
                                  .sip_code = sip_code,
                                  .t30_result = t30_result,
                                  .rate = 14400,
                                  .ecm = true};
}

static void causes(void **state)
{
    static const struct {
        int sip, t30;
        enum retry_cause cause;
    } table[] = {
        {486, -1, RETRY_BUSY},
        {600, -1, RETRY_BUSY},
        {480, -1, RETRY_NO_REPLY},
        {408, -1, RETRY_NO_REPLY},
        {503, -1, RETRY_NETWORK},
        {404, -1, RETRY_NEVER},
        {403, -1, RETRY_NEVER},
        {488, -1, RETRY_NEVER},
        {603, -1, RETRY_NEVER},
        {200, 6, RETRY_TRAINING},
        {200, 20, RETRY_TRAINING},
        {0, 49, RETRY_NETWORK},
        {200, 8, RETRY_NEVER},
        {200, 41, RETRY_NEVER},
        {0, -1, RETRY_NEVER},
        {200, T30_RESULT_SOURCE, RETRY_NEVER},
        {200, T30_RESULT_MEDIA_SILENT, RETRY_NETWORK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct retry_attempt a = failed(table[i].sip, table[i].t30);
        assert_int_equal(retry_cause_of(&a), table[i].cause);
    }
}

/* T.38 agreed, but no media: the next attempt comes soon, and over audio. Not when the fax may have
 * arrived. */
static void mute_t38_is_tried_over_audio(void **state)
{
    struct retry_attempt a = failed(200, T30_RESULT_MEDIA_SILENT);
    struct retry_limits slow = limits;
    struct retry_plan plan;
    (void)state;
    a.t38_was_mute = true;
    slow.first_delay_ms = slow.max_delay_ms = 600000;
    retry_plan_make(&slow, &a, &plan);
    assert_true(plan.again);
    assert_int_equal(plan.delay_ms, 2000);
    assert_string_equal(plan.why, "no T.38 media");
    assert_int_equal(plan.max_rate, 14400);
    a.state = "uncertain";
    retry_plan_make(&slow, &a, &plan);
    assert_false(plan.again);
}

static void the_peer_says_when(void **state)
{
    struct retry_plan plan;
    struct retry_attempt later = failed(503, -1);
    (void)state;
    later.retry_after_ms = 2500;
    retry_plan_make(&limits, &later, &plan);
    assert_int_equal(plan.delay_ms, 2500);
    later.retry_after_ms = 999999; /* not for ever */
    retry_plan_make(&limits, &later, &plan);
    assert_int_equal(plan.delay_ms, 3000);
}

static void never_again_when_it_may_have_arrived(void **state)
{
    static const char *const final[] = {"uncertain", "delivered", "cancelled"};
    (void)state;
    for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
        struct retry_attempt a = failed(503, 49);
        struct retry_plan plan;
        a.state = final[i];
        retry_plan_make(&limits, &a, &plan);
        assert_false(plan.again);
    }
}

static void delays_grow_to_their_limit(void **state)
{
    static const uint64_t expected[] = {1000, 2000, 3000};
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct retry_attempt a = failed(503, -1);
        struct retry_plan plan;
        a.attempt = i + 1;
        retry_plan_make(&limits, &a, &plan);
        assert_true(plan.again);
        assert_int_equal(plan.delay_ms, expected[i]);
    }
    struct retry_attempt last = failed(503, -1);
    struct retry_plan plan;
    last.attempt = 4;
    retry_plan_make(&limits, &last, &plan);
    assert_false(plan.again);
    struct retry_attempt busy = failed(486, -1);
    retry_plan_make(&limits, &busy, &plan);
    assert_int_equal(plan.delay_ms, 3000);
}

static void training_steps_down(void **state)
{
    static const struct {
        uint32_t rate, next;
        bool ecm, next_ecm;
    } table[] = {{14400, 9600, true, true}, {9600, 4800, true, true}, {4800, 4800, true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct retry_attempt a = failed(200, 6);
        struct retry_plan plan;
        a.rate = table[i].rate;
        a.ecm = table[i].ecm;
        retry_plan_make(&limits, &a, &plan);
        assert_true(plan.again);
        assert_int_equal(plan.max_rate, table[i].next);
        assert_int_equal(plan.ecm, table[i].next_ecm);
    }
}

static void partial_goes_on_only_where_allowed(void **state)
{
    struct retry_limits no_resume = limits;
    struct retry_attempt a = failed(200, 49);
    struct retry_plan plan;
    (void)state;
    a.state = "partial";
    retry_plan_make(&limits, &a, &plan);
    assert_true(plan.again);
    no_resume.resume = false;
    retry_plan_make(&no_resume, &a, &plan);
    assert_false(plan.again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes),
        cmocka_unit_test(mute_t38_is_tried_over_audio),
        cmocka_unit_test(the_peer_says_when),
        cmocka_unit_test(never_again_when_it_may_have_arrived),
        cmocka_unit_test(delays_grow_to_their_limit),
        cmocka_unit_test(training_steps_down),
        cmocka_unit_test(partial_goes_on_only_where_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
