#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/fax_id.h"

static void text_round_trip(void **state)
{
    (void)state;
    struct fax_id a, b;
    char text[FAX_ID_TEXT];
    assert_int_equal(fax_id_make(&a, 1790000000123ull), 0);
    fax_id_text(&a, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7');
    assert_int_equal(fax_id_parse(&b, text), 0);
    assert_true(fax_id_equal(&a, &b));
}

static void order_follows_time(void **state)
{
    (void)state;
    struct fax_id a, b;
    assert_int_equal(fax_id_make(&a, 1000), 0);
    assert_int_equal(fax_id_make(&b, 1001), 0);
    assert_true(memcmp(a.octets, b.octets, 6) < 0);
    assert_false(fax_id_equal(&a, &b));
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "01234567-89ab-7cde-8f01-23456789abcg",
                                      "0123456789ab-7cde-8f01-23456789abcdef0",
                                      "01234567-89ab-7cde-8f01-23456789abcd0",
                                      "01234567-89ab-7cde-8f01-23456789abc"};
    struct fax_id id;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fax_id_parse(&id, bad[i]), -EINVAL);
    assert_int_equal(fax_id_parse(&id, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(order_follows_time),
        cmocka_unit_test(bad_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
