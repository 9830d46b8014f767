/* t4_fill_test.c: pages with fill, looked at bit by bit, and read back by libtiff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/t4_codes.h"
#include "codecs/t4_encode.h"
#include "codecs/t4_fill.h"
#include "codecs/wiped_buffer.h"
#include "tests/doubles/t4_line.h"
#include "tests/unit/tiff_reference.h"

enum { FILLED_MAX = 1 << 20 };

static const uint32_t least[] = {0, 1, 12, 30, 36, 71, 72, 143, 144, 288, 576, 5000};

static size_t read_all(const struct coded_page *page, uint32_t least_bits, size_t step,
                       uint8_t *out)
{
    struct t4_fill fill;
    size_t length = 0, n;
    t4_fill_begin(&fill, page->data, page->length, &page->format, least_bits);
    do {
        assert_true(length + step <= FILLED_MAX);
        n = t4_fill_read(&fill, out + length, step);
        length += n;
    } while (n == step);
    assert_true(t4_fill_ended(&fill));
    assert_int_equal(t4_fill_read(&fill, out + length, 1), 0);
    return length;
}

static void check_page(const struct raster *page, uint16_t y_dpi)
{
    static uint8_t filled[FILLED_MAX];
    static struct t4_line plain_rows, filled_rows;
    for (int i = 0; i < 4; i++) {
        const struct page_format format = {.y_dpi = y_dpi,
                                           .x_dpi = 204,
                                           .coding = i < 2 ? PAGE_CODING_T4_1D : PAGE_CODING_T4_2D,
                                           .lsb_first = i % 2};
        struct coded_page coded;
        assert_int_equal(t4_encode_page(page, &format, &coded), 0);
        t4_line_read(&plain_rows, coded.data, coded.length, format.lsb_first);
        assert_int_equal(plain_rows.count, page->height + T4_EOLS_OF_RTC);
        for (size_t k = 0; k < sizeof least / sizeof least[0]; k++) {
            size_t length = read_all(&coded, least[k], k % 2 ? 47 : 1 + k * 100, filled);
            t4_line_read(&filled_rows, filled, length, true);
            assert_int_equal(t4_line_differences(&filled_rows, &plain_rows, least[k]), 0);
            assert_int_equal(filled_rows.bits[0], 12);
            struct page_format on_line = coded.format;
            struct raster back;
            on_line.lsb_first = true;
            assert_true(reference_decode(filled, length, &on_line, page->height, &back));
            assert_true(raster_equal(page, &back));
            raster_free(&back);
        }
        coded_page_free(&coded);
    }
}

static void random_pages_get_their_fill(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 2, 9, 64, 1728, 2048, 2432, 4864};
    static const uint32_t longest[] = {2, 9, 80, 3000};
    uint64_t seed = 20261122;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (size_t l = 0; l < sizeof longest / sizeof longest[0]; l++) {
            struct raster page;
            reference_random_page(&page, widths[w], 1 + (uint32_t)(w * 5 + l) % 23, longest[l],
                                  (uint32_t)(l % 3) * 100, &seed);
            check_page(&page, l % 2 ? 196 : 98);
            raster_free(&page);
        }
}

static void white_and_black_pages_get_their_fill(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct raster page;
        assert_int_equal(raster_init(&page, 1728, 60), 0);
        for (uint32_t y = 0; y < 60; y++)
            for (uint32_t x = 0; x < 1728; x++)
                if (kind == 1 || (kind == 2 && y % 7 == 3))
                    reference_set_pixel(&page, x, y);
        check_page(&page, 391);
        raster_free(&page);
    }
}

/* The zeros that a code ends with and those that another begins with are fewer than an EOL has;
 * between two EOLs stands a tag bit at most. */
static void no_codes_look_like_an_eol(void **state)
{
    (void)state;
    static const struct t4_code modes[] = {{1, 1}, {3, 3}, {2, 3}, {3, 6}, {2, 6},
                                           {3, 7}, {2, 7}, {1, 4}, {1, 3}};
    unsigned leading = 0, trailing = 0;
    for (int i = 0; i < 2 * T4_RUN_CODES + 9; i++) {
        struct t4_code code = i < T4_RUN_CODES       ? t4_white_codes[i]
                              : i < 2 * T4_RUN_CODES ? t4_black_codes[i - T4_RUN_CODES]
                                                     : modes[i - 2 * T4_RUN_CODES];
        unsigned before = code.length - (32 - (unsigned)__builtin_clz(code.bits));
        unsigned behind = (unsigned)__builtin_ctz(code.bits);
        leading = before > leading ? before : leading;
        trailing = behind > trailing ? behind : trailing;
    }
    assert_in_range(leading + trailing, 1, 10);
}

static void a_damaged_page_ends(void **state)
{
    (void)state;
    uint8_t noise[3000], out[20000];
    uint64_t seed = 5;
    for (int round = 0; round < 200; round++) {
        const struct page_format format = {.coding = PAGE_CODING_T4_2D, .lsb_first = round % 2};
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = reference_random(&seed) % 4 ? 0 : (uint8_t)reference_random(&seed);
        struct coded_page page = {.format = format, .data = noise, .length = sizeof noise};
        size_t length = 0, n;
        struct t4_fill fill;
        t4_fill_begin(&fill, page.data, page.length, &page.format, 72);
        while ((n = t4_fill_read(&fill, out + length, 100)) > 0)
            length += n;
        assert_in_range(length, sizeof noise, sizeof noise * 5);
    }
    struct t4_fill fill;
    t4_fill_begin(&fill, noise, 0, &(struct page_format){.coding = PAGE_CODING_T4_1D}, 72);
    assert_int_equal(t4_fill_read(&fill, out, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pages_get_their_fill),
        cmocka_unit_test(white_and_black_pages_get_their_fill),
        cmocka_unit_test(no_codes_look_like_an_eol),
        cmocka_unit_test(a_damaged_page_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
