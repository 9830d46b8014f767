#include "gateway/sip/stream_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/stream_tls_context.h"
#include "gateway/socket_address.h"

struct sip_tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    bool is_server;
    bool any_name;   /* of the certificate, if there is one */
    bool distrusted; /* a certificate that need not be there is not good */
    char name[256];  /* that the peer's certificate must be for */
    char text[SIP_TLS_TEXT];
};

static bool is_printable(const unsigned char *s, int length)
{
    for (int i = 0; i < length; i++) {
        if (s[i] <= ' ' || s[i] >= 127)
            return false;
    }
    return length > 0;
}

static bool is_same_host(const unsigned char *host, int length, const char *name)
{
    return (size_t)length == strlen(name) && !strncasecmp((const char *)host, name, strlen(name));
}

/* RFC 5922 §7.1: "sip:host" without user part; no wildcards (§7.2). */
static bool fits_name(const GENERAL_NAME *san, const char *name)
{
    const ASN1_IA5STRING *text = NULL;
    unsigned char binary[16];
    int kind;
    void *value = GENERAL_NAME_get0_value(san, &kind);
    if (kind == GEN_IPADD) {
        const ASN1_OCTET_STRING *address = value;
        int length = inet_pton(AF_INET, name, binary) == 1    ? 4
                     : inet_pton(AF_INET6, name, binary) == 1 ? 16
                                                              : 0;
        return length && ASN1_STRING_length(address) == length &&
               !memcmp(ASN1_STRING_get0_data(address), binary, (size_t)length);
    }
    if (kind != GEN_URI && kind != GEN_DNS)
        return false;
    text = value;
    const unsigned char *at = ASN1_STRING_get0_data(text);
    int length = ASN1_STRING_length(text);
    if (!is_printable(at, length))
        return false;
    if (kind == GEN_DNS)
        return is_same_host(at, length, name);
    return length > 4 && !strncasecmp((const char *)at, "sip:", 4) &&
           is_same_host(at + 4, length - 4, name);
}

static void list_name(const GENERAL_NAME *san, char *list, size_t size)
{
    int kind;
    void *value = GENERAL_NAME_get0_value(san, &kind);
    size_t used = strlen(list);
    if ((kind != GEN_URI && kind != GEN_DNS) ||
        !is_printable(ASN1_STRING_get0_data(value), ASN1_STRING_length(value)))
        return;
    (void)snprintf(list + used, size - used, "%s%.*s", used ? ", " : "", ASN1_STRING_length(value),
                   (const char *)ASN1_STRING_get0_data(value));
}

/* Certificates without any name of these kinds fit nothing: the subject is not looked at. */
static bool names_peer(X509 *certificate, const char *name, char *list, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    list[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *san = sk_GENERAL_NAME_value(names, i);
        found = fits_name(san, name);
        list_name(san, list, size);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static void say_verification(struct sip_tls *tls, X509_STORE_CTX *store)
{
    int error = X509_STORE_CTX_get_error(store);
    const char *said = X509_verify_cert_error_string(error);
    if (tls->text[0])
        return;
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        said = "it has expired";
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        said = "it is not valid yet";
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        said = "no authority that is trusted for this peer has signed it";
        break;
    default:
        break;
    }
    (void)snprintf(tls->text, sizeof tls->text, "the peer's certificate was refused: %s%s", said,
                   X509_STORE_CTX_get_error_depth(store) > 0 ? " (one of its issuers)" : "");
}

static int verify(int ok, X509_STORE_CTX *store)
{
    char list[80];
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct sip_tls *tls = SSL_get_app_data(ssl);
    if (!ok) {
        say_verification(tls, store);
        return 0;
    }
    if (X509_STORE_CTX_get_error_depth(store) > 0 || tls->any_name ||
        names_peer(X509_STORE_CTX_get_current_cert(store), tls->name, list, sizeof list))
        return 1;
    (void)snprintf(tls->text, sizeof tls->text,
                   "the peer's certificate was refused: it is for %s, not for %.60s",
                   list[0] ? list : "no name", tls->name);
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

/* Whoever shows a bad one is served as if it had shown none. */
static int note_trust(int ok, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct sip_tls *tls = SSL_get_app_data(ssl);
    tls->distrusted = tls->distrusted || !ok;
    return 1;
}

int sip_tls_peer_name(const struct sip_tls *tls, int position, char *name, size_t size)
{
    int error = -ENOENT;
    X509 *certificate = tls->distrusted ? NULL : SSL_get0_peer_certificate(tls->ssl);
    GENERAL_NAMES *names =
        certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int kind;
        const ASN1_IA5STRING *text =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
        if ((kind != GEN_DNS && kind != GEN_EMAIL) || ASN1_STRING_length(text) >= (int)size ||
            !is_printable(ASN1_STRING_get0_data(text), ASN1_STRING_length(text)) || position-- > 0)
            continue;
        (void)snprintf(name, size, "%.*s", ASN1_STRING_length(text),
                       (const char *)ASN1_STRING_get0_data(text));
        error = 0;
        break;
    }
    GENERAL_NAMES_free(names);
    return error;
}

int sip_tls_check(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                  char text[SIP_TLS_TEXT])
{
    int error;
    text[0] = '\0';
    (void)sip_tls_context_find(contexts, terms, true, &error, text);
    return error;
}

static void set_name(struct sip_tls *tls, const struct sip_tls_terms *terms,
                     const struct sockaddr *peer)
{
    unsigned char binary[16];
    char host[SOCKET_ADDRESS_HOST];
    socket_address_host(peer, host);
    (void)snprintf(tls->name, sizeof tls->name, "%s",
                   terms->name && terms->name[0] ? terms->name : host);
    if (!tls->is_server && inet_pton(AF_INET, tls->name, binary) != 1 &&
        inet_pton(AF_INET6, tls->name, binary) != 1)
        (void)SSL_set_tlsext_host_name(tls->ssl, tls->name);
}

int sip_tls_new(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                const struct sockaddr *peer, bool is_server, struct sip_tls **out,
                char text[SIP_TLS_TEXT])
{
    int error;
    *out = NULL;
    SSL_CTX *ctx = sip_tls_context_find(contexts, terms, is_server, &error, text);
    if (!ctx)
        return error;
    struct sip_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return -ENOMEM;
    tls->is_server = is_server;
    tls->ssl = SSL_new(ctx);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->in || !tls->out) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        free(tls);
        (void)snprintf(text, SIP_TLS_TEXT, "out of memory");
        return -ENOMEM;
    }
    BIO_set_mem_eof_return(tls->in, -1);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_app_data(tls->ssl, tls);
    tls->any_name = is_server && terms->anybody && terms->ca_file && terms->ca_file[0];
    if (tls->any_name)
        SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, verify);
    else if (is_server && terms->anybody)
        SSL_set_verify(tls->ssl, SSL_VERIFY_NONE, NULL);
    else if (is_server && terms->optional)
        SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, note_trust);
    else
        SSL_set_verify(tls->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
    set_name(tls, terms, peer);
    if (is_server)
        SSL_set_accept_state(tls->ssl);
    else
        SSL_set_connect_state(tls->ssl);
    *out = tls;
    return 0;
}

void sip_tls_free(struct sip_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

int sip_tls_feed(struct sip_tls *tls, const char *bytes, size_t length)
{
    return BIO_write(tls->in, bytes, (int)length) == (int)length ? 0 : -ENOMEM;
}

/* An alert of the peer about a certificate is about ours. */
static bool is_about_certificate(unsigned long code)
{
    switch (ERR_GET_REASON(code)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return true;
    default:
        return false;
    }
}

static int outcome(struct sip_tls *tls, int result)
{
    int kind = SSL_get_error(tls->ssl, result);
    unsigned long code = ERR_peek_error();
    char reason[80];
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (tls->text[0]) {
        ERR_clear_error();
        return -EACCES;
    }
    bool ours = is_about_certificate(code);
    bool none = ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    sip_tls_error_text(reason, sizeof reason);
    (void)snprintf(tls->text, sizeof tls->text, "%s: %s",
                   ours ? "the peer refused our certificate" : "TLS failed",
                   none ? "the peer showed no certificate" : reason);
    return ours || none ? -EACCES : -EPROTO;
}

int sip_tls_handshake(struct sip_tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1)
        return 0;
    int error = outcome(tls, result);
    return error ? error : -EPROTO;
}

int sip_tls_read(struct sip_tls *tls, char *out, size_t capacity)
{
    ERR_clear_error();
    int n = SSL_read(tls->ssl, out, (int)capacity);
    return n > 0 ? n : outcome(tls, n);
}

int sip_tls_write(struct sip_tls *tls, const char *bytes, size_t length)
{
    while (length > 0) {
        ERR_clear_error();
        int n = SSL_write(tls->ssl, bytes, (int)length);
        if (n <= 0) { /* a memory BIO takes everything */
            (void)outcome(tls, n);
            return -EPROTO;
        }
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

void sip_tls_shut(struct sip_tls *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

size_t sip_tls_take(struct sip_tls *tls, char *out, size_t capacity)
{
    int n = BIO_read(tls->out, out, (int)capacity);
    return n > 0 ? (size_t)n : 0;
}

const char *sip_tls_text(const struct sip_tls *tls)
{
    return tls->text;
}

bool sip_tls_is_certified(const struct sip_tls *tls)
{
    return tls->any_name && SSL_is_init_finished(tls->ssl) &&
           SSL_get0_peer_certificate(tls->ssl) != NULL &&
           SSL_get_verify_result(tls->ssl) == X509_V_OK;
}

bool sip_tls_is_for(const struct sip_tls *tls, const char *name)
{
    char list[2];
    if (!name[0] || !sip_tls_is_certified(tls))
        return false;
    if (!strncasecmp(name, "sip:", 4))
        name += 4;
    return names_peer(SSL_get0_peer_certificate(tls->ssl), name, list, sizeof list);
}

void sip_tls_describe(const struct sip_tls *tls, char *text, size_t size)
{
    (void)snprintf(text, size, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}
