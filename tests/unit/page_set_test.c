#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/page_set.h"

static struct coded_page make_page(uint8_t *data, size_t length)
{
    return (struct coded_page){.format = {.width = 1728,
                                          .height = 2292,
                                          .x_dpi = 204,
                                          .y_dpi = 391,
                                          .coding = PAGE_CODING_T6,
                                          .lsb_first = true},
                               .data = data,
                               .length = length};
}

/* Two pages of 3 and 5 octets; the caller frees the block. */
static uint8_t *make_set(size_t *length)
{
    static uint8_t octets[] = {1, 2, 3, 4, 5};
    uint8_t digest[RASTER_DIGEST_OCTETS], *data;
    struct page_set_writer w = {0};
    memset(digest, 0xAA, sizeof digest);
    struct coded_page page = make_page(octets, 3);
    assert_int_equal(page_set_write(&w, &page, digest), 0);
    memset(digest, 0xBB, sizeof digest);
    page = make_page(octets, 5);
    page.format.coding = PAGE_CODING_T85;
    page.format.lsb_first = false;
    assert_int_equal(page_set_write(&w, &page, digest), 0);
    assert_int_equal(page_set_finish(&w, &data, length), 0);
    assert_null(w.buffer.data);
    return data;
}

static void pages_come_back(void **state)
{
    (void)state;
    size_t length;
    uint8_t *data = make_set(&length);
    struct page_set_reader r;
    struct page_set_entry e;
    assert_int_equal(length, PAGE_SET_HEADER_OCTETS + 2 * PAGE_SET_PAGE_OCTETS + 8);
    assert_memory_equal(data, "SFPS\1\0\0\0\0\0\0\2", 12);
    assert_int_equal(page_set_open(&r, data, length, 0), 0);
    assert_int_equal(r.pages, 2);
    assert_int_equal(page_set_next(&r, &e), 1);
    assert_int_equal(e.format.width, 1728);
    assert_int_equal(e.format.height, 2292);
    assert_int_equal(e.format.x_dpi, 204);
    assert_int_equal(e.format.y_dpi, 391);
    assert_int_equal(e.format.coding, PAGE_CODING_T6);
    assert_true(e.format.lsb_first);
    assert_int_equal(e.digest[31], 0xAA);
    assert_int_equal(e.length, 3);
    assert_memory_equal(e.data, "\1\2\3", 3);
    assert_int_equal(page_set_next(&r, &e), 1);
    assert_int_equal(e.format.coding, PAGE_CODING_T85);
    assert_false(e.format.lsb_first);
    assert_memory_equal(e.data, "\1\2\3\4\5", 5);
    assert_int_equal(page_set_next(&r, &e), 0);
    assert_int_equal(page_set_next(&r, &e), 0);
    wiped_free(data, length);
}

static void an_empty_set_is_a_set(void **state)
{
    (void)state;
    struct page_set_writer w = {0};
    struct page_set_reader r;
    struct page_set_entry e;
    uint8_t *data;
    size_t length;
    assert_int_equal(page_set_finish(&w, &data, &length), 0);
    assert_int_equal(length, PAGE_SET_HEADER_OCTETS);
    assert_int_equal(page_set_open(&r, data, length, 0), 0);
    assert_int_equal(page_set_next(&r, &e), 0);
    wiped_free(data, length);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    size_t length;
    uint8_t *data = make_set(&length);
    struct page_set_reader r;
    for (size_t n = 0; n < length; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* the exact size, for the address sanitizer */
        memcpy(cut, data, n);
        assert_int_equal(page_set_open(&r, cut, n, 0), FAX_ETRUNCATED);
        free(cut);
    }
    wiped_free(data, length);
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    enum { PAGE = PAGE_SET_HEADER_OCTETS };
    static const struct {
        size_t at;
        uint8_t value;
        int error;
    } cases[] = {
        {0, 'X', FAX_EFORMAT},       {4, 2, FAX_EUNSUPPORTED},
        {5, 1, FAX_EFORMAT},         {7, 1, FAX_EFORMAT},
        {8, 1, FAX_ELIMIT},          {11, 1, FAX_EFORMAT}, /* octets left over */
        {11, 3, FAX_ETRUNCATED},     {PAGE, 1, FAX_EFORMAT},
        {PAGE + 4, 1, FAX_EFORMAT},  {PAGE + 12, 0, FAX_EFORMAT},
        {PAGE + 12, 5, FAX_EFORMAT}, {PAGE + 13, 2, FAX_EFORMAT},
        {PAGE + 15, 1, FAX_EFORMAT}, {PAGE + 48, 0xFF, FAX_ETRUNCATED},
        {PAGE + 51, 0, FAX_EFORMAT}, {PAGE + 51, 200, FAX_ETRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length;
        uint8_t *data = make_set(&length);
        struct page_set_reader r;
        data[cases[i].at] = cases[i].value;
        assert_int_equal(page_set_open(&r, data, length, 0), cases[i].error);
        wiped_free(data, length);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    size_t length;
    uint8_t *data = make_set(&length), octet = 0, digest[RASTER_DIGEST_OCTETS] = {0};
    struct page_set_reader r;
    assert_int_equal(page_set_open(&r, data, length, 1), FAX_ELIMIT);
    assert_int_equal(page_set_open(&r, data, length, 2), 0);
    wiped_free(data, length);

    struct page_set_writer w = {.buffer.limit = 100};
    struct coded_page page = make_page(&octet, 1);
    assert_int_equal(page_set_write(&w, &page, digest), 0);
    assert_int_equal(page_set_write(&w, &page, digest), FAX_ELIMIT);
    assert_int_equal(page_set_finish(&w, &data, &length), 0);
    assert_int_equal(page_set_open(&r, data, length, 0), 0);
    assert_int_equal(r.pages, 1);
    wiped_free(data, length);

    page.length = 0;
    assert_int_equal(page_set_write(&w, &page, digest), FAX_EINVAL);
    page = make_page(&octet, 1);
    page.format.height = 0;
    assert_int_equal(page_set_write(&w, &page, digest), FAX_EINVAL);
    page = make_page(&octet, 1);
    page.format.coding = (enum page_coding)0;
    assert_int_equal(page_set_write(&w, &page, digest), FAX_EINVAL);
    page_set_writer_free(&w);
    page_set_writer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_come_back),      cmocka_unit_test(an_empty_set_is_a_set),
        cmocka_unit_test(every_cut_is_noticed), cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
