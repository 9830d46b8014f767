#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/number.h"
#include "policy/policy_error.h"

static void normalise(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } cases[] = {{"+4930123456", "+4930123456"},
                 {"+49 (30) 123-456", "+4930123456"},
                 {"030/123.456", "030123456"},
                 {"12", "12"},
                 {"+12", "+12"},
                 {"+12345678901234567890", "+12345678901234567890"},
                 {"+123456789012345678901", NULL},
                 {"1", NULL},
                 {"+", NULL},
                 {"", NULL},
                 {NULL, NULL},
                 {" +4930", NULL},
                 {"4930+", NULL},
                 {"++4930", NULL},
                 {"12a", NULL},
                 {"12;34", NULL},
                 {"12*", NULL},
                 {"\xD9\xA1\xD9\xA2", NULL},
                 {"1                                                 2", NULL}};
    char plain[NUMBER_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = number_normalise(cases[i].text, plain);
        assert_int_equal(rc, cases[i].plain ? 0 : FAX_EP_FORMAT);
        assert_string_equal(plain, cases[i].plain ? cases[i].plain : "");
    }
}

static void patterns(void **state)
{
    (void)state;
    static const char *const good[] = {"*",    "+*", "+4930*", "+4930123456",
                                       "4711", "4*", "47",     "+12345678901234567890*"};
    static const char *const bad[] = {NULL,
                                      "",
                                      "+",
                                      "4",
                                      "+4",
                                      "**",
                                      "*1",
                                      "4*7",
                                      "+49 30",
                                      "a",
                                      "+49x*",
                                      "123456789012345678901",
                                      "1234567890123456789012345"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(number_pattern_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number_pattern_valid(bad[i]));
    static const struct {
        const char *pattern, *number;
        bool fits;
    } cases[] = {{"*", "+4930", true},      {"*", "12", true},          {"+*", "+4930", true},
                 {"+*", "4930", false},     {"+4930*", "+4930", true},  {"+4930*", "+493012", true},
                 {"+4930*", "+493", false}, {"+4930*", "4930", false},  {"+4930*", "+4931", false},
                 {"+4930", "+4930", true},  {"+4930", "+49301", false}, {"4930", "+4930", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(number_matches(cases[i].pattern, cases[i].number), cases[i].fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalise),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
