/* The attributes that protect media: read, written, offered, answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/sip/sdp.h"
#include "t38/srtp_media.h"

#define HEAD  "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define IMAGE "m=image 4000 UDP/TLS/UDPTL t38\r\n"
#define AUDIO "m=audio 4000 RTP/SAVP 8\r\n"
#define SHA1  "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13\r\n"
#define SHA256                                                                                     \
    "a=fingerprint:SHA-256 00:01:02:03:04:05:06:07:08:09:0a:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:"  \
    "17:18:19:1A:1B:1C:1D:1E:1F\r\n"
#define OTHER256                                                                                   \
    "a=fingerprint:sha-256 FF:01:02:03:04:05:06:07:08:09:0a:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:"  \
    "17:18:19:1A:1B:1C:1D:1E:1F\r\n"

static struct sdp_session read_text(const char *text)
{
    struct sdp_session s;
    assert_int_equal(sdp_read(&s, text, strlen(text), NULL), 0);
    return s;
}

static void fingerprints_and_setups(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has;
        uint8_t first;
        enum sdp_setup setup;
    } cases[] = {
        {HEAD IMAGE SHA256 "a=setup:actpass\r\n", true, 0, SDP_SETUP_ACTPASS},
        {HEAD IMAGE SHA1 SHA256 "a=setup:Passive\r\n", true, 0, SDP_SETUP_PASSIVE},
        {HEAD SHA256 "a=setup:active\r\n" IMAGE, true, 0, SDP_SETUP_ACTIVE},
        {HEAD SHA256 "a=setup:active\r\n" IMAGE OTHER256 "a=setup:passive\r\n", true, 0xff,
         SDP_SETUP_PASSIVE},
        {HEAD IMAGE SHA256 OTHER256, true, 0, SDP_SETUP_NONE},
        {HEAD IMAGE SHA1 "a=setup:holdconn\r\n", false, 0, SDP_SETUP_NONE},
        {HEAD IMAGE "a=fingerprint:sha-256 00:01\r\na=fingerprint\r\na=setup\r\n", false, 0,
         SDP_SETUP_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sdp_session s = read_text(cases[i].text);
        const struct sdp_media *m = &s.media[0];
        assert_int_equal(m->has_fingerprint, cases[i].has);
        assert_int_equal(m->setup, cases[i].setup);
        assert_int_equal(sdp_find_t38_dtls(&s), 0);
        assert_int_equal(sdp_find_t38(&s), -1); /* plain it is not */
        if (cases[i].has) {
            assert_int_equal(m->fingerprint[0], cases[i].first);
            assert_int_equal(m->fingerprint[31], 0x1f);
        }
    }
}

static void dtls_is_offered_and_answered(void **state)
{
    (void)state;
    struct sdp_session offer, heard, answer;
    struct sdp_t38 t38;
    uint8_t ours[SDP_FINGERPRINT_OCTETS] = {1}, theirs[SDP_FINGERPRINT_OCTETS] = {2};
    char text[SDP_TEXT_MAX];
    size_t length;
    sdp_t38_set_defaults(&t38);
    t38.present = SDP_T38_VERSION;
    assert_int_equal(sdp_begin(&offer, 1, 1, "192.0.2.1"), 0);
    assert_int_equal(sdp_add_t38_dtls(&offer, 4000, &t38, ours, SDP_SETUP_ACTPASS), 0);
    assert_int_equal(sdp_write(&offer, text, sizeof text, &length), 0);
    assert_non_null(memmem(text, length, "m=image 4000 UDP/TLS/UDPTL t38\r\n", 32));
    assert_non_null(memmem(text, length, "a=setup:actpass\r\na=fingerprint:sha-256 01:00:", 44));
    assert_int_equal(sdp_read(&heard, text, length, NULL), 0);
    assert_memory_equal(heard.media[0].fingerprint, ours, sizeof ours);
    assert_int_equal(sdp_begin_answer(&answer, &heard, 1, 1, "192.0.2.2"), 0);
    assert_false(answer.media[0].has_fingerprint);
    assert_int_equal(sdp_accept_t38(&answer, 0, 5000, &t38), -EINVAL);
    assert_int_equal(sdp_accept_t38_dtls(&answer, 0, 5000, &t38, theirs, SDP_SETUP_ACTIVE), 0);
    assert_int_equal(sdp_write(&answer, text, sizeof text, &length), 0);
    assert_int_equal(sdp_read(&heard, text, length, NULL), 0);
    assert_int_equal(heard.media[0].setup, SDP_SETUP_ACTIVE);
    assert_memory_equal(heard.media[0].fingerprint, theirs, sizeof theirs);
}

static void crypto_lines(void **state)
{
    (void)state;
    /* RFC 4568 §9.1's keys. */
    static const char text[] = HEAD AUDIO
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
        "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r\n"
        "a=crypto:2 AES_CM_128_HMAC_SHA1_80 "
        "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\r\n"
        "a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj\r\n"
        "a=crypto:4 aes_cm_128_hmac_sha1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj "
        "WSH=64\r\n"
        "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj "
        "UNENCRYPTED_SRTP\r\n"
        "a=crypto:6 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3\r\n"
        "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj\r\n"
        "a=crypto:7 AEAD_AES_256_GCM "
        "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9RdWlkIHBybyBxdW8=\r\n"
        "a=crypto:8 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0OD1F1aWQgcHJvIHF1bw==\r\n"
        "a=crypto:9 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0OD1F1aWQgcHJvIHF1bw==\r\n";
    struct sdp_session s = read_text(text), again, answer;
    const struct sdp_media *m = &s.media[0];
    char out[SDP_TEXT_MAX];
    size_t length;
    assert_int_equal(m->crypto_count, 4);
    assert_int_equal(m->crypto[0].tag, 2);
    assert_memory_equal(m->crypto[0].key, "YS___semctl () {\t220;}\n}\nunles", 30);
    assert_int_equal(m->crypto[1].tag, 4);
    assert_int_equal(m->crypto[2].tag, 7);
    assert_int_equal(m->crypto[2].suite, SRTP_MEDIA_AEAD_AES_256_GCM);
    assert_memory_equal(m->crypto[2].key + 32, "Quid pro quo", 12);
    assert_int_equal(m->crypto[3].suite, SRTP_MEDIA_AEAD_AES_128_GCM);
    assert_int_equal(sdp_find_g711_srtp(&s, NULL), 0);
    assert_int_equal(sdp_find_g711(&s, NULL), -1);
    assert_int_equal(sdp_write(&s, out, sizeof out, &length), 0);
    assert_int_equal(sdp_read(&again, out, length, NULL), 0);
    assert_int_equal(again.media[0].crypto_count, 4);
    assert_memory_equal(again.media[0].crypto, m->crypto, sizeof m->crypto);
    assert_int_equal(sdp_begin_answer(&answer, &s, 1, 1, "192.0.2.2"), 0);
    assert_int_equal(sdp_accept_g711(&answer, &s, 0, 5000), -EINVAL);
    assert_int_equal(sdp_accept_g711_srtp(&answer, &s, 0, 5000, &m->crypto[2]), 0);
    assert_int_equal(sdp_write(&answer, out, sizeof out, &length), 0);
    assert_non_null(memmem(out, length, "m=audio 5000 RTP/SAVP 8\r\n", 25));
    assert_non_null(memmem(out, length, "a=crypto:7 AEAD_AES_256_GCM inline:AAEC", 38));
    assert_null(memmem(out, length, "a=crypto:2", 10));
}

static void protected_audio_without_keys_is_none(void **state)
{
    (void)state;
    struct sdp_session s = read_text(HEAD AUDIO), offer;
    struct sdp_crypto crypto = {.tag = 1, .suite = SRTP_MEDIA_AEAD_AES_128_GCM, .key = {9}};
    assert_int_equal(sdp_find_g711_srtp(&s, NULL), -1);
    assert_int_equal(sdp_begin(&offer, 1, 1, "192.0.2.1"), 0);
    assert_int_equal(sdp_add_g711_srtp(&offer, 4000, true, &crypto, 0), -EINVAL);
    assert_int_equal(sdp_add_g711_srtp(&offer, 4000, true, &crypto, 1), 0);
    assert_int_equal(sdp_find_g711_srtp(&offer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_and_setups),
        cmocka_unit_test(dtls_is_offered_and_answered),
        cmocka_unit_test(crypto_lines),
        cmocka_unit_test(protected_audio_without_keys_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
