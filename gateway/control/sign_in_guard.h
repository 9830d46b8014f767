/* sign_in_guard.h: who has given wrong passwords waits, longer each time: by address of the client,
 * and by user name, whether there is such a user or not. A table of fixed size. Pure. */
#ifndef GATEWAY_CONTROL_SIGN_IN_GUARD_H
#define GATEWAY_CONTROL_SIGN_IN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGN_IN_GUARD_PLACES = 1024, SIGN_IN_GUARD_NEAR = 8 };

/* Of one kind of key: so many wrong ones are free; then 1 s, doubled each time, up to most_ms.
 * Forgotten when it has been quiet for most_ms. */
struct sign_in_rule {
    uint32_t free;
    uint64_t most_ms;
};

struct sign_in_place {
    uint64_t key; /* 0: free */
    uint32_t wrong;
    uint64_t last_ms, until_ms;
};

/* salt: random, so that nobody can choose names that meet in one place. All else zero at first. */
struct sign_in_guard {
    uint64_t salt;
    struct sign_in_place places[SIGN_IN_GUARD_PLACES];
};

/* Whether it must wait. kind tells users from addresses. */
bool sign_in_guard_holds(const struct sign_in_guard *guard, char kind, const char *text,
                         uint64_t now_ms);

/* Counts a wrong one; a place is taken from whoever was quiet longest nearby. */
void sign_in_guard_wrong(struct sign_in_guard *guard, char kind, const char *text,
                         const struct sign_in_rule *rule, uint64_t now_ms);

/* It was right: forgets the wrong ones. */
void sign_in_guard_right(struct sign_in_guard *guard, char kind, const char *text);

#endif
