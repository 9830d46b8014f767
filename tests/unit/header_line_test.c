#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/header_font.h"
#include "codecs/header_line.h"

enum { WIDTH = 1728, CELLS = 140, MARGIN = 24, CELL = 12 };

/* Reads the text at the top of a page back by comparing each cell with the font. */
static void read_line(const struct raster *page, uint16_t y_dpi, char text[CELLS + 1])
{
    uint32_t rows = header_line_rows(y_dpi), text_rows = (21u * y_dpi + 98) / 196;
    uint32_t top = (rows - text_rows) / 2;
    for (uint32_t i = 0; i < CELLS; i++) {
        uint8_t glyph[HEADER_FONT_ROWS] = {0};
        for (uint32_t y = 0; y < text_rows; y++)
            for (uint32_t c = 0; c < HEADER_FONT_COLUMNS; c++) {
                uint32_t x = MARGIN + i * CELL + c * 2;
                if (raster_row_const(page, top + y)[x / 8] & (0x80 >> (x % 8)))
                    glyph[y * HEADER_FONT_ROWS / text_rows] |= (uint8_t)(0x10 >> c);
            }
        text[i] = '\x7F';
        for (int g = 0; g < HEADER_FONT_GLYPHS; g++)
            if (memcmp(glyph, header_font[g], sizeof glyph) == 0)
                text[i] = (char)(HEADER_FONT_FIRST + g);
    }
    text[CELLS] = '\0';
}

static void glyphs_differ(void **state)
{
    (void)state;
    for (int a = 0; a < HEADER_FONT_GLYPHS; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(header_font[a], header_font[b], HEADER_FONT_ROWS);
}

static void text_is_drawn_at_every_resolution(void **state)
{
    (void)state;
    static const uint16_t dpi[] = {98, 196, 391};
    for (int i = 0; i < 3; i++) {
        struct raster page;
        char text[CELLS + 1];
        assert_int_equal(raster_init(&page, WIDTH, 200), 0);
        assert_int_equal(
            header_line_draw(&page, dpi[i], "+49 30 123 {Praxis}", "2026-11-21 22:15 +0100", "1/3"),
            0);
        assert_int_equal(page.height, 200); /* the top was blank */
        read_line(&page, dpi[i], text);
        assert_memory_equal(text, "+49 30 123 {Praxis}    ", 23);
        assert_memory_equal(text + (CELLS - 22) / 2, "2026-11-21 22:15 +0100", 22);
        assert_memory_equal(text + CELLS - 5, "  1/3", 5);
        for (uint32_t y = header_line_rows(dpi[i]); y < 200; y++)
            for (size_t k = 0; k < page.stride; k++)
                assert_int_equal(raster_row(&page, y)[k], 0);
        raster_free(&page);
    }
    assert_int_equal(header_line_rows(98), 14);
    assert_int_equal(header_line_rows(196), 28);
    assert_int_equal(header_line_rows(391), 56);
}

static void the_page_is_never_covered(void **state)
{
    (void)state;
    for (uint32_t blank = 0; blank <= 30; blank += 5) {
        struct raster page;
        assert_int_equal(raster_init(&page, WIDTH, 100), 0);
        for (uint32_t y = blank; y < 100; y++)
            memset(raster_row(&page, y), (int)(y + 1), raster_row_octets(&page));
        assert_int_equal(header_line_draw(&page, 196, "left", "middle", "right"), 0);
        uint32_t more = blank < 28 ? 28 - blank : 0;
        assert_int_equal(page.height, 100 + more);
        for (uint32_t y = blank; y < 100; y++)
            for (size_t k = 0; k < raster_row_octets(&page); k++)
                assert_int_equal(raster_row(&page, y + more)[k], y + 1);
        raster_free(&page);
    }
}

static void short_blank_pages_grow(void **state)
{
    (void)state;
    struct raster page;
    char text[CELLS + 1];
    assert_int_equal(raster_init(&page, WIDTH, 3), 0);
    assert_int_equal(header_line_draw(&page, 196, "x", NULL, NULL), 0);
    assert_int_equal(page.height, 28);
    read_line(&page, 196, text);
    assert_memory_equal(text, "x ", 2);
    raster_free(&page);
}

static void texts_are_cut_and_made_ascii(void **state)
{
    (void)state;
    char lengthy[200], text[CELLS + 1];
    struct raster page;
    memset(lengthy, 'w', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(raster_init(&page, WIDTH, 60), 0);
    assert_int_equal(header_line_draw(&page, 196, "M\xC3\xBCller\t\xE2\x82\xAC", lengthy, "1/1"),
                     0);
    read_line(&page, 196, text);
    assert_memory_equal(text, "M?ller?? www", 12);
    assert_string_equal(text + CELLS - 6, "ww 1/1");
    raster_free(&page);

    assert_int_equal(raster_init(&page, WIDTH, 60), 0);
    assert_int_equal(header_line_draw(&page, 196, lengthy, "middle", lengthy + 62), 0);
    read_line(&page, 196, text);
    assert_memory_equal(text, "ww w", 4);
    assert_null(strstr(text, "m"));
    raster_free(&page);

    assert_int_equal(raster_init(&page, WIDTH, 60), 0);
    assert_int_equal(header_line_draw(&page, 196, lengthy, lengthy, lengthy), 0);
    read_line(&page, 196, text);
    assert_memory_equal(text, lengthy, CELLS);
    raster_free(&page);
}

static void bad_pages_are_refused(void **state)
{
    (void)state;
    struct raster page;
    assert_int_equal(raster_init(&page, WIDTH, 0), 0);
    assert_int_equal(header_line_draw(&page, 196, "a", "b", "c"), FAX_EINVAL);
    raster_free(&page);
    assert_int_equal(raster_init(&page, 255, 100), 0);
    assert_int_equal(header_line_draw(&page, 196, "a", "b", "c"), FAX_EINVAL);
    raster_free(&page);
    assert_int_equal(raster_init(&page, 256, RASTER_ROWS_MAX), 0);
    assert_int_equal(header_line_draw(&page, 0, "a", "b", "c"), FAX_EINVAL);
    raster_row(&page, 0)[0] = 1;
    assert_int_equal(header_line_draw(&page, 196, "a", "b", "c"), FAX_ELIMIT);
    assert_int_equal(page.height, RASTER_ROWS_MAX);
    raster_free(&page);
}

static void times_have_their_offset(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int offset;
        const char *text;
    } cases[] = {
        {1795295700, 60, "2026-11-21 22:15 +0100"},
        {1795295700, 0, "2026-11-21 21:15 +0000"},
        {1795295700, -210, "2026-11-21 17:45 -0330"},
        {1795295700, 345, "2026-11-22 03:00 +0545"},
        {0, 0, "1970-01-01 00:00 +0000"},
    };
    char text[HEADER_LINE_TIME];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(header_line_time(text, sizeof text, cases[i].seconds, cases[i].offset), 0);
        assert_string_equal(text, cases[i].text);
    }
    assert_int_equal(header_line_time(text, sizeof text - 1, 0, 0), FAX_EINVAL);
    assert_int_equal(header_line_time(text, sizeof text, -1, 0), FAX_EINVAL);
    assert_int_equal(header_line_time(text, sizeof text, 0, -60), FAX_EINVAL);
    assert_int_equal(header_line_time(text, sizeof text, 0, 18 * 60 + 1), FAX_EINVAL);
    assert_int_equal(header_line_time(text, sizeof text, INT64_MAX, 0), FAX_EINVAL);
    assert_int_equal(header_line_time(text, sizeof text, 253402300800, 0), FAX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glyphs_differ),
        cmocka_unit_test(text_is_drawn_at_every_resolution),
        cmocka_unit_test(the_page_is_never_covered),
        cmocka_unit_test(short_blank_pages_grow),
        cmocka_unit_test(texts_are_cut_and_made_ascii),
        cmocka_unit_test(bad_pages_are_refused),
        cmocka_unit_test(times_have_their_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
