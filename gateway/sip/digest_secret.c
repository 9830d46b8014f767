#include "gateway/sip/digest_secret.h"

#include <errno.h>
#include <string.h>

#include "gateway/sip/text.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { HAS_MD5 = 1, HAS_SHA256 = 2, MD5_OCTETS = 16, SHA256_OCTETS = 32 };

static int check_name(const char *name, const char *never)
{
    return *name == '\0' || strlen(name) >= DIGEST_NAME_MAX || !sip_text_is_line(name) ||
                   strpbrk(name, never) != NULL
               ? -EINVAL
               : 0;
}

int digest_secret_make(const char *user, const char *realm, const char *password,
                       struct digest_secret *secret)
{
    memset(secret, 0, sizeof *secret);
    /* A colon in the name would let two users have one HA1 (RFC 7616 §3.4.2). */
    if (check_name(user, ":\"\\") || check_name(realm, "\"\\"))
        return -EINVAL;
    int md5 = digest_ha1(DIGEST_MD5, user, realm, password, secret->md5);
    int sha256 = digest_ha1(DIGEST_SHA256, user, realm, password, secret->sha256);
    if (md5 < 0)
        secret->md5[0] = '\0';
    if (sha256 < 0 || (md5 < 0 && md5 != -ENOTSUP)) {
        secret_wipe(secret, sizeof *secret);
        return sha256 < 0 ? sha256 : md5;
    }
    return 0;
}

const char *digest_secret_ha1(const struct digest_secret *secret, enum digest_algorithm algorithm)
{
    const char *ha1 = algorithm == DIGEST_SHA256 ? secret->sha256 : secret->md5;
    return ha1[0] != '\0' ? ha1 : NULL;
}

static int pack_one(const char *digits, size_t length, uint8_t flag, uint8_t *octets, uint8_t *to)
{
    if (digits[0] == '\0')
        return 0;
    if (strnlen(digits, DIGEST_HEX) != 2 * length || hex_decode(digits, to, length) < 0)
        return -EINVAL;
    octets[0] |= flag;
    return 0;
}

int digest_secret_pack(const struct digest_secret *secret, uint8_t octets[DIGEST_SECRET_OCTETS])
{
    memset(octets, 0, DIGEST_SECRET_OCTETS);
    if (pack_one(secret->md5, MD5_OCTETS, HAS_MD5, octets, octets + 1) < 0 ||
        pack_one(secret->sha256, SHA256_OCTETS, HAS_SHA256, octets, octets + 1 + MD5_OCTETS) < 0 ||
        octets[0] == 0) {
        secret_wipe(octets, DIGEST_SECRET_OCTETS);
        return -EINVAL;
    }
    return 0;
}

int digest_secret_unpack(const uint8_t *octets, size_t length, struct digest_secret *secret)
{
    memset(secret, 0, sizeof *secret);
    if (length != DIGEST_SECRET_OCTETS || octets[0] == 0 || octets[0] > (HAS_MD5 | HAS_SHA256))
        return -EBADMSG;
    if (octets[0] & HAS_MD5)
        hex_encode(octets + 1, MD5_OCTETS, secret->md5);
    if (octets[0] & HAS_SHA256)
        hex_encode(octets + 1 + MD5_OCTETS, SHA256_OCTETS, secret->sha256);
    return 0;
}
