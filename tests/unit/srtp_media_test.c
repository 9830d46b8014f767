/* SRTP against the packets of the RFCs, and what must not be opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "t38/srtp_media.h"

enum { ROOM = 256 };

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned octet;
    for (; sscanf(hex, "%2x", &octet) == 1; hex += 2) // NOLINT(cert-err34-c)
        out[n++] = (uint8_t)octet;
    return n;
}

struct vector {
    enum srtp_media_suite suite;
    const char *key, *plain, *wire;
};

/* RFC 7714 §16.1.1 and §16.2.1 give session keys and salts. A packet of libsrtp's own validation,
 * which other implementations use as well, stands for RFC 3711, which gives no whole packet. */
static const struct vector vectors[] = {
    {SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80,
     "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
     "800f1234decafbadcafebabeabababababababababababababababab",
     "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"},
    {SRTP_MEDIA_AEAD_AES_128_GCM, "000102030405060708090a0b0c0d0e0f517569642070726f2071756f",
     "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976697361"
     "20696e207061727465732074726573",
     "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d1"
     "9b36de3adf8833899d7f27beb16a9152cf765ee4390cce"},
    {SRTP_MEDIA_AEAD_AES_256_GCM,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f517569642070726f2071756f",
     "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976697361"
     "20696e207061727465732074726573",
     "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae"
     "0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"},
};

/* RFC 7714 §8.1 and §9.1 with a session key and its 12 octets of salt, first packets of a stream.
 */
static size_t reference_gcm(const uint8_t *key, size_t key_octets, const uint8_t *plain,
                            size_t length, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = key_octets == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    uint8_t iv[12] = {0, 0, plain[8], plain[9], plain[10], plain[11],
                      0, 0, 0,        0,        plain[2],  plain[3]};
    int n;
    for (size_t i = 0; i < sizeof iv; i++)
        iv[i] ^= key[key_octets + i];
    memcpy(out, plain, 12);
    assert_int_equal(EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, plain, 12), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out + 12, &n, plain + 12, (int)length - 12), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, out + length, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + length), 1);
    EVP_CIPHER_CTX_free(ctx);
    return length + 16;
}

/* RFC 3711 §4.3.1 with a key derivation rate of 0; 12 octets of salt count as 14 (RFC 7714 §11). */
static void derive(const uint8_t *master, size_t key_octets, uint8_t label, uint8_t *out,
                   size_t octets)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t iv[16] = {0}, zeros[64] = {0};
    int n;
    memcpy(iv, master + key_octets, 12);
    iv[7] ^= label;
    assert_int_equal(EVP_EncryptInit_ex(ctx,
                                        key_octets == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(),
                                        NULL, master, iv),
                     1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, zeros, (int)octets), 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void protects_as(enum srtp_media_suite suite, const uint8_t *key, const uint8_t *plain,
                        size_t length, const uint8_t *wire, size_t wire_length)
{
    uint8_t packet[ROOM];
    struct srtp_media *media;
    size_t n = length;
    assert_int_equal(srtp_media_new(suite, key, key, &media), 0);
    memcpy(packet, plain, length);
    assert_int_equal(srtp_media_protect(media, packet, &n, sizeof packet), 0);
    assert_int_equal(n, wire_length);
    assert_memory_equal(packet, wire, n);
    assert_int_equal(srtp_media_unprotect(media, packet, &n), 0);
    assert_int_equal(n, length);
    assert_memory_equal(packet, plain, n);
    srtp_media_free(media);
}

/* The reference is held against the RFC's packets, then ours against the reference. */
static void packets_of_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        uint8_t key[ROOM], session[ROOM], plain[ROOM], wire[ROOM], made[ROOM];
        size_t length = from_hex(v->plain, plain), wire_length = from_hex(v->wire, wire);
        size_t octets = from_hex(v->key, key), key_octets = octets - 12;
        assert_int_equal(octets, srtp_media_key_octets(v->suite));
        if (v->suite == SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80) {
            protects_as(v->suite, key, plain, length, wire, wire_length);
            continue;
        }
        assert_int_equal(reference_gcm(key, key_octets, plain, length, made), wire_length);
        assert_memory_equal(made, wire, wire_length);
        derive(key, key_octets, 0, session, key_octets);
        derive(key, key_octets, 2, session + key_octets, 12);
        wire_length = reference_gcm(session, key_octets, plain, length, wire);
        protects_as(v->suite, key, plain, length, wire, wire_length);
    }
}

static void nothing_forged_or_repeated_is_opened(void **state)
{
    (void)state;
    const struct vector *v = &vectors[0];
    uint8_t key[ROOM], other[ROOM], packet[ROOM], wire[ROOM];
    struct srtp_media *media, *stranger;
    size_t wire_length = from_hex(v->wire, wire), n;
    from_hex(v->key, key);
    memcpy(other, key, sizeof other);
    other[0] ^= 1;
    assert_int_equal(srtp_media_new(v->suite, key, key, &media), 0);
    assert_int_equal(srtp_media_new(v->suite, other, other, &stranger), 0);
    for (size_t i = 0; i < wire_length; i++) {
        memcpy(packet, wire, wire_length);
        packet[i] ^= 1;
        n = wire_length;
        assert_int_equal(srtp_media_unprotect(media, packet, &n), FAX_EFORMAT);
        memcpy(packet, wire, wire_length);
        n = i;
        assert_int_equal(srtp_media_unprotect(media, packet, &n), FAX_EFORMAT);
    }
    memcpy(packet, wire, wire_length);
    n = wire_length;
    assert_int_equal(srtp_media_unprotect(stranger, packet, &n), FAX_EFORMAT);
    memcpy(packet, wire, wire_length);
    n = wire_length;
    assert_int_equal(srtp_media_unprotect(media, packet, &n), 0);
    memcpy(packet, wire, wire_length);
    n = wire_length;
    assert_int_equal(srtp_media_unprotect(media, packet, &n), FAX_EFORMAT);
    srtp_media_free(media);
    srtp_media_free(stranger);
}

static void rtcp_is_protected_too(void **state)
{
    (void)state;
    for (enum srtp_media_suite s = SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80; s < SRTP_MEDIA_SUITES; s++) {
        uint8_t key[SRTP_MEDIA_KEY_MAX] = {1, 2, 3}, packet[ROOM];
        const uint8_t report[] = {0x81, 200, 0,  6,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                  11,   12,  13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
        struct srtp_media *media;
        size_t n = sizeof report;
        assert_int_equal(srtp_media_new(s, key, key, &media), 0);
        memcpy(packet, report, n);
        assert_int_equal(srtp_media_protect_rtcp(media, packet, &n, sizeof packet), 0);
        assert_true(n > sizeof report && n <= sizeof report + SRTP_MEDIA_OVERHEAD_MAX);
        assert_memory_not_equal(packet + 8, report + 8, sizeof report - 8);
        uint8_t altered[ROOM];
        size_t m = n;
        memcpy(altered, packet, n);
        altered[12] ^= 1;
        assert_int_equal(srtp_media_unprotect_rtcp(media, altered, &m), FAX_EFORMAT);
        assert_int_equal(srtp_media_unprotect_rtcp(media, packet, &n), 0);
        assert_int_equal(n, sizeof report);
        assert_memory_equal(packet, report, n);
        srtp_media_free(media);
    }
}

static size_t protect_one(struct srtp_media *media, uint16_t sequence, uint8_t *packet)
{
    size_t length = 32;
    memset(packet, 0x5A, length);
    packet[0] = 0x80;
    packet[1] = 8;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    assert_int_equal(srtp_media_protect(media, packet, &length, ROOM), 0);
    return length;
}

/* A peer that brings another key with a new description: its packets are opened from then on, ours
 * go on, over the end of their numbers too. */
static void keys_may_change_one_by_one(void **state)
{
    (void)state;
    uint8_t a[SRTP_MEDIA_KEY_MAX], b[SRTP_MEDIA_KEY_MAX], c[SRTP_MEDIA_KEY_MAX], packet[ROOM];
    struct srtp_media *us, *peer, *renewed;
    memset(a, 1, sizeof a);
    memset(b, 2, sizeof b);
    memset(c, 3, sizeof c);
    for (enum srtp_media_suite suite = SRTP_MEDIA_NONE + 1; suite < SRTP_MEDIA_SUITES; suite++) {
        assert_int_equal(srtp_media_new(suite, a, b, &us), 0);
        assert_int_equal(srtp_media_new(suite, b, a, &peer), 0);
        assert_int_equal(srtp_media_new(suite, c, a, &renewed), 0);
        for (unsigned i = 0; i < 20; i++) { /* over the end */
            size_t length = protect_one(us, (uint16_t)(65530 + i), packet);
            assert_int_equal(srtp_media_unprotect(peer, packet, &length), 0);
        }
        size_t length = protect_one(renewed, 7, packet);
        assert_int_equal(srtp_media_unprotect(us, packet, &length), FAX_EFORMAT);
        assert_int_equal(srtp_media_rekey(us, SRTP_MEDIA_NONE, a, c), FAX_EINVAL);
        assert_int_equal(srtp_media_rekey(us, suite, a, c), 0);
        length = protect_one(renewed, 8, packet);
        assert_int_equal(srtp_media_unprotect(us, packet, &length), 0);
        length = protect_one(peer, 8, packet);
        assert_int_equal(srtp_media_unprotect(us, packet, &length), FAX_EFORMAT);
        length = protect_one(us, 100, packet);
        assert_int_equal(srtp_media_unprotect(peer, packet, &length), 0);
        srtp_media_free(us);
        srtp_media_free(peer);
        srtp_media_free(renewed);
    }
}

static void what_is_no_packet_is_refused(void **state)
{
    (void)state;
    struct srtp_media *media;
    uint8_t key[SRTP_MEDIA_KEY_MAX] = {0}, packet[64] = {0x80};
    size_t n = 11;
    assert_int_equal(srtp_media_new(SRTP_MEDIA_NONE, key, key, &media), FAX_EINVAL);
    assert_int_equal(srtp_media_new(SRTP_MEDIA_AEAD_AES_128_GCM, key, key, &media), 0);
    assert_int_equal(srtp_media_protect(media, packet, &n, sizeof packet), FAX_EINVAL);
    n = 50;
    assert_int_equal(srtp_media_protect(media, packet, &n, sizeof packet), FAX_ELIMIT);
    n = 0;
    assert_int_equal(srtp_media_unprotect_rtcp(media, packet, &n), FAX_EFORMAT);
    srtp_media_free(media);
    srtp_media_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_rfcs),
        cmocka_unit_test(nothing_forged_or_repeated_is_opened),
        cmocka_unit_test(rtcp_is_protected_too),
        cmocka_unit_test(keys_may_change_one_by_one),
        cmocka_unit_test(what_is_no_packet_is_refused),
    };
    struct srtp_media *keeper;
    if (srtp_media_load(&keeper) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    srtp_media_free(keeper);
    return failed;
}
