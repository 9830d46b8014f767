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
#include "codecs/grey_scale.h"
#include "codecs/header_line.h"
#include "codecs/t4_encode.h"
#include "codecs/wiped_buffer.h"
#include "tests/unit/tiff_reference.h"

enum { WIDTH = 1728 };

static const struct grey_conversion fine = {.width = WIDTH,
                                            .source_x_dpi = 204,
                                            .source_y_dpi = 196,
                                            .x_dpi = 204,
                                            .y_dpi = 196,
                                            .max_rows = 10000};

static struct grey_page make_page(uint32_t width, uint32_t height, uint8_t level)
{
    struct grey_page page = {.width = width, .height = height};
    page.pixels = malloc((size_t)width * height);
    assert_non_null(page.pixels);
    memset(page.pixels, level, (size_t)width * height);
    return page;
}

static void fill(struct grey_page *page, const uint32_t box[4], uint8_t level)
{
    for (uint32_t y = box[1]; y < box[3]; y++)
        memset(page->pixels + (size_t)y * page->width + box[0], level, box[2] - box[0]);
}

/* Black pixels of a part of a page, in thousandths. */
static uint32_t coverage(const struct raster *page, uint32_t left, uint32_t top, uint32_t right,
                         uint32_t bottom)
{
    uint64_t n = 0;
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = left; x < right; x++)
            n += raster_row_const(page, y)[x / 8] >> (7 - x % 8) & 1;
    return (uint32_t)(n * 1000 / ((uint64_t)(right - left) * (bottom - top)));
}

static size_t t6_octets(const struct raster *page)
{
    uint8_t *data;
    size_t length;
    assert_int_equal(t4_encode(page, PAGE_CODING_T6, 0, true, &data, &length), 0);
    wiped_free(data, length);
    return length;
}

/* Lines of text from top to bottom. */
static void make_text(struct raster *page, uint32_t rows)
{
    struct raster line;
    assert_int_equal(raster_init(page, WIDTH, rows), 0);
    for (uint32_t y = 0; y + 28 <= rows; y += 40) {
        assert_int_equal(raster_init(&line, WIDTH, 28), 0);
        assert_int_equal(header_line_draw(&line, 196, "The quick brown fox jumps over the dog",
                                          "0123456789", "Pack my box with jugs"),
                         0);
        memcpy(raster_row(page, y), line.rows, 28 * line.stride);
        raster_free(&line);
    }
}

/* The page in two levels, with noise of ±`noise`. */
static struct grey_page print_page(const struct raster *page, int paper, int ink, int noise)
{
    struct grey_page grey = make_page(page->width, page->height, 0);
    uint64_t seed = 12;
    for (uint32_t y = 0; y < page->height; y++)
        for (uint32_t x = 0; x < page->width; x++) {
            bool black = raster_row_const(page, y)[x / 8] >> (7 - x % 8) & 1;
            int v = black ? ink : paper;
            for (int i = 0; i < 4 && noise; i++) /* about a normal distribution */
                v += ((int)(reference_random(&seed) % (uint32_t)(2 * noise + 1)) - noise) / 2;
            grey.pixels[(size_t)y * grey.width + x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    return grey;
}

static void text_comes_out_as_it_was(void **state)
{
    (void)state;
    static const struct {
        int paper, ink, noise;
    } cases[] = {{255, 0, 0},   {255, 153, 0}, {255, 190, 0}, {235, 60, 8},
                 {215, 90, 10}, {180, 40, 6},  {240, 160, 5}};
    struct raster text, out;
    make_text(&text, 800);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grey_page grey = print_page(&text, cases[i].paper, cases[i].ink, cases[i].noise);
        assert_int_equal(grey_page_convert(&grey, &fine, &out), 0);
        if (cases[i].noise == 0) {
            assert_true(raster_equal(&text, &out));
        } else {
            uint32_t different = 0;
            for (uint32_t y = 0; y < text.height; y++)
                for (size_t k = 0; k < text.stride; k++)
                    different += (uint32_t)__builtin_popcount(raster_row(&text, y)[k] ^
                                                              raster_row(&out, y)[k]);
            if (different > 50)
                print_error("case %zu: %u pixels\n", i, different);
            assert_true(different <= 50); /* of 1.4 million */
        }
        raster_free(&out);
        grey_page_free(&grey);
    }
    raster_free(&text);
}

static void thin_grey_lines_stay(void **state)
{
    (void)state;
    struct grey_page page = make_page(WIDTH, 400, 255);
    /* A grid of five greys, also where the lines cross, and a lighter line alone. */
    for (uint32_t i = 0; i < 5; i++) {
        uint8_t level = (uint8_t)(172 - i * 28);
        fill(&page, (uint32_t[]){100, 40 + i * 50, 1400, 41 + i * 50}, level);
        fill(&page, (uint32_t[]){200 + i * 200, 0, 201 + i * 200, 400}, level);
    }
    fill(&page, (uint32_t[]){1600, 0, 1601, 400}, 205);
    struct raster out;
    assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(coverage(&out, 100, 40 + i * 50, 1400, 41 + i * 50), 1000);
        assert_int_equal(coverage(&out, 200 + i * 200, 0, 201 + i * 200, 400), 1000);
        assert_int_equal(coverage(&out, 202 + i * 200, 42 + i * 50, 398 + i * 200, 88 + i * 50), 0);
    }
    assert_int_equal(coverage(&out, 1600, 0, 1601, 400), 1000);
    assert_int_equal(coverage(&out, 1601, 0, 1728, 400), 0);
    raster_free(&out);
    grey_page_free(&page);
}

static void fills_become_paper_or_ink(void **state)
{
    (void)state;
    struct grey_page page = make_page(WIDTH, 600, 255);
    fill(&page, (uint32_t[]){100, 100, 700, 500}, 225);
    fill(&page, (uint32_t[]){900, 100, 1500, 500}, 50);
    fill(&page, (uint32_t[]){300, 280, 500, 284}, 0); /* a stroke on the light fill */
    struct raster out;
    assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
    assert_int_equal(coverage(&out, 108, 108, 692, 270), 0);
    assert_int_equal(coverage(&out, 300, 280, 500, 284), 1000);
    assert_int_equal(coverage(&out, 900, 100, 1500, 500), 1000);
    assert_int_equal(coverage(&out, 1504, 0, 1728, 600), 0);
    raster_free(&out);
    grey_page_free(&page);
}

static void continuous_tone_is_screened(void **state)
{
    (void)state;
    static const uint16_t resolutions[] = {98, 196, 391};
    for (int i = 0; i < 3; i++) {
        struct grey_page page = make_page(WIDTH, 2292, 255);
        for (uint32_t y = 100; y < 2200; y++) /* from light on the left to dark on the right */
            for (uint32_t x = 100; x < 1600; x++)
                page.pixels[(size_t)y * WIDTH + x] = (uint8_t)(230 - (x - 100) * 200 / 1500);
        struct grey_conversion c = fine;
        struct raster out;
        c.y_dpi = c.source_y_dpi = resolutions[i];
        assert_int_equal(grey_page_convert(&page, &c, &out), 0);
        uint32_t before = 0;
        for (uint32_t x = 320; x < 1440; x += 160) {
            uint32_t black = coverage(&out, x, 400, x + 160, 2000);
            /* 255 is white, the darkest eighth is all black */
            uint32_t level = 230 - (x - 20) * 200 / 1500, expected = (255 - level) * 1000 / 224;
            assert_in_range(black, expected - 50, expected + 50);
            assert_true(black > before);
            before = black;
        }
        assert_int_equal(coverage(&out, 1632, 0, 1728, 2292), 0);
        assert_true(t6_octets(&out) < 400000);
        raster_free(&out);
        grey_page_free(&page);
    }
}

static void narrow_pages_are_centred(void **state)
{
    (void)state;
    for (uint32_t width = 1681; width <= WIDTH; width++) {
        struct grey_page page = make_page(width, 16, 255);
        fill(&page, (uint32_t[]){0, 0, width, 16}, 0);
        struct raster out;
        assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
        uint32_t left = (WIDTH - width) / 2;
        assert_int_equal(out.width, WIDTH);
        assert_int_equal(out.height, 16);
        assert_int_equal(coverage(&out, left, 0, left + width, 16), 1000);
        assert_int_equal(coverage(&out, 0, 0, WIDTH, 16), (uint64_t)width * 1000 / WIDTH);
        raster_free(&out);
        grey_page_free(&page);
    }
}

static void pages_keep_their_real_size(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, rows;
        uint16_t source_x_dpi, source_y_dpi, y_dpi;
    } cases[] = {
        {1687, 2292, 1146, 204, 196, 98},  {1687, 2292, 4572, 204, 196, 391},
        {2480, 3508, 2292, 300, 300, 196}, /* A4 at 300 dpi */
        {2386, 1621, 1174, 204, 196, 196}, /* A4 landscape, made smaller to fit */
        {3456, 100, 50, 204, 196, 196},    {1, 1, 1, 204, 196, 196},
        {827, 1169, 2291, 100, 100, 196},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grey_page page = make_page(cases[i].width, cases[i].height, 255);
        struct grey_conversion c = fine;
        struct raster out;
        fill(&page, (uint32_t[]){0, 0, cases[i].width, cases[i].height}, 255);
        c.source_x_dpi = cases[i].source_x_dpi;
        c.source_y_dpi = cases[i].source_y_dpi;
        c.y_dpi = cases[i].y_dpi;
        assert_int_equal(grey_page_convert(&page, &c, &out), 0);
        assert_int_equal(out.width, WIDTH);
        assert_int_equal(out.height, cases[i].rows);
        raster_free(&out);
        c.max_rows = cases[i].rows;
        assert_int_equal(grey_page_convert(&page, &c, &out), 0);
        raster_free(&out);
        c.max_rows = cases[i].rows - 1;
        assert_int_equal(grey_page_convert(&page, &c, &out), c.max_rows ? FAX_ELIMIT : FAX_EINVAL);
        assert_null(out.rows);
        grey_page_free(&page);
    }
}

static void letter_pages_are_cut_where_blank(void **state)
{
    (void)state;
    struct grey_page page = make_page(1734, 100, 255);
    struct raster out;
    fill(&page, (uint32_t[]){13, 10, 14, 90}, 0);
    assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
    assert_int_equal(out.height, 100);
    assert_int_equal(coverage(&out, 10, 10, 11, 90), 1000);
    raster_free(&out);
    fill(&page, (uint32_t[]){1733, 0, 1734, 100}, 0); /* something in the margin */
    assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
    assert_int_equal(out.width, WIDTH);
    assert_true(coverage(&out, 1726, 0, 1728, 100) >= 500);
    raster_free(&out);
    grey_page_free(&page);
}

static void scaling_averages_areas(void **state)
{
    (void)state;
    static uint8_t pixels[] = {0, 100, 200, 40, 80, 120};
    const struct grey_page page = {.width = 3, .height = 2, .pixels = pixels};
    struct grey_page out;
    assert_int_equal(grey_scale(&page, 1, 1, &out), 0);
    assert_int_equal(out.pixels[0], 90);
    grey_page_free(&out);
    assert_int_equal(grey_scale(&page, 2, 1, &out), 0);
    assert_int_equal(out.pixels[0], 43); /* (20 + 20 + 90) / 3 */
    assert_int_equal(out.pixels[1], 137);
    grey_page_free(&out);
    assert_int_equal(grey_scale(&page, 6, 4, &out), 0);
    for (uint32_t y = 0; y < 4; y++)
        for (uint32_t x = 0; x < 6; x++)
            assert_int_equal(out.pixels[y * 6 + x], pixels[y / 2 * 3 + x / 2]);
    grey_page_free(&out);
    struct grey_page white = make_page(1999, 777, 255);
    assert_int_equal(grey_scale(&white, 1728, 701, &out), 0);
    for (size_t i = 0; i < (size_t)1728 * 701; i++)
        assert_int_equal(out.pixels[i], 255);
    grey_page_free(&out);
    grey_page_free(&white);
}

static void rendered_text_is_small(void **state)
{
    (void)state;
    static uint8_t data[1 << 16];
    const struct grey_limits limits = {3000, 4000, 10000000};
    struct grey_reader *reader;
    struct grey_page page;
    struct raster out;
    unsigned pages = 0;
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command */
    FILE *p = popen("pdftoppm -gray -rx 204 -ry 196 " TESTS_DIR "/data/text_a4.pdf", "r");
    assert_non_null(p);
    assert_int_equal(grey_reader_new(&reader, &limits), 0);
    for (size_t n; (n = fread(data, 1, sizeof data, p)) > 0;)
        for (size_t at = 0, used; at < n; at += used) {
            int got = grey_reader_feed(reader, data + at, n - at, &used, &page);
            assert_true(got >= 0);
            if (got == 1) {
                pages++;
                assert_int_equal(grey_page_convert(&page, &fine, &out), 0);
                assert_int_equal(out.height, 2292);
                assert_in_range(t6_octets(&out), 20000, 45000);
                raster_free(&out);
                grey_page_free(&page);
            }
        }
    assert_int_equal(grey_reader_end(reader), 0);
    assert_int_equal(pages, 1);
    grey_reader_free(reader);
    assert_int_equal(pclose(p), 0);
}

static void noise_does_not_explode(void **state)
{
    (void)state;
    struct raster text, out;
    make_text(&text, 2292);
    size_t clean = t6_octets(&text);
    struct grey_page grey = print_page(&text, 232, 70, 9);
    assert_int_equal(grey_page_convert(&grey, &fine, &out), 0);
    assert_true(t6_octets(&out) < clean + clean / 50);
    raster_free(&out);
    raster_free(&text);
    grey_page_free(&grey);
}

static void odd_pages_do_no_harm(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < 400; i++) {
        uint32_t w = 1 + reference_random(&seed) % 70, h = 1 + reference_random(&seed) % 70;
        struct grey_page page = make_page(w, h, 0);
        struct grey_conversion c = fine;
        struct raster out;
        for (size_t k = 0; k < (size_t)w * h; k++)
            page.pixels[k] = (uint8_t)reference_random(&seed);
        c.width = 1 + reference_random(&seed) % 80;
        c.y_dpi = (uint16_t)(1 + reference_random(&seed) % 400);
        assert_int_equal(grey_page_convert(&page, &c, &out), 0);
        assert_int_equal(out.width, c.width);
        raster_free(&out);
        grey_page_free(&page);
    }
    struct grey_page none = {0};
    struct grey_conversion bad = fine;
    struct raster out;
    assert_int_equal(grey_page_convert(&none, &fine, &out), FAX_EEMPTY);
    bad.y_dpi = 0;
    assert_int_equal(grey_page_convert(&none, &bad, &out), FAX_EINVAL);
    bad = fine;
    bad.width = RASTER_WIDTH_MAX + 1;
    assert_int_equal(grey_page_convert(&none, &bad, &out), FAX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_out_as_it_was),
        cmocka_unit_test(thin_grey_lines_stay),
        cmocka_unit_test(fills_become_paper_or_ink),
        cmocka_unit_test(continuous_tone_is_screened),
        cmocka_unit_test(narrow_pages_are_centred),
        cmocka_unit_test(pages_keep_their_real_size),
        cmocka_unit_test(letter_pages_are_cut_where_blank),
        cmocka_unit_test(scaling_averages_areas),
        cmocka_unit_test(rendered_text_is_small),
        cmocka_unit_test(noise_does_not_explode),
        cmocka_unit_test(odd_pages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
