/* call_wheel: every call when it is due and not before, also when the loop was late or calls go
 * while visited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/call_wheel.h"

#include <string.h>

enum { ENTRIES = 10, ORIGIN_MS = 1003 };

struct fixture {
    struct call_wheel wheel;
    struct call_wheel_entry entries[ENTRIES];
    unsigned visits[ENTRIES];
    uint64_t visited_ms[ENTRIES];
    uint64_t again_ms;   /* after which a visited entry wants the next visit; 0: never */
    int remove_at_visit; /* index that is removed when index 0 is visited; -1: none */
    unsigned at_once;    /* visits of an advance; 0: all */
    unsigned left;       /* of them */
};

static bool visit_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms)
{
    struct fixture *f = user;
    size_t index = (size_t)(entry - f->entries);

    assert_null(entry->next);
    f->visits[index]++;
    f->visited_ms[index] = now_ms;
    if (f->again_ms != 0)
        call_wheel_want(&f->wheel, entry, now_ms + f->again_ms);
    if (index == 0 && f->remove_at_visit >= 0)
        call_wheel_remove(&f->wheel, &f->entries[f->remove_at_visit]);
    return f->at_once == 0 || --f->left > 0;
}

static void ahead_cb(const struct call_wheel_entry *entry)
{
    assert_non_null(entry->next);
}

static void make(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->remove_at_visit = -1;
    call_wheel_init(&f->wheel, ORIGIN_MS);
}

static void run(struct fixture *f, uint64_t from_ms, uint64_t to_ms)
{
    for (uint64_t now = from_ms; now <= to_ms; now++)
        call_wheel_advance(&f->wheel, now, visit_cb, NULL, f);
}

static void test_neither_early_nor_late(void **state)
{
    (void)state;
    for (uint64_t wait = 0; wait < 40; wait++) {
        struct fixture f;
        uint64_t due = ORIGIN_MS + 100 + wait;

        make(&f);
        run(&f, ORIGIN_MS, ORIGIN_MS + 50);
        call_wheel_want(&f.wheel, &f.entries[0], due);
        run(&f, ORIGIN_MS + 51, ORIGIN_MS + 2000);
        assert_int_equal(f.visits[0], 1);
        assert_in_range(f.visited_ms[0], due, due + CALL_WHEEL_STEP_MS - 1);
        assert_int_equal(f.wheel.count, 0);
    }
}

static void test_past_is_the_next_step(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    run(&f, ORIGIN_MS, ORIGIN_MS + 503);
    call_wheel_want(&f.wheel, &f.entries[0], 0);
    call_wheel_want(&f.wheel, &f.entries[1], ORIGIN_MS + 503);
    run(&f, ORIGIN_MS + 504, ORIGIN_MS + 505);
    assert_int_equal(f.visits[0], 1);
    assert_int_equal(f.visits[1], 1);
}

static void test_the_earlier_wish_counts(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    call_wheel_want(&f.wheel, &f.entries[0], ORIGIN_MS + 300);
    call_wheel_want(&f.wheel, &f.entries[0], ORIGIN_MS + 100);
    call_wheel_want(&f.wheel, &f.entries[0], ORIGIN_MS + 200);
    assert_int_equal(f.wheel.count, 1);
    run(&f, ORIGIN_MS, ORIGIN_MS + 1000);
    assert_int_equal(f.visits[0], 1);
    assert_int_equal(f.visited_ms[0], ORIGIN_MS + 100);
}

static void test_beyond_a_turn_is_met_each_turn(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    call_wheel_want(&f.wheel, &f.entries[0], UINT64_MAX);
    run(&f, ORIGIN_MS, ORIGIN_MS + CALL_WHEEL_SLOTS * CALL_WHEEL_STEP_MS);
    assert_int_equal(f.visits[0], 1);
    assert_true(f.visited_ms[0] >= ORIGIN_MS + (CALL_WHEEL_SLOTS - 1) * CALL_WHEEL_STEP_MS);
}

static void test_late_loop_visits_once(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    f.again_ms = 20;
    for (size_t i = 0; i < ENTRIES; i++)
        call_wheel_want(&f.wheel, &f.entries[i], ORIGIN_MS + 5 * i);
    call_wheel_advance(&f.wheel, ORIGIN_MS + 61000, visit_cb, ahead_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 1);
    call_wheel_advance(&f.wheel, ORIGIN_MS + 61019, visit_cb, ahead_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 1);
    call_wheel_advance(&f.wheel, ORIGIN_MS + 61020, visit_cb, ahead_cb, &f);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(f.visits[i], 2);
}

static bool advance(struct fixture *f, uint64_t now_ms)
{
    f->left = f->at_once;
    return call_wheel_advance(&f->wheel, now_ms, visit_cb, ahead_cb, f);
}

/* What one advance leaves the next one visits, before anything that became due meanwhile. */
static void test_visits_go_on_where_they_ended(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    f.at_once = 4;
    for (size_t i = 0; i < ENTRIES - 1; i++)
        call_wheel_want(&f.wheel, &f.entries[i], ORIGIN_MS + 10);
    assert_false(advance(&f, ORIGIN_MS + 10));
    assert_int_equal(f.wheel.count, 5);
    call_wheel_want(&f.wheel, &f.entries[0], ORIGIN_MS + 15); /* again, at the next step */
    call_wheel_want(&f.wheel, &f.entries[ENTRIES - 1], ORIGIN_MS + 15);
    call_wheel_remove(&f.wheel, &f.entries[5]);
    call_wheel_want(&f.wheel, &f.entries[6], ORIGIN_MS + 500); /* it is to be visited already */
    assert_true(advance(&f, ORIGIN_MS + 20));
    for (size_t i = 0; i < ENTRIES - 1; i++)
        assert_int_equal(f.visits[i], i == 5 ? 0 : 1);
    assert_int_equal(f.visits[ENTRIES - 1], 0);
    assert_true(advance(&f, ORIGIN_MS + 20));
    assert_int_equal(f.visits[0], 2);
    assert_int_equal(f.visits[ENTRIES - 1], 1);
    assert_int_equal(f.wheel.count, 0);
}

static void test_removal_while_visited(void **state)
{
    (void)state;
    for (int other = 0; other < ENTRIES; other++) {
        struct fixture f;

        make(&f);
        f.again_ms = 20;
        f.remove_at_visit = other;
        for (size_t i = 0; i < ENTRIES; i++)
            call_wheel_want(&f.wheel, &f.entries[i], ORIGIN_MS);
        run(&f, ORIGIN_MS, ORIGIN_MS + 25);
        for (int i = 0; i < ENTRIES; i++)
            if (i != other)
                assert_int_equal(f.visits[i], 2);
        assert_true(f.visits[other] <= 1);
        assert_null(f.entries[other].next);
        call_wheel_remove(&f.wheel, &f.entries[other]); /* off already: nothing happens */
        assert_int_equal(f.wheel.count, ENTRIES - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neither_early_nor_late),
        cmocka_unit_test(test_past_is_the_next_step),
        cmocka_unit_test(test_the_earlier_wish_counts),
        cmocka_unit_test(test_beyond_a_turn_is_met_each_turn),
        cmocka_unit_test(test_late_loop_visits_once),
        cmocka_unit_test(test_visits_go_on_where_they_ended),
        cmocka_unit_test(test_removal_while_visited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
