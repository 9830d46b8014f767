#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/tiff_read.h"
#include "codecs/tiff_write.h"
#include "tests/unit/tiff_reference.h"

enum { PAGES = 3 };

static void make_pages(struct raster pages[PAGES])
{
    uint64_t seed = 31;
    for (int i = 0; i < PAGES; i++)
        reference_random_page(&pages[i], 1728, 100 + (uint32_t)i * 37, 80, 180, &seed);
}

static void free_pages(struct raster pages[PAGES])
{
    for (int i = 0; i < PAGES; i++)
        raster_free(&pages[i]);
}

static void write_pages(const struct raster pages[PAGES], struct memory_file *file)
{
    struct tiff_writer w = {0};
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(tiff_write_page(&w, &pages[i], 204, i == 1 ? 98 : 196), 0);
    assert_int_equal(tiff_write_finish(&w, &file->data, &file->length), 0);
    assert_int_equal(w.pages, 0);
}

static void libtiff_reads_the_document(void **state)
{
    (void)state;
    struct raster pages[PAGES];
    struct memory_file file = {0};
    make_pages(pages);
    write_pages(pages, &file);
    TIFF *t = memory_file_open(&file, "r");
    assert_non_null(t);
    for (int i = 0; i < PAGES; i++) {
        uint16_t photometric, fill, number, total, unit, compression;
        float x, y;
        char *text;
        uint8_t row[216];
        TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &photometric);
        TIFFGetField(t, TIFFTAG_FILLORDER, &fill);
        TIFFGetField(t, TIFFTAG_PAGENUMBER, &number, &total);
        TIFFGetField(t, TIFFTAG_RESOLUTIONUNIT, &unit);
        TIFFGetField(t, TIFFTAG_COMPRESSION, &compression);
        TIFFGetField(t, TIFFTAG_XRESOLUTION, &x);
        TIFFGetField(t, TIFFTAG_YRESOLUTION, &y);
        assert_int_equal(photometric, PHOTOMETRIC_MINISWHITE);
        assert_int_equal(fill, FILLORDER_MSB2LSB);
        assert_int_equal(number, i);
        assert_int_equal(total, PAGES);
        assert_int_equal(unit, RESUNIT_INCH);
        assert_int_equal(compression, COMPRESSION_CCITTFAX4);
        assert_true(x > 203.9F && x < 204.1F);
        assert_int_equal((int)(y + 0.5F), i == 1 ? 98 : 196);
        assert_int_equal(TIFFNumberOfStrips(t), 1);
        assert_int_equal(TIFFGetField(t, TIFFTAG_HOSTCOMPUTER, &text), 0);
        assert_int_equal(TIFFGetField(t, TIFFTAG_SOFTWARE, &text), 0);
        assert_int_equal(TIFFGetField(t, TIFFTAG_DATETIME, &text), 0);
        for (uint32_t r = 0; r < pages[i].height; r++) {
            assert_int_equal(TIFFReadScanline(t, row, r, 0), 1);
            assert_memory_equal(row, raster_row(&pages[i], r), sizeof row);
        }
        assert_int_equal(TIFFReadDirectory(t), i + 1 < PAGES);
    }
    TIFFClose(t);
    wiped_free(file.data, file.length);
    free_pages(pages);
}

static void our_reader_reads_the_document(void **state)
{
    (void)state;
    struct raster pages[PAGES], page;
    struct memory_file file = {0};
    struct tiff_reader *reader;
    struct page_format format;
    char detail[TIFF_READ_DETAIL];
    make_pages(pages);
    write_pages(pages, &file);
    assert_int_equal(
        tiff_read_open(&reader, file.data, file.length, &tiff_read_send_limits, detail), 0);
    assert_int_equal(tiff_read_page_count(reader), PAGES);
    for (int i = 0; i < PAGES; i++) {
        assert_int_equal(tiff_read_next(reader, &page, &format), 1);
        assert_true(raster_equal(&page, &pages[i]));
        assert_int_equal(format.y_dpi, i == 1 ? 98 : 196);
        raster_free(&page);
    }
    assert_int_equal(tiff_read_next(reader, &page, &format), 0);
    tiff_read_close(reader);
    wiped_free(file.data, file.length);
    free_pages(pages);
}

static void same_pages_same_octets(void **state)
{
    (void)state;
    struct raster pages[PAGES];
    struct memory_file a = {0}, b = {0};
    make_pages(pages);
    write_pages(pages, &a);
    write_pages(pages, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    wiped_free(a.data, a.length);
    wiped_free(b.data, b.length);
    free_pages(pages);
}

static void tiffinfo_has_no_complaint(void **state)
{
    (void)state;
    struct raster pages[PAGES];
    struct memory_file file = {0};
    make_pages(pages);
    write_pages(pages, &file);
    char name[] = "/tmp/tiff_write_test_XXXXXX", command[128], output[16384];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.data, file.length), (ssize_t)file.length);
    close(fd);
    snprintf(command, sizeof command, "tiffinfo -D %s 2>&1", name);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command */
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(output, 1, sizeof output - 1, p);
    output[n] = '\0';
    assert_int_equal(pclose(p), 0);
    unlink(name);
    assert_non_null(strstr(output, "Page Number: 2-3"));
    assert_non_null(strstr(output, "CCITT Group 4"));
    assert_null(strstr(output, "Warning"));
    assert_null(strstr(output, "Error"));
    wiped_free(file.data, file.length);
    free_pages(pages);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    struct tiff_writer w = {0};
    struct raster none = {0}, page;
    uint8_t *data;
    size_t length;
    assert_int_equal(tiff_write_finish(&w, &data, &length), FAX_EEMPTY);
    assert_int_equal(tiff_write_page(&w, &none, 204, 196), FAX_EINVAL);
    assert_int_equal(raster_init(&page, 1728, 1), 0);
    assert_int_equal(tiff_write_page(&w, &page, 0, 196), FAX_EINVAL);
    w.pages = UINT16_MAX;
    assert_int_equal(tiff_write_page(&w, &page, 204, 196), FAX_ELIMIT);
    assert_int_equal(w.buffer.length, 0);
    tiff_write_free(&w);
    tiff_write_free(NULL);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libtiff_reads_the_document),
        cmocka_unit_test(our_reader_reads_the_document),
        cmocka_unit_test(same_pages_same_octets),
        cmocka_unit_test(tiffinfo_has_no_complaint),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
