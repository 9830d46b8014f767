#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/calendar.h"
#include "policy/policy_error.h"
#include "policy/retention.h"

#define DAY INT64_C(86400000000)

static void dates(void **state)
{
    (void)state;
    static const struct {
        int64_t days;
        const char *text, *month;
    } cases[] = {{0, "1970-01-01", "1970-01"},      {58, "1970-02-28", "1970-02"},
                 {59, "1970-03-01", "1970-03"},     {11016, "2000-02-29", "2000-02"},
                 {11017, "2000-03-01", "2000-03"},  {20717, "2026-09-21", "2026-09"},
                 {47540, "2100-02-28", "2100-02"},  {47541, "2100-03-01", "2100-03"},
                 {2932896, "9999-12-31", "9999-12"}};
    char text[RETENTION_DATE_TEXT], month[KEK_MONTH_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int64_t of_day = 0; of_day <= DAY - 1; of_day += DAY - 1) {
            int64_t time_us = cases[i].days * DAY + of_day;
            assert_int_equal(retention_date_text(time_us, text), 0);
            assert_string_equal(text, cases[i].text);
            assert_int_equal(kek_month_for(time_us, month), 0);
            assert_string_equal(month, cases[i].month);
        }
    assert_int_equal(retention_date_text(-1, text), FAX_EP_INVAL);
    assert_int_equal(retention_date_text(2932897 * DAY, text), FAX_EP_INVAL);
    assert_int_equal(retention_date_text(RETENTION_NEVER, text), 0);
    assert_string_equal(text, "never");
    assert_int_equal(kek_month_for(RETENTION_NEVER, month), 0);
    assert_string_equal(month, "undated");
}

/* Every day follows the one before, from 1970 to 2400. */
static void calendar_has_no_gaps(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct calendar_date expected = {1970, 1, 1}, found;
    for (int64_t day = 0; day < 157000; day++) {
        assert_int_equal(calendar_date_of(day * DAY, &found), 0);
        assert_int_equal(found.year, expected.year);
        assert_int_equal(found.month, expected.month);
        assert_int_equal(found.day, expected.day);
        int year = expected.year;
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int length = lengths[expected.month - 1] + (leap && expected.month == 2 ? 1 : 0);
        if (++expected.day > length) {
            expected.day = 1;
            if (++expected.month > 12) {
                expected.month = 1;
                expected.year++;
            }
        }
    }
}

static void disposal(void **state)
{
    (void)state;
    int64_t at;
    assert_int_equal(retention_disposal_time(20717 * DAY + 5, 30, &at), 0);
    assert_true(at == 20747 * DAY + 5);
    assert_false(retention_is_due(at, at - 1));
    assert_true(retention_is_due(at, at));
    assert_int_equal(retention_disposal_time(20717 * DAY, 0, &at), 0);
    assert_true(at == RETENTION_NEVER);
    assert_false(retention_is_due(at, INT64_MAX));
    assert_int_equal(retention_disposal_time(-1, 1, &at), FAX_EP_INVAL);
    assert_int_equal(retention_disposal_time(0, RETENTION_DAYS_MAX + 1, &at), FAX_EP_INVAL);
    assert_int_equal(retention_disposal_time(2932896 * DAY, 1, &at), FAX_EP_INVAL);
    assert_int_equal(retention_disposal_time(INT64_MAX, 1, &at), FAX_EP_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(calendar_has_no_gaps),
        cmocka_unit_test(disposal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
