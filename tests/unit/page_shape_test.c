/* What the names of resolutions and papers mean, how long pages take, and pages as PNG. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/image_read.h"
#include "codecs/page_shape.h"
#include "codecs/png_write.h"
#include "codecs/wiped_buffer.h"
#include "codecs/wire_time.h"

static void names_mean_shapes(void **state)
{
    static const struct {
        const char *resolution, *paper;
        struct page_shape shape;
    } rows[] = {
        {NULL, NULL, {1728, 204, 196, 297, "a4"}},
        {"fine", "a4", {1728, 204, 196, 297, "a4"}},
        {"standard", NULL, {1728, 204, 98, 297, "a4"}},
        {"superfine", "legal", {1728, 204, 391, 356, "legal"}},
        {"400", "a4", {3456, 408, 391, 297, "a4"}},
        {NULL, "b4", {2048, 204, 196, 353, "b4"}},
        {"400", "a3", {4864, 408, 391, 420, "a3"}},
        {"fine", "letter", {1728, 204, 196, 279, "letter"}},
    };
    struct page_shape shape;
    int unknown_paper;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(page_shape_find(rows[i].resolution, rows[i].paper, &shape, &unknown_paper),
                         0);
        assert_int_equal(shape.width, rows[i].shape.width);
        assert_int_equal(shape.x_dpi, rows[i].shape.x_dpi);
        assert_int_equal(shape.y_dpi, rows[i].shape.y_dpi);
        assert_int_equal(shape.height_mm, rows[i].shape.height_mm);
        assert_string_equal(shape.paper, rows[i].shape.paper);
    }
    assert_int_equal(page_shape_find("", "a4", &shape, &unknown_paper), FAX_EINVAL);
    assert_false(unknown_paper);
    assert_int_equal(page_shape_find("Fine", "a5", &shape, &unknown_paper), FAX_EINVAL);
    assert_false(unknown_paper);
    assert_int_equal(page_shape_find("fine", "A4", &shape, &unknown_paper), FAX_EINVAL);
    assert_true(unknown_paper);
}

static void time_grows_with_octets_and_blocks(void **state)
{
    (void)state;
    assert_int_equal(wire_time_ms(PAGE_CODING_T6, 40000, 0), 0);
    assert_int_equal(wire_time_call_ms(0), 0);
    /* 36,000 octets are 20 s at 14,400 bit/s, without what frames and commands cost */
    assert_in_range(wire_time_ms(PAGE_CODING_T6, 36000, 14400), 21500, 24500);
    assert_in_range(wire_time_ms(PAGE_CODING_T4_1D, 36000, 14400), 20500, 23500);
    assert_int_equal(wire_time_ms(PAGE_CODING_T6, 36000, 14400),
                     wire_time_ms(PAGE_CODING_T85, 36000, 14400));
    /* a second block has a command and an answer of its own */
    uint64_t one = wire_time_ms(PAGE_CODING_T6, 65536, 14400);
    uint64_t two = wire_time_ms(PAGE_CODING_T6, 65537, 14400);
    assert_in_range(two - one, 2000, 4000);
    assert_in_range(wire_time_ms(PAGE_CODING_T6, 36000, 7200), 40000, 46000);
    assert_in_range(wire_time_call_ms(14400), 10000, 20000);
}

static void pages_become_images(void **state)
{
    static const struct image_limits limits = {2000, 1000000, 0};
    char detail[IMAGE_READ_DETAIL];
    struct raster page;
    struct image image;
    uint8_t *data;
    size_t length;

    (void)state;
    assert_int_equal(raster_init(&page, 203, 50), 0);
    for (uint32_t y = 0; y < 50; y++)
        raster_row(&page, y)[y % 25] = (uint8_t)(0xA0 + y);
    assert_int_equal(png_write(&page, 204, 98, &data, &length), 0);
    assert_int_equal(png_read(data, length, &limits, &image, detail), 0);
    assert_int_equal(image.page.width, 203);
    assert_int_equal(image.page.height, 50);
    assert_in_range((int)(image.aspect * 1000), 470, 490); /* 98 / 204, or the other way round */
    for (uint32_t y = 0; y < 50; y++)
        for (uint32_t x = 0; x < 203; x++)
            assert_int_equal(image.page.pixels[y * 203 + x],
                             raster_row(&page, y)[x / 8] & 0x80 >> x % 8 ? 0 : 255);
    wiped_free(data, length);
    grey_page_free(&image.page);
    assert_int_equal(png_write(&page, 0, 98, &data, &length), FAX_EINVAL);
    assert_null(data);
    page.height = 0;
    assert_int_equal(png_write(&page, 204, 98, &data, &length), FAX_EEMPTY);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_mean_shapes),
        cmocka_unit_test(time_grows_with_octets_and_blocks),
        cmocka_unit_test(pages_become_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
