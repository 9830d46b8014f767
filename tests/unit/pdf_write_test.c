#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/pdf_write.h"
#include "tests/unit/tiff_reference.h"

static char output[65536];

/* Runs a command whose %s is the file; its output is kept in `output`. Returns the exit status. */
static int run(const char *before, const char *name, const char *after)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s %s 2>&1", before, name, after);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command */
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(output, 1, sizeof output - 1, p);
    output[n] = '\0';
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_file(char *name, const uint8_t *data, size_t length)
{
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), (ssize_t)length);
    close(fd);
}

/* Compares a binary PBM, whose 1 is black too, with a page. */
static void check_pbm(const char *name, const struct raster *page)
{
    char header[32], expected[32];
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    snprintf(expected, sizeof expected, "P4\n%u %u\n", page->width, page->height);
    assert_int_equal(fread(header, 1, strlen(expected), f), strlen(expected));
    assert_memory_equal(header, expected, strlen(expected));
    uint8_t row[4096];
    size_t octets = raster_row_octets(page);
    for (uint32_t y = 0; y < page->height; y++) {
        assert_int_equal(fread(row, 1, octets, f), octets);
        if (page->width % 8)
            row[octets - 1] &= (uint8_t)(0xFF << (8 - page->width % 8));
        assert_memory_equal(row, raster_row_const(page, y), octets);
    }
    fclose(f);
}

static void other_programs_read_the_document(void **state)
{
    (void)state;
    struct raster pages[3];
    struct pdf_writer w = {0};
    uint8_t *data;
    size_t length;
    uint64_t seed = 77;
    char name[] = "/tmp/pdf_write_test_XXXXXX", image[64], prefix[48];
    reference_random_page(&pages[0], 1728, 2292, 200, 220, &seed);
    reference_random_page(&pages[1], 1728, 120, 10, 100, &seed);
    reference_random_page(&pages[2], 1001, 57, 30, 100, &seed);
    assert_int_equal(pdf_write_page(&w, &pages[0], 204, 196), 0);
    assert_int_equal(pdf_write_page(&w, &pages[1], 204, 98), 0);
    assert_int_equal(pdf_write_page(&w, &pages[2], 204, 391), 0);
    assert_int_equal(pdf_write_finish(&w, &data, &length), 0);
    write_file(name, data, length);

    if (run("qpdf --check", name, "") != 0)
        fail_msg("%s", output);
    assert_null(strstr(output, "WARNING"));
    assert_int_equal(run("pdfinfo -l 3", name, ""), 0);
    assert_non_null(strstr(output, "Pages:           3"));
    assert_non_null(strstr(output, "PDF version:     1.4"));
    assert_non_null(strstr(output, "609.882 x 841.959 pts")); /* 1728 / 204 and 2292 / 196 inches */
    assert_int_equal(run("pdfimages -list", name, ""), 0);
    assert_non_null(strstr(output, "ccitt"));

    snprintf(prefix, sizeof prefix, "%s-i", name);
    assert_int_equal(run("pdfimages", name, prefix), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(image, sizeof image, "%s-%03d.pbm", prefix, i);
        check_pbm(image, &pages[i]);
        unlink(image);
        raster_free(&pages[i]);
    }
    unlink(name);
    wiped_free(data, length);
}

static void rendered_page_is_not_inverted(void **state)
{
    (void)state;
    struct raster page;
    struct pdf_writer w = {0};
    uint8_t *data;
    size_t length;
    char name[] = "/tmp/pdf_write_test_XXXXXX";
    assert_int_equal(raster_init(&page, 204, 196), 0); /* an inch; its left half is black */
    for (uint32_t y = 0; y < 196; y++)
        for (uint32_t x = 0; x < 102; x++)
            reference_set_pixel(&page, x, y);
    assert_int_equal(pdf_write_page(&w, &page, 204, 196), 0);
    assert_int_equal(pdf_write_finish(&w, &data, &length), 0);
    write_file(name, data, length);
    assert_int_equal(run("pdftoppm -gray -r 10", name, ""), 0);
    assert_memory_equal(output, "P5\n10 10\n255\n", 13);
    for (int y = 0; y < 10; y++) {
        assert_true((uint8_t)output[13 + y * 10] < 10);
        assert_true((uint8_t)output[13 + y * 10 + 9] > 245);
    }
    unlink(name);
    wiped_free(data, length);
    raster_free(&page);
}

static void many_pages_fit(void **state)
{
    (void)state;
    struct raster page;
    struct pdf_writer w = {0};
    uint8_t *data;
    size_t length;
    char name[] = "/tmp/pdf_write_test_XXXXXX";
    assert_int_equal(raster_init(&page, 1728, 8), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(pdf_write_page(&w, &page, 204, 196), 0);
    assert_int_equal(pdf_write_finish(&w, &data, &length), 0);
    write_file(name, data, length);
    assert_int_equal(run("qpdf --show-npages", name, ""), 0);
    assert_string_equal(output, "300\n");
    unlink(name);
    wiped_free(data, length);
    raster_free(&page);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    struct pdf_writer w = {0};
    struct raster none = {0}, page;
    uint8_t *data;
    size_t length;
    assert_int_equal(pdf_write_finish(&w, &data, &length), FAX_EEMPTY);
    assert_int_equal(pdf_write_page(&w, &none, 204, 196), FAX_EINVAL);
    assert_int_equal(raster_init(&page, 1728, 1), 0);
    assert_int_equal(pdf_write_page(&w, &page, 204, 0), FAX_EINVAL);
    assert_int_equal(pdf_write_page(&w, &page, 204, 196), 0);
    pdf_write_free(&w);
    pdf_write_free(NULL);
    raster_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_programs_read_the_document),
        cmocka_unit_test(rendered_page_is_not_inverted),
        cmocka_unit_test(many_pages_fit),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
