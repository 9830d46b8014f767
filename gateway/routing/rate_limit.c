#include "gateway/routing/rate_limit.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_OF_KEY = 8 };

/* Tokens are counted in thousandths, so that a millisecond brings per_second of them. */
struct bucket {
    uint8_t key[RATE_LIMIT_KEY];
    uint8_t length; /* 0: free */
    uint64_t tokens, seen_ms;
};

struct rate_limit {
    size_t mask;
    uint64_t seed;
    struct bucket buckets[];
};

int rate_limit_new(size_t keys, struct rate_limit **out)
{
    size_t size = PLACES_OF_KEY;
    while (size < keys)
        size *= 2;
    struct rate_limit *t = calloc(1, sizeof *t + size * sizeof *t->buckets);
    if (!t)
        return -ENOMEM;
    t->mask = size - 1;
    if (RAND_bytes((unsigned char *)&t->seed, sizeof t->seed) != 1)
        t->seed = (uintptr_t)t; /* worse against chosen keys, not wrong */
    *out = t;
    return 0;
}

void rate_limit_free(struct rate_limit *t)
{
    free(t);
}

/* FNV-1a with a secret start and a final mix: nobody outside can choose where keys fall. */
static uint64_t hash(uint64_t seed, const uint8_t *bytes, size_t length)
{
    uint64_t h = seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

static struct bucket *place_of(struct rate_limit *t, const uint8_t *key, uint8_t length,
                               bool *found)
{
    struct bucket *best = NULL;
    size_t first = (size_t)hash(t->seed, key, length);
    *found = false;
    for (size_t i = 0; i < PLACES_OF_KEY; i++) {
        struct bucket *b = &t->buckets[(first + i) & t->mask];
        if (b->length == length && memcmp(b->key, key, length) == 0) {
            *found = true;
            return b;
        }
        if (!best || (best->length && (!b->length || b->seen_ms < best->seen_ms)))
            best = b;
    }
    return best;
}

bool rate_limit_take(struct rate_limit *t, const void *key, size_t key_length,
                     const struct rate *rate, uint64_t now_ms)
{
    enum { TOKEN = 1000 };
    bool found;
    uint8_t length = (uint8_t)(key_length > RATE_LIMIT_KEY ? RATE_LIMIT_KEY : key_length);
    uint64_t full = (uint64_t)(rate->burst ? rate->burst : rate->per_second) * TOKEN;
    if (rate->per_second == 0)
        return true;
    struct bucket *b = place_of(t, key, length, &found);
    if (!found) {
        memset(b->key, 0, sizeof b->key);
        memcpy(b->key, key, length);
        b->length = length;
        b->tokens = full;
    } else if (now_ms > b->seen_ms) {
        uint64_t rest_ms = now_ms - b->seen_ms;
        b->tokens = rest_ms > full ? full : b->tokens + rest_ms * rate->per_second;
    }
    if (b->tokens > full)
        b->tokens = full;
    b->seen_ms = now_ms;
    if (b->tokens < TOKEN)
        return false;
    b->tokens -= TOKEN;
    return true;
}
