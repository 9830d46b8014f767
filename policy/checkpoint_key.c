#include "policy/checkpoint.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"
#include "policy/wire.h"

enum {
    ED25519 = 0x01,
    TYPED_OCTETS = 1 + CHECKPOINT_KEY_OCTETS,
    ID_DIGITS = 2 * CHECKPOINT_KEY_ID_OCTETS
}; /* C2SP signed-note */

static int check_name(const char *name)
{
    if (wire_check_text(name, CHECKPOINT_ORIGIN_TEXT) || strpbrk(name, " +"))
        return FAX_EP_INVAL;
    return 0;
}

int checkpoint_origin_make(const char *node, char origin[CHECKPOINT_ORIGIN_TEXT])
{
    if (!node || check_name(node))
        return FAX_EP_INVAL;
    int written = snprintf(origin, CHECKPOINT_ORIGIN_TEXT, "sealfax/%s", node);
    return written > 0 && written < CHECKPOINT_ORIGIN_TEXT ? 0 : FAX_EP_INVAL;
}

int checkpoint_key_make(const char *name, const uint8_t public_key[CHECKPOINT_KEY_OCTETS],
                        struct checkpoint_key *key)
{
    uint8_t input[CHECKPOINT_ORIGIN_TEXT + 1 + TYPED_OCTETS], digest[32];
    struct wire_writer writer;
    *key = (struct checkpoint_key){0};
    if (check_name(name))
        return FAX_EP_INVAL;
    memcpy(key->name, name, strlen(name) + 1);
    memcpy(key->public_key, public_key, sizeof key->public_key);
    wire_writer_init(&writer, input, sizeof input);
    wire_put_octets(&writer, name, strlen(name));
    wire_put_u8(&writer, '\n');
    wire_put_u8(&writer, ED25519);
    wire_put_octets(&writer, public_key, CHECKPOINT_KEY_OCTETS);
    int rc = aead_sha256(input, writer.length, digest);
    if (rc == 0)
        memcpy(key->id, digest, sizeof key->id);
    return rc;
}

int checkpoint_public_key(const uint8_t private_key[CHECKPOINT_KEY_OCTETS],
                          uint8_t public_key[CHECKPOINT_KEY_OCTETS])
{
    size_t length = CHECKPOINT_KEY_OCTETS;
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, length);
    int rc = pair && EVP_PKEY_get_raw_public_key(pair, public_key, &length) == 1 &&
                     length == CHECKPOINT_KEY_OCTETS
                 ? 0
                 : FAX_EP_CRYPTO;
    EVP_PKEY_free(pair);
    return rc;
}

int checkpoint_key_write(const struct checkpoint_key *key, char text[CHECKPOINT_KEY_TEXT])
{
    uint8_t typed[TYPED_OCTETS] = {ED25519};
    char id[ID_DIGITS + 1], base64[(TYPED_OCTETS + 2) / 3 * 4 + 1];
    memcpy(typed + 1, key->public_key, sizeof key->public_key);
    hex_encode(key->id, sizeof key->id, id);
    base64_encode(typed, sizeof typed, base64);
    int written = snprintf(text, CHECKPOINT_KEY_TEXT, "%s+%s+%s", key->name, id, base64);
    return written > 0 && written < CHECKPOINT_KEY_TEXT ? 0 : FAX_EP_INVAL;
}

int checkpoint_key_parse(const char *text, struct checkpoint_key *key)
{
    char name[CHECKPOINT_ORIGIN_TEXT];
    uint8_t id[CHECKPOINT_KEY_ID_OCTETS], typed[TYPED_OCTETS];
    const char *plus = text ? strchr(text, '+') : NULL;
    if (!plus || plus == text || (size_t)(plus - text) >= sizeof name)
        return FAX_EP_FORMAT;
    memcpy(name, text, (size_t)(plus - text));
    name[plus - text] = '\0';
    const char *hex = plus + 1;
    const char *base64 = hex + ID_DIGITS + 1;
    if (strnlen(hex, ID_DIGITS + 1) <= ID_DIGITS || base64[-1] != '+' ||
        hex_decode(hex, id, sizeof id) ||
        strnlen(base64, CHECKPOINT_KEY_TEXT) >= CHECKPOINT_KEY_TEXT ||
        base64_decode(base64, strlen(base64), typed, sizeof typed))
        return FAX_EP_FORMAT;
    if (typed[0] != ED25519)
        return FAX_EP_VERSION;
    int rc = checkpoint_key_make(name, typed + 1, key);
    if (rc)
        return rc == FAX_EP_INVAL ? FAX_EP_FORMAT : rc;
    return memcmp(id, key->id, sizeof id) == 0 ? 0 : FAX_EP_MISMATCH;
}

int checkpoint_sign(const char *text, size_t length,
                    const uint8_t private_key[CHECKPOINT_KEY_OCTETS],
                    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS])
{
    size_t written = CHECKPOINT_SIGNATURE_OCTETS;
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, CHECKPOINT_KEY_OCTETS);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int rc =
        pair && context && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, signature, &written, (const uint8_t *)text, length) == 1 &&
                written == CHECKPOINT_SIGNATURE_OCTETS
            ? 0
            : FAX_EP_CRYPTO;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    return rc;
}
