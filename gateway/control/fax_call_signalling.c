#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/target_failover.h"
#include "gateway/process/log.h"

static void say(struct fax_call *call, const char *kind, const char *text)
{
    fax_watchers_say(call->control->watchers, &call->fax, kind,
                     call->outbound ? "sending" : "receiving", text);
}

static const char *no_t38(const struct fax_call *call)
{
    return call->local.secured ? "the peer's answer has no secured T.38"
                               : "the peer's answer has no T.38";
}

/* The peer has said no, by a refusal with that code or (0) by its description. */
static void go_without_t38(struct fax_call *call, const char *cause, int code)
{
    if (fax_call_fall_back(call, cause))
        fax_call_t38_refused(call, cause);
    else if (code)
        fax_call_end(call, "%s (%d)", cause, code);
    else
        fax_call_end(call, "%s", cause);
}

static void on_negotiation_timeout(struct fax_call *call)
{
    if (!fax_call_fall_back(call, "T.38 was not agreed in time"))
        fax_call_end(call, "T.38 was not agreed in time");
}

void fax_call_reinvite(struct fax_call *call)
{
    struct sdp_session offer;
    if (!call->session || call->t38_agreed || call->audio_settled || call->reinviting)
        return;
    int rc = media_offer_t38(&call->local, &offer);
    if (rc == 0)
        rc = sip_session_reinvite(call->session, &offer);
    if (rc == -EBUSY) { /* the peer's own re-INVITE is under way */
        fax_call_timer(call, CALL_NEGOTIATE_MS, on_negotiation_timeout);
        return;
    }
    if (rc < 0) {
        fax_call_end(call, "T.38 could not be offered: %s", strerror(-rc));
        return;
    }
    call->reinviting = true;
    fax_call_timer(call, CALL_NEGOTIATE_MS, on_negotiation_timeout);
}

/* The peer's description of T.38 has been agreed to: media may start, or has moved. While a fax is
 * under way one that cannot be used (hold by 0.0.0.0, a refresh answered with something else)
 * changes nothing: what flows goes on, and silence has its own limit. */
static void take_t38(struct fax_call *call, const struct sdp_session *sdp)
{
    struct media_t38 t38;
    int rc = sdp ? media_agree_t38(&call->local, sdp, &t38) : -ENOTSUP;
    if (rc < 0 && call->t38_agreed)
        return;
    if (rc < 0) {
        go_without_t38(call, no_t38(call), 0);
        return;
    }
    fax_call_t38_works(call);
    bool moved = memcmp(&t38.peer, &call->t38.peer, sizeof t38.peer) != 0 ||
                 t38.max_datagram != call->t38.max_datagram;
    call->t38 = t38;
    if (!call->t38_agreed || !call->media_started || moved)
        fax_call_media(call);
}

/* Audio is agreed, by the peer's description: what we want is T.38. */
static void after_audio(struct fax_call *call, const struct sdp_session *sdp)
{
    const struct config *config = call->control->config;
    const char *refused = fax_call_t38_refused_before(call);
    fax_call_audio(call, sdp);
    if (call->ending || call->audio_settled)
        return;
    if (!config->fax.t38 || call->target.no_t38) {
        if (!fax_call_fall_back(call, "T.38 is not used"))
            fax_call_end(call, "neither T.38 nor audio may be used");
        return;
    }
    if (refused && fax_call_fall_back(call, refused))
        return;
    int64_t wait_ms =
        call->outbound ? config->fax.reinvite_as_sender_after_ms : config->fax.reinvite_after_ms;
    fax_call_timer(call, (uint64_t)wait_ms, fax_call_reinvite);
}

/* Our T.38 was answered with a line that is refused: the call stands, without media. Audio first,
 * then, as for a peer that says so by a code; T.38 may still come. */
static bool offer_audio(struct fax_call *call)
{
    struct sdp_session offer;
    if (call->local.secured || !fax_call_audio_allowed(call) ||
        media_offer_audio(&call->local, &offer) < 0 ||
        sip_session_reinvite(call->session, &offer) < 0)
        return false;
    call->offered_t38 = false;
    call->audio_only = call->reinviting = true;
    fax_call_timer(call, CALL_NEGOTIATE_MS, on_negotiation_timeout);
    return true;
}

static void on_answered(struct fax_call *call, const struct sdp_session *sdp)
{
    call->answered = true;
    if (call->outbound)
        target_failover_answered(call->control, call->trunk, &call->target);
    fax_call_note_signalling(call);
    uv_timer_stop(&call->timer);
    say(call, "answered", "");
    if (sdp && media_has_t38(&call->local, sdp))
        take_t38(call, sdp);
    else if (!call->offered_t38)
        after_audio(call, sdp);
    else if (!offer_audio(call))
        fax_call_end(call, "%s", no_t38(call));
}

static void on_confirmed(struct fax_call *call, const struct sdp_session *sdp)
{
    if (call->t38_agreed || (call->outbound && !sdp)) /* it brings the answer to an offer of ours */
        return;
    if (sdp && media_has_t38(&call->local, sdp))
        take_t38(call, sdp);
    else if (!call->reinviting)
        after_audio(call, sdp ? sdp : call->has_offer ? &call->offer : NULL);
}

static void on_reinvite_offer(struct fax_call *call, const struct sdp_session *offer)
{
    struct sdp_session answer;
    bool t38 = false;
    int rc;
    if (!offer) {
        /* We are to make the offer: what is in use, or T.38, which we want anyway. */
        if (call->t38_agreed && sip_session_answer_reinvite(call->session, NULL) == 0)
            return;
        rc = call->local.no_t38 ? media_offer_audio(&call->local, &answer)
                                : media_offer_t38(&call->local, &answer);
    } else {
        rc = media_answer(&call->local, offer, &answer, &t38);
    }
    if (rc < 0) {
        if (sip_session_reject_reinvite(call->session, rc == -ENOTSUP ? 488 : 500) < 0)
            log_write(LOG_LEVEL_WARNING, "a re-INVITE could not be refused");
        return;
    }
    rc = sip_session_answer_reinvite(call->session, &answer);
    if (rc < 0) {
        fax_call_end(call, "a re-INVITE could not be answered: %s", strerror(-rc));
        return;
    }
    call->reinviting = false;
    if (offer && media_is_on_hold(&call->local, offer)) {
        /* Nothing changes until it says more; a call that has not begun does not wait for ever. */
        if (!call->t38_agreed && !call->audio_settled)
            fax_call_timer(call, CALL_NEGOTIATE_MS, on_negotiation_timeout);
        return;
    }
    if (t38)
        take_t38(call, offer);
    else if (offer && !call->t38_agreed)
        after_audio(call, offer);
}

/* To our T.38, to the audio that takes its place, or to a refresh: audio that goes on may have
 * another key or address. */
static void on_reinvite_answered(struct fax_call *call, const struct sdp_session *sdp)
{
    call->reinviting = false;
    if (!call->t38_agreed && sdp && !media_has_t38(&call->local, sdp)) {
        if (!call->audio_running && media_has_audio(&call->local, sdp)) {
            after_audio(call, sdp);
            return;
        }
        fax_call_audio(call, sdp);
    }
    if (!call->audio_settled)
        take_t38(call, sdp);
}

static void on_ended(struct fax_call *call, const struct sip_event *event, bool heard)
{
    call->session = NULL;
    call->sip_code = event->code;
    call->retry_after_s = event->retry_after_s;
    call_recorder_note(call->recorder, TRACE_ENDED, TRACE_HERE, (unsigned)event->code,
                       (uint32_t)event->who, 0);
    if (call->ending)
        return;
    if (call->media_started && !call->line_done) {
        /* The last T.30 frames travel apart from the BYE: the line may still finish well. */
        return;
    }
    if (call->offered_t38 && !call->answered && !call->audio_only &&
        (event->code == 415 || event->code == 488 || event->code == 606)) {
        /* The peer wants a voice call first: once more, and T.38 by re-INVITE (RFC 3261 §21.4.26).
         */
        call->audio_only = true;
        fax_call_out_dial(call);
        return;
    }
    if (fax_call_try_next(call, event, heard))
        return;
    const char *who = event->who == SIP_PARTY_PEER        ? "the peer"
                      : event->who == SIP_PARTY_TIMEOUT   ? "time ran out"
                      : event->who == SIP_PARTY_TRANSPORT ? "the network"
                                                          : "this side";
    if (call->local.secured && (event->code == 415 || event->code == 488 || event->code == 606))
        fax_call_end(call, "the peer refused secured media: %d %.120s", event->code, event->reason);
    else if (event->code >= 300)
        fax_call_end(call, "%s: %d %.130s", who, event->code, event->reason);
    else
        fax_call_end(call, "%s ended the call before media started", who);
}

/* BYE came first: give the line a moment to say how the session ended. */
static void on_peer_left(struct fax_call *call)
{
    fax_call_end(call, "the peer ended the call");
}

static void on_reinvite_refused(struct fax_call *call, int code)
{
    call->reinviting = false;
    if (call->t38_agreed)
        return;
    if (code == 491) /* the peer's own re-INVITE follows */
        fax_call_timer(call, CALL_NEGOTIATE_MS, on_negotiation_timeout);
    else
        go_without_t38(call, "the peer refused T.38", code);
}

void fax_call_sip_event(void *user, struct sip_session *session, const struct sip_event *event)
{
    struct fax_call *call = user;
    switch (event->kind) {
    case SIP_EVENT_RINGING:
        call->rang = true;
        say(call, "ringing", "");
        break;
    case SIP_EVENT_ANSWERED:
        on_answered(call, event->sdp);
        break;
    case SIP_EVENT_CONFIRMED:
        on_confirmed(call, event->sdp);
        break;
    case SIP_EVENT_REINVITE_OFFER:
        on_reinvite_offer(call, event->sdp);
        break;
    case SIP_EVENT_REINVITE_CANCELLED:
        break;
    case SIP_EVENT_REINVITE_ANSWERED:
        on_reinvite_answered(call, event->sdp);
        break;
    case SIP_EVENT_REINVITE_REFUSED:
        on_reinvite_refused(call, event->code);
        break;
    case SIP_EVENT_ENDED:
        on_ended(call, event, sip_session_heard(session));
        if (!call->ending && call->media_started)
            fax_call_timer(call, CALL_STOP_GRACE_MS, on_peer_left);
        break;
    }
}
