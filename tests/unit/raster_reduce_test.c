/* Pages with fewer pixels: what was black stays to be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/raster_reduce.h"

static int is_black(const struct raster *page, uint32_t x, uint32_t y)
{
    return raster_row_const(page, y)[x / 8] >> (7 - x % 8) & 1;
}

static void set_black(struct raster *page, uint32_t x, uint32_t y)
{
    raster_row(page, y)[x / 8] |= (uint8_t)(0x80 >> x % 8);
}

/* Pseudo-random dots. */
static void dot(struct raster *page, uint32_t width, uint32_t height)
{
    uint32_t seed = 7;

    assert_int_equal(raster_init(page, width, height), 0);
    for (uint32_t i = 0; i < width * height / 9; i++) {
        seed = seed * 1664525 + 1013904223;
        set_black(page, (seed >> 8) % width, (seed >> 20) % height);
    }
}

static void joined_pixels_are_black_where_any_was(void **state)
{
    static const uint32_t widths[] = {1, 2, 7, 8, 9, 15, 16, 17, 333};

    (void)state;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (unsigned fx = 1; fx <= 2; fx++)
            for (unsigned fy = 1; fy <= 4; fy++) {
                struct raster page, out;

                dot(&page, widths[w], 41);
                assert_int_equal(raster_join(&page, fx, fy, &out), 0);
                assert_int_equal(out.width, (widths[w] + fx - 1) / fx);
                assert_int_equal(out.height, (41 + fy - 1) / fy);
                for (uint32_t y = 0; y < out.height; y++)
                    for (uint32_t x = 0; x < out.stride * 8; x++) {
                        int any = 0;

                        for (uint32_t j = y * fy; j < (y + 1) * fy && j < page.height; j++)
                            for (uint32_t i = x * fx; i < (x + 1) * fx && i < page.width; i++)
                                any |= is_black(&page, i, j);
                        assert_int_equal(is_black(&out, x, y), any);
                    }
                raster_free(&page);
                raster_free(&out);
            }
}

static void lines_of_one_pixel_stay(void **state)
{
    struct raster page, out;

    (void)state;
    for (uint32_t at = 100; at < 110; at++) {
        assert_int_equal(raster_init(&page, 2432, 300), 0);
        for (uint32_t i = 0; i < 300; i++)
            set_black(&page, at, i);
        for (uint32_t i = 0; i < 2432; i++)
            set_black(&page, i, at);
        assert_int_equal(raster_shrink(&page, 1728, 213, &out), 0);
        assert_int_equal(out.width, 1728);
        assert_int_equal(out.height, 213);
        uint32_t x = at * 1728 / 2432, y = at * 213 / 300;
        for (uint32_t i = 0; i < 213; i++)
            assert_true(is_black(&out, x, i) || is_black(&out, x + 1, i));
        for (uint32_t i = 0; i < 1728; i++)
            assert_true(is_black(&out, i, y) || is_black(&out, i, y + 1));
        assert_false(is_black(&out, 20, 20));
        raster_free(&page);
        raster_free(&out);
    }
}

static void odd_sizes_are_refused(void **state)
{
    struct raster page, out;

    (void)state;
    assert_int_equal(raster_init(&page, 16, 2), 0);
    assert_int_equal(raster_join(&page, 0, 1, &out), FAX_EINVAL);
    assert_int_equal(raster_join(&page, 3, 1, &out), FAX_EINVAL);
    assert_int_equal(raster_join(&page, 1, 0, &out), FAX_EINVAL);
    assert_int_equal(raster_shrink(&page, 0, 1, &out), FAX_EINVAL);
    assert_int_equal(raster_shrink(&page, 1, 0, &out), FAX_EINVAL);
    assert_null(out.rows);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_pixels_are_black_where_any_was),
        cmocka_unit_test(lines_of_one_pixel_stay),
        cmocka_unit_test(odd_sizes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
