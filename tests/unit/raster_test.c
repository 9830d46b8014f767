#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "codecs/fax_error.h"
#include "codecs/page.h"
#include "codecs/raster.h"
#include "codecs/wiped_buffer.h"

static void sizes_are_checked(void **state)
{
    (void)state;
    struct raster r;
    assert_int_equal(raster_init(&r, 0, 1), FAX_EINVAL);
    assert_int_equal(raster_init(&r, RASTER_WIDTH_MAX + 1, 1), FAX_EINVAL);
    assert_int_equal(raster_init(&r, 1, RASTER_ROWS_MAX + 1), FAX_EINVAL);
    assert_null(r.rows);
    raster_free(&r);
    raster_free(NULL);
    assert_int_equal(raster_init(&r, 1729, 3), 0);
    assert_int_equal(r.stride, 224);
    assert_int_equal(raster_row_octets(&r), 217);
    for (uint32_t y = 0; y < 3; y++)
        for (size_t i = 0; i < r.stride; i++)
            assert_int_equal(raster_row(&r, y)[i], 0);
    raster_free(&r);
    assert_int_equal(r.width, 0);
}

static void rows_are_appended_up_to_the_cap(void **state)
{
    (void)state;
    static const uint8_t full[2] = {0xFF, 0xFF};
    struct raster r;
    assert_int_equal(raster_init(&r, 9, 0), 0);
    for (uint32_t y = 0; y < 1000; y++)
        assert_int_equal(raster_append_row(&r, full, 1000), 0);
    assert_int_equal(raster_append_row(&r, full, 1000), FAX_ELIMIT);
    assert_int_equal(r.height, 1000);
    for (uint32_t y = 0; y < 1000; y++) {
        assert_int_equal(raster_row(&r, y)[0], 0xFF);
        assert_int_equal(raster_row(&r, y)[1], 0x80); /* padding is cleared */
        assert_int_equal(raster_row(&r, y)[2], 0);
    }
    assert_int_equal(raster_reserve(&r, RASTER_ROWS_MAX + 1), FAX_ELIMIT);
    assert_int_equal(raster_reserve(&r, 2000), 0);
    assert_int_equal(r.height, 1000);
    assert_int_equal(raster_row(&r, 999)[0], 0xFF);
    raster_free(&r);
}

static void digest_is_sha256_over_size_and_rows(void **state)
{
    (void)state;
    static const uint8_t pixels[] = {0, 0, 0, 12, 0, 0, 0, 2, 0xA5, 0xF0, 0x00, 0x10};
    uint8_t expected[32], digest[RASTER_DIGEST_OCTETS], other[RASTER_DIGEST_OCTETS];
    struct raster r;
    SHA256(pixels, sizeof pixels, expected);
    assert_int_equal(raster_init(&r, 12, 0), 0);
    assert_int_equal(raster_append_row(&r, pixels + 8, 10), 0);
    assert_int_equal(raster_append_row(&r, pixels + 10, 10), 0);
    assert_int_equal(raster_digest(&r, digest), 0);
    assert_memory_equal(digest, expected, sizeof digest);
    raster_row(&r, 1)[0] ^= 1;
    assert_int_equal(raster_digest(&r, other), 0);
    assert_memory_not_equal(digest, other, sizeof digest);
    raster_free(&r);
}

static void digest_tells_sizes_apart(void **state)
{
    (void)state;
    /* 64 × 2 and 128 × 1 have the same octets; the first has no padding between rows either. */
    uint8_t a[RASTER_DIGEST_OCTETS], b[RASTER_DIGEST_OCTETS], expected[32];
    struct raster r;
    uint8_t octets[24] = {0, 0, 0, 64, 0, 0, 0, 2};
    assert_int_equal(raster_init(&r, 64, 2), 0);
    assert_int_equal(raster_digest(&r, a), 0);
    SHA256(octets, sizeof octets, expected);
    assert_memory_equal(a, expected, sizeof a);
    raster_free(&r);
    assert_int_equal(raster_init(&r, 128, 1), 0);
    assert_int_equal(raster_digest(&r, b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    raster_free(&r);
}

static void equality_is_of_size_and_pixels(void **state)
{
    (void)state;
    struct raster a, b;
    assert_int_equal(raster_init(&a, 100, 5), 0);
    assert_int_equal(raster_init(&b, 100, 5), 0);
    assert_true(raster_equal(&a, &b));
    raster_row(&b, 4)[12] = 0x10;
    assert_false(raster_equal(&a, &b));
    raster_free(&b);
    assert_int_equal(raster_init(&b, 101, 5), 0);
    assert_false(raster_equal(&a, &b));
    raster_free(&a);
    raster_free(&b);
}

static void buffers_grow_within_their_limit(void **state)
{
    (void)state;
    struct wiped_buffer b = {.limit = 10000};
    uint8_t block[3000];
    for (int i = 0; i < 3; i++) {
        memset(block, i + 1, sizeof block);
        assert_int_equal(wiped_buffer_append(&b, block, sizeof block), 0);
    }
    assert_int_equal(wiped_buffer_append(&b, block, sizeof block), FAX_ELIMIT);
    assert_int_equal(b.length, 9000);
    assert_int_equal(b.data[0], 1);
    assert_int_equal(b.data[8999], 3);
    assert_int_equal(wiped_buffer_append(&b, NULL, 0), 0);
    wiped_buffer_free(&b);
    wiped_buffer_free(NULL);
    assert_null(b.data);
    assert_int_equal(wiped_buffer_reserve(&b, SIZE_MAX), FAX_ELIMIT);
}

static void codings_have_names(void **state)
{
    (void)state;
    assert_true(page_coding_is_known(1) && page_coding_is_known(4));
    assert_false(page_coding_is_known(0) || page_coding_is_known(5));
    assert_string_equal(page_coding_name(PAGE_CODING_T6), "T.6");
    assert_string_equal(page_coding_name((enum page_coding)77), "unknown");
    coded_page_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(rows_are_appended_up_to_the_cap),
        cmocka_unit_test(digest_is_sha256_over_size_and_rows),
        cmocka_unit_test(digest_tells_sizes_apart),
        cmocka_unit_test(equality_is_of_size_and_pixels),
        cmocka_unit_test(buffers_grow_within_their_limit),
        cmocka_unit_test(codings_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
