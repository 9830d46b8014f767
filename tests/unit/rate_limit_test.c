/* Token buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/routing/rate_limit.h"

static unsigned take_many(struct rate_limit *t, const char *key, const struct rate *rate,
                          uint64_t now_ms, unsigned times)
{
    unsigned taken = 0;
    while (times-- > 0)
        taken += rate_limit_take(t, key, strlen(key), rate, now_ms);
    return taken;
}

static void a_burst_then_the_rate(void **state)
{
    struct rate_limit *t;
    const struct rate rate = {10, 30};
    (void)state;
    assert_int_equal(rate_limit_new(16, &t), 0);
    assert_int_equal(take_many(t, "a", &rate, 1000, 100), 30);
    assert_int_equal(take_many(t, "a", &rate, 1099, 100), 0);
    assert_int_equal(take_many(t, "a", &rate, 1100, 100), 1);
    assert_int_equal(take_many(t, "a", &rate, 2100, 100), 10);
    assert_int_equal(take_many(t, "b", &rate, 2100, 100), 30);
    assert_int_equal(take_many(t, "a", &rate, 3600000, 100), 30);
    /* A clock that goes back brings nothing, and takes nothing. */
    assert_int_equal(take_many(t, "a", &rate, 1000, 5), 0);
    rate_limit_free(t);
}

static void odd_times_add_up(void **state)
{
    struct rate_limit *t;
    const struct rate rate = {3, 1};
    unsigned taken = 0;
    (void)state;
    assert_int_equal(rate_limit_new(1, &t), 0);
    for (uint64_t ms = 0; ms <= 10000; ms += 7)
        taken += take_many(t, "k", &rate, ms, 2);
    assert_in_range(taken, 29, 31);
    rate_limit_free(t);
}

static void no_rate_is_no_limit(void **state)
{
    struct rate_limit *t;
    const struct rate none = {0, 0}, one = {1, 0};
    (void)state;
    assert_int_equal(rate_limit_new(8, &t), 0);
    assert_int_equal(take_many(t, "x", &none, 5, 100000), 100000);
    assert_int_equal(take_many(t, "x", &one, 5, 100), 1);
    rate_limit_free(t);
    rate_limit_free(NULL);
}

/* Many keys neither make it grow nor shut out the one that stays active. */
static void many_keys(void **state)
{
    struct rate_limit *t;
    const struct rate rate = {1, 2};
    unsigned own = 0;
    (void)state;
    assert_int_equal(rate_limit_new(64, &t), 0);
    for (uint32_t i = 0; i < 50000; i++) {
        assert_true(rate_limit_take(t, &i, sizeof i, &(struct rate){1, 1}, 1000 + i / 50));
        own += rate_limit_take(t, "own", 3, &rate, 1000 + i / 50);
    }
    assert_true(own >= 2); /* it may be taken over, then it starts anew */
    rate_limit_free(t);
}

static void long_keys_are_cut(void **state)
{
    struct rate_limit *t;
    char key[200];
    const struct rate rate = {1, 1};
    (void)state;
    memset(key, 'k', sizeof key);
    assert_int_equal(rate_limit_new(8, &t), 0);
    assert_true(rate_limit_take(t, key, sizeof key, &rate, 0));
    assert_false(rate_limit_take(t, key, RATE_LIMIT_KEY, &rate, 0));
    rate_limit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate), cmocka_unit_test(odd_times_add_up),
        cmocka_unit_test(no_rate_is_no_limit),   cmocka_unit_test(many_keys),
        cmocka_unit_test(long_keys_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
