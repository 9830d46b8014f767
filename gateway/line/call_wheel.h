/* call_wheel.h: one timer for all calls of a line: each call is visited when it has something to
 * do, on the first 5 ms step at or after that moment, and not before it.
 *
 * Pure: the time is given. Steps are counted from the clock, so a late loop catches up instead of
 * running slow. */
#ifndef GATEWAY_LINE_CALL_WHEEL_H
#define GATEWAY_LINE_CALL_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

/* A turn is 1.28 s; what is due later is visited once a turn and put on again. */
enum { CALL_WHEEL_SLOTS = 256, CALL_WHEEL_STEP_MS = 5 };

/* Embedded in what is visited; all zero is an entry that is on no wheel. */
struct call_wheel_entry {
    struct call_wheel_entry *next, *previous;
    uint64_t step; /* at which it will be visited */
};

struct call_wheel {
    struct call_wheel_entry slots[CALL_WHEEL_SLOTS]; /* heads of circular lists */
    struct call_wheel_entry waiting;                 /* head of those that are due */
    unsigned count;                                  /* of entries on the wheel */
    uint64_t origin_ms;                              /* of step 0 */
    uint64_t steps;                                  /* steps that were run since */
};

/* Called for an entry that was due, which is off the wheel then. It may put it on again, add
 * others, and remove any. Returns false when no other is to be visited now. */
typedef bool call_wheel_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms);

/* Called for an entry, that may or may not be visited soon, so that its memory can be fetched; it
 * must change nothing. */
typedef void call_wheel_ahead_cb(const struct call_wheel_entry *entry);

/* Makes an empty wheel whose time starts at now_ms. The wheel must not be moved afterwards. */
void call_wheel_init(struct call_wheel *wheel, uint64_t now_ms);

/* Sees to it that the entry is visited at due_ms, or earlier if it was to be. Cheap when it was. */
void call_wheel_want(struct call_wheel *wheel, struct call_wheel_entry *entry, uint64_t due_ms);

/* Takes the entry off; nothing happens when it is on no wheel. */
void call_wheel_remove(struct call_wheel *wheel, struct call_wheel_entry *entry);

/* Runs the steps that are due at now_ms. However many they are, each entry is visited once at most:
 * whoever is visited brings itself up to now_ms. What a visit puts on waits for the next advance.
 * `ahead` (may be NULL) is called for each entry while the one before it is visited. Returns false
 * when a visit ended it early: the next advance goes on with those that were due, and no others. */
bool call_wheel_advance(struct call_wheel *wheel, uint64_t now_ms, call_wheel_cb *visit,
                        call_wheel_ahead_cb *ahead, void *user);

#endif
