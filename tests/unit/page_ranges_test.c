/* page_ranges: which page numbers a text means, and which texts mean none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/page_ranges.h"

static void test_texts(void **state)
{
    static const struct {
        const char *text;
        int error;
    } rows[] = {
        {"", 0},
        {"1", 0},
        {"1-3,5", 0},
        {"2-2,3-", 0},
        {"99999", 0},
        {"0", FAX_EFORMAT},
        {"01", FAX_EFORMAT},
        {"1,", FAX_EFORMAT},
        {",1", FAX_EFORMAT},
        {"-3", FAX_EFORMAT},
        {"3-1", FAX_EFORMAT},
        {"1-3,3", FAX_EFORMAT},
        {"5,1-3", FAX_EFORMAT},
        {"3-,7", FAX_EFORMAT},
        {"3-,", FAX_EFORMAT},
        {"1 - 3", FAX_EFORMAT},
        {"+1", FAX_EFORMAT},
        {"1x", FAX_EFORMAT},
        {"1-3-5", FAX_EFORMAT},
        {"100000", FAX_ELIMIT},
        {"99999999999999999999", FAX_ELIMIT},
        {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,"
         "33",
         FAX_ELIMIT},
    };
    char longest[300];
    struct page_ranges ranges;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(page_ranges_parse(rows[i].text, &ranges), rows[i].error);
        if (rows[i].error != 0)
            assert_int_equal(ranges.count, 0);
    }
    memset(longest, '1', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(page_ranges_parse(longest, &ranges), FAX_ELIMIT);
}

static void test_pages(void **state)
{
    struct page_ranges ranges;

    (void)state;
    assert_int_equal(page_ranges_parse("2-3,5", &ranges), 0);
    for (uint32_t page = 1; page < 8; page++)
        assert_int_equal(page_ranges_contain(&ranges, page), page == 2 || page == 3 || page == 5);
    assert_int_equal(page_ranges_last(&ranges), 5);
    assert_int_equal(page_ranges_needed(&ranges), 5);
    assert_int_equal(page_ranges_parse("1,4-", &ranges), 0);
    assert_true(page_ranges_contain(&ranges, 4000000));
    assert_false(page_ranges_contain(&ranges, 3));
    assert_int_equal(page_ranges_last(&ranges), UINT32_MAX);
    assert_int_equal(page_ranges_needed(&ranges), 4);
    assert_int_equal(page_ranges_parse("", &ranges), 0);
    assert_true(page_ranges_contain(&ranges, 1));
    assert_int_equal(page_ranges_last(&ranges), UINT32_MAX);
    assert_int_equal(page_ranges_needed(&ranges), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
