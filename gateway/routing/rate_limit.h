/* rate_limit.h: how much a source may ask for: a token bucket for each key, in a table of fixed
 * size. Pure. */
#ifndef GATEWAY_ROUTING_RATE_LIMIT_H
#define GATEWAY_ROUTING_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* per_second 0: no limit. burst: what may come at once after a rest; 0: as much as in a second. */
struct rate {
    uint32_t per_second, burst;
};

struct rate_limit;

/* A table for so many keys at most (rounded up to a power of two). Returns 0 or -ENOMEM. */
int rate_limit_new(size_t keys, struct rate_limit **out) __attribute__((warn_unused_result));
void rate_limit_free(struct rate_limit *table);

/* Whether one more is within the rate, and takes it if so. Keys whose bucket is full again are
 * forgotten; when all places near that of a new key are in use, the one that rested longest is
 * taken over, so that many sources cannot shut out a new one, nor make memory grow. */
bool rate_limit_take(struct rate_limit *table, const void *key, size_t key_length,
                     const struct rate *rate, uint64_t now_ms) __attribute__((warn_unused_result));

enum { RATE_LIMIT_KEY = 72 }; /* octets; longer keys are cut */

#endif
