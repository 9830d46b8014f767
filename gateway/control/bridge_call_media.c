/* What the legs of a bridged call have agreed on, and how they come to T.38. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"

const char *bridge_media_name(enum bridge_media media)
{
    static const char *const names[] = {
        [BRIDGE_NO_MEDIA] = "", [BRIDGE_T38] = "t38", [BRIDGE_AUDIO] = "audio"};
    return names[media];
}

const char *bridge_side_name(const struct bridge_side *side)
{
    return side->index == BRIDGE_CALLER ? "caller" : "called";
}

/* --- the record comes first, then the line has it --- */

static void record_media(struct bridge_side *side);

static void on_media_recorded(void *user, int status, uint64_t index)
{
    struct bridge_side *side = user;
    struct bridge_call *call = side->call;
    (void)index;
    side->recording = false;
    if (status < 0) {
        bridge_call_end(call, "media could not be recorded: %s", strerror(-status));
    } else if (!call->ending) {
        if (side->changed)
            record_media(side);
        else
            bridge_call_tell_media(side);
    }
    bridge_call_release(call);
}

static void record_media(struct bridge_side *side)
{
    struct bridge_call *call = side->call;
    struct event e;
    bool t38 = side->media == BRIDGE_T38;
    side->recording = true;
    side->changed = false;
    side->recorded = side->media;
    event_begin(&e, "bridge.media", call->principal, &call->id);
    event_text(&e, "leg", bridge_side_name(side));
    event_text(&e, "media", bridge_media_name(side->media));
    event_integer(&e, "t38_version", t38 ? side->t38.version : 0);
    event_integer(&e, "protected", t38 ? side->t38.dtls : side->audio.srtp_suite != 0);
    event_text(&e, "signalling", side->signalling);
    call->pending++;
    int rc = event_append(&e, call->control->audit, on_media_recorded, side);
    if (rc < 0)
        on_media_recorded(side, rc, 0);
}

static void update_media(struct bridge_side *side, bool moved)
{
    if (side->call->ending)
        return;
    if (side->recording)
        side->changed = side->changed || side->media != side->recorded;
    else if (side->media != side->recorded)
        record_media(side);
    else if (moved)
        bridge_call_tell_media(side);
}

static bool take_t38(struct bridge_side *side, const struct sdp_session *sdp)
{
    struct media_t38 t38;
    if (!media_has_t38(&side->local, sdp) || media_agree_t38(&side->local, sdp, &t38) < 0)
        return false;
    bool moved =
        side->media == BRIDGE_T38 && memcmp(&t38.peer, &side->t38.peer, sizeof t38.peer) != 0;
    side->t38 = t38;
    side->media = BRIDGE_T38;
    uv_timer_stop(&side->timer);
    update_media(side, moved);
    return true;
}

static bool same_audio(const struct media_audio *a, const struct media_audio *b)
{
    const struct sockaddr *x = (const struct sockaddr *)&a->peer;
    const struct sockaddr *y = (const struct sockaddr *)&b->peer;

    return socket_address_same_host(x, y) && socket_address_port(x) == socket_address_port(y) &&
           a->payload_type == b->payload_type && a->a_law == b->a_law && a->latch == b->latch &&
           a->rtcp == b->rtcp && a->srtp_suite == b->srtp_suite &&
           CRYPTO_memcmp(a->send_key, b->send_key, sizeof a->send_key) == 0 &&
           CRYPTO_memcmp(a->receive_key, b->receive_key, sizeof a->receive_key) == 0;
}

int bridge_side_take(struct bridge_side *side, const struct sdp_session *sdp)
{
    struct media_audio audio;
    if (!sdp)
        return -ENOTSUP;
    if (take_t38(side, sdp)) {
        bridge_call_is_fax(side->call);
        return 0;
    }
    if (media_agree_audio(&side->local, sdp, &audio) < 0)
        return -ENOTSUP;
    bool moved = side->media == BRIDGE_AUDIO && !same_audio(&audio, &side->audio);
    side->audio = audio;
    side->media = BRIDGE_AUDIO;
    update_media(side, moved);
    if (side->call->is_fax)
        bridge_call_is_fax(side->call);
    return 0;
}

/* --- to T.38 --- */

static bool may_ask(const struct bridge_side *side)
{
    return side->session && side->answered && side->media == BRIDGE_AUDIO && !side->t38_refused &&
           !side->local.no_t38 && !side->reinviting && !side->call->trained && !side->call->ending;
}

void bridge_side_ask_t38(struct bridge_side *side)
{
    struct sdp_session offer;
    if (!may_ask(side))
        return;
    int rc = media_offer_t38(&side->local, &offer);
    if (rc == 0)
        rc = sip_session_reinvite(side->session, &offer);
    if (rc == 0)
        side->reinviting = true;
    else if (rc != -EBUSY) /* else the peer's own re-INVITE is under way */
        log_write(LOG_LEVEL_WARNING, "a leg could not be asked for T.38: %s", strerror(-rc));
}

static void on_side_timer(uv_timer_t *timer)
{
    bridge_side_ask_t38(timer->data);
}

/* Who calls waits to be asked (T.38 §D.2.2.4); who is called asks itself, and gets its time for it.
 */
void bridge_call_is_fax(struct bridge_call *call)
{
    int64_t wait_ms = call->control->config->fax.reinvite_as_sender_after_ms;
    struct bridge_side *called = &call->side[BRIDGE_CALLED];
    call->is_fax = true;
    bridge_side_ask_t38(&call->side[BRIDGE_CALLER]);
    if (may_ask(called) && !uv_is_active((uv_handle_t *)&called->timer))
        uv_timer_start(&called->timer, on_side_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* --- the peer's re-INVITE --- */

static void refuse_reinvite(struct bridge_side *side, int code)
{
    if (sip_session_reject_reinvite(side->session, code) < 0)
        log_write(LOG_LEVEL_WARNING, "a re-INVITE could not be refused");
}

/* A machine that is in the middle of a page would not notice that its peer speaks otherwise now. */
static bool too_late(const struct bridge_side *side, const struct sdp_session *offer)
{
    bool t38 = media_has_t38(&side->local, offer);
    return side->call->trained && side->media != BRIDGE_NO_MEDIA &&
           t38 != (side->media == BRIDGE_T38);
}

void bridge_side_reinvited(struct bridge_side *side, const struct sdp_session *offer)
{
    struct sdp_session answer;
    bool t38 = false;
    int rc;
    if (!offer) /* we are to make the offer: what is in use */
        rc = side->media == BRIDGE_T38 ? media_offer_t38(&side->local, &answer)
                                       : media_offer_audio(&side->local, &answer);
    else if (too_late(side, offer))
        rc = -ENOTSUP;
    else
        rc = media_answer(&side->local, offer, &answer, &t38);
    if (rc < 0) {
        refuse_reinvite(side, rc == -ENOTSUP ? 488 : 500);
        return;
    }
    rc = sip_session_answer_reinvite(side->session, &answer);
    if (rc < 0) {
        bridge_call_end(side->call, "a re-INVITE could not be answered: %s", strerror(-rc));
        return;
    }
    side->reinviting = false;
    if (offer && media_is_on_hold(&side->local, offer) && side->media != BRIDGE_NO_MEDIA)
        return; /* what flows goes on, and silence has its own limit */
    if (offer && bridge_side_take(side, offer) < 0)
        bridge_call_end(side->call, "the %s leg has no usable media", bridge_side_name(side));
}
