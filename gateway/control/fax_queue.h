/* fax_queue.h: the outbound faxes that wait for an attempt, and those under way. Those of high
 * priority go first, those of low priority last, in each the oldest first. */
#ifndef GATEWAY_CONTROL_FAX_QUEUE_H
#define GATEWAY_CONTROL_FAX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/control/control.h"
#include "gateway/control/fax_call.h"

struct fax_queue;

/* Longest time that a sender may have a fax wait. */
#define FAX_QUEUE_WAIT_MS (INT64_C(32) * 86400 * 1000)

/* Makes an empty queue, the caller's, to be closed. Returns 0 or -ENOMEM. */
int fax_queue_new(struct control *control, struct fax_queue **out)
    __attribute__((warn_unused_result));
/* Starts nothing any more and frees the queue; faxes that wait stay recorded as queued. done runs
 * when its handles are closed. */
void fax_queue_close(struct fax_queue *queue, void (*done)(void *user), void *user);

/* Adds a fax that is recorded as queued. Returns 0 or -ENOMEM (it is found again at the next
 * start). */
int fax_queue_add(struct fax_queue *queue, const struct outbound_fax *fax)
    __attribute__((warn_unused_result));

/* Starts what can be started; called when room or the policy has changed. */
void fax_queue_run(struct fax_queue *queue);

/* The same, and faxes for this number wait no longer: the device has come. */
void fax_queue_wake(struct fax_queue *queue, const char *to);

/* Records the end of a fax that waits, and removes it. False when it does not wait here. */
bool fax_queue_cancel(struct fax_queue *queue, const struct fax_id *fax, const char *actor);

/* Says whether a fax waits here; one with an attempt under way does not (fax_call_exists()). */
bool fax_queue_holds(const struct fax_queue *queue, const struct fax_id *fax);
size_t fax_queue_length(const struct fax_queue *queue);

#endif
