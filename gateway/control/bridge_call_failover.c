/* The other leg of a bridged call goes on to the next address of its target (RFC 3263 §4.3), then
 * to the next trunk that leads to the number: before it rings or is answered, so that its caller
 * hears nothing of it. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/control/target_failover.h"
#include "gateway/socket_address.h"

static void record(struct bridge_call *call, const char *cause)
{
    const struct call_target *target = &call->side[BRIDGE_CALLED].target;
    char host[SOCKET_ADDRESS_HOST] = "";
    struct event e;
    if (target->count > 0)
        socket_address_host((const struct sockaddr *)&target->address, host);
    event_begin(&e, "bridge.rerouted", call->principal, &call->id);
    event_text(&e, "target", call->via);
    event_personal(&e, "peer", host);
    event_text(&e, "cause", cause);
    event_note(&e, call->control->audit);
}

static bool next_address(struct bridge_call *call, const char *cause)
{
    struct bridge_side *side = &call->side[BRIDGE_CALLED];
    if (!call_target_next(&side->target))
        return false;
    side->audio_only = false;
    record(call, cause);
    bridge_call_dial(call);
    return true;
}

bool bridge_call_try_next_route(struct bridge_call *call, const char *cause)
{
    struct bridge_side *side = &call->side[BRIDGE_CALLED];
    while (call->route + 1 < call->routes.count) {
        const char *name = call->routes.trunks[++call->route];
        const struct trunk_info *trunk = policy_cache_trunk(call->control->policy, name);
        if (!trunk || !trunk_routes_has_room(call->control, trunk, true))
            continue;
        snprintf(call->via, sizeof call->via, "%s", name);
        memset(&side->target, 0, sizeof side->target);
        side->audio_only = false;
        record(call, cause);
        bridge_call_find_target(call);
        return true;
    }
    return false;
}

bool bridge_call_try_next(struct bridge_call *call, const struct sip_event *event, bool heard)
{
    const struct bridge_side *side = &call->side[BRIDGE_CALLED];
    char cause[160];
    snprintf(cause, sizeof cause, "%d %.140s", event->code, event->reason);
    target_failover_judge(call->control, call->via, &side->target, event, heard, cause);
    if (side->rang || !target_failover_is_of_trunk(event, heard))
        return false;
    return (target_failover_is_dead(event, heard) && next_address(call, cause)) ||
           bridge_call_try_next_route(call, cause);
}

static void on_mute(struct bridge_call *call)
{
    struct bridge_side *side = &call->side[BRIDGE_CALLED];
    struct sip_session *session = side->session;
    if (!session || side->answered || side->rang || sip_session_heard(session))
        return;
    /* Without another one the transaction's own time-out decides. */
    if (side->target.at + 1 >= side->target.count && call->route + 1 >= call->routes.count)
        return;
    target_failover_mute(call->control, call->via, &side->target);
    side->session = NULL;
    call->sip_code = 408;
    /* What it may still say is answered without us: a late 2xx gets ACK and BYE, no media. */
    sip_session_set_event_cb(session, NULL, NULL);
    sip_session_hangup(session, 0, NULL);
    if (next_address(call, "no response") || bridge_call_try_next_route(call, "no response"))
        return;
    call->refuse_code = 408;
    bridge_call_end(call, "no response, and no other trunk has room");
}

void bridge_call_watch_target(struct bridge_call *call)
{
    target_failover_try(call->control, call->via, &call->side[BRIDGE_CALLED].target);
    bridge_call_timer(call, (uint64_t)call->control->config->sip.failover_ms, on_mute);
}
