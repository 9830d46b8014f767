#include "t38/dtls_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "codecs/fax_error.h"
#include "t38/dtls_identity.h"

enum {
    RECORD_FIRST = 20, /* RFC 7983: what begins with 20 to 63 is DTLS */
    RECORD_LAST = 63,
    RECORD_HEADER = 13,
    PACKET_MAX = 16384,
};

struct dtls_media {
    SSL *ssl;
    BIO *in; /* owned by ssl; holds one datagram at a time */
    struct dtls_media_callbacks callbacks;
    enum dtls_media_state state;
    bool active, started, wrong_certificate, mute;
    uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS];
    uint64_t begun_ms;
    uint32_t datagrams, dropped;
    char text[DTLS_MEDIA_TEXT_MAX];
};

/* --- what OpenSSL calls --- */

int dtls_media_verify_cb(X509_STORE_CTX *store, void *unused)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls_media *media = SSL_get_app_data(ssl);
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    (void)unused;
    if (certificate != NULL && X509_digest(certificate, EVP_sha256(), digest, &length) == 1 &&
        length == sizeof media->fingerprint &&
        CRYPTO_memcmp(digest, media->fingerprint, sizeof media->fingerprint) == 0)
        return 1;
    media->wrong_certificate = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* One call, one datagram. */
int dtls_media_write_cb(BIO *bio, const char *data, int length)
{
    const struct dtls_media *media = BIO_get_data(bio);

    if (length > 0 && !media->mute)
        media->callbacks.send(media->callbacks.user, (const uint8_t *)data, (size_t)length);
    return length;
}

long dtls_media_ctrl_cb(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MEDIA_DATAGRAM_MAX;
    default:
        return 0;
    }
}

/* --- */

int dtls_media_new(struct dtls_identity *identity, bool active,
                   const uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS],
                   const struct dtls_media_callbacks *callbacks, uint64_t now_ms,
                   struct dtls_media **out)
{
    struct dtls_media *media = calloc(1, sizeof *media);
    BIO *bio = BIO_new(identity->datagrams);

    *out = NULL;
    if (media != NULL) {
        media->ssl = SSL_new(identity->context);
        media->in = BIO_new(BIO_s_mem());
    }
    if (media == NULL || bio == NULL || media->ssl == NULL || media->in == NULL) {
        BIO_free(bio);
        if (media != NULL) {
            BIO_free(media->in);
            SSL_free(media->ssl);
        }
        free(media);
        return FAX_ENOMEM;
    }
    media->active = active;
    media->begun_ms = now_ms;
    media->callbacks = *callbacks;
    memcpy(media->fingerprint, fingerprint, sizeof media->fingerprint);
    BIO_set_data(bio, media);
    BIO_set_init(bio, 1);
    BIO_set_mem_eof_return(media->in, -1);
    SSL_set_bio(media->ssl, media->in, bio);
    SSL_set_app_data(media->ssl, media);
    (void)SSL_set_mtu(media->ssl, DTLS_MEDIA_DATAGRAM_MAX);
    if (active)
        SSL_set_connect_state(media->ssl);
    else
        SSL_set_accept_state(media->ssl);
    *out = media;
    return FAX_OK;
}

void dtls_media_free(struct dtls_media *media)
{
    if (media == NULL)
        return;
    media->mute = true;
    SSL_free(media->ssl);
    free(media);
}

static void fail(struct dtls_media *media, const char *text)
{
    if (media->state == DTLS_MEDIA_FAILED)
        return;
    media->state = DTLS_MEDIA_FAILED;
    snprintf(media->text, sizeof media->text, "%s", text);
}

/* Turns what OpenSSL says into a state. Records that could not be authenticated are dropped by it
 * without a word. */
static void judge(struct dtls_media *media, int result)
{
    int kind = SSL_get_error(media->ssl, result);
    unsigned long code = ERR_peek_error();
    char text[DTLS_MEDIA_TEXT_MAX];

    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return;
    if (media->wrong_certificate) {
        fail(media, "the peer's DTLS certificate is not the one that signalling named");
    } else if (kind == SSL_ERROR_ZERO_RETURN) {
        fail(media, "the peer closed the DTLS association");
    } else {
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

        snprintf(text, sizeof text, "DTLS failed: %.90s", reason != NULL ? reason : "unknown");
        fail(media, text);
    }
}

static void shake(struct dtls_media *media)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(media->ssl);
    if (result != 1) {
        judge(media, result);
    } else {
        media->state = DTLS_MEDIA_OPEN;
        snprintf(media->text, sizeof media->text, "%s %s", SSL_get_version(media->ssl),
                 SSL_get_cipher_name(media->ssl));
    }
    ERR_clear_error();
}

enum dtls_media_state dtls_media_start(struct dtls_media *media)
{
    if (!media->started && media->state == DTLS_MEDIA_HANDSHAKE) {
        media->started = true;
        shake(media);
    }
    return media->state;
}

static void take_packets(struct dtls_media *media)
{
    uint8_t packet[PACKET_MAX];
    int taken = 0;

    while (media->state == DTLS_MEDIA_OPEN) {
        int result;

        ERR_clear_error();
        result = SSL_read(media->ssl, packet, sizeof packet);
        if (result <= 0) {
            judge(media, result);
            break;
        }
        taken++;
        media->callbacks.receive(media->callbacks.user, packet, (size_t)result);
        OPENSSL_cleanse(packet, (size_t)result);
    }
    if (taken == 0)
        media->dropped++;
    ERR_clear_error();
}

static bool is_dtls(const uint8_t *datagram, size_t length)
{
    return length >= RECORD_HEADER && datagram[0] >= RECORD_FIRST && datagram[0] <= RECORD_LAST;
}

enum dtls_media_state dtls_media_receive(struct dtls_media *media, const uint8_t *datagram,
                                         size_t length)
{
    if (media->state == DTLS_MEDIA_FAILED)
        return media->state;
    if (!is_dtls(datagram, length)) {
        media->dropped++;
        return media->state;
    }
    (void)dtls_media_start(media);
    if (media->state == DTLS_MEDIA_HANDSHAKE &&
        ++media->datagrams > DTLS_MEDIA_HANDSHAKE_DATAGRAMS) {
        fail(media, "the peer sends what is no DTLS handshake");
        return media->state;
    }
    if (BIO_write(media->in, datagram, (int)length) != (int)length) {
        media->dropped++;
        return media->state;
    }
    if (media->state == DTLS_MEDIA_HANDSHAKE)
        shake(media);
    else
        take_packets(media);
    /* What a broken record left behind must not be taken for the start of the next one. */
    (void)BIO_reset(media->in);
    return media->state;
}

int dtls_media_send(struct dtls_media *media, const uint8_t *data, size_t length)
{
    int result;

    if (media->state != DTLS_MEDIA_OPEN || length == 0 || length > PACKET_MAX)
        return FAX_ESTATE;
    ERR_clear_error();
    result = SSL_write(media->ssl, data, (int)length);
    if (result <= 0)
        judge(media, result);
    ERR_clear_error();
    return result > 0 ? FAX_OK : FAX_ESTATE;
}

enum dtls_media_state dtls_media_tick(struct dtls_media *media, uint64_t now_ms)
{
    struct timeval left;

    if (media->state == DTLS_MEDIA_HANDSHAKE && now_ms - media->begun_ms >= DTLS_MEDIA_HANDSHAKE_MS)
        fail(media, media->datagrams == 0 ? "the peer made no DTLS handshake"
                                          : "the DTLS handshake did not end in time");
    if (media->state == DTLS_MEDIA_HANDSHAKE && media->started &&
        DTLSv1_get_timeout(media->ssl, &left) == 1 && left.tv_sec == 0 && left.tv_usec == 0) {
        ERR_clear_error();
        if (DTLSv1_handle_timeout(media->ssl) < 0)
            judge(media, -1);
        ERR_clear_error();
    }
    return media->state;
}

void dtls_media_close(struct dtls_media *media)
{
    if (media == NULL || media->state != DTLS_MEDIA_OPEN)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(media->ssl);
    ERR_clear_error();
    fail(media, "closed");
}

enum dtls_media_state dtls_media_state(const struct dtls_media *media)
{
    return media->state;
}

const char *dtls_media_text(const struct dtls_media *media)
{
    return media->text;
}

uint32_t dtls_media_dropped(const struct dtls_media *media)
{
    return media->dropped;
}
