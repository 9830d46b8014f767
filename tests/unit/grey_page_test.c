#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/grey_page.h"

static const struct grey_limits limits = {
    .max_width = 3000, .max_height = 4000, .max_pixels = 10000000};

/* Feeds a text in pieces; counts the pages. Returns the first error or what grey_reader_end says.
 */
static int feed(const char *data, size_t length, size_t piece, unsigned *pages, uint8_t *last)
{
    struct grey_reader *reader;
    struct grey_page page;
    int rc = grey_reader_new(&reader, &limits);
    assert_int_equal(rc, 0);
    *pages = 0;
    for (size_t at = 0; rc >= 0 && at < length;) {
        size_t used, n = length - at < piece ? length - at : piece;
        rc = grey_reader_feed(reader, (const uint8_t *)data + at, n, &used, &page);
        assert_true(used <= n);
        at += used;
        if (rc == 1) {
            ++*pages;
            *last = page.pixels[(size_t)page.width * page.height - 1];
            grey_page_free(&page);
        }
        assert_null(page.pixels);
    }
    if (rc >= 0) {
        rc = grey_reader_end(reader);
    } else {
        size_t used;
        assert_int_equal(grey_reader_feed(reader, (const uint8_t *)"P", 1, &used, &page),
                         FAX_ESTATE);
        assert_int_equal(grey_reader_end(reader), rc);
    }
    grey_reader_free(reader);
    return rc;
}

static void concatenated_pages_are_read(void **state)
{
    (void)state;
    static const char data[] = "P5\n3 2\n255\nabcdefP5 # comment\n1\t1 \n255 xP5\n2 1\n255\nyz";
    for (size_t piece = 1; piece <= sizeof data; piece++) {
        unsigned pages;
        uint8_t last = 0;
        assert_int_equal(feed(data, sizeof data - 1, piece, &pages, &last), 0);
        assert_int_equal(pages, 3);
        assert_int_equal(last, 'z');
    }
}

static void bad_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {"Q5\n1 1\n255\nx", FAX_EFORMAT},
        {"P6\n1 1\n255\nxxx", FAX_EUNSUPPORTED},
        {"P4\n1 1\nx", FAX_EUNSUPPORTED},
        {"PX", FAX_EFORMAT},
        {"P51 1\n255\nx", FAX_EFORMAT},
        {"P5\n1 1\n65535\nxx", FAX_EFORMAT},
        {"P5\n1 1\n15\nx", FAX_EFORMAT},
        {"P5\n-1 1\n255\nx", FAX_EFORMAT},
        {"P5\n1 1a\n255\nx", FAX_EFORMAT},
        {"P5\n0 1\n255\nx", FAX_EEMPTY},
        {"P5\n1 0\n255\nx", FAX_EEMPTY},
        {"P5\n3001 1\n255\nx", FAX_ELIMIT},
        {"P5\n1 4001\n255\nx", FAX_ELIMIT},
        {"P5\n3000 4000\n255\nx", FAX_ELIMIT},
        {"P5\n99999999999 1", FAX_ELIMIT},
        {"P5\n1 1\n255\nxgarbage", FAX_EFORMAT},
        {"P5\n2 2\n255\nxyz", FAX_ETRUNCATED},
        {"P5\n2 2\n25", FAX_ETRUNCATED},
        {"P", FAX_ETRUNCATED},
        {"P5\n2 2\n255#x\n1234", FAX_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned pages;
        uint8_t last;
        int rc = feed(cases[i].text, strlen(cases[i].text), 4096, &pages, &last);
        if (rc != cases[i].error)
            print_error("case %zu\n", i);
        assert_int_equal(rc, cases[i].error);
    }
    char comment[2000] = "P5 #";
    unsigned pages;
    uint8_t last;
    memset(comment + 4, 'c', sizeof comment - 4);
    assert_int_equal(feed(comment, sizeof comment, 100, &pages, &last), FAX_EFORMAT);
}

static void limits_are_checked(void **state)
{
    (void)state;
    struct grey_reader *reader;
    const struct grey_limits none = {0}, large = {70000, 10, 10};
    assert_int_equal(grey_reader_new(&reader, &none), FAX_EINVAL);
    assert_null(reader);
    assert_int_equal(grey_reader_new(&reader, &large), FAX_EINVAL);
    grey_reader_free(NULL);
    grey_page_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concatenated_pages_are_read),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(limits_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
