/* A call that its target does not take goes on to the next address of the trunk (RFC 3263 §4.3),
 * then to the next trunk: only before any answer, so that no page can have been sent. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/target_failover.h"
#include "gateway/socket_address.h"

static const struct sockaddr *address_of(const struct fax_call *call)
{
    return (const struct sockaddr *)&call->target.address;
}

static void record(struct fax_call *call, const char *cause)
{
    struct event e;
    char host[SOCKET_ADDRESS_HOST] = "";
    if (call->target.count > 0)
        socket_address_host(address_of(call), host);
    event_begin(&e, "attempt.rerouted", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_text(&e, "trunk", call->trunk);
    event_personal(&e, "peer", host);
    event_text(&e, "cause", cause);
    event_note(&e, call->control->audit);
    fax_watchers_say(call->control->watchers, &call->fax, "rerouted", "sending", cause);
}

static bool next_address(struct fax_call *call, const char *cause)
{
    if (!call_target_next(&call->target))
        return false;
    call->rang = call->audio_only = false;
    record(call, cause);
    fax_call_out_dial(call);
    return true;
}

bool fax_call_try_next_route(struct fax_call *call, const char *cause)
{
    while (call->route + 1 < call->routes.count) {
        const char *name = call->routes.trunks[++call->route];
        const struct trunk_info *trunk = policy_cache_trunk(call->control->policy, name);
        if (!trunk || !trunk_routes_has_room(call->control, trunk, true))
            continue;
        snprintf(call->trunk, sizeof call->trunk, "%s", name);
        memset(&call->target, 0, sizeof call->target);
        call->rang = call->audio_only = false;
        record(call, cause);
        fax_call_out_dial(call);
        return true;
    }
    return false;
}

bool fax_call_try_next(struct fax_call *call, const struct sip_event *event, bool heard)
{
    char cause[160];
    if (!call->outbound || call->answered || call->media_started)
        return false;
    snprintf(cause, sizeof cause, "%d %.140s", event->code, event->reason);
    target_failover_judge(call->control, call->trunk, &call->target, event, heard, cause);
    if (call->rang || !target_failover_is_of_trunk(event, heard))
        return false;
    return (target_failover_is_dead(event, heard) && next_address(call, cause)) ||
           fax_call_try_next_route(call, cause);
}

static void on_mute(struct fax_call *call)
{
    struct sip_session *session = call->session;
    if (!session || call->answered || call->rang || sip_session_heard(session))
        return;
    /* Without another one the transaction's own time-out decides. */
    if (call->target.at + 1 >= call->target.count && call->route + 1 >= call->routes.count)
        return;
    target_failover_mute(call->control, call->trunk, &call->target);
    call->session = NULL;
    call->sip_code = 408;
    /* What it may still say is answered without us: a late 2xx gets ACK and BYE, no media. */
    sip_session_set_event_cb(session, NULL, NULL);
    sip_session_hangup(session, 0, NULL);
    if (!next_address(call, "no response") && !fax_call_try_next_route(call, "no response"))
        fax_call_end(call, "no response, and no other trunk has room");
}

void fax_call_watch_target(struct fax_call *call)
{
    target_failover_try(call->control, call->trunk, &call->target);
    fax_call_timer(call, (uint64_t)call->control->config->sip.failover_ms, on_mute);
}
