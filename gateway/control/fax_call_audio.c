/* A fax call over audio: from the answer on, until T.38 takes its place, or for good. */
#include <string.h>

#include <openssl/crypto.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"

bool fax_call_audio_allowed(const struct fax_call *call)
{
    return call->control->config->fax.audio_fallback && call->target.audio_fallback;
}

static bool has_keys_of(const struct media_audio *a, const struct media_audio *b)
{
    return a->srtp_suite == b->srtp_suite &&
           CRYPTO_memcmp(a->send_key, b->send_key, sizeof a->send_key) == 0 &&
           CRYPTO_memcmp(a->receive_key, b->receive_key, sizeof a->receive_key) == 0;
}

void fax_call_audio(struct fax_call *call, const struct sdp_session *sdp)
{
    struct media_audio audio;
    if (call->ending || call->t38_agreed || !fax_call_audio_allowed(call) || !sdp ||
        media_agree_audio(&call->local, sdp, &audio) < 0)
        return;
    bool same = call->audio_running && audio.payload_type == call->audio.payload_type &&
                memcmp(&audio.peer, &call->audio.peer, sizeof audio.peer) == 0 &&
                has_keys_of(&audio, &call->audio);
    call->audio = audio;
    call->audio_running = true;
    if (!same)
        fax_call_media_update(call);
}

void fax_call_audio_fill(const struct fax_call *call, struct msg_call_media *media)
{
    media->peer = call->audio.peer;
    media->latch = call->audio.latch;
    media->transport = call->audio.srtp_suite ? MEDIA_TRANSPORT_SRTP : MEDIA_TRANSPORT_RTP;
    media->srtp_suite = call->audio.srtp_suite;
    memcpy(media->srtp_send_key, call->audio.send_key, sizeof media->srtp_send_key);
    memcpy(media->srtp_receive_key, call->audio.receive_key, sizeof media->srtp_receive_key);
    media->audio_payload = call->audio.payload_type;
    media->audio_flags = call->audio.a_law ? MEDIA_AUDIO_A_LAW : 0;
    if (call->audio.rtcp)
        media->audio_flags |= MEDIA_AUDIO_RTCP;
    if (call->outbound && !call->audio_settled)
        media->audio_flags |= MEDIA_AUDIO_HOLD_BACK;
}

bool fax_call_fall_back(struct fax_call *call, const char *cause)
{
    struct event e;
    if (!call->audio_running || call->t38_agreed || call->ending)
        return false;
    if (call->audio_settled)
        return true;
    call->audio_settled = true;
    uv_timer_stop(&call->timer);
    call_recorder_note(call->recorder, TRACE_FALLBACK, TRACE_HERE, 0, 0, 0);
    event_begin(&e, "media.fallback", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_text(&e, "media", "audio");
    event_text(&e, "cause", cause);
    event_note(&e, call->control->audit);
    fax_watchers_say(call->control->watchers, &call->fax, "audio",
                     call->outbound ? "sending" : "receiving", cause);
    fax_call_media_update(call);
    return true;
}

/* A fax machine is there. Who answers asks for T.38 (T.38 §D.2.2.4): we at once, the peer usually
 * within three seconds, and both asking at the same time would only collide. So it has that long
 * from its CED or V.21 on, however long it would be waited for without. */
void fax_call_tones(struct fax_call *call)
{
    if (!call->answered || call->audio_settled || call->local.no_t38)
        return;
    if (!call->outbound)
        fax_call_reinvite(call);
    else if (call->on_timeout == fax_call_reinvite && uv_is_active((uv_handle_t *)&call->timer) &&
             uv_timer_get_due_in(&call->timer) > CALL_TONES_MS)
        fax_call_timer(call, CALL_TONES_MS, fax_call_reinvite);
}

void fax_call_trained(struct fax_call *call)
{
    if (call->t38_agreed || !call->audio_running)
        return;
    call->local.no_t38 = true; /* pages may follow: from here on there is no way back */
    (void)fax_call_fall_back(call, "the peer goes on over audio");
}

const char *fax_call_media_name(const struct fax_call *call)
{
    if (call->t38_agreed)
        return "t38";
    return call->audio_running && call->media_started ? "audio" : "";
}
