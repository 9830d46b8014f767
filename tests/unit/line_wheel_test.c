/* call_wheel: every call once in 20 ms, also when the loop was late or calls go while visited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/call_wheel.h"

#include <string.h>

enum { ENTRIES = 10 };

struct fixture {
    struct call_wheel wheel;
    struct call_wheel_entry entries[ENTRIES];
    unsigned visits[ENTRIES];
    int remove_at_visit; /* index that is removed when index 0 is visited; -1: none */
};

static void visit_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms)
{
    struct fixture *f = user;
    size_t index = (size_t)(entry - f->entries);

    (void)now_ms;
    f->visits[index]++;
    if (index == 0 && f->remove_at_visit >= 0)
        call_wheel_remove(&f->wheel, &f->entries[f->remove_at_visit]);
}

static void fill(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->remove_at_visit = -1;
    call_wheel_init(&f->wheel, 1000);
    for (size_t i = 0; i < ENTRIES; i++)
        call_wheel_add(&f->wheel, &f->entries[i]);
}

static void test_each_once_a_turn(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    for (uint64_t now = 1000; now <= 2000; now++)
        call_wheel_advance(&f.wheel, now, visit_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 50);
}

static void test_spread_over_slots(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    for (unsigned i = 0; i < CALL_WHEEL_SLOTS; i++)
        assert_in_range(f.wheel.counts[i], ENTRIES / CALL_WHEEL_SLOTS,
                        ENTRIES / CALL_WHEEL_SLOTS + 1);
}

static void test_late_loop_visits_once(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    call_wheel_advance(&f.wheel, 61000, visit_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 1);
    call_wheel_advance(&f.wheel, 61020, visit_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 2);
}

static void test_removal_while_visited(void **state)
{
    (void)state;
    for (int other = 0; other < ENTRIES; other++) {
        struct fixture f;

        fill(&f);
        f.remove_at_visit = other;
        for (uint64_t now = 1000; now <= 1040; now++)
            call_wheel_advance(&f.wheel, now, visit_cb, &f);
        for (int i = 0; i < ENTRIES; i++)
            if (i != other)
                assert_int_equal(f.visits[i], 2);
        assert_true(f.visits[other] <= 2);
        assert_null(f.entries[other].next);
        call_wheel_remove(&f.wheel, &f.entries[other]); /* off already: nothing happens */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once_a_turn),
        cmocka_unit_test(test_spread_over_slots),
        cmocka_unit_test(test_late_loop_visits_once),
        cmocka_unit_test(test_removal_while_visited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
