#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "tests/unit/tiff_reference.h"

/* Bits written as text, blanks ignored; filled up with zeros. */
struct bits {
    uint8_t octets[4096];
    size_t count;
};

static void add_bits(struct bits *b, const char *text)
{
    for (; *text; text++) {
        if (*text != '0' && *text != '1')
            continue;
        assert_true(b->count < sizeof b->octets * 8);
        if (*text == '1')
            b->octets[b->count / 8] |= (uint8_t)(0x80 >> (b->count % 8));
        b->count++;
    }
}

static const char eol[] = "000000000001";
static const char row_of_8[] = "10011"; /* white 8 */

static int decode_octets(const uint8_t *data, size_t length, uint32_t width,
                         enum page_coding coding, const struct t4_limits *limits,
                         struct t4_report *report)
{
    struct raster out;
    struct page_format format = {.width = width, .coding = coding};
    uint8_t *exact = malloc(length ? length : 1);
    if (length)
        memcpy(exact, data, length);
    int rc = t4_decode(exact, length, &format, limits, &out, report);
    if (rc < 0)
        assert_null(out.rows);
    raster_free(&out);
    free(exact);
    return rc;
}

static int decode_bits(const struct bits *b, uint32_t width, enum page_coding coding,
                       const struct t4_limits *limits, struct t4_report *report)
{
    return decode_octets(b->octets, (b->count + 7) / 8, width, coding, limits, report);
}

static void known_t6_rows_decode(void **state)
{
    (void)state;
    /* Row 1: H white 2, black 3, V0. Row 2: VR1, VL1, V0. Row 3: pass, V0. Row 4: H 0 and 8. */
    struct bits b = {0};
    add_bits(&b, "001 0111 10  1");
    add_bits(&b, "011 010 1");
    add_bits(&b, "0001 1");
    add_bits(&b, "001 00110101 000101");
    add_bits(&b, eol);
    add_bits(&b, eol);
    struct page_format format = {.width = 8, .coding = PAGE_CODING_T6};
    struct raster out;
    struct t4_report report;
    assert_int_equal(t4_decode(b.octets, (b.count + 7) / 8, &format, NULL, &out, &report), 0);
    assert_int_equal(out.height, 4);
    assert_int_equal(raster_row(&out, 0)[0], 0x38);
    assert_int_equal(raster_row(&out, 1)[0], 0x10);
    assert_int_equal(raster_row(&out, 2)[0], 0x00);
    assert_int_equal(raster_row(&out, 3)[0], 0xFF);
    assert_int_equal(report.end, T4_END_EOFB);
    assert_int_equal(report.rows, 4);
    raster_free(&out);
}

static void sample_letter_agrees_with_libtiff(void **state)
{
    (void)state;
    struct page_format format = {.coding = PAGE_CODING_T6};
    TIFF *t = TIFFOpen(TESTS_DIR "/data/letter.tif", "r");
    assert_non_null(t);
    uint32_t rows = 0;
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &format.width);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &rows);
    tmsize_t size = TIFFRawStripSize(t, 0);
    uint8_t *strip = malloc((size_t)size), row[216];
    assert_int_equal(TIFFReadRawStrip(t, 0, strip, size), size);
    struct raster out;
    struct t4_report report;
    assert_int_equal(t4_decode(strip, (size_t)size, &format, NULL, &out, &report), 0);
    assert_int_equal(out.height, rows);
    assert_int_equal(out.height, 2292);
    for (uint32_t y = 0; y < rows; y++) {
        assert_int_equal(TIFFReadScanline(t, row, y, 0), 1);
        assert_memory_equal(row, raster_row(&out, y), sizeof row);
    }
    TIFFClose(t);
    raster_free(&out);

    /* As it comes out of FCD frames: least significant bit first, filled up to whole frames. */
    uint8_t *frames = calloc(1, (size_t)size + 256);
    for (tmsize_t i = 0; i < size; i++)
        for (int k = 0; k < 8; k++)
            if (strip[i] & (1 << k))
                frames[i] |= (uint8_t)(0x80 >> k);
    format.lsb_first = true;
    assert_int_equal(t4_decode(frames, (size_t)size + 256, &format, NULL, &out, &report), 0);
    assert_int_equal(out.height, 2292);
    assert_int_equal(report.end, T4_END_EOFB);
    assert_true(report.end_offset <= (size_t)size);
    raster_free(&out);
    free(frames);
    free(strip);
}

/* Each change of a row moves by itself, some vanish, others come: sequences of vertical codes with
 * all that breaks them. */
static void draw_moving_changes(struct raster *page, uint32_t gap, uint64_t *seed)
{
    uint8_t *row = raster_row(page, 0);
    for (uint32_t x = 0; x < page->width; x++)
        if (reference_random(seed) % gap == 0)
            row[x / 8] |= (uint8_t)(0x80 >> x % 8);
    for (uint32_t y = 1; y < page->height; y++) {
        const uint8_t *above = raster_row(page, y - 1);
        int shift = 0;
        row = raster_row(page, y);
        for (uint32_t x = 0; x < page->width; x++) {
            if (reference_random(seed) % (gap / 2 + 1) == 0)
                shift = (int)(reference_random(seed) % 9) - 4;
            int64_t from = (int64_t)x + shift;
            if (from >= 0 && from < page->width && (above[from / 8] & (0x80 >> from % 8)))
                row[x / 8] |= (uint8_t)(0x80 >> x % 8);
        }
    }
}

static void moving_changes_agree_with_libtiff(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 2, 3, 7, 31, 64, 65, 500, 1728, RASTER_WIDTH_MAX};
    uint64_t seed = 31;
    for (uint32_t i = 0; i < 200; i++) {
        struct page_format format = {
            .x_dpi = 204, .y_dpi = 196, .coding = i % 2 ? PAGE_CODING_T6 : PAGE_CODING_T4_2D};
        struct raster page, ours, theirs;
        struct coded_page coded;
        uint32_t rows = 1 + reference_random(&seed) % 30;
        assert_int_equal(raster_init(&page, widths[i % 20 / 2], rows), 0);
        draw_moving_changes(&page, 2 + i % 13, &seed);
        assert_int_equal(t4_encode_page(&page, &format, &coded), 0);
        assert_int_equal(t4_decode(coded.data, coded.length, &coded.format, NULL, &ours, NULL), 0);
        assert_true(reference_decode(coded.data, coded.length, &coded.format, rows, &theirs));
        assert_true(raster_equal(&ours, &theirs));
        assert_true(raster_equal(&ours, &page));
        raster_free(&page);
        raster_free(&ours);
        raster_free(&theirs);
        coded_page_free(&coded);
    }
}

static void missing_eofb_is_reported(void **state)
{
    (void)state;
    struct t4_report report;
    struct bits b = {0};
    add_bits(&b, "1 1 1 1 1 1 1 1");
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T6, NULL, &report), 0);
    assert_int_equal(report.rows, 8);
    assert_int_equal(report.end, T4_END_DATA);
    b.count += 800; /* frames full of zeros */
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T6, NULL, &report), 0);
    assert_int_equal(report.rows, 8);
    assert_int_equal(report.end, T4_END_DATA);
    assert_int_equal(report.end_offset, 101);
}

static void t6_stops_at_the_first_error(void **state)
{
    (void)state;
    static const struct {
        const char *bits;
        int error;
    } cases[] = {
        {"1 1 011", FAX_EFORMAT},                       /* right of the row */
        {"1 001 1000 11 000011 1111", FAX_EFORMAT},     /* V beyond the width */
        {"001 10011 11", FAX_EFORMAT},                  /* run beyond the width */
        {"001 1000 000000001 0111", FAX_EFORMAT},       /* no black code */
        {"001 0111 000000001111 11", FAX_EUNSUPPORTED}, /* uncompressed, in a run */
        {"1 0000001111 11", FAX_EUNSUPPORTED},          /* uncompressed */
        {"1 0000001000 11", FAX_EFORMAT},               /* another extension */
        {"1 000000000001 1 1", FAX_EFORMAT},            /* one EOL is no EOFB */
        {"001 0111 10", FAX_ETRUNCATED},                /* the row is not complete */
        {"1 001 0111", FAX_ETRUNCATED},                 /* the black run is missing */
        {"", FAX_EEMPTY},
        {"000000000001 000000000001", FAX_EEMPTY},
        {"00000000 00000000 00000000", FAX_EEMPTY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t4_report report;
        struct bits b = {0};
        add_bits(&b, cases[i].bits);
        int rc = decode_bits(&b, 8, PAGE_CODING_T6, NULL, &report);
        if (rc != cases[i].error)
            print_error("case %zu: %s\n", i, cases[i].bits);
        assert_int_equal(rc, cases[i].error);
        assert_true(report.error_offset <= (b.count + 7) / 8);
    }
}

static void error_offset_tells_the_place(void **state)
{
    (void)state;
    struct t4_report report;
    struct bits b = {0};
    for (int i = 0; i < 160; i++)
        add_bits(&b, "1"); /* 20 octets of white rows */
    add_bits(&b, "0000001000");
    add_bits(&b, "1111111111111111111111111111111111111111");
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T6, NULL, &report), FAX_EFORMAT);
    assert_int_equal(report.rows, 160);
    assert_in_range(report.error_offset, 20, 21);
}

static void a_bomb_is_bounded(void **state)
{
    (void)state;
    size_t length = 69000;
    uint8_t *ones = malloc(length);
    memset(ones, 0xFF, length);
    struct t4_report report;
    const struct t4_limits limits = {.max_rows = 4000};
    assert_int_equal(decode_octets(ones, length, 1728, PAGE_CODING_T6, NULL, &report), FAX_ELIMIT);
    assert_int_equal(report.rows, 10000);
    assert_int_equal(decode_octets(ones, length, 1728, PAGE_CODING_T6, &limits, &report),
                     FAX_ELIMIT);
    assert_int_equal(report.rows, 4000);
    assert_int_equal(decode_octets(ones, 500, 1728, PAGE_CODING_T6, &limits, &report), 0);
    assert_int_equal(report.rows, 4000); /* exactly the limit */
    free(ones);
}

static void t4_framing_is_tolerant(void **state)
{
    (void)state;
    static const struct {
        const char *bits;
        uint32_t rows;
        enum t4_end end;
    } cases[] = {
        {"E R E R E E E E E E", 2, T4_END_RTC},
        {"0000000 E R 00000000000000000000000000000000000000000000000000000000000000000 E R "
         "E E E E E E",
         2, T4_END_RTC},                      /* fill, also more than the reader's window */
        {"R E R E E E E E E", 2, T4_END_RTC}, /* no first EOL */
        {"E R E R", 2, T4_END_DATA},
        {"E R E R E", 2, T4_END_DATA},
        {"E R E R E E E", 2, T4_END_RTC}, /* cut inside the RTC */
        {"E R E E E E E E 1111111", 1, T4_END_RTC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t4_report report;
        struct bits b = {0};
        for (const char *c = cases[i].bits; *c; c++)
            add_bits(&b, *c == 'E' ? eol : *c == 'R' ? row_of_8 : (char[]){*c, 0});
        assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_1D, NULL, &report), 0);
        assert_int_equal(report.rows, cases[i].rows);
        assert_int_equal(report.end, cases[i].end);
        assert_int_equal(report.bad_rows, 0);
    }
}

static void bad_t4_rows_are_replaced_up_to_the_limit(void **state)
{
    (void)state;
    /* black row, short row, row with a wrong code, long row, white row */
    struct bits b = {0};
    add_bits(&b, eol);
    add_bits(&b, "00110101 000101");
    add_bits(&b, eol);
    add_bits(&b, "1000");
    add_bits(&b, eol);
    add_bits(&b, "1000 000000001 111");
    add_bits(&b, eol);
    add_bits(&b, "10011 11");
    add_bits(&b, eol);
    add_bits(&b, row_of_8);
    for (int i = 0; i < 6; i++)
        add_bits(&b, eol);
    struct page_format format = {.width = 8, .coding = PAGE_CODING_T4_1D};
    struct t4_limits limits = {.max_bad_rows = 3};
    struct t4_report report;
    struct raster out;
    assert_int_equal(t4_decode(b.octets, (b.count + 7) / 8, &format, &limits, &out, &report), 0);
    assert_int_equal(report.bad_rows, 3);
    assert_int_equal(report.end, T4_END_RTC);
    assert_int_equal(out.height, 5);
    for (uint32_t y = 0; y < 4; y++)
        assert_int_equal(raster_row(&out, y)[0], 0xFF);
    assert_int_equal(raster_row(&out, 4)[0], 0);
    raster_free(&out);
    limits.max_bad_rows = 2;
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_1D, &limits, &report), FAX_EFORMAT);
    assert_int_equal(report.bad_rows, 2);
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_1D, NULL, &report), FAX_EFORMAT);
}

static void t4_2d_waits_for_a_1d_row_after_an_error(void **state)
{
    (void)state;
    struct bits b = {0};
    add_bits(&b, eol);
    add_bits(&b, "1 00110101 000101"); /* 1-D: black */
    add_bits(&b, eol);
    add_bits(&b, "0 000001111"); /* 2-D: broken */
    add_bits(&b, eol);
    add_bits(&b, "0 1"); /* 2-D: builds on it */
    add_bits(&b, eol);
    add_bits(&b, "1 10011"); /* 1-D: white */
    add_bits(&b, eol);
    add_bits(&b, "0 1"); /* 2-D: white */
    for (int i = 0; i < 6; i++) {
        add_bits(&b, eol);
        add_bits(&b, "1");
    }
    struct t4_limits limits = {.max_bad_rows = 2};
    struct t4_report report;
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_2D, &limits, &report), 0);
    assert_int_equal(report.bad_rows, 2);
    assert_int_equal(report.rows, 5);
    assert_int_equal(report.end, T4_END_RTC);
    limits.max_bad_rows = 1;
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_2D, &limits, &report), FAX_EFORMAT);
}

static void uncompressed_mode_is_not_supported(void **state)
{
    (void)state;
    struct t4_report report;
    struct bits b = {0};
    add_bits(&b, eol);
    add_bits(&b, "000000001111 01010101");
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T4_1D, NULL, &report), FAX_EUNSUPPORTED);
    assert_int_equal(decode_bits(&b, 8, PAGE_CODING_T85, NULL, &report), FAX_EINVAL);
    assert_int_equal(decode_bits(&b, 8, (enum page_coding)0, NULL, &report), FAX_EINVAL);
    assert_int_equal(decode_bits(&b, 0, PAGE_CODING_T6, NULL, &report), FAX_EINVAL);
    assert_int_equal(decode_bits(&b, RASTER_WIDTH_MAX + 1, PAGE_CODING_T6, NULL, &report),
                     FAX_EINVAL);
}

/* Whatever is flipped or cut, decoding ends, within the limits, and says so. */
static void damage_never_passes_the_limits(void **state)
{
    (void)state;
    static const enum page_coding codings[] = {PAGE_CODING_T4_1D, PAGE_CODING_T4_2D,
                                               PAGE_CODING_T6};
    uint64_t seed = 4711;
    for (size_t c = 0; c < 3; c++) {
        struct page_format format = {.coding = codings[c], .y_dpi = 196, .x_dpi = 204};
        struct raster page;
        struct coded_page coded;
        reference_random_page(&page, 333, 60, 30, 150, &seed);
        assert_int_equal(t4_encode_page(&page, &format, &coded), 0);
        for (int i = 0; i < 3000; i++) {
            struct t4_report report;
            struct t4_limits limits = {.max_rows = 80, .max_bad_rows = (uint32_t)i % 3 * 10};
            size_t bit = reference_random(&seed) % (coded.length * 8);
            size_t length = i % 2 ? coded.length : reference_random(&seed) % coded.length;
            coded.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
            int rc = decode_octets(coded.data, length, 333, codings[c], &limits, &report);
            assert_true(report.rows <= limits.max_rows);
            assert_true(report.bad_rows <= limits.max_bad_rows);
            if (rc == 0)
                assert_true(report.rows > 0 && report.end != T4_END_NONE);
            else
                assert_true(report.error_offset <= length);
            coded.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        }
        raster_free(&page);
        coded_page_free(&coded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_t6_rows_decode),
        cmocka_unit_test(sample_letter_agrees_with_libtiff),
        cmocka_unit_test(moving_changes_agree_with_libtiff),
        cmocka_unit_test(missing_eofb_is_reported),
        cmocka_unit_test(t6_stops_at_the_first_error),
        cmocka_unit_test(error_offset_tells_the_place),
        cmocka_unit_test(a_bomb_is_bounded),
        cmocka_unit_test(t4_framing_is_tolerant),
        cmocka_unit_test(bad_t4_rows_are_replaced_up_to_the_limit),
        cmocka_unit_test(t4_2d_waits_for_a_1d_row_after_an_error),
        cmocka_unit_test(uncompressed_mode_is_not_supported),
        cmocka_unit_test(damage_never_passes_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
