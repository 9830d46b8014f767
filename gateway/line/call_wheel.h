/* call_wheel.h: one timer for all calls of a line: each call is visited once every 20 ms, the calls
 * spread over four slots of 5 ms so that their work and their datagrams do not come in bursts.
 *
 * Pure: the time is given. Steps are counted from the clock, so a late loop catches up instead of
 * running slow. */
#ifndef GATEWAY_LINE_CALL_WHEEL_H
#define GATEWAY_LINE_CALL_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum { CALL_WHEEL_SLOTS = 4, CALL_WHEEL_STEP_MS = 5 };

/* Embedded in what is visited; all zero is an entry that is on no wheel. */
struct call_wheel_entry {
    struct call_wheel_entry *next, *previous;
    unsigned slot;
};

struct call_wheel {
    struct call_wheel_entry slots[CALL_WHEEL_SLOTS]; /* heads of circular lists */
    unsigned counts[CALL_WHEEL_SLOTS];
    uint64_t origin_ms; /* of step 0 */
    uint64_t steps;     /* steps that were run since */
};

/* Called for an entry; may add entries and remove any, the visited one included. */
typedef void call_wheel_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms);

/* Makes an empty wheel whose time starts at now_ms. The wheel must not be moved afterwards. */
void call_wheel_init(struct call_wheel *wheel, uint64_t now_ms);

/* Puts the entry into the least filled slot. It must not be on a wheel already. */
void call_wheel_add(struct call_wheel *wheel, struct call_wheel_entry *entry);

/* Takes the entry off; nothing happens when it is on no wheel. */
void call_wheel_remove(struct call_wheel *wheel, struct call_wheel_entry *entry);

/* Runs the steps that are due at now_ms. Behind by more than one turn, each entry is still visited
 * once only: whoever is visited brings itself up to now_ms. */
void call_wheel_advance(struct call_wheel *wheel, uint64_t now_ms, call_wheel_cb *visit,
                        void *user);

#endif
