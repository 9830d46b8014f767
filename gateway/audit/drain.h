/* drain.h: moves records from the journal into PostgreSQL, in order and exactly once.
 *
 * Where to go on is found in the database at each connect (the highest index of this node), and the
 * record there must be the one in the journal. A batch of records goes in one transaction with
 * everything it changes, one batch at a time. A record whose effect the database refuses as wrong
 * data is stored without the effect, marked in audit_refused and tried again with back-off,
 * together with the later records of the same fax.
 *
 * Process: control. One thread: that of the loop; reading the journal runs on libuv's pool. */
#ifndef GATEWAY_AUDIT_DRAIN_H
#define GATEWAY_AUDIT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/db/db.h"

struct drain;

enum { DRAIN_REASON_TEXT = 160 };

struct drain_config {
    const char *directory; /* of the journal */
    const char *node;
    struct db *db; /* not owned */
    uint64_t size; /* records of the journal as it was found: the database cannot hold more */
};

struct drain_state {
    uint64_t applied;
    bool conflict;    /* the database holds other records than the journal; reason says more */
    bool located;     /* applied was read from the database of this connection */
    uint64_t refused; /* records stored whose effect is still refused */
    uint64_t refused_index;         /* the oldest of them, or the record that blocks */
    char reason[DRAIN_REASON_TEXT]; /* why, or why nothing can be applied at all */
};

/* Records below applied are in the database. refused: the effect of the last one (applied - 1) is
 * not. */
typedef void drain_applied_cb(void *user, uint64_t applied, bool refused);
typedef void drain_closed_cb(void *user);

/* Makes a drain that waits for drain_db_state(). Copies config. On success the caller owns *out, to
 * be closed with drain_close(). Returns 0 or -ENOMEM. */
int drain_open(uv_loop_t *loop, const struct drain_config *config, drain_applied_cb *applied_cb,
               void *user, struct drain **out) __attribute__((warn_unused_result));

/* The connection came up or went down. */
void drain_db_state(struct drain *drain, bool up);

/* Records below size are durable in the journal. */
void drain_wake(struct drain *drain, uint64_t size);

/* Copies how far the drain is and what was refused. */
void drain_state_get(const struct drain *drain, struct drain_state *out);

/* Stops after the batch on its way. NULL is allowed (done runs before return). */
void drain_close(struct drain *drain, drain_closed_cb *done, void *user);

#endif
