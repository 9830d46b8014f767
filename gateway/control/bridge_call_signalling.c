/* What the sessions of a bridged call tell, carried across to the other leg. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/control/target_failover.h"

/* What the caller hears when the other leg does not come about. */
static int carried_code(const struct sip_event *event)
{
    if (event->who == SIP_PARTY_TRANSPORT)
        return 503;
    if (event->who == SIP_PARTY_TIMEOUT)
        return 408;
    if (event->who == SIP_PARTY_LOCAL || event->code < 300)
        return 500;
    if (event->code < 400) /* it is somewhere else, where we do not go */
        return 480;
    if (event->code == 401 || event->code == 407) /* it was for our credentials */
        return 403;
    return event->code;
}

static bool refused_media(int code)
{
    return code == 415 || code == 488 || code == 606;
}

static void on_called_refused(struct bridge_side *side, const struct sip_event *event, bool heard)
{
    struct bridge_call *call = side->call;
    call->sip_code = event->code;
    if (side->offered_t38 && !side->audio_only && refused_media(event->code)) {
        /* It wants a voice call first (RFC 3261 §21.4.26), or has only that: over SRTP if need be.
         */
        side->audio_only = true;
        bridge_call_dial(call);
        return;
    }
    if (bridge_call_try_next(call, event, heard))
        return;
    call->refuse_code = carried_code(event);
    bridge_call_end(call, "the other leg: %d %.120s", event->code, event->reason);
}

static void on_ended(struct bridge_side *side, const struct sip_event *event, bool heard)
{
    struct bridge_call *call = side->call;
    side->session = NULL;
    uv_timer_stop(&side->timer);
    bridge_trace_note(side, TRACE_ENDED, TRACE_HERE, (unsigned)event->code, (uint32_t)event->who);
    if (call->ending)
        return;
    if (side->index == BRIDGE_CALLED && !side->answered) {
        on_called_refused(side, event, heard);
        return;
    }
    if (side->index == BRIDGE_CALLER && !side->answered) {
        call->sip_code = event->code;
        bridge_call_end(call, "the caller gave up before the answer");
        return;
    }
    const char *who = event->who == SIP_PARTY_PEER        ? "ended the call"
                      : event->who == SIP_PARTY_TIMEOUT   ? "was not heard of any more"
                      : event->who == SIP_PARTY_TRANSPORT ? "cannot be reached any more"
                                                          : "could not go on";
    bridge_call_end(call, "the %s %s", side->index == BRIDGE_CALLER ? "caller" : "called side",
                    who);
}

/* A peer that calls us is usually no sooner ready for T.38 than it is answered. */
static void answer_caller(struct bridge_call *call)
{
    struct bridge_side *side = &call->side[BRIDGE_CALLER];
    struct sdp_session answer;
    bool t38 = false;
    int rc = side->has_offer ? media_answer(&side->local, &side->offer, &answer, &t38)
                             : media_offer_audio(&side->local, &answer);
    if (rc == 0)
        rc = sip_session_answer(side->session, &answer);
    if (rc < 0) {
        call->refuse_code = rc == -ENOTSUP ? 488 : 500;
        bridge_call_end(call, "the call could not be answered: %s", strerror(-rc));
        return;
    }
    side->answered = true;
    if (side->has_offer && bridge_side_take(side, &side->offer) < 0)
        bridge_call_end(call, "the caller's offer has no usable media");
}

static void on_too_long(struct bridge_call *call)
{
    bridge_call_end(call, "the call took longer than fax.max_call_ms");
}

static void on_answered(struct bridge_side *side, const struct sdp_session *sdp)
{
    struct bridge_call *call = side->call;
    side->answered = true;
    target_failover_answered(call->control, call->via, &side->target);
    sip_session_signalling(side->session, side->signalling);
    if (bridge_side_take(side, sdp) < 0) {
        call->refuse_code = 488;
        bridge_call_end(call, "the answer of the other leg has no usable media");
        return;
    }
    bridge_call_timer(call, (uint64_t)call->control->config->fax.max_call_ms, on_too_long);
    if (!call->ending)
        answer_caller(call);
}

/* The ACK; it brings the answer when our 200 had the offer. */
static void on_confirmed(struct bridge_side *side, const struct sdp_session *sdp)
{
    if (sdp && bridge_side_take(side, sdp) < 0)
        bridge_call_end(side->call, "the %s leg has no usable media", bridge_side_name(side));
    else if (side->call->is_fax)
        bridge_call_is_fax(side->call);
}

static void on_reinvite_refused(struct bridge_side *side, int code)
{
    side->reinviting = false;
    if (code == 491) /* the peer's own re-INVITE follows */
        return;
    side->t38_refused = true;
    bridge_trace_note(side, TRACE_FALLBACK, TRACE_HERE, 0, 0);
    if (bridge_copy_is_impossible(side->call))
        bridge_call_end(side->call, "a copy is wanted, and neither leg has T.38");
    else if (!side->target.audio_fallback)
        bridge_call_end(side->call, "the %s leg refused T.38 (%d), and may not use audio",
                        bridge_side_name(side), code);
}

static void on_reinvite_answered(struct bridge_side *side, const struct sdp_session *sdp)
{
    bool asked = side->reinviting; /* else it was a refresh */
    side->reinviting = false;
    if (bridge_side_take(side, sdp) < 0)
        bridge_call_end(side->call, "the %s leg has no usable media", bridge_side_name(side));
    else if (asked && side->media == BRIDGE_AUDIO)
        on_reinvite_refused(side, 200); /* it took the offer and its T.38 not */
}

void bridge_call_sip_event(void *user, struct sip_session *session, const struct sip_event *event)
{
    struct bridge_side *side = user;
    struct bridge_call *call = side->call;
    switch (event->kind) {
    case SIP_EVENT_RINGING:
        side->rang = true;
        if (call->side[BRIDGE_CALLER].session && !call->side[BRIDGE_CALLER].answered)
            (void)sip_session_ring(call->side[BRIDGE_CALLER].session);
        break;
    case SIP_EVENT_ANSWERED:
        on_answered(side, event->sdp);
        break;
    case SIP_EVENT_CONFIRMED:
        on_confirmed(side, event->sdp);
        break;
    case SIP_EVENT_REINVITE_OFFER:
        bridge_side_reinvited(side, event->sdp);
        break;
    case SIP_EVENT_REINVITE_CANCELLED:
        break;
    case SIP_EVENT_REINVITE_ANSWERED:
        on_reinvite_answered(side, event->sdp);
        break;
    case SIP_EVENT_REINVITE_REFUSED:
        on_reinvite_refused(side, event->code);
        break;
    case SIP_EVENT_ENDED:
        on_ended(side, event, sip_session_heard(session));
        break;
    }
}
