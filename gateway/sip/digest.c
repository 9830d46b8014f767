#include "gateway/sip/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "gateway/sip/digest_private.h"
#include "gateway/sip/text.h"
#include "policy/secret.h"
#include "policy/text_code.h"

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
    return algorithm == DIGEST_SHA256 ? "SHA-256" : "MD5";
}

int digest_hash(enum digest_algorithm algorithm, const char *const parts[], size_t count,
                char out[DIGEST_HEX])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned octets = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int rc = -ENOTSUP;

    if (context == NULL)
        return -ENOMEM;
    if (EVP_DigestInit_ex(context, algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_md5(), NULL) !=
        1)
        goto done;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && EVP_DigestUpdate(context, ":", 1) != 1)
            goto done;
        if (EVP_DigestUpdate(context, parts[i], strlen(parts[i])) != 1)
            goto done;
    }
    if (EVP_DigestFinal_ex(context, hash, &octets) != 1)
        goto done;
    hex_encode(hash, octets, out);
    rc = 0;
done:
    secret_wipe(hash, sizeof hash);
    EVP_MD_CTX_free(context);
    return rc;
}

int digest_ha1(enum digest_algorithm algorithm, const char *username, const char *realm,
               const char *password, char out[DIGEST_HEX])
{
    const char *const parts[] = {username, realm, password};

    return digest_hash(algorithm, parts, 3, out);
}

int digest_response(const struct digest_params *p, const char *ha1, const char *method,
                    char out[DIGEST_HEX])
{
    const char *const second[] = {method, p->uri};
    char ha2[DIGEST_HEX], count[16];
    int rc = digest_hash(p->algorithm, second, 2, ha2);

    if (rc < 0)
        return rc;
    if (!p->qop_present) { /* RFC 2069 */
        const char *const parts[] = {ha1, p->nonce, ha2};
        return digest_hash(p->algorithm, parts, 3, out);
    }
    snprintf(count, sizeof count, "%08" PRIx32, p->nonce_count);
    const char *const parts[] = {ha1, p->nonce, count, p->cnonce, "auth", ha2};
    return digest_hash(p->algorithm, parts, 6, out);
}

static bool is_quotable(const char *text)
{
    return strpbrk(text, "\"\\") == NULL && (*text == '\0' || sip_text_is_line(text));
}

int digest_answer(const struct digest_params *challenge, const struct digest_use *use, char *out,
                  size_t capacity)
{
    struct digest_params p = *challenge;
    struct sip_text text;
    int n = snprintf(p.uri, sizeof p.uri, "%s", use->uri);

    if (p.qop_present && !p.qop_auth)
        return -ENOTSUP;
    if (n < 0 || (size_t)n >= sizeof p.uri || !is_quotable(use->username) ||
        !is_quotable(p.realm) || !is_quotable(p.nonce) || !is_quotable(p.opaque) ||
        !is_quotable(use->uri) || !is_quotable(use->cnonce) ||
        strlen(use->cnonce) >= sizeof p.cnonce)
        return -EINVAL;
    snprintf(p.cnonce, sizeof p.cnonce, "%s", use->cnonce);
    p.nonce_count = use->nonce_count;
    int rc = digest_response(&p, use->ha1, use->method, p.response);
    if (rc < 0)
        return rc;
    sip_text_open(&text, out, capacity);
    sip_text_add(&text,
                 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
                 "algorithm=%s",
                 use->username, p.realm, p.nonce, p.uri, p.response,
                 digest_algorithm_name(p.algorithm));
    if (p.opaque[0] != '\0')
        sip_text_add(&text, ", opaque=\"%s\"", p.opaque);
    if (p.qop_present)
        sip_text_add(&text, ", qop=auth, nc=%08" PRIx32 ", cnonce=\"%s\"", use->nonce_count,
                     p.cnonce);
    return text.overflow ? -ENOSPC : (int)text.length;
}
