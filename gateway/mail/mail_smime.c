#include "gateway/mail/mail_smime.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "gateway/mail/mail_text.h"
#include "policy/text_code.h"

enum { PEM_MOST = 64 * 1024 };

static int refuse(char why[200], const char *text)
{
    ERR_clear_error();
    snprintf(why, 200, "%s", text);
    return -EINVAL;
}

/* --- certificates --- */

static int64_t seconds_of(const ASN1_TIME *time)
{
    int days = 0, seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int64_t result = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1
                         ? (int64_t)days * 86400 + seconds
                         : 0;
    ASN1_TIME_free(epoch);
    return result;
}

static int judge_key(X509 *certificate, char why[200])
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC)
        return refuse(why, "its key is neither RSA nor of an elliptic curve");
    if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < MAIL_RSA_BITS_LEAST)
        return refuse(why, "its RSA key has less than 2048 bits");
    if (kind == EVP_PKEY_EC && EVP_PKEY_get_bits(key) < 256)
        return refuse(why, "its elliptic curve has less than 256 bits");
    /* All bits are set when the extension is absent (RFC 5280 §4.2.1.3). */
    uint32_t usage = X509_get_key_usage(certificate);
    uint32_t wanted = kind == EVP_PKEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
    if (!(usage & wanted))
        return refuse(why, kind == EVP_PKEY_RSA
                               ? "its key usage does not allow encryption (keyEncipherment)"
                               : "its key usage does not allow encryption (keyAgreement)");
    uint32_t extended = X509_get_extended_key_usage(certificate);
    if (extended != UINT32_MAX && !(extended & (XKU_SMIME | XKU_ANYEKU)))
        return refuse(why, "its extended key usage does not allow mail (emailProtection)");
    return 0;
}

static int judge(X509 *certificate, int64_t now_s, char why[200])
{
    if (seconds_of(X509_get0_notBefore(certificate)) > now_s)
        return refuse(why, "it is not valid yet");
    if (seconds_of(X509_get0_notAfter(certificate)) <= now_s)
        return refuse(why, "it has expired");
    return judge_key(certificate, why);
}

static int describe(X509 *certificate, struct mail_certificate *out, char why[200])
{
    uint8_t der[MAIL_CERTIFICATE_OCTETS], digest[EVP_MAX_MD_SIZE], *end = der;
    int length = i2d_X509(certificate, NULL);
    if (length <= 0 || length > MAIL_CERTIFICATE_OCTETS)
        return refuse(why, "it is larger than 3000 octets");
    i2d_X509(certificate, &end);
    base64_encode(der, (size_t)length, out->base64);
    if (EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    hex_encode(digest, 32, out->fingerprint);
    out->not_after = seconds_of(X509_get0_notAfter(certificate));
    BIO *text = BIO_new(BIO_s_mem());
    if (!text || X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                                    XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0) {
        BIO_free(text);
        return -ENOMEM;
    }
    int read = BIO_read(text, out->subject, sizeof out->subject - 1);
    out->subject[read > 0 ? read : 0] = '\0';
    BIO_free(text);
    return 0;
}

int mail_certificate_read(const char *pem, size_t length, int64_t now_s,
                          struct mail_certificate *out, char why[200])
{
    memset(out, 0, sizeof *out);
    if (length > PEM_MOST)
        return refuse(why, "the file is too long");
    BIO *file = BIO_new_mem_buf(pem, (int)length);
    if (!file)
        return -ENOMEM;
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    int rc = certificate ? judge(certificate, now_s, why)
                         : refuse(why, "the file holds no certificate in PEM form");
    if (rc == 0)
        rc = describe(certificate, out, why);
    X509_free(certificate);
    BIO_free(file);
    return rc;
}

static X509 *decode(const char *base64)
{
    uint8_t der[MAIL_CERTIFICATE_OCTETS];
    size_t text = strlen(base64), length = text / 4 * 3;
    length -= text > 0 && base64[text - 1] == '=';
    length -= text > 1 && base64[text - 2] == '=';
    const uint8_t *at = der;
    if (length > sizeof der || base64_decode(base64, text, der, length) < 0)
        return NULL;
    return d2i_X509(NULL, &at, (long)length);
}

int mail_certificate_judge(const char *base64, int64_t now_s, char why[200])
{
    X509 *certificate = decode(base64);
    if (!certificate)
        return refuse(why, "it cannot be read");
    int rc = judge(certificate, now_s, why);
    X509_free(certificate);
    return rc;
}

/* --- messages --- */

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *user)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static int write_out(CMS_ContentInfo *cms, uint8_t **der, size_t *length)
{
    *der = NULL;
    int octets = i2d_CMS_ContentInfo(cms, der);
    if (octets <= 0)
        return -ENOMEM;
    *length = (size_t)octets;
    return 0;
}

/* The signed entity as one of its own (RFC 8551 §3.5.2: multipart/signed would have to be taken
 * apart again). */
static int sign(const struct mail_encryption *request, BIO *entity, struct mail_text *out,
                char why[200])
{
    BIO *certificate_file = BIO_new_mem_buf(request->sign_certificate, -1);
    BIO *key_file = BIO_new_mem_buf(request->sign_key, -1);
    X509 *certificate =
        certificate_file ? PEM_read_bio_X509(certificate_file, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *key = key_file ? PEM_read_bio_PrivateKey(key_file, NULL, no_passphrase, NULL) : NULL;
    CMS_ContentInfo *cms =
        certificate && key ? CMS_sign(certificate, key, NULL, entity, CMS_BINARY) : NULL;
    uint8_t *der = NULL;
    size_t length = 0;
    int rc = cms ? write_out(cms, &der, &length)
                 : refuse(why, "certificate and key of mail.sign_* cannot be used");
    if (rc == 0) {
        mail_text_add(out, "Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n"
                           " name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        mail_text_base64(out, der, length);
        rc = out->error;
    }
    OPENSSL_clear_free(der, length);
    CMS_ContentInfo_free(cms);
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(key_file);
    BIO_free(certificate_file);
    return rc;
}

int mail_smime_encrypt(const struct mail_encryption *request, uint8_t **der, size_t *length,
                       char why[200])
{
    struct mail_text signed_text = {0};
    X509 *certificate = decode(request->certificate);
    STACK_OF(X509) *recipients = sk_X509_new_null();
    BIO *entity = request->length <= INT32_MAX / 2
                      ? BIO_new_mem_buf(request->entity, (int)request->length)
                      : NULL;
    CMS_ContentInfo *cms = NULL;
    int rc = -ENOMEM;
    if (!recipients || !entity)
        goto out;
    if (!certificate) {
        rc = refuse(why, "the certificate cannot be read");
        goto out;
    }
    if (sk_X509_push(recipients, certificate) <= 0)
        goto out;
    rc = request->sign_certificate ? sign(request, entity, &signed_text, why) : 0;
    if (rc == 0 && signed_text.octets) {
        BIO_free(entity);
        entity = BIO_new_mem_buf(signed_text.octets, (int)signed_text.length);
        rc = entity ? 0 : -ENOMEM;
    }
    if (rc < 0)
        goto out;
    cms = CMS_encrypt(recipients, entity,
                      request->authenticated ? EVP_aes_256_gcm() : EVP_aes_256_cbc(), CMS_BINARY);
    rc = cms ? write_out(cms, der, length)
             : refuse(why, "OpenSSL cannot encrypt to the certificate");
out:
    CMS_ContentInfo_free(cms);
    BIO_free(entity);
    sk_X509_free(recipients);
    X509_free(certificate);
    mail_text_clear(&signed_text);
    return rc;
}
