/* A call that its target does not take goes on to the next address of the trunk (RFC 3263 §4.3),
 * then to the next trunk: only before any answer, so that no page can have been sent. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/peer_health.h"
#include "gateway/socket_address.h"

static const struct sockaddr *address_of(const struct fax_call *call)
{
    return (const struct sockaddr *)&call->target.address;
}

static void note_bad(struct fax_call *call, uint32_t retry_after_s, const char *cause)
{
    peer_health_bad(call->control, call->trunk, address_of(call), call->target.protocol,
                    retry_after_s, cause);
}

/* Nobody, or nobody that works, is at this address. */
static bool is_dead(const struct sip_event *event, bool heard)
{
    return event->who == SIP_PARTY_TRANSPORT || (event->who == SIP_PARTY_TIMEOUT && !heard) ||
           (event->who == SIP_PARTY_PEER && event->code == 503);
}

static void judge_target(struct fax_call *call, const struct sip_event *event, bool heard,
                         const char *cause)
{
    bool asks_for_rest = event->retry_after_s > 0 && (event->code == 500 || event->code / 100 == 3);
    if (call->target.count == 0 || event->who == SIP_PARTY_LOCAL)
        return;
    if (is_dead(event, heard) || asks_for_rest)
        note_bad(call, event->retry_after_s, cause);
    else if (event->who == SIP_PARTY_PEER)
        peer_health_good(call->control, call->trunk, address_of(call), call->target.protocol);
}

/* Refusals that another trunk may not share. */
static bool is_of_trunk(const struct sip_event *event, bool heard)
{
    switch (event->code) {
    case 401: /* it does not know us */
    case 407:
    case 500:
    case 502:
    case 504:
        return true;
    case 408:
        return event->who == SIP_PARTY_PEER || !heard;
    default:
        return is_dead(event, heard) || event->code / 100 == 3;
    }
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
    judge_target(call, event, heard, cause);
    if (call->rang || !is_of_trunk(event, heard))
        return false;
    return (is_dead(event, heard) && next_address(call, cause)) ||
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
    note_bad(call, 0, "no response");
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
    peer_health_try(call->control, call->trunk, address_of(call), call->target.protocol);
    fax_call_timer(call, (uint64_t)call->control->config->sip.failover_ms, on_mute);
}
