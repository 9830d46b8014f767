#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/tiff_read.h"
#include "tests/unit/tiff_reference.h"

static uint8_t file[1 << 20];
static char detail[TIFF_READ_DETAIL];

static size_t load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/data/%s", TESTS_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t length = fread(file, 1, sizeof file, f);
    fclose(f);
    return length;
}

/* What is wrong with a page that libtiff writes; the rest is a page that can be sent. */
struct recipe {
    uint32_t width, rows, rows_a_strip;
    uint16_t bits, samples, photometric, compression, fill_order, unit, orientation;
    double x, y;
    bool tiled;
};

static const struct recipe sound = {
    .width = 1728,
    .rows = 60,
    .rows_a_strip = 60,
    .bits = 1,
    .samples = 1,
    .photometric = PHOTOMETRIC_MINISWHITE,
    .compression = COMPRESSION_CCITTFAX4,
    .fill_order = FILLORDER_MSB2LSB,
    .unit = RESUNIT_INCH,
    .orientation = ORIENTATION_TOPLEFT,
    .x = 204,
    .y = 196,
};

static void write_page(TIFF *t, const struct recipe *r, const struct raster *page)
{
    static uint8_t row[65536];
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, r->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, r->rows);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, r->bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, r->samples);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, r->photometric);
    TIFFSetField(t, TIFFTAG_COMPRESSION, r->compression);
    TIFFSetField(t, TIFFTAG_FILLORDER, r->fill_order);
    TIFFSetField(t, TIFFTAG_ORIENTATION, r->orientation);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    if (r->x > 0) {
        TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, r->unit);
        TIFFSetField(t, TIFFTAG_XRESOLUTION, r->x);
        TIFFSetField(t, TIFFTAG_YRESOLUTION, r->y);
    }
    if (r->tiled) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, 64);
        TIFFSetField(t, TIFFTAG_TILELENGTH, 64);
        for (uint32_t i = 0; i < TIFFNumberOfTiles(t); i++)
            TIFFWriteEncodedTile(t, i, row, TIFFTileSize(t));
        return;
    }
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, r->rows_a_strip);
    for (uint32_t y = 0; y < r->rows; y++) {
        if (page) {
            memcpy(row, raster_row_const(page, y), raster_row_octets(page));
            if (r->photometric == PHOTOMETRIC_MINISBLACK)
                for (size_t i = 0; i < raster_row_octets(page); i++)
                    row[i] ^= 0xFF;
        }
        TIFFWriteScanline(t, row, y, 0);
    }
}

/* Opens, reads all pages, and returns the first error or 0. */
static int read_all(const uint8_t *data, size_t length, const struct tiff_read_limits *limits,
                    struct raster *first)
{
    struct tiff_reader *reader;
    struct page_format format;
    struct raster page;
    uint32_t pages = 0;
    int rc = tiff_read_open(&reader, data, length, limits, detail);
    if (rc < 0) {
        assert_null(reader);
        assert_true(strlen(detail) > 0);
        return rc;
    }
    while ((rc = tiff_read_next(reader, &page, &format)) == 1) {
        assert_int_equal(format.width, page.width);
        assert_int_equal(format.height, page.height);
        if (first && pages == 0)
            *first = page;
        else
            raster_free(&page);
        pages++;
    }
    if (rc == 0) {
        assert_int_equal(pages, tiff_read_page_count(reader));
        assert_string_equal(detail, "");
    } else {
        assert_null(page.rows);
        assert_true(strlen(detail) > 0);
    }
    tiff_read_close(reader);
    return rc;
}

static void sound_documents_come_back(void **state)
{
    (void)state;
    static const uint16_t compressions[] = {
        COMPRESSION_NONE, COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4,
        COMPRESSION_LZW,  COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS,
    };
    uint64_t seed = 3;
    struct raster page, back;
    reference_random_page(&page, 1728, sound.rows, 50, 100, &seed);
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0] * 8; i++) {
        struct recipe r = sound;
        struct memory_file f = {0};
        r.compression = compressions[i / 8];
        r.photometric = i & 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_MINISWHITE;
        r.fill_order = i & 2 ? FILLORDER_LSB2MSB : FILLORDER_MSB2LSB;
        r.rows_a_strip = i & 4 ? 7 : r.rows;
        TIFF *t = memory_file_open(&f, i & 2 ? "wb" : "wl");
        write_page(t, &r, &page);
        TIFFClose(t);
        int rc = read_all(f.data, f.length, &tiff_read_send_limits, &back);
        if (rc < 0)
            print_error("case %zu: %s\n", i, detail);
        assert_int_equal(rc, 0);
        assert_true(raster_equal(&page, &back));
        raster_free(&back);
        free(f.data);
    }
    raster_free(&page);
}

static void resolutions_are_recognised(void **state)
{
    (void)state;
    static const struct {
        double x, y;
        uint16_t unit, y_dpi;
    } cases[] = {
        {204, 98, RESUNIT_INCH, 98},          {204, 196, RESUNIT_INCH, 196},
        {204, 391, RESUNIT_INCH, 391},        {200, 100, RESUNIT_INCH, 98},
        {200, 200, RESUNIT_INCH, 196},        {203, 195.58, RESUNIT_INCH, 196},
        {80.4, 38.5, RESUNIT_CENTIMETER, 98}, {80.4, 77, RESUNIT_CENTIMETER, 196},
        {80.4, 154, RESUNIT_CENTIMETER, 391}, {204, 400, RESUNIT_INCH, 391},
        {300, 300, RESUNIT_INCH, 0},          {408, 391, RESUNIT_INCH, 0},
        {204, 150, RESUNIT_INCH, 0},          {204, 196, RESUNIT_CENTIMETER, 0},
        {204, 196, RESUNIT_NONE, 0},          {0, 0, RESUNIT_INCH, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct recipe r = sound;
        struct memory_file f = {0};
        struct tiff_reader *reader;
        struct page_format format;
        struct raster page;
        r.x = cases[i].x;
        r.y = cases[i].y;
        r.unit = cases[i].unit;
        TIFF *t = memory_file_open(&f, "w");
        write_page(t, &r, NULL);
        TIFFClose(t);
        int rc = tiff_read_open(&reader, f.data, f.length, &tiff_read_send_limits, detail);
        if (cases[i].y_dpi) {
            assert_int_equal(rc, 0);
            assert_int_equal(tiff_read_next(reader, &page, &format), 1);
            assert_int_equal(format.x_dpi, 204);
            assert_int_equal(format.y_dpi, cases[i].y_dpi);
            raster_free(&page);
        } else {
            assert_int_equal(rc, FAX_EUNSUPPORTED);
            assert_non_null(strstr(detail, "dpi is needed"));
        }
        tiff_read_close(reader);
        free(f.data);
    }
}

/* The second page of a document is wrong in one way each. */
static void wrong_pages_are_named(void **state)
{
    (void)state;
    static const struct {
        struct recipe change; /* its fields that are not 0 replace those of the sound page */
        int error;
        const char *detail;
    } cases[] = {
        {{.bits = 8, .photometric = PHOTOMETRIC_MINISBLACK, .compression = COMPRESSION_LZW},
         FAX_EUNSUPPORTED,
         "page 2: 8 bits per sample; a fax page has 1"},
        {{.bits = 8, .samples = 3, .photometric = PHOTOMETRIC_RGB, .compression = COMPRESSION_LZW},
         FAX_EUNSUPPORTED,
         "page 2: RGB colour; a fax page is black and white"},
        {{.samples = 2, .photometric = PHOTOMETRIC_MINISBLACK, .compression = COMPRESSION_NONE},
         FAX_EUNSUPPORTED,
         "page 2: 2 samples per pixel; a fax page has 1"},
        {{.tiled = true}, FAX_EUNSUPPORTED, "page 2: stored in tiles; strips are needed"},
        {{.width = 1729}, FAX_EUNSUPPORTED, "page 2: 1729 pixels wide; a fax page has 1728"},
        {{.rows = 10001}, FAX_ELIMIT, "page 2: 10001 rows; at most 10000 are allowed"},
        {{.x = 300, .y = 300},
         FAX_EUNSUPPORTED,
         "page 2: 300.0 by 300.0 dpi; 204 by 98, 196 or 391 dpi is needed"},
        {{.orientation = ORIENTATION_BOTLEFT},
         FAX_EUNSUPPORTED,
         "page 2: not stored from the top left corner"},
        {{.compression = COMPRESSION_CCITTRLEW},
         FAX_EUNSUPPORTED,
         "page 2: compression scheme 32771 is not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct recipe *c = &cases[i].change;
        struct recipe r = sound;
        struct memory_file f = {0};
        r.width = c->width ? c->width : r.width;
        r.rows = c->rows ? c->rows : r.rows;
        r.bits = c->bits ? c->bits : r.bits;
        r.samples = c->samples ? c->samples : r.samples;
        r.photometric = c->photometric ? c->photometric : r.photometric;
        r.compression = c->compression ? c->compression : r.compression;
        r.orientation = c->orientation ? c->orientation : r.orientation;
        r.tiled = c->tiled;
        r.x = c->x > 0 ? c->x : r.x;
        r.y = c->y > 0 ? c->y : r.y;
        TIFF *t = memory_file_open(&f, "w");
        write_page(t, &sound, NULL);
        TIFFWriteDirectory(t);
        write_page(t, &r, NULL);
        TIFFClose(t);
        assert_int_equal(read_all(f.data, f.length, &tiff_read_send_limits, NULL), cases[i].error);
        assert_string_equal(detail, cases[i].detail);
        free(f.data);
    }
}

static void samples_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int error;
        const char *detail;
    } cases[] = {
        {"letter.tif", 0, ""},
        {"wrong_width.tif", FAX_EUNSUPPORTED, "page 1: 1700 pixels wide; a fax page has 1728"},
        {"rgb.tif", FAX_EUNSUPPORTED, "page 1: RGB colour; a fax page is black and white"},
        {"truncated.tif", FAX_ETRUNCATED, "page 1: the document ends before strip 1 does"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = load(cases[i].name);
        assert_int_equal(read_all(file, length, &tiff_read_send_limits, NULL), cases[i].error);
        assert_string_equal(detail, cases[i].detail);
    }
    assert_int_equal(read_all(file, load("text_a4.pdf"), &tiff_read_send_limits, NULL),
                     FAX_EFORMAT);
    assert_non_null(strstr(detail, "not a TIFF document"));
    assert_int_equal(read_all(file, 0, &tiff_read_send_limits, NULL), FAX_EEMPTY);
    assert_int_equal(read_all(file, 5, &tiff_read_send_limits, NULL), FAX_ETRUNCATED);
}

static void damaged_rows_are_noticed(void **state)
{
    (void)state;
    /* The strip of letter.tif begins behind the directory; some rows into it the codes break. */
    size_t length = load("letter.tif");
    memset(file + length / 2, 0x02, 64);
    assert_int_equal(read_all(file, length, &tiff_read_send_limits, NULL), FAX_EFORMAT);
    assert_non_null(strstr(detail, "page 1: row "));
    assert_non_null(strstr(detail, "does not decode"));
}

static void loops_and_long_lists_end(void **state)
{
    (void)state;
    struct memory_file f = {0};
    TIFF *t = memory_file_open(&f, "wl");
    write_page(t, &sound, NULL);
    TIFFWriteDirectory(t);
    write_page(t, &sound, NULL);
    TIFFClose(t);
    const struct tiff_read_limits one = {.width = 1728, .max_rows = 100, .max_pages = 1};
    assert_int_equal(read_all(f.data, f.length, &one, NULL), FAX_ELIMIT);
    assert_string_equal(detail, "more than 1 pages");
    assert_int_equal(read_all(f.data, f.length, &tiff_read_send_limits, NULL), 0);

    /* The link behind the second directory leads back to the first, then beyond the end. */
    size_t first = f.data[4] | (size_t)f.data[5] << 8;
    size_t link = first + 2 + (size_t)f.data[first] * 12;
    size_t second = f.data[link] | (size_t)f.data[link + 1] << 8;
    uint8_t *last = f.data + second + 2 + (size_t)f.data[second] * 12;
    last[0] = f.data[4];
    last[1] = f.data[5];
    assert_int_equal(read_all(f.data, f.length, &tiff_read_send_limits, NULL), FAX_EFORMAT);
    assert_non_null(strstr(detail, "damaged page directory"));
    last[2] = 0x7F;
    assert_int_equal(read_all(f.data, f.length, &tiff_read_send_limits, NULL), FAX_EFORMAT);
    free(f.data);
}

static void every_cut_is_an_error(void **state)
{
    (void)state;
    struct memory_file f = {0};
    uint64_t seed = 8;
    struct raster page;
    reference_random_page(&page, 1728, sound.rows, 50, 100, &seed);
    TIFF *t = memory_file_open(&f, "w");
    write_page(t, &sound, &page);
    TIFFClose(t);
    for (size_t n = 0; n < f.length; n += 1 + n % 5) {
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, f.data, n);
        assert_true(read_all(cut, n, &tiff_read_send_limits, NULL) < 0);
        free(cut);
    }
    raster_free(&page);
    free(f.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_documents_come_back), cmocka_unit_test(resolutions_are_recognised),
        cmocka_unit_test(wrong_pages_are_named),     cmocka_unit_test(samples_are_judged),
        cmocka_unit_test(damaged_rows_are_noticed),  cmocka_unit_test(loops_and_long_lists_end),
        cmocka_unit_test(every_cut_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
