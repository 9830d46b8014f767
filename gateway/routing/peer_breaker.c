#include "gateway/routing/peer_breaker.h"

#include <stdio.h>
#include <string.h>

static const struct peer_record *find(const struct peer_breaker *b, const char *key)
{
    for (size_t i = 0; i < PEER_BREAKER_PEERS; i++)
        if (b->peers[i].key[0] && strcmp(b->peers[i].key, key) == 0)
            return &b->peers[i];
    return NULL;
}

static struct peer_record *find_own(struct peer_breaker *b, const char *key)
{
    const struct peer_record *p = find(b, key);
    return p ? &b->peers[p - b->peers] : NULL;
}

/* When all are in use, the one that was heard of least lately goes. */
static struct peer_record *add(struct peer_breaker *b, const char *key)
{
    struct peer_record *oldest = &b->peers[0];
    for (size_t i = 0; i < PEER_BREAKER_PEERS; i++) {
        struct peer_record *p = &b->peers[i];
        if (!p->key[0]) {
            oldest = p;
            break;
        }
        if (p->seen_ms < oldest->seen_ms)
            oldest = p;
    }
    memset(oldest, 0, sizeof *oldest);
    snprintf(oldest->key, sizeof oldest->key, "%s", key);
    return oldest;
}

enum peer_state peer_breaker_state(const struct peer_breaker *b, const char *key, uint64_t now_ms)
{
    const struct peer_record *p = find(b, key);
    if (!p || p->state == PEER_CLOSED)
        return PEER_CLOSED;
    if (now_ms < p->until_ms)
        return PEER_OPEN; /* held back, or its trial is under way */
    return PEER_HALF_OPEN;
}

void peer_breaker_try(struct peer_breaker *b, const char *key, uint64_t now_ms)
{
    struct peer_record *p = find_own(b, key);
    if (!p || p->state == PEER_CLOSED || now_ms < p->until_ms)
        return;
    p->state = PEER_HALF_OPEN;
    p->until_ms = now_ms + PEER_TRIAL_MS;
}

enum peer_change peer_breaker_success(struct peer_breaker *b, const char *key)
{
    struct peer_record *p = find_own(b, key);
    if (!p)
        return PEER_SAME;
    bool was_down = p->state != PEER_CLOSED;
    memset(p, 0, sizeof *p);
    return was_down ? PEER_CAME_UP : PEER_SAME;
}

static uint64_t hold(const struct peer_breaker *b, uint32_t openings)
{
    uint64_t hold_ms = b->hold_ms;
    for (uint32_t i = 0; i < openings && hold_ms < b->hold_most_ms; i++)
        hold_ms *= 2;
    return hold_ms < b->hold_most_ms ? hold_ms : b->hold_most_ms;
}

enum peer_change peer_breaker_failure(struct peer_breaker *b, const char *key,
                                      uint64_t retry_after_ms, uint64_t now_ms, uint64_t *held_ms)
{
    struct peer_record *p = find_own(b, key);
    if (b->failures_allowed == 0 && retry_after_ms == 0)
        return PEER_SAME;
    if (!p)
        p = add(b, key);
    bool was_down = p->state != PEER_CLOSED;
    p->seen_ms = now_ms;
    p->failures++;
    if (retry_after_ms == 0 && !was_down && p->failures < b->failures_allowed)
        return PEER_SAME;
    if (was_down && p->state == PEER_OPEN && now_ms < p->until_ms && retry_after_ms == 0)
        return PEER_SAME; /* calls that began before it was opened */
    uint64_t longest_ms = hold(b, p->openings);
    if (p->openings < 32)
        p->openings++;
    if (retry_after_ms > b->hold_most_ms)
        retry_after_ms = b->hold_most_ms;
    if (retry_after_ms > longest_ms || b->failures_allowed == 0)
        longest_ms = retry_after_ms;
    p->state = PEER_OPEN;
    p->until_ms = now_ms + longest_ms;
    *held_ms = longest_ms;
    return was_down ? PEER_SAME : PEER_WENT_DOWN;
}
