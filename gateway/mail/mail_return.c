#include "gateway/mail/mail_return.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/secret.h"

enum {
    MAC_OCTETS = 8,
    TOKEN_OCTETS = FAX_ID_OCTETS + MAC_OCTETS,
    TOKEN_BITS = 8 * TOKEN_OCTETS,
    LOCAL_MAX = 64
};

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 §6 */
static const char mark[] = "+b";

static int make_mac(const uint8_t key[MAIL_RETURN_KEY_OCTETS], const struct fax_id *out,
                    uint8_t mac[MAC_OCTETS])
{
    static const char purpose[] = "sealfax return path";
    uint8_t text[sizeof purpose + FAX_ID_OCTETS], digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    memcpy(text, purpose, sizeof purpose);
    memcpy(text + sizeof purpose, out->octets, FAX_ID_OCTETS);
    if (!HMAC(EVP_sha256(), key, MAIL_RETURN_KEY_OCTETS, text, sizeof text, digest, &length))
        return -EIO;
    memcpy(mac, digest, MAC_OCTETS);
    return 0;
}

static unsigned bit_of(const uint8_t *octets, size_t bit)
{
    return bit < TOKEN_BITS ? (unsigned)octets[bit / 8] >> (7 - bit % 8) & 1u : 0;
}

static void encode(const uint8_t octets[TOKEN_OCTETS], char *text)
{
    for (size_t i = 0; i < MAIL_RETURN_TOKEN_CHARACTERS; i++) {
        unsigned value = 0;
        for (size_t k = 0; k < 5; k++)
            value = value << 1 | bit_of(octets, 5 * i + k);
        text[i] = digits[value];
    }
    text[MAIL_RETURN_TOKEN_CHARACTERS] = '\0';
}

static bool decode(const char *text, uint8_t octets[TOKEN_OCTETS])
{
    memset(octets, 0, TOKEN_OCTETS);
    for (size_t i = 0; i < MAIL_RETURN_TOKEN_CHARACTERS; i++) {
        char lower = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
        const char *digit = lower ? strchr(digits, lower) : NULL;
        if (!digit)
            return false;
        for (size_t k = 0; k < 5; k++) {
            size_t bit = 5 * i + k;
            if (((size_t)(digit - digits) >> (4 - k) & 1u) == 0)
                continue;
            if (bit >= TOKEN_BITS)
                return false;
            octets[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        }
    }
    return true;
}

int mail_return_make(const uint8_t key[MAIL_RETURN_KEY_OCTETS], const char *from,
                     const struct fax_id *out, char path[MAIL_RETURN_TEXT])
{
    uint8_t octets[TOKEN_OCTETS];
    char token[MAIL_RETURN_TOKEN_CHARACTERS + 1];
    size_t local = strcspn(from, "@");
    if (local + sizeof mark - 1 + MAIL_RETURN_TOKEN_CHARACTERS > LOCAL_MAX)
        return -E2BIG;
    memcpy(octets, out->octets, FAX_ID_OCTETS);
    int rc = make_mac(key, out, octets + FAX_ID_OCTETS);
    if (rc < 0)
        return rc;
    encode(octets, token);
    int n =
        snprintf(path, MAIL_RETURN_TEXT, "%.*s%s%s%s", (int)local, from, mark, token, from + local);
    return n < 0 || n >= MAIL_RETURN_TEXT ? -E2BIG : 0;
}

bool mail_return_read(const uint8_t key[MAIL_RETURN_KEY_OCTETS], const char *from,
                      const char *address, struct fax_id *out)
{
    uint8_t octets[TOKEN_OCTETS], mac[MAC_OCTETS];
    size_t local = strcspn(from, "@"), whole = local + sizeof mark - 1;
    if (strlen(address) < whole + MAIL_RETURN_TOKEN_CHARACTERS ||
        strncasecmp(address, from, local) != 0 ||
        strncasecmp(address + local, mark, sizeof mark - 1) != 0 ||
        strcasecmp(address + whole + MAIL_RETURN_TOKEN_CHARACTERS, from + local) != 0 ||
        !decode(address + whole, octets))
        return false;
    memcpy(out->octets, octets, FAX_ID_OCTETS);
    return make_mac(key, out, mac) == 0 && secret_equal(mac, octets + FAX_ID_OCTETS, MAC_OCTETS);
}
