#include "policy/aead.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "policy/policy_error.h"
#include "policy/secret.h"

int aead_seal(EVP_CIPHER_CTX *context, const uint8_t *key, const uint8_t nonce[AEAD_NONCE_OCTETS],
              const struct aead_span *aad, const struct aead_span *plain, size_t plain_count,
              uint8_t *out)
{
    const EVP_CIPHER *cipher = key ? EVP_aes_256_gcm() : NULL;
    int step = 0;
    size_t written = 0;
    if (aad->length > INT_MAX || EVP_EncryptInit_ex(context, cipher, NULL, key, nonce) != 1 ||
        EVP_EncryptUpdate(context, NULL, &step, aad->bytes, (int)aad->length) != 1)
        return FAX_EP_CRYPTO;
    for (size_t i = 0; i < plain_count; i++) {
        if (plain[i].length == 0)
            continue;
        if (plain[i].length > INT_MAX ||
            EVP_EncryptUpdate(context, out + written, &step, plain[i].bytes,
                              (int)plain[i].length) != 1)
            return FAX_EP_CRYPTO;
        written += (size_t)step;
    }
    if (EVP_EncryptFinal_ex(context, out + written, &step) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_OCTETS, out + written) != 1)
        return FAX_EP_CRYPTO;
    return 0;
}

int aead_open(EVP_CIPHER_CTX *context, const uint8_t *key, const uint8_t nonce[AEAD_NONCE_OCTETS],
              const struct aead_span *aad, const struct aead_span *cipher, uint8_t *out)
{
    const EVP_CIPHER *kind = key ? EVP_aes_256_gcm() : NULL;
    uint8_t tag[AEAD_TAG_OCTETS];
    int step = 0, rc = FAX_EP_CRYPTO;
    size_t written = 0;
    const uint8_t *sent = (const uint8_t *)cipher->bytes + cipher->length;
    for (size_t i = 0; i < sizeof tag; i++)
        tag[i] = sent[i];
    if (aad->length > INT_MAX || cipher->length > INT_MAX ||
        EVP_DecryptInit_ex(context, kind, NULL, key, nonce) != 1 ||
        EVP_DecryptUpdate(context, NULL, &step, aad->bytes, (int)aad->length) != 1)
        goto fail;
    if (cipher->length > 0) {
        if (EVP_DecryptUpdate(context, out, &step, cipher->bytes, (int)cipher->length) != 1)
            goto fail;
        written = (size_t)step;
    }
    if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_OCTETS, tag) != 1)
        goto fail;
    if (EVP_DecryptFinal_ex(context, out + written, &step) != 1) {
        rc = FAX_EP_AUTH;
        goto fail;
    }
    return 0;

fail:
    secret_wipe(out, cipher->length);
    return rc;
}

int aead_derive(const uint8_t key[AEAD_KEY_OCTETS], const struct aead_span *info, uint8_t *out,
                size_t length)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256";
    uint8_t key_copy[AEAD_KEY_OCTETS], info_copy[64];
    int rc = FAX_EP_CRYPTO;
    if (!context || info->length > sizeof info_copy)
        goto done;
    /* OSSL_PARAM takes no const input. */
    for (size_t i = 0; i < sizeof key_copy; i++)
        key_copy[i] = key[i];
    for (size_t i = 0; i < info->length; i++)
        info_copy[i] = ((const uint8_t *)info->bytes)[i];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_copy, sizeof key_copy),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_copy, info->length),
        OSSL_PARAM_construct_end()};
    if (EVP_KDF_derive(context, out, length, params) == 1)
        rc = 0;
    secret_wipe(key_copy, sizeof key_copy);

done:
    if (rc)
        secret_wipe(out, length);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return rc;
}

int aead_sha256(const void *bytes, size_t length, uint8_t digest[32])
{
    return EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : FAX_EP_CRYPTO;
}
