#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/t85_adaptive.h"
#include "codecs/t85_decode.h"
#include "codecs/t85_encode.h"
#include "codecs/tiff_read.h"
#include "codecs/wiped_buffer.h"
#include "tests/unit/jbig_reference.h"
#include "tests/unit/tiff_reference.h"

/* libjbig leaves some of the zeros at the end of a stripe; they may be left out (T.82 §6.8.2.8). */
static void strip_zeros(struct jbig_bie *bie)
{
    size_t to = 20;
    for (size_t from = 20; from < bie->length; from++) {
        bool marker = from + 1 < bie->length && bie->data[from] == 0xFF && bie->data[from + 1] == 2;
        while (marker && to > 20 && bie->data[to - 1] == 0 && bie->data[to - 2] != 0xFF)
            to--;
        bie->data[to++] = bie->data[from];
    }
    bie->length = to;
}

/* ours → ours, ours → libjbig, libjbig → ours; where libjbig chooses nothing by itself the octets
 * are the same. */
static void check_page_with(const struct raster *page, const struct t85_options *options,
                            bool variable)
{
    struct wiped_buffer to = {0};
    struct t85_encoder *e;
    assert_int_equal(t85_encoder_new(&e, page->width, variable ? 0 : page->height, options, &to),
                     0);
    for (uint32_t y = 0; y < page->height; y++)
        assert_int_equal(t85_encoder_row(e, raster_row_const(page, y)), 0);
    assert_int_equal(t85_encoder_finish(e), 0);
    t85_encoder_free(e);

    struct raster back;
    struct t85_report report;
    assert_int_equal(t85_decode(to.data, to.length, NULL, &back, &report), 0);
    assert_true(raster_equal(page, &back));
    assert_int_equal(report.rows, page->height);
    raster_free(&back);
    assert_true(jbig_decode(to.data, to.length, &back));
    assert_true(raster_equal(page, &back));
    raster_free(&back);

    uint32_t stripe_rows = options->stripe_rows ? options->stripe_rows : 128;
    int flags = (options->two_line ? JBG_LRLTWO : 0) | (options->not_typical ? 0 : JBG_TPBON) |
                (variable ? JBG_VLENGTH : 0);
    struct jbig_bie theirs = jbig_encode(page, flags, stripe_rows, options->at_x);
    assert_int_equal(t85_decode(theirs.data, theirs.length, NULL, &back, &report), 0);
    assert_true(raster_equal(page, &back));
    raster_free(&back);
    if (options->at_x == 0 && !options->reset_stripes) {
        strip_zeros(&theirs);
        assert_int_equal(to.length, theirs.length);
        assert_memory_equal(to.data, theirs.data, to.length);
    }
    free(theirs.data);
    wiped_buffer_free(&to);
}

static void check_page(const struct raster *page)
{
    static const uint32_t stripes[] = {0, 1, 7, 0x7FFFFFFF};
    static const uint8_t places[] = {0, 5, 8, 64, 65, 127};
    for (unsigned i = 0; i < 4 * 2 * 2 * 2; i++) {
        struct t85_options options = {
            .stripe_rows = stripes[i % 4], .two_line = i & 4, .not_typical = i & 8};
        check_page_with(page, &options, i & 16);
    }
    for (unsigned i = 0; i < 6 * 2 * 2; i++) {
        struct t85_options options = {.stripe_rows = 9,
                                      .at_x = places[i % 6],
                                      .two_line = i >= 12,
                                      .reset_stripes = i / 6 % 2};
        check_page_with(page, &options, false);
    }
}

static void random_pages_agree_with_libjbig(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1,   2,   7,   8,   9,    31,   63,   64,  65,
                                      100, 127, 128, 129, 1000, 1728, 2047, 2432};
    static const uint32_t longest[] = {1, 2, 9, 40, 300, 3000};
    uint64_t seed = 20261122;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        for (size_t l = 0; l < sizeof longest / sizeof longest[0]; l++) {
            struct raster page;
            reference_random_page(&page, widths[w], 1 + (uint32_t)(w * 5 + l) % 40, longest[l],
                                  (uint32_t)(l % 3) * 100, &seed);
            check_page(&page);
            raster_free(&page);
        }
    }
}

/* White with little in it: long runs without a renormalisation. */
static void sparse_pages_agree_with_libjbig(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (uint32_t dots = 0; dots < 6; dots++) {
        struct raster page;
        assert_int_equal(raster_init(&page, 1728, 300), 0);
        for (uint32_t i = 0; i < dots * dots * 20; i++)
            reference_set_pixel(&page, reference_random(&seed) % 1728,
                                reference_random(&seed) % 300);
        check_page(&page);
        raster_free(&page);
    }
}

static void plain_pages_agree_with_libjbig(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 8, 63, 64, 65, 1728};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        for (int kind = 1; kind < 4; kind++) { /* black, columns, chess board */
            struct raster page;
            assert_int_equal(raster_init(&page, widths[w], 40), 0);
            for (uint32_t y = 0; y < 40; y++)
                for (uint32_t x = 0; x < widths[w]; x++)
                    if (kind == 1 || (kind == 2 && x % 2) || (kind == 3 && (x + y) % 2))
                        reference_set_pixel(&page, x, y);
            check_page(&page);
            raster_free(&page);
        }
    }
}

/* A screen of dots eight pixels apart makes libjbig move its adaptive pixel. */
static void halftones_agree_with_libjbig(void **state)
{
    (void)state;
    struct raster page;
    uint64_t seed = 11;
    assert_int_equal(raster_init(&page, 1728, 600), 0);
    for (uint32_t y = 0; y < 600; y++)
        for (uint32_t x = 0; x < 1728; x++)
            if ((x * 5 + y * 3) % 8 < (x + y) / 300 + reference_random(&seed) % 2)
                reference_set_pixel(&page, x, y);
    check_page(&page);
    struct jbig_bie moved = jbig_encode(&page, JBG_TPBON, 128, 127);
    struct jbig_bie fixed = jbig_encode(&page, JBG_TPBON, 128, 0);
    assert_true(moved.length < fixed.length);
    const struct page_format format = {.coding = PAGE_CODING_T85};
    struct coded_page ours;
    assert_int_equal(t85_adaptive_place(&page), 8);
    assert_int_equal(page_encode(&page, &format, &ours), 0);
    assert_true(ours.length < fixed.length);
    coded_page_free(&ours);
    struct raster back;
    assert_int_equal(t85_decode(moved.data, moved.length, NULL, &back, NULL), 0);
    assert_true(raster_equal(&page, &back));
    raster_free(&back);
    free(moved.data);
    free(fixed.data);
    raster_free(&page);
}

static void load_letter(struct raster *page)
{
    static uint8_t file[1 << 20];
    char detail[TIFF_READ_DETAIL];
    struct page_format format;
    struct tiff_reader *reader;
    FILE *f = fopen(TESTS_DIR "/data/letter.tif", "rb");
    assert_non_null(f);
    size_t length = fread(file, 1, sizeof file, f);
    fclose(f);
    assert_int_equal(tiff_read_open(&reader, file, length, &tiff_read_send_limits, detail), 0);
    assert_int_equal(tiff_read_next(reader, page, &format), 1);
    tiff_read_close(reader);
}

static void sample_letter_agrees_with_libjbig(void **state)
{
    (void)state;
    struct raster page;
    load_letter(&page);
    assert_int_equal(t85_adaptive_place(&page), 0);
    check_page_with(&page, &(struct t85_options){0}, false);
    check_page_with(&page, &(struct t85_options){.stripe_rows = 4000, .two_line = true}, true);
    check_page_with(&page, &(struct t85_options){.at_x = 31, .not_typical = true}, false);
    raster_free(&page);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct raster page, back;
    uint8_t *data;
    size_t length;
    assert_int_equal(raster_init(&page, 64, 200), 0);
    assert_int_equal(t85_encode(&page, NULL, &data, &length), 0);
    struct t85_limits limits = {.max_rows = 199};
    assert_int_equal(t85_decode(data, length, &limits, &back, NULL), FAX_ELIMIT);
    assert_null(back.rows);
    limits.max_rows = 200;
    assert_int_equal(t85_decode(data, length, &limits, &back, NULL), 0);
    raster_free(&back);
    limits.width = 63;
    assert_int_equal(t85_decode(data, length, &limits, &back, NULL), FAX_EFORMAT);
    limits.width = 64;
    assert_int_equal(t85_decode(data, length, &limits, &back, NULL), 0);
    raster_free(&back);
    /* a row count of four thousand million, told to be variable */
    memset(data + 8, 0xFF, 4);
    data[19] |= 0x20;
    struct t85_report report;
    assert_int_equal(t85_decode(data, length, &limits, &back, &report), FAX_ELIMIT);
    assert_int_equal(report.rows, 200);
    limits.max_rows = 0;
    assert_int_equal(t85_decode(data, length, &limits, &back, &report), FAX_ETRUNCATED);
    assert_int_equal(report.rows, 256);
    wiped_free(data, length);
    raster_free(&page);
}

static void tiny_pages_keep_the_nominal_place(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 64, 65, 129, 200};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (uint32_t rows = 1; rows < 40; rows += 19) {
            struct raster page;
            uint64_t seed = 1;
            reference_random_page(&page, widths[i], rows, 2, 0, &seed);
            assert_int_equal(t85_adaptive_place(&page), 0);
            raster_free(&page);
        }
}

/* A few octets that stand for a page of endless white end at the limit of rows. */
static void a_bomb_ends_at_the_limit(void **state)
{
    (void)state;
    uint8_t bomb[26] = {0, 0, 1, 0, 0, 0, 0x40, 0, 0, 0xFF, 0xFF, 0xFF};
    static const uint8_t rest[] = {0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0x28, 0xFF, 2};
    memcpy(bomb + 12, rest, sizeof rest);
    struct raster back;
    struct t85_report report;
    assert_int_equal(t85_decode(bomb, 22, NULL, &back, &report), FAX_ELIMIT);
    memset(bomb + 8, 0xFF, 4);
    assert_int_equal(t85_decode(bomb, 22, NULL, &back, &report), FAX_ELIMIT);
    assert_int_equal(report.rows, 10000);
}

static void headers_outside_of_t85_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, value;
        int error;
    } cases[] = {
        {0, 1, FAX_EFORMAT},       /* DL above D */
        {1, 1, FAX_EUNSUPPORTED},  /* a resolution layer */
        {2, 0, FAX_EFORMAT},       /* no plane */
        {2, 2, FAX_EUNSUPPORTED},  /* two planes */
        {3, 1, FAX_EFORMAT},       /* fill */
        {7, 0, FAX_EFORMAT},       /* no width */
        {4, 1, FAX_ELIMIT},        /* a width of sixteen million */
        {11, 0, FAX_EFORMAT},      /* no rows */
        {15, 0, FAX_EFORMAT},      /* no stripe */
        {16, 128, FAX_EFORMAT},    /* MX */
        {17, 1, FAX_EUNSUPPORTED}, /* MY */
        {18, 8, FAX_EUNSUPPORTED}, /* order */
        {18, 16, FAX_EFORMAT},        {19, 0x88, FAX_EFORMAT},
        {19, 0x18, FAX_EUNSUPPORTED}, {19, 0x0A, FAX_EUNSUPPORTED}, /* a private table */
    };
    struct raster page, back;
    uint8_t *data;
    size_t length;
    assert_int_equal(raster_init(&page, 64, 200), 0);
    assert_int_equal(t85_encode(&page, NULL, &data, &length), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t kept = data[cases[i].at];
        data[cases[i].at] = cases[i].value;
        assert_int_equal(t85_decode(data, length, NULL, &back, NULL), cases[i].error);
        data[cases[i].at] = kept;
    }
    assert_int_equal(t85_decode(data, length, NULL, &back, NULL), 0);
    raster_free(&back);
    wiped_free(data, length);
    raster_free(&page);
}

/* Every prefix is an error, none reads beyond its end. */
static void torn_images_are_refused(void **state)
{
    (void)state;
    struct raster page, back;
    struct t85_options options = {.stripe_rows = 16, .at_x = 8};
    uint8_t *data;
    size_t length;
    uint64_t seed = 3;
    reference_random_page(&page, 200, 60, 9, 100, &seed);
    assert_int_equal(t85_encode(&page, &options, &data, &length), 0);
    for (size_t n = 0; n < length; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        struct t85_report report;
        memcpy(exact, data, n);
        assert_true(t85_decode(exact, n, NULL, &back, &report) < 0);
        assert_null(back.rows);
        assert_true(report.error_offset <= n);
        free(exact);
    }
    /* as in the last frame of a page */
    uint8_t *padded = calloc(1, length + 255);
    memcpy(padded, data, length);
    struct t85_report report;
    assert_int_equal(t85_decode(padded, length + 255, NULL, &back, &report), 0);
    assert_true(raster_equal(&page, &back));
    assert_int_equal(report.end_offset, length);
    raster_free(&back);
    free(padded);
    wiped_free(data, length);
    raster_free(&page);
}

struct text {
    uint8_t octets[512];
    size_t length;
};

static void add(struct text *t, const void *data, size_t length)
{
    if (length)
        memcpy(t->octets + t->length, data, length);
    t->length += length;
}

/* What `between` does to an image of two stripes of 128 rows when it stands between them. */
static int decode_with(const void *between, size_t length, bool variable, uint32_t *rows)
{
    struct raster page, back;
    struct text text = {0};
    uint8_t *data;
    size_t coded;
    assert_int_equal(raster_init(&page, 64, 256), 0);
    for (uint32_t y = 0; y < 256; y++)
        reference_set_pixel(&page, y % 64, y);
    assert_int_equal(t85_encode(&page, NULL, &data, &coded), 0);
    size_t first = 20;
    while (data[first] != 0xFF || data[first + 1] == 0)
        first += data[first] == 0xFF ? 2 : 1;
    first += 2;
    assert_true(first < coded && coded < 200);
    data[19] |= variable ? 0x20 : 0;
    data[16] = 20;
    add(&text, data, first);
    add(&text, between, length);
    add(&text, data + first, coded - first);
    struct t85_report report;
    int rc = t85_decode(text.octets, text.length, NULL, &back, &report);
    *rows = report.rows;
    raster_free(&back);
    raster_free(&page);
    wiped_free(data, coded);
    return rc;
}

static void markers_between_stripes(void **state)
{
    (void)state;
    uint32_t rows;
    static const uint8_t comment[] = {0xFF, 7, 0, 0, 0, 3, 0xFF, 2, 0},
                         torn[] = {0xFF, 7, 1, 0, 0, 0};
    static const uint8_t given_up[] = {0xFF, 4}, unknown[] = {0xFF, 8};
    static const uint8_t same[] = {0xFF, 5, 0, 0, 0, 128}, less[] = {0xFF, 5, 0, 0, 0, 100},
                         inside[] = {0xFF, 5, 0, 0, 0, 200}, more[] = {0xFF, 5, 0, 0, 1, 1};
    static const uint8_t far[] = {0xFF, 6, 0, 0, 0, 0, 21, 0}, near[] = {0xFF, 6, 0, 0, 0, 0, 2, 0},
                         up[] = {0xFF, 6, 0, 0, 0, 0, 8, 1}, late[] = {0xFF, 6, 0, 0, 0, 128, 8, 0};
    assert_int_equal(decode_with(NULL, 0, false, &rows), 0);
    assert_int_equal(rows, 256);
    assert_int_equal(decode_with(comment, sizeof comment, false, &rows), 0);
    assert_int_equal(rows, 256);
    assert_int_equal(decode_with(torn, sizeof torn, false, &rows), FAX_ETRUNCATED);
    assert_int_equal(decode_with(given_up, sizeof given_up, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(unknown, sizeof unknown, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(same, sizeof same, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(same, sizeof same, true, &rows), 0);
    assert_int_equal(rows, 128);
    assert_int_equal(decode_with(less, sizeof less, true, &rows), 0);
    assert_int_equal(rows, 100);
    assert_int_equal(decode_with(inside, sizeof inside, true, &rows), 0);
    assert_int_equal(rows, 200);
    assert_int_equal(decode_with(more, sizeof more, true, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(far, sizeof far, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(near, sizeof near, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(up, sizeof up, false, &rows), FAX_EFORMAT);
    assert_int_equal(decode_with(late, sizeof late, false, &rows), 0);
    uint8_t five[5 * sizeof late];
    for (size_t i = 0; i < 5; i++)
        memcpy(five + i * sizeof late, late, sizeof late);
    assert_int_equal(decode_with(five, sizeof five, false, &rows), FAX_EUNSUPPORTED);
}

static void rows_are_counted(void **state)
{
    (void)state;
    struct wiped_buffer to = {0};
    struct t85_encoder *e;
    struct t85_options options = {0};
    uint8_t row[8] = {0};
    assert_int_equal(t85_encoder_new(&e, 64, 2, &options, &to), 0);
    assert_int_equal(t85_encoder_row(e, row), 0);
    assert_int_equal(t85_encoder_finish(e), FAX_ESTATE);
    assert_int_equal(t85_encoder_row(e, row), 0);
    assert_int_equal(t85_encoder_row(e, row), FAX_ESTATE);
    assert_int_equal(t85_encoder_finish(e), 0);
    t85_encoder_free(e);
    options.at_x = 2;
    assert_int_equal(t85_encoder_new(&e, 64, 2, &options, &to), FAX_EINVAL);
    options.at_x = 128;
    assert_int_equal(t85_encoder_new(&e, 64, 2, &options, &to), FAX_EINVAL);
    options.at_x = 0;
    assert_int_equal(t85_encoder_new(&e, 0, 2, &options, &to), FAX_EINVAL);
    assert_int_equal(t85_encoder_new(&e, RASTER_WIDTH_MAX + 1, 2, &options, &to), FAX_EINVAL);
    wiped_buffer_free(&to);
    to.limit = 21;
    assert_int_equal(t85_encoder_new(&e, 64, 2, &options, &to), 0);
    assert_int_equal(t85_encoder_row(e, row), 0);
    assert_int_equal(t85_encoder_row(e, row), FAX_ELIMIT);
    t85_encoder_free(e);
    wiped_buffer_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pages_agree_with_libjbig),
        cmocka_unit_test(sparse_pages_agree_with_libjbig),
        cmocka_unit_test(plain_pages_agree_with_libjbig),
        cmocka_unit_test(halftones_agree_with_libjbig),
        cmocka_unit_test(sample_letter_agrees_with_libjbig),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(tiny_pages_keep_the_nominal_place),
        cmocka_unit_test(a_bomb_ends_at_the_limit),
        cmocka_unit_test(headers_outside_of_t85_are_refused),
        cmocka_unit_test(torn_images_are_refused),
        cmocka_unit_test(markers_between_stripes),
        cmocka_unit_test(rows_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
