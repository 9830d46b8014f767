/* tls_files.h: certificates for tests, made in memory and written as PEM files. */
#ifndef TESTS_DOUBLES_TLS_FILES_H
#define TESTS_DOUBLES_TLS_FILES_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct tls_authority {
    EVP_PKEY *key;
    X509 *certificate;
};

/* Makes a certificate authority of that name; aborts when it cannot. */
void tls_authority_open(struct tls_authority *authority, const char *name);
void tls_authority_close(struct tls_authority *authority);

/* Writes its certificate to path. */
void tls_authority_write(const struct tls_authority *authority, const char *path);

/* Writes a certificate for subject alternative names ("DNS:a,IP:127.0.0.1", NULL: none), valid from
 * now+from_s to now+until_s, to certificate_path, and its key to key_path with that file mode. */
void tls_files_write(const struct tls_authority *authority, const char *names, long from_s,
                     long until_s, const char *certificate_path, const char *key_path,
                     unsigned mode);

#endif
