/* Rows of colours in grey: every width, against the formula of BT.601. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/grey_row.h"

enum { WIDEST = 70 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8 | *state << 24;
}

static double luminance(uint16_t pixel)
{
    return 0.299 * 255 / 31 * (pixel >> 11) + 0.587 * 255 / 63 * (pixel >> 5 & 63) +
           0.114 * 255 / 31 * (pixel & 31);
}

static void test_formula(void **state)
{
    uint32_t random = 1;
    uint16_t pixels[WIDEST] = {0};
    uint8_t grey[WIDEST + 1];

    (void)state;
    for (size_t width = 0; width <= WIDEST; width++) {
        for (size_t i = 0; i < width; i++)
            pixels[i] = (uint16_t)next_random(&random);
        memset(grey, 77, sizeof grey);
        grey_row_from_565((const uint8_t *)pixels, width, grey);
        for (size_t i = 0; i < width; i++)
            assert_true(fabs(grey[i] - luminance(pixels[i])) <= 1.0);
        assert_int_equal(grey[width], 77);
    }
}

static void test_extremes(void **state)
{
    static const struct {
        uint16_t pixel;
        uint8_t grey;
    } cases[] = {{0, 0},        {0xFFFF, 255}, {0xFFFE, 254}, {0xF800, 77},
                 {0x07E0, 149}, {0x001F, 29},  {0x8410, 130}, {0x0001, 1}};
    uint16_t pixels[WIDEST];
    uint8_t grey[WIDEST];

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (size_t i = 0; i < WIDEST; i++)
            pixels[i] = cases[c].pixel;
        grey_row_from_565((const uint8_t *)pixels, WIDEST, grey);
        for (size_t i = 0; i < WIDEST; i++)
            assert_int_equal(grey[i], cases[c].grey);
    }
}

/* One pixel of another colour among white ones is seen wherever it stands. */
static void test_lonely_pixel(void **state)
{
    uint16_t pixels[WIDEST];
    uint8_t grey[WIDEST];

    (void)state;
    for (size_t at = 0; at < WIDEST; at++) {
        memset(pixels, 255, sizeof pixels);
        pixels[at] = 0;
        grey_row_from_565((const uint8_t *)pixels, WIDEST, grey);
        for (size_t i = 0; i < WIDEST; i++)
            assert_int_equal(grey[i], i == at ? 0 : 255);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_lonely_pixel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
