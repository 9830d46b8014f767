/* mail_smime.h: encryption of received faxes by S/MIME 4.0 (RFC 8551): CMS of OpenSSL, AES-256.
 * Pure but for OpenSSL; encrypting is work for the thread pool. */
#ifndef GATEWAY_MAIL_MAIL_SMIME_H
#define GATEWAY_MAIL_MAIL_SMIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAIL_CERTIFICATE_OCTETS = 3000, /* of DER */
    MAIL_CERTIFICATE_TEXT = 4001,   /* of its base64 with the zero */
    MAIL_RSA_BITS_LEAST = 2048
};

/* A certificate that mails may be encrypted to. */
struct mail_certificate {
    char base64[MAIL_CERTIFICATE_TEXT]; /* DER */
    char subject[256];
    char fingerprint[65]; /* SHA-256 of DER, hex */
    int64_t not_after;    /* s since 1970 */
};

/* Reads the one certificate of a PEM text and judges it at the given time: RSA of at least 2048
 * bits or an elliptic curve, for encryption, valid. Returns 0, -EINVAL with why, or -ENOMEM. */
int mail_certificate_read(const char *pem, size_t length, int64_t now_s,
                          struct mail_certificate *out, char why[200])
    __attribute__((warn_unused_result));

/* Judges a certificate that was kept, likewise. */
int mail_certificate_judge(const char *base64, int64_t now_s, char why[200])
    __attribute__((warn_unused_result));

struct mail_encryption {
    const uint8_t *entity; /* MIME entity with CRLF lines */
    size_t length;
    const char *certificate;                 /* base64 of DER */
    const char *sign_certificate, *sign_key; /* PEM texts; NULL: it is not signed */
    bool authenticated;                      /* AES-256-GCM, else AES-256-CBC */
};

/* Signs (where asked for) and encrypts. *der is the caller's (OPENSSL_free()). Returns 0, -EINVAL
 * with why, -ENOMEM.
 */
int mail_smime_encrypt(const struct mail_encryption *request, uint8_t **der, size_t *length,
                       char why[200]) __attribute__((warn_unused_result));

#endif
