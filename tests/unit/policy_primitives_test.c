#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/text_code.h"
#include "policy/utf8.h"
#include "policy/wire.h"

static void from_hex(const char *text, uint8_t *out)
{
    assert_int_equal(hex_decode(text, out, strlen(text) / 2), 0);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16. */
static void gcm_known_answer(void **state)
{
    (void)state;
    uint8_t key[32], nonce[12], plain[60], aad[20], expected[76], out[76], back[60];
    from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    from_hex("cafebabefacedbaddecaf888", nonce);
    from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
             "2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
             plain);
    from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
    from_hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
             "a7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
             expected);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const struct aead_span a = {aad, sizeof aad};
    const struct aead_span pieces[2] = {{plain, 7}, {plain + 7, sizeof plain - 7}};
    assert_int_equal(aead_seal(context, key, nonce, &a, pieces, 2, out), 0);
    assert_memory_equal(out, expected, sizeof expected);
    const struct aead_span cipher = {out, sizeof plain};
    assert_int_equal(aead_open(context, key, nonce, &a, &cipher, back), 0);
    assert_memory_equal(back, plain, sizeof plain);
    out[3] ^= 1;
    assert_int_equal(aead_open(context, key, nonce, &a, &cipher, back), FAX_EP_AUTH);
    for (size_t i = 0; i < sizeof back; i++)
        assert_int_equal(back[i], 0);
    EVP_CIPHER_CTX_free(context);
}

/* RFC 5869 has no case with a 32-octet key and no salt; this one was computed from its definition
 * in §2 with HMAC-SHA256 of another implementation (Python's hmac). */
static void hkdf_known_answer(void **state)
{
    (void)state;
    uint8_t key[32], expected[42], out[42];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    from_hex("bc75f0f8484b9aa7d6cd4db5eef317084999fb3606cc7e9447a84faeee2fe6d6950c949a29cf0504a38c",
             expected);
    assert_int_equal(aead_derive(key, &(struct aead_span){"sealfax", 7}, out, sizeof out), 0);
    assert_memory_equal(out, expected, sizeof expected);
}

static void secrets(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(secret_random(a, sizeof a), 0);
    assert_int_equal(secret_random(b, sizeof b), 0);
    assert_false(secret_equal(a, b, sizeof a));
    assert_true(secret_equal(a, a, sizeof a));
    assert_true(secret_equal(NULL, NULL, 0));
    secret_wipe(a, sizeof a);
    assert_int_equal(a[0] | a[31], 0);
    secret_wipe(NULL, 4);
}

/* RFC 3720 §B.4. */
static void crc_known_answers(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(wire_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, 32);
    assert_int_equal(wire_crc32c(0, bytes, 32), 0x62A8AB43);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(wire_crc32c(0, bytes, 32), 0x46DD794E);
    assert_int_equal(wire_crc32c(wire_crc32c(0, bytes, 5), bytes + 5, 27), 0x46DD794E);
}

static void cursor_is_bounded(void **state)
{
    (void)state;
    uint8_t bytes[8];
    char text[4];
    struct wire_writer w;
    struct wire_reader r;
    wire_writer_init(&w, bytes, sizeof bytes);
    wire_put_u32(&w, 0x01020304);
    wire_put_octets(&w, "12345", 5);
    wire_put_u8(&w, 1);
    assert_int_equal(w.error, FAX_EP_LIMIT);
    assert_int_equal(w.length, 4);
    wire_reader_init(&r, bytes, 4);
    assert_int_equal(wire_get_u16(&r), 0x0102);
    assert_int_equal(wire_get_u32(&r), 0);
    assert_int_equal(wire_get_u8(&r), 0);
    assert_int_equal(r.error, FAX_EP_TRUNCATED);
    static const struct {
        uint8_t bytes[6];
        int error;
    } texts[] = {{{3, 'a', 'b', 'c'}, 0},
                 {{0}, FAX_EP_FORMAT},
                 {{4, 'a', 'b', 'c', 'd'}, FAX_EP_FORMAT},
                 {{2, 'a', 0}, FAX_EP_FORMAT},
                 {{2, 'a', 0x7F}, FAX_EP_FORMAT},
                 {{9, 'a'}, FAX_EP_TRUNCATED}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wire_reader_init(&r, texts[i].bytes, 6);
        wire_get_text(&r, text, sizeof text);
        assert_int_equal(r.error, texts[i].error);
    }
}

/* RFC 4648 §10, and forms that only a lax reader takes. */
static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const encoded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                          "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    char text[16];
    uint8_t back[8];
    for (size_t n = 0; n <= 6; n++) {
        base64_encode((const uint8_t *)"foobar", n, text);
        assert_string_equal(text, encoded[n]);
        assert_int_equal(base64_decode(text, strlen(text), back, n), 0);
        assert_memory_equal(back, "foobar", n);
    }
    assert_int_equal(base64_decode("Zh==", 4, back, 1), FAX_EP_FORMAT); /* unused bits set */
    assert_int_equal(base64_decode("Zg=A", 4, back, 1), FAX_EP_FORMAT);
    assert_int_equal(base64_decode("Zg", 2, back, 1), FAX_EP_FORMAT);
    assert_int_equal(base64_decode("Z-==", 4, back, 1), FAX_EP_FORMAT);
    assert_int_equal(base64_decode("Zm9v", 4, back, 2), FAX_EP_FORMAT);
    assert_int_equal(hex_digit_value('9'), 9);
    assert_int_equal(hex_digit_value('a'), 10);
    assert_int_equal(hex_digit_value('F'), 15);
    for (const char *other = "/:@G`g "; *other; other++)
        assert_int_equal(hex_digit_value(*other), -1);
    assert_int_equal(hex_digit_value('\0'), -1);
    assert_int_equal(hex_decode("0G", back, 1), FAX_EP_FORMAT);
    assert_int_equal(hex_decode("AB", back, 1), FAX_EP_FORMAT);
}

static void utf8_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {{"", true},
                 {"abc", true},
                 {"\xC3\xA4", true},
                 {"\xEF\xBF\xBF", true},
                 {"\xF0\x90\x80\x80", true},
                 {"\xF4\x8F\xBF\xBF", true},
                 {"\xC0\x80", false},
                 {"\xC1\xBF", false},
                 {"\xE0\x9F\xBF", false},
                 {"\xED\xA0\x80", false},
                 {"\xF0\x8F\xBF\xBF", false},
                 {"\xF4\x90\x80\x80", false},
                 {"\xF5\x80\x80\x80", false},
                 {"\x80", false},
                 {"\xC3", false},
                 {"\xE2\x82", false},
                 {"\xE2\x82x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
    char text[] = "a\xC3\xA4\xFF\x1B[1m\xE2\x82\x7F\xC2\x85\xF0\x90\x80\x80\xC3";
    assert_true(utf8_clean(text));
    assert_string_equal(text, "a\xC3\xA4??[1m????\xF0\x90\x80\x80?");
    assert_false(utf8_clean(text));
}

static void every_error_has_its_text(void **state)
{
    (void)state;
    assert_string_equal(policy_error_text(POLICY_OK), "no error");
    for (int error = FAX_EP_NOMEM; error >= FAX_EP_TRUNCATED; error--) {
        assert_string_not_equal(policy_error_text(error), "unknown error");
        assert_string_not_equal(policy_error_text(error), policy_error_text(error + 1));
    }
    assert_string_equal(policy_error_text(FAX_EP_TRUNCATED - 1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcm_known_answer),  cmocka_unit_test(hkdf_known_answer),
        cmocka_unit_test(secrets),           cmocka_unit_test(crc_known_answers),
        cmocka_unit_test(cursor_is_bounded), cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(utf8_table),        cmocka_unit_test(every_error_has_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
