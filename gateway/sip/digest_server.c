/* digest_server.c: nonces and what was said with them.
 *
 * A nonce carries its time and a seal over it, so that a challenge costs no memory: a flood of
 * requests without an answer leaves nothing behind. Only nonces that a right answer came with are
 * remembered, each with the nonce-counts seen. */
#include "gateway/sip/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/digest_private.h"
#include "gateway/sip/text.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum {
    SECRET_OCTETS = 32,
    STAMP_OCTETS = 16, /* time and random octets */
    SEAL_OCTETS = 16,
    NONCE_OCTETS = STAMP_OCTETS + SEAL_OCTETS,
    COUNT_WINDOW = 64, /* nonce-counts that may overtake one another */
    COUNT_MAX = 1 << 20,
};

_Static_assert(NONCE_OCTETS * 2 + 1 == DIGEST_NONCE_TEXT, "text of a nonce");

struct used_nonce {
    uint8_t stamp[STAMP_OCTETS];
    uint64_t issued_ms; /* 0: free */
    uint32_t highest;   /* nonce-count */
    uint64_t seen;      /* bit i: highest - i */
};

struct digest_server {
    char realm[DIGEST_NAME_MAX];
    uint8_t secret[SECRET_OCTETS];
    uint64_t lifetime_ms;
    uint64_t forgotten_ms; /* nonces up to this time may have been forgotten */
    struct used_nonce used[DIGEST_NONCES];
};

int digest_server_new(struct digest_server **out, const char *realm, uint64_t lifetime_ms)
{
    *out = NULL;
    if (realm[0] == '\0' || strlen(realm) >= DIGEST_NAME_MAX || !sip_text_is_line(realm) ||
        strpbrk(realm, "\"\\") != NULL || lifetime_ms == 0)
        return -EINVAL;
    struct digest_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    if (secret_random(s->secret, sizeof s->secret) != 0) {
        digest_server_free(s);
        return -EIO;
    }
    snprintf(s->realm, sizeof s->realm, "%s", realm);
    s->lifetime_ms = lifetime_ms;
    *out = s;
    return 0;
}

void digest_server_free(struct digest_server *s)
{
    if (s == NULL)
        return;
    secret_wipe(s, sizeof *s);
    free(s);
}

static bool seal(const struct digest_server *s, const uint8_t stamp[STAMP_OCTETS],
                 uint8_t out[SEAL_OCTETS])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned octets = 0;

    if (HMAC(EVP_sha256(), s->secret, SECRET_OCTETS, stamp, STAMP_OCTETS, mac, &octets) == NULL)
        return false;
    memcpy(out, mac, SEAL_OCTETS);
    return true;
}

int digest_challenge(struct digest_server *s, enum digest_algorithm algorithm, bool stale,
                     uint64_t now_ms, char *out, size_t capacity)
{
    uint8_t nonce[NONCE_OCTETS];
    char hex[DIGEST_NONCE_TEXT];
    struct sip_text text;

    for (int i = 0; i < 8; i++)
        nonce[i] = (uint8_t)(now_ms >> (56 - 8 * i));
    if (secret_random(nonce + 8, STAMP_OCTETS - 8) != 0 || !seal(s, nonce, nonce + STAMP_OCTETS))
        return -EIO;
    hex_encode(nonce, sizeof nonce, hex);
    sip_text_open(&text, out, capacity);
    sip_text_add(&text, "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"", s->realm,
                 hex, digest_algorithm_name(algorithm));
    if (stale)
        sip_text_add(&text, ", stale=true");
    return text.overflow ? -ENOSPC : (int)text.length;
}

/* Says whether the nonce is one of ours that still lives. */
static bool open_nonce(const struct digest_server *s, const char *text, uint64_t now_ms,
                       uint8_t stamp[STAMP_OCTETS], uint64_t *issued_ms)
{
    uint8_t nonce[NONCE_OCTETS], expected[SEAL_OCTETS];

    if (strlen(text) != DIGEST_NONCE_TEXT - 1 || hex_decode(text, nonce, sizeof nonce) != 0 ||
        !seal(s, nonce, expected) || !secret_equal(expected, nonce + STAMP_OCTETS, SEAL_OCTETS))
        return false;
    *issued_ms = 0;
    for (int i = 0; i < 8; i++)
        *issued_ms = *issued_ms << 8 | nonce[i];
    memcpy(stamp, nonce, STAMP_OCTETS);
    return *issued_ms <= now_ms && now_ms - *issued_ms <= s->lifetime_ms;
}

/* The memory has the places of a set of eight for each nonce; the oldest of them goes. */
static struct used_nonce *find_used(struct digest_server *s, const uint8_t stamp[STAMP_OCTETS],
                                    uint64_t issued_ms, uint64_t now_ms)
{
    enum { WAYS = 8 };
    size_t set = ((size_t)stamp[14] << 8 | stamp[15]) % (DIGEST_NONCES / WAYS) * WAYS;
    struct used_nonce *oldest = &s->used[set];

    for (size_t i = set; i < set + WAYS; i++) {
        if (s->used[i].issued_ms != 0 && memcmp(s->used[i].stamp, stamp, STAMP_OCTETS) == 0)
            return &s->used[i];
        if (s->used[i].issued_ms < oldest->issued_ms)
            oldest = &s->used[i];
    }
    if (issued_ms <= s->forgotten_ms)
        return NULL; /* perhaps it was here, and its counts are forgotten */
    bool living = oldest->issued_ms != 0 && now_ms - oldest->issued_ms <= s->lifetime_ms;
    if (living && oldest->issued_ms > s->forgotten_ms)
        s->forgotten_ms = oldest->issued_ms;
    memset(oldest, 0, sizeof *oldest);
    if (issued_ms <= s->forgotten_ms)
        return NULL;
    memcpy(oldest->stamp, stamp, STAMP_OCTETS);
    oldest->issued_ms = issued_ms;
    return oldest;
}

static bool note_count(struct used_nonce *used, uint32_t count)
{
    if (count > used->highest) {
        uint32_t ahead = count - used->highest;
        used->seen = ahead < COUNT_WINDOW ? used->seen << ahead : 0;
        used->seen |= 1;
        used->highest = count;
        return true;
    }
    uint32_t behind = used->highest - count;
    if (behind >= COUNT_WINDOW || used->seen & (uint64_t)1 << behind)
        return false;
    used->seen |= (uint64_t)1 << behind;
    return true;
}

enum digest_verdict digest_verify(struct digest_server *s, const struct digest_params *answer,
                                  const char *ha1, const char *method, const char *request_uri,
                                  uint64_t now_ms)
{
    static const char nobody[] = "0000000000000000000000000000000000000000000000000000000000000000";
    uint8_t stamp[STAMP_OCTETS];
    char expected[DIGEST_HEX];
    uint64_t issued_ms;

    if (!answer->qop_present || !answer->qop_auth || answer->cnonce[0] == '\0' ||
        answer->nonce_count == 0 || strcmp(answer->realm, s->realm) != 0 ||
        answer->uri[0] == '\0' || strcmp(answer->uri, request_uri) != 0)
        return DIGEST_REFUSED;
    if (digest_response(answer, ha1 != NULL ? ha1 : nobody, method, expected) < 0)
        return DIGEST_REFUSED;
    size_t n = strlen(expected);
    bool right = strlen(answer->response) == n && secret_equal(expected, answer->response, n);
    secret_wipe(expected, sizeof expected);
    if (!right || ha1 == NULL)
        return DIGEST_REFUSED;
    if (!open_nonce(s, answer->nonce, now_ms, stamp, &issued_ms) || answer->nonce_count > COUNT_MAX)
        return DIGEST_STALE;
    struct used_nonce *used = find_used(s, stamp, issued_ms, now_ms);
    if (used == NULL)
        return DIGEST_STALE;
    return note_count(used, answer->nonce_count) ? DIGEST_ACCEPTED : DIGEST_REPLAYED;
}
