/* digest_secret.h: what is kept of a password: HA1 for each algorithm (RFC 7616 §3.4.2), and its
 * octets for sealing (policy/secret_record.h). Whoever has it can sign in: to be wiped. */
#ifndef GATEWAY_SIP_DIGEST_SECRET_H
#define GATEWAY_SIP_DIGEST_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/sip/digest.h"

enum { DIGEST_SECRET_OCTETS = 1 + 16 + 32 };

/* HA1 as lower-case hexadecimal digits; "" where the library refuses the algorithm. */
struct digest_secret {
    char md5[DIGEST_HEX], sha256[DIGEST_HEX];
};

/* Computes it. Returns 0, -EINVAL when user or realm is empty, holds a control character, a quote,
 * or (user) a colon; -ENOTSUP or -ENOMEM; then it is zeroed. */
int digest_secret_make(const char *user, const char *realm, const char *password,
                       struct digest_secret *secret) __attribute__((warn_unused_result));

/* HA1 for an algorithm; NULL when there is none. */
const char *digest_secret_ha1(const struct digest_secret *secret, enum digest_algorithm algorithm);

/* The octets: flags (1: MD5 there, 2: SHA-256), both hashes. Returns 0 or -EINVAL. */
int digest_secret_pack(const struct digest_secret *secret, uint8_t octets[DIGEST_SECRET_OCTETS])
    __attribute__((warn_unused_result));

/* Reads them. Returns 0 or -EBADMSG; then it is zeroed. */
int digest_secret_unpack(const uint8_t *octets, size_t length, struct digest_secret *secret)
    __attribute__((warn_unused_result));

#endif
