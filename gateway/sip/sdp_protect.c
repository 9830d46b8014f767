#include "gateway/sip/sdp_protect.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "t38/srtp_media.h"

enum { BASE64_MAX = 64 };

struct slice {
    const char *text;
    size_t length;
};

static const char *const setups[] = {"", "active", "passive", "actpass"};

static bool slice_is(struct slice s, const char *word)
{
    return s.length == strlen(word) && !strncasecmp(s.text, word, s.length);
}

/* Takes what stands before the next of the characters in ends, or all. */
static struct slice take_until(struct slice *rest, const char *ends)
{
    struct slice part = {rest->text, 0};
    while (part.length < rest->length && !strchr(ends, rest->text[part.length]))
        part.length++;
    size_t used = part.length < rest->length ? part.length + 1 : part.length;
    rest->text += used;
    rest->length -= used;
    return part;
}

static struct slice take_word(struct slice *rest)
{
    while (rest->length && *rest->text == ' ')
        rest->text++, rest->length--;
    return take_until(rest, " ");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "sha-256 AB:CD:..."; the first one stands. */
static void take_fingerprint(struct sdp_media *m, struct slice value)
{
    uint8_t octets[SDP_FINGERPRINT_OCTETS];
    struct slice hash = take_word(&value), hex = take_word(&value);
    if (m->has_fingerprint || !slice_is(hash, "sha-256") || hex.length != 3 * sizeof octets - 1)
        return;
    for (size_t i = 0; i < sizeof octets; i++) {
        int high = hex_digit(hex.text[3 * i]), low = hex_digit(hex.text[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < sizeof octets && hex.text[3 * i + 2] != ':'))
            return;
        octets[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(m->fingerprint, octets, sizeof octets);
    m->has_fingerprint = true;
}

static void take_setup(struct sdp_media *m, struct slice value)
{
    struct slice word = take_word(&value);
    for (int i = SDP_SETUP_ACTIVE; i <= SDP_SETUP_ACTPASS; i++) {
        if (slice_is(word, setups[i]))
            m->setup = (enum sdp_setup)i;
    }
}

static bool decode_key(struct slice text, size_t octets, uint8_t *key)
{
    unsigned char padded[BASE64_MAX], decoded[BASE64_MAX];
    while (text.length && text.text[text.length - 1] == '=')
        text.length--;
    if (text.length == 0 || text.length > BASE64_MAX || text.length != (octets * 4 + 2) / 3)
        return false;
    size_t length = (text.length + 3) / 4 * 4;
    memset(padded, '=', sizeof padded);
    memcpy(padded, text.text, text.length);
    bool good = EVP_DecodeBlock(decoded, padded, (int)length) >= (int)octets;
    if (good)
        memcpy(key, decoded, octets);
    OPENSSL_cleanse(padded, sizeof padded);
    OPENSSL_cleanse(decoded, sizeof decoded);
    return good;
}

/* "inline:BASE64[|lifetime][|MKI:length]": a lifetime is never reached by a fax. */
static bool take_key(struct slice word, size_t octets, uint8_t *key)
{
    struct slice method = take_until(&word, ":");
    if (!slice_is(method, "inline"))
        return false;
    struct slice text = take_until(&word, "|");
    return !memchr(word.text, ':', word.length) && !memchr(word.text, ';', word.length) &&
           decode_key(text, octets, key);
}

/* "1 AES_CM_128_HMAC_SHA1_80 inline:..." */
static void take_crypto(struct sdp_media *m, struct slice value)
{
    struct sdp_crypto crypto = {0};
    struct slice tag = take_word(&value), suite = take_word(&value), key = take_word(&value);
    if (m->crypto_count == SDP_CRYPTO_MAX || tag.length == 0 || tag.length > 9)
        return;
    for (size_t i = 0; i < tag.length; i++) {
        if (tag.text[i] < '0' || tag.text[i] > '9')
            return;
        crypto.tag = crypto.tag * 10 + (uint32_t)(tag.text[i] - '0');
    }
    for (int i = 1; i < SRTP_MEDIA_SUITES; i++) {
        if (slice_is(suite, srtp_media_suite_name(i)))
            crypto.suite = (uint8_t)i;
    }
    for (struct slice p = take_word(&value); p.length; p = take_word(&value)) {
        if (p.text[0] != '-' && strncasecmp(p.text, "WSH=", p.length < 4 ? p.length : 4) != 0)
            return;
    }
    if (crypto.suite && take_key(key, srtp_media_key_octets(crypto.suite), crypto.key))
        m->crypto[m->crypto_count++] = crypto;
    OPENSSL_cleanse(&crypto, sizeof crypto);
}

bool sdp_protect_take(struct sdp_media *m, const char *name, size_t name_length, const char *value,
                      size_t value_length)
{
    struct slice n = {name, name_length}, v = {value, value_length};
    if (slice_is(n, "fingerprint"))
        take_fingerprint(m, v);
    else if (slice_is(n, "setup"))
        take_setup(m, v);
    else if (slice_is(n, "crypto"))
        take_crypto(m, v);
    else
        return false;
    return true;
}

/* A line's own fingerprint replaces the session's, and the first one stands: so the session's is
 * put aside until the end. */
void sdp_protect_inherit(struct sdp_media *m, const struct sdp_media *session)
{
    m->setup = session->setup;
    if (session->has_fingerprint)
        memcpy(m->fingerprint, session->fingerprint, sizeof m->fingerprint);
    m->inherits_fingerprint = session->has_fingerprint;
}

void sdp_protect_settle(struct sdp_media *m)
{
    m->has_fingerprint = m->has_fingerprint || m->inherits_fingerprint;
    m->inherits_fingerprint = false;
}

static void put_crypto(struct sip_text *out, const struct sdp_crypto *crypto)
{
    unsigned char text[BASE64_MAX + 4];
    if (crypto->suite == 0 || crypto->suite >= SRTP_MEDIA_SUITES)
        return;
    EVP_EncodeBlock(text, crypto->key, (int)srtp_media_key_octets(crypto->suite));
    sip_text_add(out, "a=crypto:%" PRIu32 " %s inline:%s\r\n", crypto->tag,
                 srtp_media_suite_name(crypto->suite), (const char *)text);
    OPENSSL_cleanse(text, sizeof text);
}

void sdp_protect_put(struct sip_text *out, const struct sdp_media *m)
{
    if (m->setup != SDP_SETUP_NONE)
        sip_text_add(out, "a=setup:%s\r\n", setups[m->setup]);
    if (m->has_fingerprint) {
        sip_text_add(out, "a=fingerprint:sha-256 ");
        for (size_t i = 0; i < SDP_FINGERPRINT_OCTETS; i++)
            sip_text_add(out, "%s%02X", i ? ":" : "", m->fingerprint[i]);
        sip_text_add(out, "\r\n");
    }
    for (uint32_t i = 0; i < m->crypto_count; i++)
        put_crypto(out, &m->crypto[i]);
}
