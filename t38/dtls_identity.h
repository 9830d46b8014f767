/* dtls_identity.h: the inside of a struct dtls_identity, for dtls_media.c alone. */
#ifndef T38_DTLS_IDENTITY_H
#define T38_DTLS_IDENTITY_H

#include <openssl/ssl.h>

#include "t38/dtls_media.h"

struct dtls_identity {
    SSL_CTX *context;
    BIO_METHOD *datagrams; /* of the BIO through which flights leave; see dtls_media.c */
    uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS];
};

/* In dtls_media.c: judges the peer's certificate by its fingerprint, and the BIO's functions. */
int dtls_media_verify_cb(X509_STORE_CTX *store, void *unused);
int dtls_media_write_cb(BIO *bio, const char *data, int length);
long dtls_media_ctrl_cb(BIO *bio, int command, long number, void *pointer);

#endif
