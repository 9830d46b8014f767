/* device_register.h: the registered devices as calls and REGISTERs need them: their secrets, opened
 * by the keeper when the policy is read and wiped when a device goes, so that a storm of
 * registrations asks the keeper nothing; and the records of where they are. */
#ifndef GATEWAY_CONTROL_DEVICE_REGISTER_H
#define GATEWAY_CONTROL_DEVICE_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/control/call_target.h"
#include "gateway/sip/devices.h"

struct control;
struct device_register;

/* "device:" before the name of a device makes the name of a call's target and of a principal. */
#define DEVICE_PREFIX "device:"

/* The name after DEVICE_PREFIX; NULL when it is not a device's. */
const char *device_name_of(const char *target);

/* Makes an empty register that follows the policy cache. Returns 0 or -ENOMEM. */
int device_register_new(struct control *control, struct device_register **out)
    __attribute__((warn_unused_result));

/* Wipes and frees; after the keeper's client. NULL is allowed. */
void device_register_free(struct device_register *registry);

/* The policy was read again, or a keeper came: follows, and has new secrets opened. */
void device_register_refresh(struct device_register *registry);

/* Makes control->sip a registrar and puts back the bindings from before the start. Returns 0 or a
 * negative errno. */
int device_register_serve(struct device_register *registry) __attribute__((warn_unused_result));

/* Whether there is any device that is not disabled. */
bool device_register_any(const struct device_register *registry);

/* Whether any of those shows a certificate. */
bool device_register_any_certified(const struct device_register *registry);

/* Whether a device can be called now. */
bool device_is_reachable(const struct control *control, const char *name);

/* Fills target with where a device is. Returns 0; -ENOENT: no such device; -ENXIO: it is not
 * registered. */
int device_find_target(const struct control *control, const char *name, struct call_target *target)
    __attribute__((warn_unused_result));

#endif
