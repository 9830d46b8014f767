/* sip_start.h: the SIP user agent of control: where it listens, whom it knows, what becomes of
 * connections that fail. */
#ifndef GATEWAY_CONTROL_SIP_START_H
#define GATEWAY_CONTROL_SIP_START_H

#include "gateway/control/control.h"

/* Opens the listeners of the configuration; control->sip is then set. Returns 0 or a negative errno
 * (logged). */
int sip_start(struct control *control) __attribute__((warn_unused_result));

/* Starts what records callers that are no trunk, and connections that fail. */
void sip_start_logs(struct control *control);

#endif
