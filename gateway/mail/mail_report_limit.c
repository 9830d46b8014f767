#include "gateway/mail/mail_report_limit.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/routing/rate_limit.h"

enum { ADDRESSES = 4096, LACKING_MAX = 64, DIGEST_OCTETS = 32, HOUR_S = 3600 };

/* An address that lacks reports. */
struct lacking {
    uint8_t digest[DIGEST_OCTETS];
    uint32_t count; /* 0: free */
    uint64_t since;
};

/* In a full table the one that rested longest is forgotten: made-up addresses are to push out
 * neither those of known senders nor what all of them have together. */
struct mail_report_limit {
    struct rate_limit *proved, *unproved, *all_unproved;
    struct lacking lacking[LACKING_MAX];
    uint64_t turns;
};

int mail_report_limit_new(struct mail_report_limit **out)
{
    struct mail_report_limit *limit = calloc(1, sizeof *limit);
    int rc = limit ? rate_limit_new(ADDRESSES, &limit->proved) : -ENOMEM;
    if (rc == 0)
        rc = rate_limit_new(ADDRESSES, &limit->unproved);
    if (rc == 0)
        rc = rate_limit_new(1, &limit->all_unproved);
    if (rc < 0)
        mail_report_limit_free(limit);
    else
        *out = limit;
    return rc;
}

void mail_report_limit_free(struct mail_report_limit *limit)
{
    if (!limit)
        return;
    rate_limit_free(limit->proved);
    rate_limit_free(limit->unproved);
    rate_limit_free(limit->all_unproved);
    free(limit);
}

/* Addresses are longer than keys of the table may be. Domains differ in their letters' case only
 * when somebody wants more reports. */
static bool digest_of(const char *address, bool proved, uint8_t digest[DIGEST_OCTETS])
{
    unsigned char text[512];
    size_t length = strnlen(address, sizeof text - 1);
    text[0] = proved;
    for (size_t i = 0; i < length; i++)
        text[i + 1] = (unsigned char)tolower((unsigned char)address[i]);
    return EVP_Digest(text, length + 1, digest, NULL, EVP_sha256(), NULL) == 1;
}

static struct lacking *find(struct mail_report_limit *limit, const uint8_t *digest)
{
    for (size_t i = 0; i < LACKING_MAX; i++)
        if (limit->lacking[i].count > 0 &&
            memcmp(limit->lacking[i].digest, digest, DIGEST_OCTETS) == 0)
            return &limit->lacking[i];
    return NULL;
}

static void note_lack(struct mail_report_limit *limit, const uint8_t *digest)
{
    struct lacking *at = find(limit, digest);
    if (!at) {
        at = &limit->lacking[0];
        for (size_t i = 1; i < LACKING_MAX && at->count > 0; i++)
            if (limit->lacking[i].count == 0 || limit->lacking[i].since < at->since)
                at = &limit->lacking[i];
        memcpy(at->digest, digest, DIGEST_OCTETS);
        at->count = 0;
        at->since = ++limit->turns;
    }
    if (at->count < UINT32_MAX)
        at->count++;
}

/* The table counts in seconds of 1000: these are hours. */
static bool take(struct rate_limit *rates, const uint8_t *key, uint32_t per_hour, uint64_t now_ms)
{
    const struct rate rate = {per_hour, per_hour};
    return rate_limit_take(rates, key, DIGEST_OCTETS, &rate, now_ms / HOUR_S);
}

static bool take_unproved(struct mail_report_limit *limit, const uint8_t *digest, uint32_t per_hour,
                          uint64_t now_ms)
{
    static const uint8_t all[DIGEST_OCTETS];
    return take(limit->unproved, digest, per_hour, now_ms) &&
           take(limit->all_unproved, all, MAIL_REPORT_UNPROVED_FACTOR * per_hour, now_ms);
}

bool mail_report_limit_take(struct mail_report_limit *limit, const char *address, bool proved,
                            uint32_t per_hour, uint64_t now_ms, uint32_t *unreported)
{
    uint8_t digest[DIGEST_OCTETS];
    *unreported = 0;
    if (!digest_of(address, proved, digest))
        return false;
    if (!(proved ? take(limit->proved, digest, per_hour, now_ms)
                 : take_unproved(limit, digest, per_hour, now_ms))) {
        note_lack(limit, digest);
        return false;
    }
    struct lacking *lacking = find(limit, digest);
    if (lacking) {
        *unreported = lacking->count;
        lacking->count = 0;
    }
    return true;
}
