#include "t38/dtls_identity.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "codecs/fax_error.h"

enum { VALID_DAYS = 3650 }; /* nobody looks at it: signalling vouches for the fingerprint */

/* No name of ours stands in it. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    uint64_t serial = 0;
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

    if (x != NULL && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
        X509_set_version(x, 2) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), -86400) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(x), VALID_DAYS * 86400L) != NULL &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fax", -1, -1,
                                   0) == 1 &&
        X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
        X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");

    if (method != NULL && BIO_meth_set_write(method, dtls_media_write_cb) == 1 &&
        BIO_meth_set_ctrl(method, dtls_media_ctrl_cb) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* Only what is not weak, and one key exchange that every peer has. */
static int set_up(SSL_CTX *context, X509 *certificate, EVP_PKEY *key)
{
    if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES256-GCM-SHA384:"
                                         "ECDHE-ECDSA-AES128-GCM-SHA256:"
                                         "ECDHE-ECDSA-CHACHA20-POLY1305:"
                                         "ECDHE-RSA-AES256-GCM-SHA384:"
                                         "ECDHE-RSA-AES128-GCM-SHA256") != 1 ||
        SSL_CTX_set1_groups_list(context, "P-256:X25519:P-384") != 1 ||
        SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        return FAX_ENOMEM;
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, dtls_media_verify_cb, NULL);
    return FAX_OK;
}

int dtls_identity_new(struct dtls_identity **out)
{
    struct dtls_identity *made = calloc(1, sizeof *made);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? make_certificate(key) : NULL;
    unsigned length = sizeof made->fingerprint;
    int error = FAX_ENOMEM;

    *out = NULL;
    if (made != NULL && certificate != NULL) {
        made->context = SSL_CTX_new(DTLS_method());
        made->datagrams = make_method();
    }
    if (made != NULL && made->context != NULL && made->datagrams != NULL &&
        X509_digest(certificate, EVP_sha256(), made->fingerprint, &length) == 1)
        error = set_up(made->context, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (error != FAX_OK) {
        dtls_identity_free(made);
        return error;
    }
    *out = made;
    return FAX_OK;
}

void dtls_identity_free(struct dtls_identity *identity)
{
    if (identity == NULL)
        return;
    SSL_CTX_free(identity->context);
    BIO_meth_free(identity->datagrams);
    free(identity);
}

const uint8_t *dtls_identity_fingerprint(const struct dtls_identity *identity)
{
    return identity->fingerprint;
}
