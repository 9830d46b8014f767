#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy_error.h"
#include "policy/vault.h"

static const uint8_t key[VAULT_KEY_OCTETS] = {1, 2, 3};
static const uint8_t fax[VAULT_FAX_ID_OCTETS] = {0x01, 0x99, 7};

static size_t seal_one(enum vault_stream stream, uint16_t attempt, uint32_t number,
                       const char *text, uint8_t *out, size_t capacity)
{
    struct vault_sealer *sealer;
    size_t length = 0;
    const struct vault_piece piece = {text, strlen(text)};
    assert_int_equal(vault_sealer_new(key, fax, stream, attempt, &sealer), 0);
    assert_int_equal(vault_seal_frame(sealer, number, &piece, 1, out, capacity, &length), 0);
    assert_int_equal(length, vault_frame_sealed_length(strlen(text)));
    vault_sealer_free(sealer);
    return length;
}

static int open_with(const uint8_t *data_key, const uint8_t *fax_id, const uint8_t *frame,
                     size_t length, uint8_t *plain, size_t capacity, size_t *plain_length)
{
    struct vault_opener *opener;
    assert_int_equal(vault_opener_new(data_key, fax_id, &opener), 0);
    int rc = vault_open_frame(opener, frame, length, plain, capacity, plain_length);
    vault_opener_free(opener);
    return rc;
}

static void header_round_trip(void **state)
{
    (void)state;
    struct vault_header in = {.class_name = "standard", .key_id = "standard/2027-03/1"}, out;
    uint8_t bytes[VAULT_HEADER_MAX];
    uint8_t other[VAULT_FAX_ID_OCTETS] = {9};
    size_t length, used;
    memcpy(in.fax_id, fax, sizeof fax);
    assert_int_equal(vault_header_encode(&in, bytes, sizeof bytes, &length), 0);
    assert_int_equal(vault_header_decode(bytes, sizeof bytes, fax, &out, &used), 0);
    assert_int_equal(used, length);
    assert_memory_equal(out.fax_id, fax, sizeof fax);
    assert_string_equal(out.class_name, in.class_name);
    assert_string_equal(out.key_id, in.key_id);
    assert_int_equal(vault_header_decode(bytes, length, NULL, &out, &used), 0);
    assert_int_equal(vault_header_decode(bytes, length, other, &out, &used), FAX_EP_MISMATCH);
    assert_int_equal(vault_header_encode(&in, bytes, length - 1, &used), FAX_EP_LIMIT);
    for (size_t n = 0; n < length; n++)
        assert_int_equal(vault_header_decode(bytes, n, fax, &out, &used), FAX_EP_TRUNCATED);
    for (size_t bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(vault_header_decode(bytes, length, fax, &out, &used), 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bytes[7] = 2;
    assert_int_equal(vault_header_decode(bytes, length, fax, &out, &used), FAX_EP_VERSION);
    in.class_name[0] = '\0';
    assert_int_equal(vault_header_encode(&in, bytes, sizeof bytes, &length), FAX_EP_INVAL);
}

/* The longest texts fit VAULT_HEADER_MAX. */
static void header_maximum(void **state)
{
    (void)state;
    struct vault_header in = {0}, out;
    uint8_t bytes[VAULT_HEADER_MAX];
    size_t length, used;
    memset(in.class_name, 'c', sizeof in.class_name - 1);
    memset(in.key_id, 'k', sizeof in.key_id - 1);
    assert_int_equal(vault_header_encode(&in, bytes, sizeof bytes, &length), 0);
    assert_int_equal(vault_header_decode(bytes, length, NULL, &out, &used), 0);
    assert_string_equal(out.key_id, in.key_id);
}

static void frame_round_trip(void **state)
{
    (void)state;
    uint8_t frame[256], plain[128];
    size_t plain_length = 0;
    struct vault_frame_info info;
    size_t length = seal_one(VAULT_STREAM_TRACE, 0x1234, 77, "hello", frame, sizeof frame);
    assert_int_equal(vault_frame_peek(frame, length, &info), 0);
    assert_int_equal(info.stream, VAULT_STREAM_TRACE);
    assert_int_equal(info.attempt, 0x1234);
    assert_int_equal(info.number, 77);
    assert_int_equal(info.plain_length, 5);
    assert_int_equal(info.frame_length, length);
    assert_int_equal(open_with(key, fax, frame, length, plain, 5, &plain_length), 0);
    assert_int_equal(plain_length, 5);
    assert_memory_equal(plain, "hello", 5);
    assert_int_equal(open_with(key, fax, frame, length, plain, 4, &plain_length), FAX_EP_LIMIT);
    length = seal_one(VAULT_STREAM_PAGES, 1, UINT32_MAX, "", frame, sizeof frame);
    assert_int_equal(open_with(key, fax, frame, length, plain, 0, &plain_length), 0);
    assert_int_equal(plain_length, 0);
}

/* The whole frame, computed by another implementation (Python's cryptography package) from the
 * description in policy/README.md. */
static void frame_known_answer(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xf5, 0x02, 0x00, 0x02, 0x00, 0x00, 0x00, 0x03, 0x00,
                                       0x00, 0x00, 0x04, 0x10, 0x72, 0x9d, 0xb5, 0x4e, 0x49,
                                       0x22, 0x28, 0x9c, 0x0f, 0x0b, 0x15, 0x02, 0x30, 0xcb,
                                       0x88, 0x60, 0xc3, 0xf5, 0x62, 0xda, 0x51, 0x8e, 0x80};
    uint8_t frame[64];
    size_t length = seal_one(VAULT_STREAM_RENDITION, 2, 3, "page", frame, sizeof frame);
    assert_int_equal(length, sizeof expected);
    assert_memory_equal(frame, expected, length);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t frame[128], plain[64];
    size_t plain_length;
    size_t length = seal_one(VAULT_STREAM_PAGES, 1, 1, "a small page", frame, sizeof frame);
    for (size_t bit = 0; bit < length * 8; bit++) {
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(plain, 0, sizeof plain);
        int rc = open_with(key, fax, frame, length, plain, sizeof plain, &plain_length);
        assert_int_equal(rc, bit / 8 < VAULT_FRAME_HEADER_OCTETS ? FAX_EP_FORMAT : FAX_EP_AUTH);
        for (size_t i = 0; i < sizeof plain; i++)
            assert_int_equal(plain[i], 0);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(open_with(key, fax, frame, length, plain, sizeof plain, &plain_length), 0);
}

static void wrong_key_or_fax_is_refused(void **state)
{
    (void)state;
    uint8_t frame[64], plain[64], other_key[32] = {1, 2, 4}, other_fax[16] = {8};
    size_t n, length = seal_one(VAULT_STREAM_PAGES, 1, 1, "x", frame, sizeof frame);
    assert_int_equal(open_with(other_key, fax, frame, length, plain, 64, &n), FAX_EP_AUTH);
    assert_int_equal(open_with(key, other_fax, frame, length, plain, 64, &n), FAX_EP_AUTH);
}

static void torn_frames_are_told_from_damage(void **state)
{
    (void)state;
    uint8_t image[256] = {0}, plain[64];
    size_t n;
    struct vault_frame_info info;
    size_t first = seal_one(VAULT_STREAM_PAGES, 1, 1, "first", image, sizeof image);
    size_t second = seal_one(VAULT_STREAM_PAGES, 1, 2, "second", image + first, 100);
    assert_int_equal(vault_frame_peek(image, first + second, &info), 0);
    for (size_t cut = 0; cut < second; cut++) {
        assert_int_equal(vault_frame_peek(image + first, cut, &info), FAX_EP_TRUNCATED);
        assert_int_equal(open_with(key, fax, image + first, cut, plain, 64, &n), FAX_EP_TRUNCATED);
    }
    assert_int_equal(vault_frame_peek(image + first + second, 50, &info), FAX_EP_TRUNCATED);
    image[first] ^= 0x80;
    assert_int_equal(vault_frame_peek(image + first, second, &info), FAX_EP_FORMAT);
}

/* No subkey meets a number twice, and equal plaintext never gives equal ciphertext. */
static void nonces_do_not_repeat(void **state)
{
    (void)state;
    struct vault_sealer *sealer;
    uint8_t a[64], b[64];
    size_t length;
    const struct vault_piece piece = {"same", 4};
    assert_int_equal(vault_sealer_new(key, fax, VAULT_STREAM_PAGES, 1, &sealer), 0);
    assert_int_equal(vault_seal_frame(sealer, 0, &piece, 1, a, sizeof a, &length), FAX_EP_INVAL);
    assert_int_equal(vault_seal_frame(sealer, 5, &piece, 1, a, sizeof a, &length), 0);
    assert_int_equal(vault_seal_frame(sealer, 5, &piece, 1, b, sizeof b, &length), FAX_EP_INVAL);
    assert_int_equal(vault_seal_frame(sealer, 4, &piece, 1, b, sizeof b, &length), FAX_EP_INVAL);
    assert_int_equal(vault_seal_frame(sealer, 6, &piece, 1, b, 35, &length), FAX_EP_LIMIT);
    assert_int_equal(vault_seal_frame(sealer, 6, &piece, 1, b, sizeof b, &length), 0);
    assert_memory_not_equal(a + VAULT_FRAME_HEADER_OCTETS, b + VAULT_FRAME_HEADER_OCTETS, 4);
    vault_sealer_free(sealer);
    seal_one(VAULT_STREAM_PAGES, 2, 5, "same", b, sizeof b);
    assert_memory_not_equal(a + VAULT_FRAME_HEADER_OCTETS, b + VAULT_FRAME_HEADER_OCTETS, 4);
    seal_one(VAULT_STREAM_RENDITION, 1, 5, "same", b, sizeof b);
    assert_memory_not_equal(a + VAULT_FRAME_HEADER_OCTETS, b + VAULT_FRAME_HEADER_OCTETS, 4);
    assert_int_equal(vault_sealer_new(key, fax, (enum vault_stream)6, 1, &sealer), FAX_EP_INVAL);
    assert_null(sealer);
    vault_sealer_free(NULL);
    vault_opener_free(NULL);
}

static void pages_are_bounded(void **state)
{
    (void)state;
    struct vault_sealer *sealer;
    size_t length, capacity = vault_frame_sealed_length(VAULT_PLAIN_MAX);
    uint8_t *plain = calloc(1, VAULT_PLAIN_MAX + 1), *out = malloc(capacity);
    struct vault_piece pieces[2] = {{plain, 64}, {plain, VAULT_PLAIN_MAX - 63}};
    assert_non_null(plain);
    assert_non_null(out);
    assert_int_equal(vault_sealer_new(key, fax, VAULT_STREAM_PAGES, 1, &sealer), 0);
    assert_int_equal(vault_seal_frame(sealer, 1, pieces, 2, out, capacity, &length), FAX_EP_LIMIT);
    pieces[1].length--;
    assert_int_equal(vault_seal_frame(sealer, 1, pieces, 2, out, capacity, &length), 0);
    assert_int_equal(length, capacity);
    assert_int_equal(open_with(key, fax, out, length, plain, VAULT_PLAIN_MAX, &length), 0);
    vault_sealer_free(sealer);
    free(plain);
    free(out);
}

static void page_meta_round_trip(void **state)
{
    (void)state;
    struct vault_page_meta in = {.coding = 3,
                                 .lsb_first = true,
                                 .width = 1728,
                                 .rows = 2292,
                                 .x_dpi = 204,
                                 .y_dpi = 196,
                                 .digest = {5, 6}},
                           out;
    uint8_t bytes[VAULT_PAGE_META_OCTETS];
    vault_page_meta_encode(&in, bytes);
    assert_int_equal(vault_page_meta_decode(bytes, sizeof bytes, &out), 0);
    assert_int_equal(out.coding, 3);
    assert_true(out.lsb_first);
    assert_int_equal(out.width, 1728);
    assert_int_equal(out.rows, 2292);
    assert_int_equal(out.x_dpi, 204);
    assert_int_equal(out.y_dpi, 196);
    assert_memory_equal(out.digest, in.digest, sizeof in.digest);
    assert_int_equal(vault_page_meta_decode(bytes, sizeof bytes - 1, &out), FAX_EP_TRUNCATED);
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{0, 0}, {1, 2}, {2, 1}, {3, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vault_page_meta_encode(&in, bytes);
        bytes[bad[i].at] = bad[i].value;
        assert_int_equal(vault_page_meta_decode(bytes, sizeof bytes, &out), FAX_EP_FORMAT);
    }
    in.rows = 0;
    vault_page_meta_encode(&in, bytes);
    assert_int_equal(vault_page_meta_decode(bytes, sizeof bytes, &out), FAX_EP_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_round_trip),
        cmocka_unit_test(header_maximum),
        cmocka_unit_test(frame_round_trip),
        cmocka_unit_test(frame_known_answer),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(wrong_key_or_fax_is_refused),
        cmocka_unit_test(torn_frames_are_told_from_damage),
        cmocka_unit_test(nonces_do_not_repeat),
        cmocka_unit_test(pages_are_bounded),
        cmocka_unit_test(page_meta_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
