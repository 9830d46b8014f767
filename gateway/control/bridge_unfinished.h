/* bridge_unfinished.h: bridged calls that were under way when the gateway stopped get their end. */
#ifndef GATEWAY_CONTROL_BRIDGE_UNFINISHED_H
#define GATEWAY_CONTROL_BRIDGE_UNFINISHED_H

#include "gateway/control/control.h"

/* status: 0 when all is recorded; else a negative errno, and it is to be called again once the log
 * is applied. */
typedef void bridge_unfinished_done_cb(void *user, int status);

/* Nobody can know what passed: each ends uncertain. The tables must be what the log says. done is
 * called once, later. Returns 0, or -ENOMEM or the error of the query (then it is not). */
int bridge_unfinished_settle(struct control *control, bridge_unfinished_done_cb *done, void *user)
    __attribute__((warn_unused_result));

#endif
