/* call_watch_test.c: the time that phases and computing may take. */
#include "t38/call_watch.h"
#include "t38/t30_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct call_watch_limits limits = {
    .phase_ms = {1000, 2000, 3000, 4000}, .cpu_us_per_s = 1000, .cpu_us_free = 5000};

static void each_phase_has_its_limit(void **state)
{
    (void)state;
    static const enum fax_engine_event_kind into[CALL_PHASES] = {
        FAX_EVENT_PEER_IDENT, FAX_EVENT_DOCUMENT_BEGIN, FAX_EVENT_TRAINED, FAX_EVENT_PAGE_RECEIVED};
    for (int phase = 0; phase < CALL_PHASES; phase++) {
        struct call_watch w;
        call_watch_begin(&w, &limits, 100);
        call_watch_event(&w, into[phase], 500);
        uint64_t from_ms = phase == CALL_PHASE_BEFORE ? 100 : 500;
        assert_int_equal(w.phase, phase);
        assert_int_equal(call_watch_judge(&w, from_ms + limits.phase_ms[phase]), 0);
        assert_int_equal(call_watch_due_ms(&w), from_ms + limits.phase_ms[phase] + 1);
        assert_int_equal(call_watch_judge(&w, from_ms + limits.phase_ms[phase] + 1),
                         T30_RESULT_PHASE_TIME);
        assert_string_not_equal(call_phase_name(w.phase), "unknown");
    }
}

/* A peer that trains again and again, or sends frames for ever, gains no time by that. */
static void repetitions_gain_no_time(void **state)
{
    (void)state;
    struct call_watch w;
    call_watch_begin(&w, &limits, 0);
    for (uint64_t ms = 0; ms <= 1900; ms += 100)
        call_watch_event(&w, FAX_EVENT_DOCUMENT_BEGIN, ms);
    assert_int_equal(call_watch_judge(&w, 2001), T30_RESULT_PHASE_TIME);
    call_watch_begin(&w, &limits, 0);
    uint64_t ms = 0;
    while (!call_watch_judge(&w, ms)) {
        call_watch_event(&w, ms % 2000 < 1000 ? FAX_EVENT_DOCUMENT_BEGIN : FAX_EVENT_PAGE_BEGIN,
                         ms);
        ms += 100;
        assert_true(ms < 20000);
    }
    assert_true(ms > 10000);
    /* a page confirmed is progress */
    call_watch_begin(&w, &limits, 0);
    for (ms = 0; ms < 100000; ms += 900) {
        assert_int_equal(call_watch_judge(&w, ms), 0);
        call_watch_event(&w, FAX_EVENT_PAGE_BEGIN, ms);
        call_watch_event(&w, FAX_EVENT_PAGE_RECEIVED, ms + 300);
        call_watch_event(&w, FAX_EVENT_PAGE_CONFIRMED, ms + 600);
    }
}

static void computing_is_bounded_by_the_length_of_the_call(void **state)
{
    (void)state;
    struct call_watch w;
    call_watch_begin(&w, &(struct call_watch_limits){.cpu_us_per_s = 1000, .cpu_us_free = 5000}, 0);
    call_watch_charge(&w, 5000);
    assert_int_equal(call_watch_judge(&w, 0), 0);
    call_watch_charge(&w, 10);
    assert_int_equal(call_watch_judge(&w, 0), T30_RESULT_CPU_TIME);
    assert_int_equal(call_watch_judge(&w, 10), 0);
    call_watch_charge(&w, 100000);
    assert_int_equal(w.worst_us, 100000);
    assert_int_equal(call_watch_judge(&w, 100000), T30_RESULT_CPU_TIME);
    assert_int_equal(call_watch_judge(&w, 100010), 0);
}

static void without_limits_a_call_may_take_for_ever(void **state)
{
    (void)state;
    struct call_watch w;
    call_watch_begin(&w, &(struct call_watch_limits){0}, 0);
    call_watch_charge(&w, UINT32_MAX);
    assert_int_equal(call_watch_judge(&w, UINT32_MAX), 0);
    assert_true(call_watch_due_ms(&w) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase_has_its_limit),
        cmocka_unit_test(repetitions_gain_no_time),
        cmocka_unit_test(computing_is_bounded_by_the_length_of_the_call),
        cmocka_unit_test(without_limits_a_call_may_take_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
