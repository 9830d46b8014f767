/* recovery.h: what has to be put in order at a start before the gateway serves: the log is applied
 * to the tables, the policy is read, the first administrator is recorded, files of submissions that
 * were never recorded are removed, and every fax that was under way gets its true state. */
#ifndef GATEWAY_CONTROL_RECOVERY_H
#define GATEWAY_CONTROL_RECOVERY_H

#include "gateway/control/control.h"

/* Runs the steps, waiting for database and keeper as long as it takes; done is called once, when
 * all is in order (status 0) or with the errno of a step that will not get better by waiting. */
typedef void recovery_done_cb(void *user, int status);
int recovery_start(struct control *control, recovery_done_cb *done, void *user)
    __attribute__((warn_unused_result));

#endif
