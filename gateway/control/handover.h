/* handover.h: what comes of a fax that has ended: the fax of a machine goes to the number that it
 * called, a received one to the machine of its mailbox, and a machine is told by a page that its
 * fax failed.
 *
 * What is to come is decided when the fax ends and stands in the same record as its end
 * (fax.completed, key forward). What is done is one record more: fax.forwarded makes the new fax
 * and says that nothing more is to come, fax.reported says so of a report, which is a submission
 * with an idempotency key. So a gateway that is killed in between does it at its next start, and
 * never twice. */
#ifndef GATEWAY_CONTROL_HANDOVER_H
#define GATEWAY_CONTROL_HANDOVER_H

#include "gateway/control/control.h"
#include "gateway/fax_id.h"
#include "policy/number.h"

/* A fax as it ended. */
struct fax_end {
    struct fax_id fax;
    bool outbound, had_media;
    const char *trunk;     /* inbound: that it came from, or "device:NAME" */
    const char *principal; /* outbound: who submitted it */
    const char *mailbox, *from, *to;
    const char *state, *reason;
    uint32_t pages;
};

struct fax_row;

/* What is to come of it: "number", "device", "report", or "". */
const char *handover_plan(const struct control *control, const struct fax_end *end);

/* Does what was planned, and recorded; a message that the fax was made of is told too. Everything
 * is copied. */
void handover_begin(struct control *control, const struct fax_end *end, const char *plan);

/* status: as unfinished_done_cb. */
typedef void handover_read_cb(void *user, int status);

/* Reads what was planned and not done before the start; to be called before anything is recorded,
 * with the log applied. It waits for handovers_start(). Returns as db_query(). */
int handovers_read(struct control *control, handover_read_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* The gateway serves: what was read is done, as is what comes from now on. */
void handovers_start(struct control *control);

/* The gateway stops: what waits is left to the next start. */
void handovers_stop(struct control *control);

#endif
