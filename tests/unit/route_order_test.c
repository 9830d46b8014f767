/* Routes, their hours, denied numbers, and numbers as trunks want them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/routing/number_rewrite.h"
#include "gateway/routing/route_hours.h"
#include "gateway/routing/route_order.h"

#define DENIED "110, 112,911,+49900*,0900*"

static const struct route routes[] = {
    {"all", "backup", "", "", "", 10, 0, true, NULL},
    {"de", "carrier", "+49", "", "", 10, 5, false, NULL},
    {"de-cheap", "cheap", "+49", "", "", 10, 2, false, NULL},
    {"de-day", "office", "+49", "", "Mo-Fr 08:00-18:00", 1, 9, false, NULL},
    {"berlin-secret", "secured", "+4930", "secret", "", 10, 0, false, NULL},
    {"emergency", "pstn", "112", "", "", 10, 0, false, NULL},
    {"premium", "paid", "+49900", "", "", 10, 0, false, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static void check(const struct route_question *q, const char *expected)
{
    char text[300] = "";
    size_t order[ROUTES], count = route_order(routes, ROUTES, q, order, ROUTES);
    for (size_t i = 0; i < count; i++) {
        strcat(text, i ? " " : "");
        strcat(text, routes[order[i]].name);
    }
    assert_string_equal(text, expected);
}

static void order_and_choice(void **state)
{
    (void)state;
    check(&(struct route_question){"+493012", "normal", 0, 600, DENIED, ""},
          "de-day de-cheap de all");
    check(&(struct route_question){"+493012", "secret", 0, 600, DENIED, ""},
          "berlin-secret de-day de-cheap de all");
    check(&(struct route_question){"+493012", "normal", 6, 600, DENIED, ""}, "de-cheap de all");
    check(&(struct route_question){"+493012", "normal", 0, 1080, DENIED, ""}, "de-cheap de all");
    check(&(struct route_question){"+33123", "normal", 0, 0, DENIED, ""}, "all");
    check(&(struct route_question){"+493012", "normal", 0, 600, DENIED, "office"},
          "de-cheap de all de-day");
    size_t order[2];
    assert_int_equal(route_order(routes, ROUTES,
                                 &(struct route_question){"+493012", "secret", 0, 600, "", ""},
                                 order, 2),
                     2);
    assert_int_equal(order[0], 4);
    assert_int_equal(order[1], 3);
}

/* What a trunk's rules make of a number is dialled, so it is judged as well; and a route names a
 * number also as its trunk dials it. */
static void denied_as_they_are_dialled(void **state)
{
    static const struct route dialled[] = {
        {"all", "national", "", "", "", 10, 0, false, "+49>0,+>00"},
        {"de", "national", "+49", "", "", 10, 0, false, "+49>0,+>00"},
        {"strips", "strips", "+49", "", "", 10, 0, true, "+49>"},
        {"plain", "plain", "+49", "", "", 10, 0, false, NULL},
        {"named", "named", "+49900", "", "", 10, 0, false, "+49>0"},
        {"other", "other", "+49900", "", "", 10, 0, false, "+49900>0190,+49>0"},
    };
    static const struct {
        const char *number, *denied, *expected;
    } table[] = {
        {"+493012", "0900*,110", "de plain strips all"},
        {"+49900123", "0900*", "named other plain strips"},
        {"+49900123", "01901*", "named de plain strips all"},
        {"+49900123", "0900*,+49900*", "named other"},
        {"+49110", "110", "de plain all"},
        {"+49112", "110,112,0112", "plain"},
        {"+33110", "0033*", ""},
        {"+33110", "110", "all"},
    };
    size_t order[6];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct route_question q = {table[i].number, "", 0, 600, table[i].denied, ""};
        char text[100] = "";
        size_t count = route_order(dialled, 6, &q, order, 6);
        for (size_t n = 0; n < count; n++) {
            strcat(text, n ? " " : "");
            strcat(text, dialled[order[n]].name);
        }
        assert_string_equal(text, table[i].expected);
    }
    char pattern[ROUTE_PREFIX_TEXT];
    assert_true(route_trunk_denied(dialled, 6, "strips", "+49>", "110", "+49110", pattern));
    assert_string_equal(pattern, "110");
    assert_false(route_trunk_denied(dialled, 6, "strips", "+49>", "110", "+49111", pattern));
    assert_true(route_trunk_denied(dialled, 6, "none", "", "+49900*", "+49900123", pattern));
    assert_false(route_trunk_denied(dialled, 6, "named", "+49>0", "0900*", "+49900123", pattern));
    assert_true(route_trunk_denied(dialled, 6, "named", "+49>0", "0800*", "+49800123", pattern));
}

static void denied_numbers(void **state)
{
    char pattern[ROUTE_PREFIX_TEXT];
    (void)state;
    check(&(struct route_question){"110", "normal", 0, 0, DENIED, ""}, "");
    check(&(struct route_question){"112", "normal", 0, 0, DENIED, ""}, "emergency");
    check(&(struct route_question){"1120", "normal", 0, 0, DENIED, ""}, "emergency all");
    check(&(struct route_question){"+49900123", "normal", 0, 0, DENIED, ""}, "premium");
    check(&(struct route_question){"0900123", "normal", 0, 0, DENIED, ""}, "");
    assert_true(route_denied(DENIED, "911", pattern));
    assert_string_equal(pattern, "911");
    assert_false(route_denied(DENIED, "9110", pattern));
    assert_false(route_denied("", "911", pattern));
    assert_int_equal(route_judge(&routes[0], &(struct route_question){"110", "", 0, 0, DENIED, ""}),
                     ROUTE_DENIED);
    /* A trunk's own prefix unlocks nothing. */
    struct route implicit = {"t", "t", "+49900", "", "", 0, 0, true, NULL};
    assert_int_equal(
        route_judge(&implicit, &(struct route_question){"+499001", "", 0, 0, DENIED, ""}),
        ROUTE_DENIED);
    assert_true(route_denied_valid(DENIED));
    assert_true(route_denied_valid(""));
    assert_false(route_denied_valid("110,abc"));
}

static void hours(void **state)
{
    static const struct {
        const char *hours;
        int weekday, minute;
        bool open;
    } cases[] = {
        {"", 3, 3, true},
        {"Mo-Fr 08:00-18:00", 0, 480, true},
        {"Mo-Fr 08:00-18:00", 0, 479, false},
        {"Mo-Fr 08:00-18:00", 4, 1079, true},
        {"Mo-Fr 08:00-18:00", 4, 1080, false},
        {"Mo-Fr 08:00-18:00", 5, 600, false},
        {"Mo-Fr 08:00-18:00; Sa 09:00-12:00", 5, 600, true},
        {"Sa,Su", 6, 1439, true},
        {"Sa,Su", 0, 0, false},
        {"Fr-Mo", 0, 5, true},
        {"Fr-Mo", 2, 5, false},
        {"22:00-06:00", 2, 1380, true},
        {"22:00-06:00", 2, 359, true},
        {"22:00-06:00", 2, 360, false},
        {"Fr 22:00-06:00", 5, 100, true},
        {"Fr 22:00-06:00", 4, 100, false},
        {"Su 22:00-06:00", 0, 100, true},
        {"00:00-24:00", 1, 1439, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(route_hours_valid(cases[i].hours));
        assert_int_equal(route_hours_open(cases[i].hours, cases[i].weekday, cases[i].minute),
                         cases[i].open);
    }
    static const char *const wrong[] = {"Mo-",
                                        "Xx",
                                        "08:00",
                                        "08:00-08:00",
                                        "8:00-18:00",
                                        "Mo 24:01-02:00",
                                        "Mo 08:60-09:00",
                                        "Mo 08:00-18:00x",
                                        "Mo,,Tu"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(route_hours_valid(wrong[i]));
}

static void numbers_rewritten(void **state)
{
    static const struct {
        const char *rules, *number, *expected;
    } cases[] = {
        {"", "+4930123", "+4930123"},
        {"+49>0,+>00", "+4930123", "030123"},
        {"+49>0,+>00", "+33123", "0033123"},
        {"+49>0,+>00", "112", "112"},
        {"+>", "+4930", "4930"},
        {"00>+,0>+49,>+4930", "0033123", "+33123"},
        {"00>+,0>+49,>+4930", "030123", "+4930123"},
        {"00>+,0>+49,>+4930", "123", "+4930123"},
        {"..>9", "+4930123", "9930123"},
        {"...>", "12", "12"},
        {"+>0*", "+49", "0*49"},
    };
    char out[NUMBER_REWRITE_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(number_rewrite_valid(cases[i].rules));
        assert_int_equal(number_rewrite(cases[i].rules, cases[i].number, out), 0);
        assert_string_equal(out, cases[i].expected);
    }
    assert_int_equal(number_rewrite("..>", "12", out), -ERANGE);
    assert_string_equal(out, "12");
    assert_int_equal(number_rewrite("", "", out), -ERANGE);
    static const char *const wrong[] = {"+49", ">", "a>b", "+49>0.", "+49>0;", ",", "+>0 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(number_rewrite_valid(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_choice),           cmocka_unit_test(denied_numbers),
        cmocka_unit_test(denied_as_they_are_dialled), cmocka_unit_test(hours),
        cmocka_unit_test(numbers_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
