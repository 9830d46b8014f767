/* journal_history.h: reads the old part of the journal, which the start has passed over, while the
 * gateway runs: every segment once, slowly. At its end the tree over all those records must be the
 * frontier with which the start began, which the last checkpoint has proved.
 *
 * Process: control. One thread: that of the loop; the reading runs on libuv's pool. */
#ifndef GATEWAY_AUDIT_JOURNAL_HISTORY_H
#define GATEWAY_AUDIT_JOURNAL_HISTORY_H

#include <stdint.h>

#include <uv.h>

struct journal_history;

struct journal_history_config {
    const char *directory; /* of the journal */
    const char *node;
    uint64_t end;          /* the first record that the start has read */
    unsigned delay_ms;     /* before it begins */
    unsigned pause_factor; /* pauses between segments, as multiples of the time of reading one */
};

/* status 0: the records below config.end are as they were; -EBADMSG: message names file and
 * position of the damage; another negative errno: it could not be read. Never called inside
 * journal_history_start(), nor after journal_history_close(). */
typedef void journal_history_cb(void *user, int status, uint64_t records, const char *message);
typedef void journal_history_closed_cb(void *user);

/* Starts the reading. Copies config. On success the caller owns *out, to be closed with
 * journal_history_close(), also after cb has run. Returns 0 or -ENOMEM. */
int journal_history_start(uv_loop_t *loop, const struct journal_history_config *config,
                          journal_history_cb *cb, void *user, struct journal_history **out)
    __attribute__((warn_unused_result));

/* Stops after the segment that is being read. NULL is allowed (done runs before return). */
void journal_history_close(struct journal_history *history, journal_history_closed_cb *done,
                           void *user);

#endif
