/* bridge_call.h: a call that is taken through in real time: one leg from the caller, one to a trunk
 * or device, media between them by a line (T.38 or G.711 on either). Nothing is stored, unless
 * its pages are captured; the machines at both ends confirm pages, not the gateway.
 */
#ifndef GATEWAY_CONTROL_BRIDGE_CALL_H
#define GATEWAY_CONTROL_BRIDGE_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/control/call_target.h"
#include "gateway/control/control.h"
#include "gateway/control/trunk_routes.h"
#include "policy/decision.h"

/* What has been decided about a call before it is bridged. Everything is copied. */
struct bridge_terms {
    const char *principal; /* who calls: the actor of its events */
    const char *to;        /* where the other leg goes: name of a trunk, or "device:NAME" */
    /* The trunks that lead there, of which to is one: when it fails those behind it are tried.
     * NULL: no other one. */
    const struct trunk_routes *routes;
    const char *number; /* that is called there */
    const char *from;   /* that calls: caller identity of the other leg */
    bool from_is_known; /* and may be asserted (RFC 3325): not only what somebody says */
    /* The terms of the leg that called; of its addresses nothing is used. */
    const struct call_target *caller;
    /* The mailbox that the call belongs to (class, retention, capture); NULL: none. */
    const struct policy_mailbox *mailbox;
};

/* Takes the call over and bridges it: bridge.started is recorded first, and each failure ends both
 * legs and is recorded as bridge.ended. The caller has decided that the call may be made; nothing
 * is to be done with the session afterwards. */
void bridge_call_start(struct control *control, struct sip_session *session,
                       const struct sip_request_info *info, const struct bridge_terms *terms);

/* Decides about a call from a trunk, which may bring calls for the number, or from a device, and
 * takes or refuses it: who calls must be allowed to have it bridged (fax.bridge). */
void bridge_call_incoming(struct control *control, struct sip_session *session,
                          const struct sip_request_info *info, const struct bridge_terms *terms);

/* Ends every bridged call (stop of the gateway); they still record their end. */
void bridge_calls_end(struct control *control, const char *reason);

/* Calls not freed yet. */
size_t bridge_calls_count(const struct control *control);

/* Legs over that trunk, of calls that do not end yet. */
size_t bridge_calls_over(const struct control *control, const char *trunk);

#endif
