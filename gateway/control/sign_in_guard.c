#include "gateway/control/sign_in_guard.h"

#include <string.h>

enum { FIRST_WAIT_MS = 1000, DOUBLINGS_MAX = 20 };

/* FNV-1a with a salt; never 0. */
static uint64_t key_of(const struct sign_in_guard *guard, char kind, const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ guard->salt;
    hash = (hash ^ (unsigned char)kind) * UINT64_C(1099511628211);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

static size_t place_of(uint64_t key, size_t near)
{
    return (size_t)((key + near) % SIGN_IN_GUARD_PLACES);
}

static size_t find(const struct sign_in_guard *guard, uint64_t key)
{
    for (size_t near = 0; near < SIGN_IN_GUARD_NEAR; near++)
        if (guard->places[place_of(key, near)].key == key)
            return place_of(key, near);
    return SIGN_IN_GUARD_PLACES;
}

bool sign_in_guard_holds(const struct sign_in_guard *guard, char kind, const char *text,
                         uint64_t now_ms)
{
    size_t at = find(guard, key_of(guard, kind, text));
    return at < SIGN_IN_GUARD_PLACES && now_ms < guard->places[at].until_ms;
}

static struct sign_in_place *take_place(struct sign_in_guard *guard, uint64_t key)
{
    size_t at = find(guard, key);
    if (at < SIGN_IN_GUARD_PLACES)
        return &guard->places[at];
    struct sign_in_place *oldest = &guard->places[place_of(key, 0)];
    for (size_t near = 1; near < SIGN_IN_GUARD_NEAR && oldest->key; near++) {
        struct sign_in_place *p = &guard->places[place_of(key, near)];
        if (!p->key || p->last_ms < oldest->last_ms)
            oldest = p;
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->key = key;
    return oldest;
}

void sign_in_guard_wrong(struct sign_in_guard *guard, char kind, const char *text,
                         const struct sign_in_rule *rule, uint64_t now_ms)
{
    struct sign_in_place *p = take_place(guard, key_of(guard, kind, text));
    if (now_ms > p->until_ms && now_ms - p->last_ms > rule->most_ms)
        p->wrong = 0;
    p->last_ms = now_ms;
    if (p->wrong++ < rule->free)
        return;
    uint32_t doublings = p->wrong - rule->free - 1;
    uint64_t wait_ms = (uint64_t)FIRST_WAIT_MS
                       << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    p->until_ms = now_ms + (wait_ms < rule->most_ms ? wait_ms : rule->most_ms);
}

void sign_in_guard_right(struct sign_in_guard *guard, char kind, const char *text)
{
    size_t at = find(guard, key_of(guard, kind, text));
    if (at < SIGN_IN_GUARD_PLACES)
        memset(&guard->places[at], 0, sizeof guard->places[at]);
}
