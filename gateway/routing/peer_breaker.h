/* peer_breaker.h: which peers are not asked for a while, because they did not work (a circuit
 * breaker for each). Pure; only peers that have failed lately take room. */
#ifndef GATEWAY_ROUTING_PEER_BREAKER_H
#define GATEWAY_ROUTING_PEER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { PEER_BREAKER_PEERS = 256, PEER_BREAKER_KEY = 136 };

enum peer_state {
    PEER_CLOSED,    /* works: calls go there */
    PEER_OPEN,      /* held back until its time */
    PEER_HALF_OPEN, /* its time has come: one call tries */
};

struct peer_record {
    char key[PEER_BREAKER_KEY]; /* "": free */
    enum peer_state state;
    uint32_t failures; /* in a row */
    uint32_t openings; /* since it worked last: each doubles the time */
    uint64_t until_ms; /* OPEN: held back; HALF_OPEN: until when the trial may take */
    uint64_t seen_ms;
};

/* All zero but the limits is an empty one. */
struct peer_breaker {
    uint32_t failures_allowed;      /* so many in a row open it; 0: never, but for Retry-After */
    uint32_t hold_ms, hold_most_ms; /* the first time, and at most */
    struct peer_record peers[PEER_BREAKER_PEERS];
};

enum peer_change { PEER_SAME, PEER_WENT_DOWN, PEER_CAME_UP };

enum { PEER_TRIAL_MS = 40000 }; /* longer than a call waits for its first answer */

/* How it stands with a peer now. */
enum peer_state peer_breaker_state(const struct peer_breaker *b, const char *key, uint64_t now_ms);

/* A call is made to a peer: that of a half-open one is its trial, and others wait for its end. */
void peer_breaker_try(struct peer_breaker *b, const char *key, uint64_t now_ms);

/* A call or a probe got an answer that shows that the peer works, be it a refusal. */
enum peer_change peer_breaker_success(struct peer_breaker *b, const char *key);

/* It got none, or one that says "not here, not now" (408, 503, transport). retry_after_ms: as long
 * as the peer asked to be left alone; 0: it said nothing. *held_ms is set when it went down. */
enum peer_change peer_breaker_failure(struct peer_breaker *b, const char *key,
                                      uint64_t retry_after_ms, uint64_t now_ms, uint64_t *held_ms);

#endif
