/* t6_top: a page with another top is the page that would have been coded anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/t6_top.h"
#include "tests/unit/tiff_reference.h"

struct change {
    uint32_t rows, more; /* changed, put in */
    unsigned black;      /* every n-th octet */
    int error;
};

/* Draws into all rows but the last, and puts some in. */
static int change_cb(void *user, struct raster *top)
{
    const struct change *change = user;
    uint32_t last = top->height - 1;

    if (change->error != 0)
        return change->error;
    assert_int_equal(top->height, change->rows + 1);
    assert_int_equal(raster_reserve(top, top->height + change->more), 0);
    top->height += change->more;
    memmove(raster_row(top, last + change->more), raster_row(top, last), top->stride);
    for (uint32_t y = 0; y < last + change->more; y++) {
        uint8_t *row = raster_row(top, y);
        memset(row, 0, top->stride);
        for (size_t i = y % change->black; i < raster_row_octets(top); i += change->black)
            row[i] = 0xF0;
        if (top->width % 8) /* white beyond the width */
            row[raster_row_octets(top) - 1] &= (uint8_t)(0xFF << (8 - top->width % 8));
    }
    return 0;
}

static void code(const struct raster *page, bool lsb_first, struct coded_page *coded)
{
    const struct page_format format = {
        .x_dpi = 204, .y_dpi = 196, .coding = PAGE_CODING_T6, .lsb_first = lsb_first};
    assert_int_equal(t4_encode_page(page, &format, coded), 0);
}

/* The same by decoding, changing and coding the whole page. */
static void check(const struct raster *page, struct change change, bool from_lsb, bool to_lsb)
{
    struct coded_page coded, changed, expected;
    struct raster whole, top;

    code(page, from_lsb, &coded);
    assert_int_equal(t6_change_top(&coded, change.rows, change_cb, &change, to_lsb, &changed), 0);
    assert_int_equal(raster_init(&top, page->width, change.rows + 1), 0);
    memcpy(top.rows, page->rows, (change.rows + 1) * page->stride);
    assert_int_equal(change_cb(&change, &top), 0);
    assert_int_equal(raster_init(&whole, page->width, page->height + change.more), 0);
    memcpy(whole.rows, top.rows, top.height * top.stride);
    memcpy(raster_row(&whole, top.height - 1), page->rows + change.rows * page->stride,
           (page->height - change.rows) * page->stride);
    code(&whole, to_lsb, &expected);
    assert_int_equal(changed.length, expected.length);
    assert_memory_equal(changed.data, expected.data, expected.length);
    assert_int_equal(changed.format.height, whole.height);
    assert_int_equal(changed.format.lsb_first, to_lsb);
    assert_int_equal(changed.format.y_dpi, 196);
    coded_page_free(&coded);
    coded_page_free(&changed);
    coded_page_free(&expected);
    raster_free(&whole);
    raster_free(&top);
}

static void a_changed_top_is_the_page_coded_anew(void **state)
{
    static const uint32_t widths[] = {9, 64, 1000, 1728};
    uint64_t seed = 4;

    (void)state;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (uint32_t i = 0; i < 60; i++) {
            struct raster page;
            struct change change = {
                .rows = i % 30, .more = i % 7 == 0 ? i % 30 : 0, .black = 2 + i % 5};

            reference_random_page(&page, widths[w], change.rows + 1 + i % 40, 1 + i * 7, i % 3 * 30,
                                  &seed);
            check(&page, change, i % 2, i % 4 < 2);
            raster_free(&page);
        }
}

static void what_cannot_be_changed_is_refused(void **state)
{
    struct change change = {.rows = 10, .black = 3};
    struct coded_page coded, changed;
    struct raster page;
    uint64_t seed = 5;

    (void)state;
    reference_random_page(&page, 640, 10, 40, 0, &seed);
    code(&page, true, &coded);
    assert_int_equal(t6_change_top(&coded, 10, change_cb, &change, true, &changed), FAX_ETRUNCATED);
    assert_null(changed.data);
    change.rows = 5;
    change.error = FAX_ELIMIT;
    assert_int_equal(t6_change_top(&coded, 5, change_cb, &change, true, &changed), FAX_ELIMIT);
    coded.format.coding = PAGE_CODING_T4_2D;
    assert_int_equal(t6_change_top(&coded, 5, change_cb, &change, true, &changed),
                     FAX_EUNSUPPORTED);
    coded.format.coding = PAGE_CODING_T6;
    memset(coded.data, 0, coded.length);
    assert_true(t6_change_top(&coded, 5, change_cb, &change, true, &changed) < 0);
    assert_null(changed.data);
    coded_page_free(&coded);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_top_is_the_page_coded_anew),
        cmocka_unit_test(what_cannot_be_changed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
