/* mail_patience_test.c: how long messages wait for their scanner or the DNS, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/mail/mail_patience.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t accepted_ms = 1800000000000;

/* A message whose scanner stays away, looked at when that is due and at each restart, which looks
 * at once and remembers nothing but the record. Returns when it was refused. */
struct wait {
    unsigned looks;
    int64_t longest_ms, refused_ms;
};

static void wait_for_ever(struct wait *w, int64_t begin_ms, int64_t restart_every_ms)
{
    int64_t now_ms = begin_ms, restart_ms = begin_ms + restart_every_ms;
    *w = (struct wait){0};
    for (;;) {
        int64_t delay_ms = mail_patience_delay(accepted_ms, now_ms);
        assert_true(++w->looks < 100000);
        if (delay_ms < 0)
            break;
        assert_true(delay_ms > 0);
        if (delay_ms > w->longest_ms)
            w->longest_ms = delay_ms;
        now_ms += delay_ms;
        if (restart_every_ms > 0 && now_ms > restart_ms) {
            now_ms = restart_ms;
            restart_ms += restart_every_ms;
        }
    }
    w->refused_ms = now_ms;
}

static void a_message_waits_four_hours_and_no_longer(void **state)
{
    struct wait w;
    (void)state;
    wait_for_ever(&w, accepted_ms + 300, 0);
    assert_int_equal(w.refused_ms, accepted_ms + 4 * HOUR);
    assert_int_equal(w.longest_ms, MINUTE);
    assert_true(w.looks < 300); /* at 60 s each it would be 240 */
}

static void restarts_change_nothing(void **state)
{
    struct wait w;
    (void)state;
    for (int64_t every_ms = 700; every_ms <= 3 * HOUR; every_ms = every_ms * 3 + 1) {
        wait_for_ever(&w, accepted_ms, every_ms);
        assert_int_equal(w.refused_ms, accepted_ms + 4 * HOUR);
    }
    /* The gateway was down meanwhile: the first look is the last. */
    wait_for_ever(&w, accepted_ms + 9 * HOUR, 0);
    assert_int_equal(w.looks, 1);
    wait_for_ever(&w, accepted_ms + 4 * HOUR - 1, 0);
    assert_int_equal(w.looks, 2);
    assert_int_equal(w.refused_ms, accepted_ms + 4 * HOUR);
}

static void a_clock_that_is_set_back_does_not_hurry(void **state)
{
    (void)state;
    assert_int_equal(mail_patience_delay(accepted_ms, accepted_ms - HOUR), 2 * SECOND);
    assert_int_equal(mail_patience_delay(accepted_ms, accepted_ms), 2 * SECOND);
    assert_int_equal(mail_patience_delay(accepted_ms, accepted_ms + 40 * SECOND), 5 * SECOND);
}

/* A thousand messages a second for four hours, and for a DNS that answers every other second. */
static void the_log_is_told_once_an_outage(void **state)
{
    struct mail_outage outage = {0};
    unsigned told = 0, released = 0;
    (void)state;
    for (uint64_t ms = 5; ms < 4 * HOUR; ms += 10)
        told += mail_outage_begins(&outage, ms);
    assert_int_equal(told, 1);
    assert_true(mail_outage_ends(&outage));
    assert_false(mail_outage_ends(&outage));
    told = 0;
    for (uint64_t ms = 4 * HOUR; ms < 5 * HOUR; ms += SECOND) {
        if (ms / SECOND % 2)
            released += mail_outage_ends(&outage);
        else
            told += mail_outage_begins(&outage, ms);
    }
    assert_int_equal(told, 6);
    assert_int_equal(released, told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_four_hours_and_no_longer),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(a_clock_that_is_set_back_does_not_hurry),
        cmocka_unit_test(the_log_is_told_once_an_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
