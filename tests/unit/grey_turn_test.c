/* grey_page_turn and raster_turn: every orientation of EXIF by its definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/grey_turn.h"
#include "codecs/image_header.h"

/* Stored: abc / def. */
static void test_orientations(void **state)
{
    static const char *const shown[] = {NULL,     "abcdef", "cbafed", "fedcba", "defabc",
                                        "adbecf", "daebfc", "fcebda", "cfbead"};

    (void)state;
    for (unsigned i = 1; i <= 8; i++) {
        struct grey_page page = {3, 2, (uint8_t *)strdup("abcdef")};

        assert_int_equal(grey_page_turn(&page, i), 0);
        assert_int_equal(page.width, i < 5 ? 3 : 2);
        assert_int_equal(page.height, i < 5 ? 2 : 3);
        assert_memory_equal(page.pixels, shown[i], 6);
        assert_int_equal(grey_page_turn(&page, 0), FAX_EINVAL);
        assert_int_equal(grey_page_turn(&page, 9), FAX_EINVAL);
        grey_page_free(&page);
    }
}

static void test_raster(void **state)
{
    struct raster raster, turned;

    (void)state;
    assert_int_equal(raster_init(&raster, 70, 9), 0);
    for (uint32_t i = 0; i < 70 * 9; i += 7)
        raster_row(&raster, i / 70)[i % 70 / 8] |= (uint8_t)(0x80 >> i % 70 % 8);
    assert_int_equal(raster_turn(&raster, &turned), 0);
    assert_int_equal(turned.width, 9);
    assert_int_equal(turned.height, 70);
    for (uint32_t y = 0; y < 9; y++)
        for (uint32_t x = 0; x < 70; x++) {
            int from = raster_row(&raster, y)[x / 8] >> (7 - x % 8) & 1;
            int to = raster_row(&turned, x)[(8 - y) / 8] >> (7 - (8 - y) % 8) & 1;

            assert_int_equal(from, to);
        }
    raster_free(&raster);
    raster_free(&turned);
}

static void test_exif(void **state)
{
    uint8_t little[] = "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0";
    uint8_t big[] = "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\10\0\0\0\0\0";

    (void)state;
    assert_int_equal(image_exif_orientation(little, sizeof little - 1), 6);
    assert_int_equal(image_exif_orientation(big, sizeof big - 1), 8);
    for (size_t length = 0; length < 22; length++)
        assert_int_equal(image_exif_orientation(little, length), 1);
    little[18] = 9;
    assert_int_equal(image_exif_orientation(little, sizeof little - 1), 1);
    little[4] = 0xFF;
    little[7] = 0xFF;
    assert_int_equal(image_exif_orientation(little, sizeof little - 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orientations),
        cmocka_unit_test(test_raster),
        cmocka_unit_test(test_exif),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
