/* control_stop.h: the clean stop: no new calls, running ones may finish for a configured time, then
 * everything is closed in the order in which it depends on each other. */
#ifndef GATEWAY_CONTROL_CONTROL_STOP_H
#define GATEWAY_CONTROL_CONTROL_STOP_H

#include "gateway/control/control.h"

/* Begins the stop; the loop ends when all is closed. A second call ends the calls at once. */
void control_stop(struct control *control);

#endif
