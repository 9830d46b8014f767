/* device_bindings.h: the records of where devices are. A binding that comes, moves or goes is an
 * event, a refresh is none: thousands of devices come again every minute. */
#ifndef GATEWAY_CONTROL_DEVICE_BINDINGS_H
#define GATEWAY_CONTROL_DEVICE_BINDINGS_H

#include "gateway/control/control.h"
#include "gateway/sip/devices.h"

/* As sip_binding_cb: records the change; the REGISTER is answered when that is durable. */
void device_binding_changed(struct control *control, const struct sip_binding *binding,
                            enum sip_binding_change change, uint64_t registration);

/* Reads the bindings that were there when the gateway stopped and puts them back for the time that
 * was granted then: a device that is still there comes again before. Those over TCP and TLS went
 * with their connections; they are recorded as gone. Returns 0 or a negative errno. */
int device_bindings_restore(struct control *control) __attribute__((warn_unused_result));

#endif
