/* Paper that is darker towards one side, and photographs on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/grey_paper.h"
#include "codecs/header_line.h"
#include "codecs/raster.h"
#include "tests/doubles/page_samples.h"

enum { WIDTH = SAMPLE_WIDTH, HEIGHT = SAMPLE_HEIGHT };

static const struct grey_conversion fine = {.width = 1728,
                                            .source_x_dpi = 204,
                                            .source_y_dpi = 196,
                                            .x_dpi = 204,
                                            .y_dpi = 196,
                                            .max_rows = 10000};

/* Lines of text from top to bottom, black on white. */
static struct grey_page text_page(void)
{
    struct grey_page page = sample_blank();
    struct raster line;

    assert_int_equal(raster_init(&line, WIDTH, 28), 0);
    assert_int_equal(header_line_draw(&line, 196, "The quick brown fox", "jumps over the lazy dog",
                                      "Pack my box with jugs"),
                     0);
    for (uint32_t y = 100; y + 128 <= HEIGHT; y += 40)
        for (uint32_t row = 0; row < 28; row++)
            for (uint32_t x = 0; x < WIDTH; x++)
                if (raster_row(&line, row)[x / 8] & 0x80 >> x % 8)
                    page.pixels[(size_t)(y + row) * WIDTH + x] = 0;
    raster_free(&line);
    return page;
}

/* As under a lamp in a corner: ink and paper are darker away from it. */
static void shade(struct grey_page *page, double lightest, double darkest)
{
    for (uint32_t y = 0; y < page->height; y++)
        for (uint32_t x = 0; x < page->width; x++) {
            double u = x / (double)page->width, v = y / (double)page->height;
            double light = lightest - (lightest - darkest) * (0.5 * u + 0.2 * v + 0.3 * u * v);
            uint8_t *pixel = &page->pixels[(size_t)y * page->width + x];

            *pixel =
                (uint8_t)(light * (40 + *pixel * 215.0 / 255) / 255 + (x * 7 + y * 13) % 9 - 4);
        }
}

static uint64_t different(const struct raster *a, const struct raster *b)
{
    uint64_t n = 0;

    for (uint32_t y = 0; y < a->height; y++)
        for (size_t i = 0; i < raster_row_octets(a); i++)
            n +=
                (uint64_t)__builtin_popcount(raster_row_const(a, y)[i] ^ raster_row_const(b, y)[i]);
    return n;
}

static void shaded_text_comes_out_as_it_was(void **state)
{
    static const double darkest[] = {235, 200, 160, 130};

    (void)state;
    for (size_t i = 0; i < sizeof darkest / sizeof darkest[0]; i++) {
        struct grey_page page = text_page(), levelled;
        struct raster expected, found;

        assert_int_equal(grey_paper_level(&page, &levelled), 0);
        assert_null(levelled.pixels);
        assert_int_equal(grey_page_convert(&page, &fine, &expected), 0);
        shade(&page, 240, darkest[i]);
        assert_int_equal(grey_page_convert(&page, &fine, &found), 0);
        assert_int_equal(found.height, expected.height);
        assert_in_range(different(&expected, &found), 0, 200); /* of 3.8 million */
        raster_free(&expected);
        raster_free(&found);
        grey_page_free(&page);
    }
}

static void paper_gets_one_level(void **state)
{
    struct grey_page page = text_page(), levelled;

    (void)state;
    shade(&page, 240, 140);
    assert_int_equal(grey_paper_level(&page, &levelled), 1);
    for (uint32_t y = 5; y < HEIGHT; y += 31)
        for (uint32_t x = 5; x < 24; x += 3) { /* the margins */
            assert_in_range(levelled.pixels[(size_t)y * WIDTH + x], GREY_PAPER_LEVEL - 12, 255);
            assert_in_range(levelled.pixels[(size_t)y * WIDTH + WIDTH - 1 - x],
                            GREY_PAPER_LEVEL - 12, 255);
        }
    grey_page_free(&levelled);
    grey_page_free(&page);
}

/* Black pixels of a box, in thousandths. */
static uint64_t coverage(const struct raster *page, const uint32_t box[4])
{
    uint64_t n = 0;

    for (uint32_t y = box[1]; y < box[3]; y++)
        for (uint32_t x = box[0]; x < box[2]; x++)
            n += raster_row_const(page, y)[x / 8] >> (7 - x % 8) & 1;
    return n * 1000 / ((uint64_t)(box[2] - box[0]) * (box[3] - box[1]));
}

/* Its light parts, too, are screened, and its edges are where they were. */
static void a_photo_on_shaded_paper_stays_whole(void **state)
{
    static const uint32_t photo[] = {300, 700, 1300, 1500}, sky[] = {360, 720, 1300, 900};
    static const uint32_t left[] = {37, 700, 330, 1500}, below[] = {37, 1512, 1600, 1519};
    struct grey_page page = sample_blank();
    struct raster out;

    (void)state;
    sample_draw_photo(&page, photo);
    shade(&page, 240, 190);
    assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
    assert_in_range(coverage(&out, sky), 50, 500);
    assert_in_range(coverage(&out, left), 0, 1);
    assert_int_equal(coverage(&out, below), 0);
    raster_free(&out);
    grey_page_free(&page);
}

/* A picture without paper is not made lighter. */
static void a_picture_is_not_taken_for_paper(void **state)
{
    struct grey_page page = sample_blank(), levelled;

    (void)state;
    sample_draw_photo(&page, (const uint32_t[]){0, 0, WIDTH, HEIGHT});
    assert_int_equal(grey_paper_level(&page, &levelled), 0);
    for (uint32_t y = 0; y < HEIGHT; y++) /* dark to light */
        memset(page.pixels + (size_t)y * WIDTH, (int)(20 + y * 200 / HEIGHT), WIDTH);
    assert_int_equal(grey_paper_level(&page, &levelled), 0);
    memset(page.pixels, 60, (size_t)WIDTH * HEIGHT);
    assert_int_equal(grey_paper_level(&page, &levelled), 0);
    grey_page_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shaded_text_comes_out_as_it_was),
        cmocka_unit_test(paper_gets_one_level),
        cmocka_unit_test(a_photo_on_shaded_paper_stays_whole),
        cmocka_unit_test(a_picture_is_not_taken_for_paper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
