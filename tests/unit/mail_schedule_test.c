/* mail_schedule_test.c: when mails are tried, in virtual time, with the times of the settings'
 * defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/mail/mail_schedule.h"

enum { MAILS = 50, MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, CONNECTIONS = 4 };

static const int64_t start_ms = 1800000000000;

/* A relay that is away, for a while or for ever; what became of each mail. */
struct world {
    struct mail_schedule schedule;
    int64_t now_ms, back_ms, expires_ms;
    unsigned asked; /* tries while the relay was away */
    unsigned sent[MAILS], failed[MAILS], expired;
    int64_t longest_wait_ms, last_ms;
};

static void world_begin(struct world *w, int64_t back_ms, int64_t lifetime_ms)
{
    memset(w, 0, sizeof *w);
    w->schedule.first_ms = MINUTE;
    w->schedule.most_ms = 30 * MINUTE;
    w->now_ms = start_ms;
    w->back_ms = start_ms + back_ms;
    w->expires_ms = start_ms + lifetime_ms;
    for (unsigned i = 0; i < MAILS; i++) {
        struct mail_entry entry = {.next_ms = start_ms, .expires_ms = w->expires_ms};
        entry.out.octets[0] = (uint8_t)i;
        assert_int_equal(mail_schedule_put(&w->schedule, &entry), 0);
    }
}

/* One try, as mail_attempt.c goes about it. */
static void try_mail(struct world *w, struct mail_entry *entry)
{
    enum mail_outcome outcome = w->now_ms < w->back_ms ? MAIL_UNREACHABLE : MAIL_SENT;
    unsigned mail = entry->out.octets[0];
    if (w->schedule.down && w->now_ms >= entry->expires_ms) {
        outcome = MAIL_POSTPONED; /* the relay is not asked */
        w->expired++;
    } else {
        if (outcome == MAIL_UNREACHABLE) {
            int64_t waited_ms = w->now_ms - w->last_ms;
            if (w->asked++ > 0 && waited_ms > w->longest_wait_ms)
                w->longest_wait_ms = waited_ms;
            w->last_ms = w->now_ms;
        }
        (void)mail_schedule_note(&w->schedule, outcome == MAIL_SENT, w->now_ms);
    }
    entry->tries++;
    entry->next_ms =
        mail_schedule_next(&w->schedule, outcome, entry->tries, w->now_ms, entry->expires_ms);
    if (entry->next_ms > 0) {
        assert_true(entry->next_ms > w->now_ms);
        assert_int_equal(mail_schedule_put(&w->schedule, entry), 0);
    } else {
        w->sent[mail] += outcome == MAIL_SENT;
        w->failed[mail] += outcome != MAIL_SENT;
    }
}

/* Until none waits, from one time that the schedule names to the next. */
static void world_run(struct world *w)
{
    for (unsigned turns = 0; w->schedule.waiting.count > 0; turns++) {
        struct mail_entry entry;
        int64_t next_ms;
        assert_true(turns < 100000);
        if (mail_schedule_take(&w->schedule, 0, CONNECTIONS, w->now_ms, &entry, &next_ms)) {
            try_mail(w, &entry);
        } else {
            assert_true(next_ms > w->now_ms);
            w->now_ms = next_ms;
        }
    }
    mail_schedule_clear(&w->schedule);
}

/* 1, 2, 4, ... minutes: seven questions in an hour for all mails together. */
static void a_relay_that_is_away_for_an_hour_gets_each_mail_once(void **state)
{
    struct world w;
    (void)state;
    world_begin(&w, HOUR, 5 * (int64_t)DAY);
    world_run(&w);
    assert_int_equal(w.asked, 6); /* after 0, 1, 3, 7, 15, 31 minutes; after 61 it is back */
    assert_int_equal(w.now_ms, start_ms + 61 * MINUTE);
    assert_true(w.longest_wait_ms <= 30 * MINUTE);
    for (unsigned i = 0; i < MAILS; i++) {
        assert_int_equal(w.sent[i], 1);
        assert_int_equal(w.failed[i], 0);
    }
}

/* Each of them, not one an asking. */
static void mails_end_when_the_relay_stays_away(void **state)
{
    struct world w;
    (void)state;
    world_begin(&w, 100 * (int64_t)DAY, 5 * (int64_t)DAY);
    world_run(&w);
    for (unsigned i = 0; i < MAILS; i++) {
        assert_int_equal(w.sent[i], 0);
        assert_int_equal(w.failed[i], 1);
    }
    assert_true(w.expired >= MAILS - 1);
    assert_true(w.now_ms >= w.expires_ms);
    assert_true(w.now_ms <= w.expires_ms + 30 * MINUTE);
    assert_true(w.asked < 5 * 24 * 2 + 10);
    assert_int_equal(w.longest_wait_ms, 30 * MINUTE);
}

/* 4yz is about one mail: it waits longer each time, others go on. */
static void a_mail_that_is_postponed_waits_longer_each_time(void **state)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 30, 30, 30};
    struct mail_schedule s = {.first_ms = MINUTE, .most_ms = 30 * MINUTE};
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(mail_schedule_next(&s, MAIL_POSTPONED, i + 1, start_ms, start_ms + DAY),
                         start_ms + minutes[i] * MINUTE);
    /* Not later than its end, which is its last try. */
    assert_int_equal(mail_schedule_next(&s, MAIL_POSTPONED, 8, start_ms, start_ms + 5),
                     start_ms + 5);
    assert_int_equal(mail_schedule_next(&s, MAIL_POSTPONED, 8, start_ms, start_ms), 0);
    assert_int_equal(mail_schedule_next(&s, MAIL_REFUSED, 1, start_ms, start_ms + DAY), 0);
    assert_int_equal(mail_schedule_next(&s, MAIL_SENT, 1, start_ms, start_ms + DAY), 0);
    assert_int_equal(mail_schedule_next(&s, MAIL_POSTPONED, UINT32_MAX, start_ms, start_ms + DAY),
                     start_ms + 30 * MINUTE);
}

static void the_earliest_comes_first(void **state)
{
    (void)state;
    struct mail_schedule schedule = {.first_ms = 1, .most_ms = 1};
    struct mail_entry entry = {.tries = 0};
    int64_t next_ms;
    size_t put = 0, taken = 0;
    for (uint32_t i = 0; i < 200; i++) {
        entry.next_ms = (int64_t)(i * 7919 % 199);
        entry.out.octets[0] = (uint8_t)i;
        put += mail_schedule_put(&schedule, &entry) == 0;
    }
    entry.out.octets[0] = 77;
    put -= mail_schedule_remove(&schedule, &entry.out);
    assert_false(mail_schedule_remove(&schedule, &entry.out));
    for (int64_t last = 0; mail_schedule_take(&schedule, 0, 1, 1000, &entry, &next_ms); taken++) {
        assert_true(entry.next_ms >= last);
        assert_int_not_equal(entry.out.octets[0], 77);
        last = entry.next_ms;
    }
    assert_int_equal(taken, put);
    mail_schedule_clear(&schedule);
}

static void one_mail_at_a_time_asks_for_a_relay_that_is_away(void **state)
{
    struct world w;
    struct mail_entry entry;
    int64_t next_ms;
    (void)state;
    world_begin(&w, HOUR, DAY);
    for (size_t i = 0; i < CONNECTIONS; i++)
        assert_true(mail_schedule_take(&w.schedule, i, CONNECTIONS, w.now_ms, &entry, &next_ms));
    assert_false(
        mail_schedule_take(&w.schedule, CONNECTIONS, CONNECTIONS, w.now_ms, &entry, &next_ms));
    assert_true(mail_schedule_note(&w.schedule, false, w.now_ms));
    assert_false(
        mail_schedule_note(&w.schedule, false, w.now_ms)); /* the second of the same time */
    assert_int_equal(w.schedule.hold_ms, MINUTE);
    assert_false(mail_schedule_take(&w.schedule, 0, CONNECTIONS, w.now_ms, &entry, &next_ms));
    assert_int_equal(next_ms, w.now_ms + MINUTE);
    assert_true(mail_schedule_take(&w.schedule, 0, CONNECTIONS, next_ms, &entry, &next_ms));
    assert_false(
        mail_schedule_take(&w.schedule, 1, CONNECTIONS, w.now_ms + MINUTE, &entry, &next_ms));
    assert_int_equal(next_ms, 0);
    assert_true(mail_schedule_note(&w.schedule, true, w.now_ms + MINUTE));
    assert_true(
        mail_schedule_take(&w.schedule, 1, CONNECTIONS, w.now_ms + MINUTE, &entry, &next_ms));
    assert_true(mail_schedule_remove(&w.schedule, &w.schedule.waiting.entries[3].out));
    assert_int_equal(w.schedule.waiting.count, MAILS - CONNECTIONS - 3);
    assert_false(mail_schedule_remove(&w.schedule, &entry.out));
    mail_schedule_clear(&w.schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relay_that_is_away_for_an_hour_gets_each_mail_once),
        cmocka_unit_test(mails_end_when_the_relay_stays_away),
        cmocka_unit_test(a_mail_that_is_postponed_waits_longer_each_time),
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(one_mail_at_a_time_asks_for_a_relay_that_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
