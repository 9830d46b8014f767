#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/delay_counts.h"

static void percentiles_are_those_of_the_values(void **state)
{
    struct delay_counts delays = {0};

    (void)state;
    assert_int_equal(delay_counts_within_us(&delays, 990), 0);
    for (uint64_t i = 1; i <= 100; i++)
        delay_counts_add(&delays, i * 1000);
    assert_int_equal(delays.total, 100);
    assert_int_equal(delay_counts_within_us(&delays, 500), 50250);
    assert_int_equal(delay_counts_within_us(&delays, 990), 99250);
    assert_int_equal(delay_counts_within_us(&delays, 1000), 100000);
    assert_int_equal(delay_counts_within_us(&delays, 0), 250);
}

static void long_ones_count_as_the_longest(void **state)
{
    struct delay_counts delays = {0};

    (void)state;
    delay_counts_add(&delays, 10);
    delay_counts_add(&delays, 7000000);
    assert_int_equal(delay_counts_within_us(&delays, 500), 250);
    assert_int_equal(delay_counts_within_us(&delays, 990), 7000000);
    assert_int_equal(delays.longest_us, 7000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_those_of_the_values),
        cmocka_unit_test(long_ones_count_as_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
