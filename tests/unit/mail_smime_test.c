#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "gateway/mail/mail_smime.h"

enum { NOW_S = 1795330000, DAY_S = 86400, PEM_MAX = 8192 };

struct person {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[PEM_MAX], key_pem[PEM_MAX];
};

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void take(BIO *bio, char out[PEM_MAX])
{
    int length = BIO_read(bio, out, PEM_MAX - 1);
    assert_true(length > 0);
    out[length] = '\0';
    BIO_free(bio);
}

static void make(struct person *p, EVP_PKEY *key, const char *usage, const char *extended,
                 int64_t until_s)
{
    p->key = key;
    p->certificate = X509_new();
    assert_non_null(key);
    assert_non_null(p->certificate);
    X509_set_version(p->certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(p->certificate), 1);
    ASN1_TIME_set(X509_getm_notBefore(p->certificate), NOW_S - DAY_S);
    ASN1_TIME_set(X509_getm_notAfter(p->certificate), until_s);
    X509_NAME *name = X509_get_subject_name(p->certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"Anna", -1, -1, 0);
    X509_set_issuer_name(p->certificate, name);
    X509_set_pubkey(p->certificate, key);
    add_extension(p->certificate, NID_subject_key_identifier, "hash");
    if (usage)
        add_extension(p->certificate, NID_key_usage, usage);
    if (extended)
        add_extension(p->certificate, NID_ext_key_usage, extended);
    assert_true(X509_sign(p->certificate, key,
                          EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448 ? NULL : EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, p->certificate);
    take(bio, p->pem);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    take(bio, p->key_pem);
}

static void person_free(struct person *p)
{
    X509_free(p->certificate);
    EVP_PKEY_free(p->key);
}

static int judge(EVP_PKEY *key, const char *usage, const char *extended, int64_t until_s,
                 const char *reason)
{
    struct person p;
    struct mail_certificate read;
    char why[200] = "";
    make(&p, key, usage, extended, until_s);
    int rc = mail_certificate_read(p.pem, strlen(p.pem), NOW_S, &read, why);
    if (rc == -EINVAL)
        assert_non_null(strstr(why, reason));
    if (rc == 0) {
        assert_string_equal(read.subject, "CN=Anna");
        assert_int_equal(read.not_after, until_s);
        assert_int_equal(strlen(read.fingerprint), 64);
        assert_int_equal(mail_certificate_judge(read.base64, NOW_S, why), 0);
        assert_int_equal(mail_certificate_judge(read.base64, until_s, why), -EINVAL);
        assert_string_equal(why, "it has expired");
    }
    person_free(&p);
    return rc;
}

static void certificates_are_judged(void **state)
{
    (void)state;
    struct mail_certificate read;
    char why[200];
    int64_t later = NOW_S + DAY_S;
    int rc = judge(EVP_RSA_gen(2048), "keyEncipherment", "emailProtection", later, "");
    assert_true(rc == 0 || rc == -ENOMEM);
    rc = judge(EVP_EC_gen("P-256"), NULL, NULL, later, "");
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_int_not_equal(judge(EVP_RSA_gen(1024), NULL, NULL, later, "less than 2048"), 0);
    assert_int_not_equal(judge(EVP_EC_gen("P-256"), "digitalSignature", NULL, later, "keyAgree"),
                         0);
    assert_int_not_equal(judge(EVP_EC_gen("P-256"), NULL, "serverAuth", later, "emailProt"), 0);
    assert_int_not_equal(judge(EVP_EC_gen("P-256"), NULL, NULL, NOW_S, "expired"), 0);
    assert_int_not_equal(
        judge(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, NULL, later, "neither"), 0);
    assert_int_equal(mail_certificate_read("nonsense", 8, NOW_S, &read, why), -EINVAL);
    assert_int_equal(mail_certificate_judge("AAAA", NOW_S, why), -EINVAL);
    assert_int_equal(mail_certificate_judge("!", NOW_S, why), -EINVAL);
    assert_int_equal(mail_certificate_judge("", NOW_S, why), -EINVAL);
}

static const char entity[] = "Content-Type: text/plain\r\n\r\nA page.\r\n";

/* Decrypts as a mail program does. Returns what is inside. */
static size_t open_message(const struct person *p, const uint8_t *der, size_t length, bool gcm,
                           char *out, size_t capacity)
{
    const uint8_t *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)length);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(cms);
    assert_int_equal(OBJ_obj2nid(CMS_get0_type(cms)),
                     gcm ? NID_id_smime_ct_authEnvelopedData : NID_pkcs7_enveloped);
    assert_int_equal(CMS_decrypt(cms, p->key, p->certificate, NULL, bio, CMS_BINARY), 1);
    int got = BIO_read(bio, out, (int)capacity - 1);
    assert_true(got > 0);
    out[got] = '\0';
    BIO_free(bio);
    CMS_ContentInfo_free(cms);
    return (size_t)got;
}

static void encrypt(const struct person *p, const struct person *signer, bool gcm)
{
    struct mail_certificate read;
    char why[200] = "", inside[PEM_MAX];
    uint8_t *der = NULL;
    size_t length = 0;
    if (mail_certificate_read(p->pem, strlen(p->pem), NOW_S, &read, why) < 0)
        return;
    const struct mail_encryption request = {
        .entity = (const uint8_t *)entity,
        .length = sizeof entity - 1,
        .certificate = read.base64,
        .sign_certificate = signer ? signer->pem : NULL,
        .sign_key = signer ? signer->key_pem : NULL,
        .authenticated = gcm,
    };
    int rc = mail_smime_encrypt(&request, &der, &length, why);
    if (rc == 0) {
        open_message(p, der, length, gcm, inside, sizeof inside);
        if (signer)
            assert_memory_equal(inside, "Content-Type: application/pkcs7-mime; smime-type=signed",
                                55);
        else
            assert_string_equal(inside, entity);
    }
    assert_true(rc == 0 || rc == -ENOMEM);
    OPENSSL_free(der);
}

static void what_is_encrypted_can_be_read_by_its_owner(void **state)
{
    (void)state;
    struct person rsa, curve;
    char why[200];
    uint8_t *der = NULL;
    size_t length = 0;
    make(&rsa, EVP_RSA_gen(2048), NULL, NULL, NOW_S + DAY_S);
    make(&curve, EVP_EC_gen("P-256"), NULL, NULL, NOW_S + DAY_S);
    encrypt(&rsa, NULL, false);
    encrypt(&curve, NULL, true);
    encrypt(&rsa, &curve, true);
    struct mail_encryption request = {
        .entity = (const uint8_t *)entity, .length = sizeof entity - 1, .certificate = "AAAA"};
    assert_int_not_equal(mail_smime_encrypt(&request, &der, &length, why), 0);
    struct mail_certificate read;
    if (mail_certificate_read(rsa.pem, strlen(rsa.pem), NOW_S, &read, why) == 0) {
        request.certificate = read.base64;
        request.sign_certificate = rsa.pem;
        request.sign_key = curve.key_pem; /* not its own */
        assert_int_not_equal(mail_smime_encrypt(&request, &der, &length, why), 0);
    }
    person_free(&rsa);
    person_free(&curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_judged),
        cmocka_unit_test(what_is_encrypted_can_be_read_by_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
