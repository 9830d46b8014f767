/* submission_end.h: the end of a fax whose submission came into the log and was refused all the
 * same, because not all of its records did. Without an end it would stay queued, and its
 * idempotency key would lead to it. */
#ifndef GATEWAY_CONTROL_SUBMISSION_END_H
#define GATEWAY_CONTROL_SUBMISSION_END_H

#include "gateway/control/control.h"
#include "gateway/fax_id.h"

/* Records fax.completed, state failed; tries again until it is durable or the gateway stops (the
 * next start then finds the fax without its file and fails it). Returns 0 or -ENOMEM. */
int submission_end(struct control *control, const struct fax_id *fax, const char *principal,
                   const char *reason);

#endif
