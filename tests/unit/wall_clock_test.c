#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/wall_clock.h"

static void times_have_the_form_of_rfc_3339(void **state)
{
    static const struct {
        int64_t time_ms;
        const char *text, *whole;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00Z"},
        {951782400999, "2000-02-29T00:00:00.999Z", "2000-02-29T00:00:00Z"},
        {4294967296000, "2106-02-07T06:28:16.000Z", "2106-02-07T06:28:16Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"},
        {253402300800000, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"},
        {-1000, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"},
        {INT64_MAX, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"},
    };
    char text[WALL_CLOCK_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wall_clock_text(rows[i].time_ms, text);
        assert_string_equal(text, rows[i].text);
        wall_clock_text_seconds(rows[i].time_ms / 1000, text);
        assert_string_equal(text, rows[i].whole);
    }
}

static void milliseconds_and_microseconds_are_one_clock(void **state)
{
    (void)state;
    int64_t before_us = wall_clock_us(), ms = wall_clock_ms(), after_us = wall_clock_us();
    assert_true(before_us / 1000 <= ms && ms <= after_us / 1000);
    assert_true(ms > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_the_form_of_rfc_3339),
        cmocka_unit_test(milliseconds_and_microseconds_are_one_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
