/* aead.h: AES-256-GCM in one call, and HKDF; what vault and key records share. */
#ifndef POLICY_AEAD_H
#define POLICY_AEAD_H

#include <stddef.h>
#include <stdint.h>

enum { AEAD_KEY_OCTETS = 32, AEAD_NONCE_OCTETS = 12, AEAD_TAG_OCTETS = 16 };

struct evp_cipher_ctx_st;

/* A piece of input; it stays the caller's. */
struct aead_span {
    const void *bytes;
    size_t length;
};

/* Encrypts the concatenation of plain into out and writes the tag. context may hold a key from an
 * earlier call: then key is NULL. out must have room for all of plain.
 * Errors: FAX_EP_CRYPTO. (NIST SP 800-38D §7.1) */
int aead_seal(struct evp_cipher_ctx_st *context, const uint8_t *key,
              const uint8_t nonce[AEAD_NONCE_OCTETS], const struct aead_span *aad,
              const struct aead_span *plain, size_t plain_count, uint8_t *out)
    __attribute__((warn_unused_result));

/* Decrypts cipher, which is followed by its tag, into out; out is wiped on failure.
 * Errors: FAX_EP_AUTH, FAX_EP_CRYPTO. (NIST SP 800-38D §7.2) */
int aead_open(struct evp_cipher_ctx_st *context, const uint8_t *key,
              const uint8_t nonce[AEAD_NONCE_OCTETS], const struct aead_span *aad,
              const struct aead_span *cipher, uint8_t *out) __attribute__((warn_unused_result));

/* HKDF with SHA-256 without a salt (RFC 5869). Errors: FAX_EP_CRYPTO; then out is zeroed. */
int aead_derive(const uint8_t key[AEAD_KEY_OCTETS], const struct aead_span *info, uint8_t *out,
                size_t length) __attribute__((warn_unused_result));

/* SHA-256 of one span. Errors: FAX_EP_CRYPTO. */
int aead_sha256(const void *bytes, size_t length, uint8_t digest[32])
    __attribute__((warn_unused_result));

#endif
