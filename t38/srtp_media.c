#include "t38/srtp_media.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <srtp2/srtp.h>

#include "codecs/fax_error.h"

enum { RTP_HEADER = 12, RTCP_HEADER = 8, PACKET_MAX = 2048, WINDOW = 128 };

/* One direction, and by what it is known again: a hash of its suite and key. */
struct direction {
    srtp_t srtp;
    uint8_t print[SHA256_DIGEST_LENGTH];
};

struct srtp_media {
    struct direction out, in;
};

static const struct {
    const char *name;
    size_t key_octets;
} suites[SRTP_MEDIA_SUITES] = {
    [SRTP_MEDIA_NONE] = {"", 0},
    [SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 30},
    [SRTP_MEDIA_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 28},
    [SRTP_MEDIA_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 44},
};

const char *srtp_media_suite_name(enum srtp_media_suite suite)
{
    return suite < SRTP_MEDIA_SUITES ? suites[suite].name : "";
}

size_t srtp_media_key_octets(enum srtp_media_suite suite)
{
    return suite < SRTP_MEDIA_SUITES ? suites[suite].key_octets : 0;
}

static void set_suite(srtp_policy_t *policy, enum srtp_media_suite suite)
{
    switch (suite) {
    case SRTP_MEDIA_AEAD_AES_128_GCM:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
        break;
    case SRTP_MEDIA_AEAD_AES_256_GCM:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
        break;
    case SRTP_MEDIA_NONE:
    case SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80:
    case SRTP_MEDIA_SUITES:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    }
}

static void make_print(enum srtp_media_suite suite, const uint8_t *key,
                       uint8_t print[SHA256_DIGEST_LENGTH])
{
    uint8_t octets[1 + SRTP_MEDIA_KEY_MAX] = {(uint8_t)suite};

    memcpy(octets + 1, key, suites[suite].key_octets);
    (void)SHA256(octets, sizeof octets, print);
    OPENSSL_cleanse(octets, sizeof octets);
}

static int open_direction(enum srtp_media_suite suite, const uint8_t *key, bool outbound,
                          struct direction *out)
{
    uint8_t copy[SRTP_MEDIA_KEY_MAX];
    srtp_policy_t policy;
    srtp_err_status_t status;

    memset(&policy, 0, sizeof policy);
    memcpy(copy, key, suites[suite].key_octets);
    set_suite(&policy, suite);
    policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = copy;
    policy.window_size = WINDOW;
    policy.allow_repeat_tx = 0;
    status = srtp_create(&out->srtp, &policy);
    OPENSSL_cleanse(copy, sizeof copy);
    make_print(suite, key, out->print);
    return status == srtp_err_status_ok ? FAX_OK : FAX_ENOMEM;
}

int srtp_media_new(enum srtp_media_suite suite, const uint8_t *send_key, const uint8_t *receive_key,
                   struct srtp_media **out)
{
    struct srtp_media *media;
    int error;

    *out = NULL;
    if (suite <= SRTP_MEDIA_NONE || suite >= SRTP_MEDIA_SUITES)
        return FAX_EINVAL;
    media = calloc(1, sizeof *media);
    if (media == NULL)
        return FAX_ENOMEM;
    error = open_direction(suite, send_key, true, &media->out);
    if (error == FAX_OK)
        error = open_direction(suite, receive_key, false, &media->in);
    if (error != FAX_OK) {
        srtp_media_free(media);
        return error;
    }
    *out = media;
    return FAX_OK;
}

static void close_direction(struct direction *direction)
{
    if (direction->srtp != NULL)
        (void)srtp_dealloc(direction->srtp);
    direction->srtp = NULL;
}

int srtp_media_rekey(struct srtp_media *media, enum srtp_media_suite suite, const uint8_t *send_key,
                     const uint8_t *receive_key)
{
    struct srtp_media *fresh;
    int error = srtp_media_new(suite, send_key, receive_key, &fresh);

    if (error != FAX_OK)
        return error;
    struct direction *old[] = {&media->out, &media->in}, *new[] = {&fresh->out, &fresh->in};
    for (int i = 0; i < 2; i++) {
        if (memcmp(old[i]->print, new[i]->print, sizeof old[i]->print) == 0)
            continue;
        const struct direction other = *old[i];
        *old[i] = *new[i];
        *new[i] = other;
    }
    srtp_media_free(fresh);
    return FAX_OK;
}

void srtp_media_free(struct srtp_media *media)
{
    if (media == NULL)
        return;
    close_direction(&media->out);
    close_direction(&media->in);
    free(media);
}

int srtp_media_load(struct srtp_media **keeper)
{
    static const uint8_t key[SRTP_MEDIA_KEY_MAX];

    *keeper = NULL;
    if (srtp_init() != srtp_err_status_ok)
        return FAX_EENGINE;
    if (srtp_media_new(SRTP_MEDIA_NONE + 1, key, key, keeper) != FAX_OK)
        return FAX_EENGINE;
    for (enum srtp_media_suite suite = SRTP_MEDIA_NONE + 1; suite < SRTP_MEDIA_SUITES; suite++) {
        uint8_t packet[RTP_HEADER + SRTP_MEDIA_OVERHEAD_MAX] = {0x80};
        size_t length = RTP_HEADER;
        struct srtp_media *media;
        int error = srtp_media_new(suite, key, key, &media);

        if (error == FAX_OK)
            error = srtp_media_protect(media, packet, &length, sizeof packet);
        if (error == FAX_OK)
            error = srtp_media_unprotect(media, packet, &length);
        srtp_media_free(media);
        if (error != FAX_OK) {
            srtp_media_free(*keeper);
            *keeper = NULL;
            return FAX_EENGINE;
        }
    }
    return FAX_OK;
}

static int check(size_t length, size_t least, size_t capacity)
{
    if (length < least || length > PACKET_MAX)
        return FAX_EINVAL;
    return length + SRTP_MEDIA_OVERHEAD_MAX > capacity ? FAX_ELIMIT : FAX_OK;
}

int srtp_media_protect(struct srtp_media *media, uint8_t *packet, size_t *length, size_t capacity)
{
    int octets = (int)*length, error = check(*length, RTP_HEADER, capacity);

    if (error != FAX_OK)
        return error;
    if (srtp_protect(media->out.srtp, packet, &octets) != srtp_err_status_ok)
        return FAX_EINVAL;
    *length = (size_t)octets;
    return FAX_OK;
}

int srtp_media_protect_rtcp(struct srtp_media *media, uint8_t *packet, size_t *length,
                            size_t capacity)
{
    int octets = (int)*length, error = check(*length, RTCP_HEADER, capacity);

    if (error != FAX_OK)
        return error;
    if (srtp_protect_rtcp(media->out.srtp, packet, &octets) != srtp_err_status_ok)
        return FAX_EINVAL;
    *length = (size_t)octets;
    return FAX_OK;
}

int srtp_media_unprotect(struct srtp_media *media, uint8_t *packet, size_t *length)
{
    int octets = (int)*length;

    if (*length < RTP_HEADER || *length > PACKET_MAX ||
        srtp_unprotect(media->in.srtp, packet, &octets) != srtp_err_status_ok)
        return FAX_EFORMAT;
    *length = (size_t)octets;
    return FAX_OK;
}

int srtp_media_unprotect_rtcp(struct srtp_media *media, uint8_t *packet, size_t *length)
{
    int octets = (int)*length;

    if (*length < RTCP_HEADER || *length > PACKET_MAX ||
        srtp_unprotect_rtcp(media->in.srtp, packet, &octets) != srtp_err_status_ok)
        return FAX_EFORMAT;
    *length = (size_t)octets;
    return FAX_OK;
}
