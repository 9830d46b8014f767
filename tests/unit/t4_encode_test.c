#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/t4_codes.h"
#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/wiped_buffer.h"
#include "tests/unit/tiff_reference.h"

static const enum page_coding codings[] = {PAGE_CODING_T4_1D, PAGE_CODING_T4_2D, PAGE_CODING_T6};

/* libtiff 4.5 has no room for the runs of a 1-D row that begins black and changes at every pixel
 * where the width is a multiple of 32. */
static bool is_beyond_libtiff(const struct raster *page, enum page_coding coding)
{
    if (coding != PAGE_CODING_T4_1D || page->width % 32)
        return false;
    for (uint32_t y = 0; y < page->height; y++) {
        const uint8_t *row = raster_row_const(page, y);
        if (row[0] == 0xAA && memcmp(row, row + 1, page->width / 8 - 1) == 0)
            return true;
    }
    return false;
}

/* Ours → libtiff, libtiff → ours, ours → ours, in every coding and bit order. */
static void check_page(const struct raster *page, uint16_t y_dpi)
{
    for (size_t i = 0; i < 6; i++) {
        struct page_format format = {.width = page->width,
                                     .height = page->height,
                                     .x_dpi = 204,
                                     .y_dpi = y_dpi,
                                     .coding = codings[i / 2],
                                     .lsb_first = i % 2};
        struct coded_page coded;
        struct raster back;
        struct t4_report report;
        assert_int_equal(t4_encode_page(page, &format, &coded), 0);
        if (!is_beyond_libtiff(page, format.coding)) {
            assert_true(reference_decode(coded.data, coded.length, &format, page->height, &back));
            assert_true(raster_equal(page, &back));
            raster_free(&back);
        }
        assert_int_equal(t4_decode(coded.data, coded.length, &format, NULL, &back, &report), 0);
        assert_true(raster_equal(page, &back));
        assert_int_equal(report.end, format.coding == PAGE_CODING_T6 ? T4_END_EOFB : T4_END_RTC);
        assert_int_equal(report.end_offset, coded.length);
        raster_free(&back);
        size_t length;
        uint8_t *theirs = reference_encode(page, &format, &length);
        assert_int_equal(t4_decode(theirs, length, &format, NULL, &back, &report), 0);
        assert_true(raster_equal(page, &back));
        assert_int_equal(report.bad_rows, 0);
        raster_free(&back);
        free(theirs);
        coded_page_free(&coded);
    }
}

static void random_pages_agree_with_libtiff(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1,    2,    3,    7,    8,    9,    31,   32,   33,   63,
                                      64,   65,   100,  127,  128,  129,  640,  863,  864,  1000,
                                      1215, 1216, 1727, 1728, 1729, 2047, 2048, 2049, 2431, 2432};
    static const uint32_t longest[] = {1, 2, 3, 9, 40, 300, 3000};
    uint64_t seed = 20261121;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        for (size_t l = 0; l < sizeof longest / sizeof longest[0]; l++) {
            struct raster page;
            reference_random_page(&page, widths[w], 1 + (uint32_t)(w + l) % 23, longest[l],
                                  (uint32_t)(l % 3) * 100, &seed);
            check_page(&page, l % 2 ? 196 : 98);
            raster_free(&page);
        }
    }
}

static void every_width_agrees_with_libtiff(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (uint32_t width = 1; width <= 2432; width += 1 + reference_random(&seed) % 7) {
        struct raster page;
        reference_random_page(&page, width, 6, 1 + width % 90, 128, &seed);
        check_page(&page, 391);
        raster_free(&page);
    }
}

static void plain_pages_agree_with_libtiff(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 8, 63, 64, 65, 1728, 2432};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        for (int kind = 0; kind < 4; kind++) { /* white, black, columns, chess board */
            struct raster page;
            assert_int_equal(raster_init(&page, widths[w], 40), 0);
            for (uint32_t y = 0; y < 40; y++)
                for (uint32_t x = 0; x < widths[w]; x++)
                    if (kind == 1 || (kind == 2 && x % 2) || (kind == 3 && (x + y) % 2))
                        reference_set_pixel(&page, x, y);
            check_page(&page, 98);
            raster_free(&page);
        }
    }
}

static void long_runs_take_repeated_make_up_codes(void **state)
{
    (void)state;
    static const uint32_t runs[] = {0,    1,    63,   64,   65,   1727, 1728, 1791, 1792,
                                    2559, 2560, 2623, 2624, 2625, 5120, 5183, 5184, 9000};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        for (size_t j = 0; j < sizeof runs / sizeof runs[0]; j++) {
            uint32_t width = runs[i] + runs[j] + 1;
            if (width > RASTER_WIDTH_MAX)
                continue;
            struct raster page;
            assert_int_equal(raster_init(&page, width, 1), 0);
            for (uint32_t x = runs[i]; x < runs[i] + runs[j]; x++)
                reference_set_pixel(&page, x, 0);
            check_page(&page, 98);
            raster_free(&page);
        }
    }
}

static void t6_of_libtiff_is_the_same(void **state)
{
    (void)state;
    uint64_t seed = 99;
    struct raster page;
    reference_random_page(&page, 1728, 200, 60, 200, &seed);
    struct page_format format = {.width = 1728, .coding = PAGE_CODING_T6};
    size_t length, ours_length;
    uint8_t *theirs = reference_encode(&page, &format, &length), *ours;
    assert_int_equal(t4_encode(&page, PAGE_CODING_T6, 0, false, &ours, &ours_length), 0);
    assert_int_equal(ours_length, length);
    assert_memory_equal(ours, theirs, length);
    wiped_free(ours, ours_length);
    free(theirs);
    raster_free(&page);
}

static void two_dimensional_rows_come_at_k(void **state)
{
    (void)state;
    /* A white row is EOL+1, 1-D white 1728 (010011011) and white 0 (00110101), or EOL+0, V0. */
    struct raster page;
    assert_int_equal(raster_init(&page, 1728, 5), 0);
    static const struct {
        uint32_t k, bits;
    } cases[] = {{1, 5 * 30}, {2, 3 * 30 + 2 * 14}, {4, 2 * 30 + 3 * 14}, {8, 30 + 4 * 14}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *data;
        size_t length;
        assert_int_equal(t4_encode(&page, PAGE_CODING_T4_2D, cases[i].k, true, &data, &length), 0);
        assert_int_equal(length, (cases[i].bits + 6 * 13 + 7) / 8);
        wiped_free(data, length);
    }
    assert_int_equal(t4_encode_k(98), 2);
    assert_int_equal(t4_encode_k(196), 4);
    raster_free(&page);
}

static void codes_are_free_of_prefixes(void **state)
{
    (void)state;
    const struct t4_code *const tables[] = {t4_white_codes, t4_black_codes};
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < T4_RUN_CODES; i++) {
            const struct t4_code a = tables[t][i];
            assert_true(a.length >= 2 && a.length <= T4_CODE_BITS_MAX);
            for (int j = 0; j < T4_RUN_CODES; j++) {
                const struct t4_code b = tables[t][j];
                if (i != j && b.length >= a.length)
                    assert_int_not_equal(b.bits >> (b.length - a.length), a.bits);
            }
        }
    }
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    struct raster page, none = {0};
    uint8_t *data = &(uint8_t){0};
    size_t length = 1;
    assert_int_equal(raster_init(&page, 8, 1), 0);
    assert_int_equal(t4_encode(&page, PAGE_CODING_T85, 1, false, &data, &length), FAX_EINVAL);
    assert_null(data);
    assert_int_equal(length, 0);
    assert_int_equal(t4_encode(&page, (enum page_coding)9, 1, false, &data, &length), FAX_EINVAL);
    assert_int_equal(t4_encode(&page, PAGE_CODING_T4_2D, 0, false, &data, &length), FAX_EINVAL);
    assert_int_equal(t4_encode(&none, PAGE_CODING_T6, 0, false, &data, &length), FAX_EINVAL);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pages_agree_with_libtiff),
        cmocka_unit_test(every_width_agrees_with_libtiff),
        cmocka_unit_test(plain_pages_agree_with_libtiff),
        cmocka_unit_test(long_runs_take_repeated_make_up_codes),
        cmocka_unit_test(t6_of_libtiff_is_the_same),
        cmocka_unit_test(two_dimensional_rows_come_at_k),
        cmocka_unit_test(codes_are_free_of_prefixes),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
