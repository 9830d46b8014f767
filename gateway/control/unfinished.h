/* unfinished.h: faxes that were queued or under way when the gateway stopped get their true state.
 */
#ifndef GATEWAY_CONTROL_UNFINISHED_H
#define GATEWAY_CONTROL_UNFINISHED_H

#include "gateway/control/control.h"

/* status: 0 when all that was found out is recorded; negative errno of the database or the log,
 * then it is to be called again once the log is applied: what is recorded by then is not settled
 * twice. */
typedef void unfinished_done_cb(void *user, int status);

/* Reads faxes and attempts, which must be what the log says (no lag), and settles each: queued ones
 * and those whose attempt had no media yet go to the queue, as far as retry.h allows; where media
 * had started nobody can know, and they end uncertain; inbound ones have what was recorded of them.
 * done is called once, later. Returns 0, or -ENOMEM or the error of the query (then it is not). */
int unfinished_settle(struct control *control, unfinished_done_cb *done, void *user)
    __attribute__((warn_unused_result));

#endif
