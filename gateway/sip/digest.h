/* digest.h: digest authentication (RFC 7616, RFC 8760 for SIP) with MD5 and SHA-256, both roles.
 *
 * Pure: texts, numbers, secrets and the time in, texts and verdicts out. Passwords never come here
 * but to digest_ha1(); what is stored is HA1, and that is a secret too: whoever has it can sign in.
 *
 * qop is always "auth": a challenge without it (RFC 2069) is answered, as some registrars still
 * send none, but as a server it is demanded.
 */
#ifndef GATEWAY_SIP_DIGEST_H
#define GATEWAY_SIP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256 };

enum {
    DIGEST_HEX = 65, /* the longest result with its NUL */
    DIGEST_NAME_MAX = 128,
    DIGEST_TEXT_MAX = 256,
    DIGEST_URI_MAX = 512,
    DIGEST_HEADER_MAX = 2048,
    DIGEST_NONCE_TEXT = 65, /* of ours, with its NUL */
    DIGEST_NONCES = 16384,  /* that a server remembers */
};

/* A challenge or an answer to one. Texts are unquoted; empty ones were absent. */
struct digest_params {
    enum digest_algorithm algorithm;
    char realm[DIGEST_NAME_MAX], username[DIGEST_NAME_MAX];
    char nonce[DIGEST_TEXT_MAX], cnonce[DIGEST_TEXT_MAX], opaque[DIGEST_TEXT_MAX];
    char uri[DIGEST_URI_MAX];
    char response[DIGEST_HEX];
    uint32_t nonce_count;
    bool qop_auth;    /* "auth" is among the values of qop */
    bool qop_present; /* there is a qop */
    bool stale;
};

/* Reads the value of a WWW-Authenticate, Proxy-Authenticate, Authorization or Proxy-Authorization
 * header: length octets, no NUL needed. Returns 0; -ENOTSUP for another scheme, an algorithm we do
 * not have, or userhash; -EBADMSG for a broken or ambiguous value (a parameter twice, a control
 * character); -E2BIG for one past the limits. On failure *out is undefined. */
int digest_read(struct digest_params *out, const char *value, size_t length)
    __attribute__((warn_unused_result));

/* "MD5", "SHA-256". */
const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* HA1 = H(username ":" realm ":" password) in lower-case hexadecimal digits. Returns 0, -ENOTSUP
 * when the library refuses the algorithm (as for MD5 in its FIPS mode). */
int digest_ha1(enum digest_algorithm algorithm, const char *username, const char *realm,
               const char *password, char out[DIGEST_HEX]) __attribute__((warn_unused_result));

/* ---- client ---- */

/* Who answers a challenge, and for which request. */
struct digest_use {
    const char *username;
    const char *ha1; /* for the challenge's algorithm */
    const char *method, *uri;
    uint32_t nonce_count; /* of the requests with this nonce, from 1 */
    const char *cnonce;   /* fresh text of hex digits */
};

/* Answers a challenge: writes the value of an Authorization header. Returns the length without the
 * NUL; -ENOTSUP when the challenge demands a qop other than auth, -EINVAL when a text cannot stand
 * in the header, -ENOSPC, or as digest_ha1(). */
int digest_answer(const struct digest_params *challenge, const struct digest_use *use, char *out,
                  size_t capacity) __attribute__((warn_unused_result));

/* ---- server ---- */

struct digest_server;

/* What a server makes of an answer. */
enum digest_verdict {
    DIGEST_ACCEPTED,
    DIGEST_REFUSED,  /* wrong: user, secret, realm, URI or form */
    DIGEST_STALE,    /* the nonce is too old, not of this run, or used too much: challenge again
                        with stale=true, nobody has to be asked for a password */
    DIGEST_REPLAYED, /* this nonce-count was seen with this nonce */
};

/* Makes a server; nonces live lifetime_ms. The caller owns *out. Returns 0, -EINVAL or -ENOMEM, or
 * -EIO when there are no random numbers. */
int digest_server_new(struct digest_server **out, const char *realm, uint64_t lifetime_ms)
    __attribute__((warn_unused_result));

/* Wipes and frees; NULL is allowed. */
void digest_server_free(struct digest_server *s);

/* Writes the value of a WWW-Authenticate header with a fresh nonce. Returns its length, -ENOSPC or
 * -EIO. */
int digest_challenge(struct digest_server *s, enum digest_algorithm algorithm, bool stale,
                     uint64_t now_ms, char *out, size_t capacity)
    __attribute__((warn_unused_result));

/* Judges an answer to one of our challenges, for this method and request URI; ha1 is the user's for
 * answer->algorithm, NULL for a user who does not exist (who costs the same time). Secrets are
 * compared in constant time. Remembers accepted nonce-counts. */
enum digest_verdict digest_verify(struct digest_server *s, const struct digest_params *answer,
                                  const char *ha1, const char *method, const char *request_uri,
                                  uint64_t now_ms);

#endif
