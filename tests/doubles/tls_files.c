#include "tests/doubles/tls_files.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok)
{
    if (!ok)
        abort();
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *make(EVP_PKEY *key, const char *name, long from_s, long until_s)
{
    X509 *x = X509_new();
    uint64_t serial = 0;
    must(x && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1);
    must(X509_set_version(x, 2) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1));
    must(X509_gmtime_adj(X509_getm_notBefore(x), from_s) != NULL);
    must(X509_gmtime_adj(X509_getm_notAfter(x), until_s) != NULL);
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                    (const unsigned char *)name, -1, -1, 0));
    must(X509_set_pubkey(x, key));
    return x;
}

void tls_authority_open(struct tls_authority *a, const char *name)
{
    a->key = EVP_EC_gen("P-256");
    must(a->key != NULL);
    a->certificate = make(a->key, name, -86400, 86400);
    must(X509_set_issuer_name(a->certificate, X509_get_subject_name(a->certificate)));
    extend(a->certificate, a->certificate, NID_basic_constraints, "critical,CA:TRUE");
    extend(a->certificate, a->certificate, NID_key_usage, "critical,keyCertSign");
    must(X509_sign(a->certificate, a->key, EVP_sha256()) > 0);
}

void tls_authority_close(struct tls_authority *a)
{
    EVP_PKEY_free(a->key);
    X509_free(a->certificate);
}

static void write_certificate(X509 *x, const char *path)
{
    FILE *file = fopen(path, "we");
    must(file && PEM_write_X509(file, x) && fclose(file) == 0);
}

void tls_authority_write(const struct tls_authority *a, const char *path)
{
    write_certificate(a->certificate, path);
}

void tls_files_write(const struct tls_authority *a, const char *names, long from_s, long until_s,
                     const char *certificate_path, const char *key_path, unsigned mode)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL);
    X509 *x = make(key, "127.0.0.1", from_s, until_s);
    must(X509_set_issuer_name(x, X509_get_subject_name(a->certificate)));
    if (names)
        extend(x, a->certificate, NID_subject_alt_name, names);
    must(X509_sign(x, a->key, EVP_sha256()) > 0);
    write_certificate(x, certificate_path);
    (void)unlink(key_path);
    FILE *file = fopen(key_path, "we");
    must(file && fchmod(fileno(file), mode) == 0);
    must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0);
    X509_free(x);
    EVP_PKEY_free(key);
}
