/* trunk_registrar.h: keeps us registered with the trunks that ask for it, as the policy cache says
 * at the time; states that change become events. */
#ifndef GATEWAY_CONTROL_TRUNK_REGISTRAR_H
#define GATEWAY_CONTROL_TRUNK_REGISTRAR_H

#include "gateway/control/control.h"
#include "gateway/sip/registration.h"

/* Starts with the trunks known now; follows the policy cache from then on. The SIP stack must be
 * open. Returns 0 or -ENOMEM. */
int trunk_registrar_start(struct control *control) __attribute__((warn_unused_result));

/* The SIP stack is about to be closed, and takes the registrations back itself. */
void trunk_registrar_stop(struct control *control);

/* Frees it, once the keeper answers no more. */
void trunk_registrar_free(struct control *control);

struct trunk_registrar_status {
    enum sip_registration_state state;
    int code;           /* of the last response, 0: none */
    const char *reason; /* "" unless it failed */
    int64_t changed_ms; /* when it came into this state, by the wall clock; 0: never */
    uint32_t expires_s; /* granted */
};

/* Returns false when that trunk is not registered with. The reason is valid until the loop runs. */
bool trunk_registrar_status(const struct control *control, const char *trunk,
                            struct trunk_registrar_status *status);

#endif
