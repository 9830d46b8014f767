/* What a line is told of a call's media, and when. */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"

/* A peer that trickles frames for ever must not hold a line. */
static void on_too_long(struct fax_call *call)
{
    fax_call_end(call, "the call took longer than fax.max_call_ms");
}

static void fill_t38(const struct fax_call *call, struct msg_call_media *media)
{
    const struct config_media *config = &call->control->config->media;
    media->peer = call->t38.peer;
    media->latch = call->t38.latch;
    media->t38_version = call->t38.version;
    if (call->t38.recovery == MEDIA_REDUNDANCY)
        media->redundancy = (uint8_t)config->redundancy;
    if (call->t38.recovery == MEDIA_FEC) {
        media->fec_packets = (uint8_t)config->fec_packets;
        media->fec_fields = (uint8_t)config->fec_fields;
    }
    if (call->t38.dtls) {
        media->transport = MEDIA_TRANSPORT_UDPTL_DTLS;
        media->dtls_active = call->t38.active;
        memcpy(media->fingerprint, call->t38.fingerprint, sizeof media->fingerprint);
    }
    media->max_datagram = call->t38.max_datagram;
    media->express = call->t38.express;
    media->max_rate = call->t38.max_bit_rate;
}

/* Is it known how pages will travel? */
static bool is_settled(const struct fax_call *call)
{
    return call->t38_agreed || call->audio_settled;
}

static void send_media(struct fax_call *call)
{
    struct msg_call_media media;
    memset(&media, 0, sizeof media);
    media.call = call->line_call;
    if (call->t38_agreed)
        fill_t38(call, &media);
    else
        fax_call_audio_fill(call, &media);
    call_recorder_note(call->recorder, TRACE_AGREED, TRACE_HERE,
                       call->t38_agreed ? TRACE_MEDIA_T38 : TRACE_MEDIA_AUDIO, 0, 0);
    if (media.latch) /* its socket may be open to all again, and must be the only one */
        media_strays_close(&call->strays);
    int rc = call->line_call
                 ? line_pool_send(call->line, MSG_CALL_MEDIA, &media, sizeof media, NULL, 0)
                 : -EPIPE;
    OPENSSL_cleanse(&media, sizeof media);
    if (rc < 0) {
        fax_call_end(call, "the line takes no messages");
        return;
    }
    /* A sender that is held back cannot have sent anything of a page. */
    call->media_started = call->media_started || !call->outbound || is_settled(call);
    if (is_settled(call) && !call->limited) {
        call->limited = true;
        fax_call_timer(call, (uint64_t)call->control->config->fax.max_call_ms, on_too_long);
    }
}

static void on_media_journalled(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    (void)index;
    call->media_recording = false;
    if (!call->ending) {
        if (status < 0)
            fax_call_end(call, "the start of media could not be recorded: %s", strerror(-status));
        else
            send_media(call);
    }
    fax_call_release(call);
}

void fax_call_media_update(struct fax_call *call)
{
    if (call->media_recording)
        return;
    if (!call->outbound || call->media_started || !is_settled(call)) {
        send_media(call);
        return;
    }
    /* From here on a crash makes the fax uncertain: that has to be on disk before a page can leave.
     */
    struct event e;
    event_begin(&e, "media.started", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    call->pending++;
    call->media_recording = true;
    int rc = event_append(&e, call->control->audit, on_media_journalled, call);
    if (rc < 0)
        on_media_journalled(call, rc, 0);
}

void fax_call_media(struct fax_call *call)
{
    if (!call->t38_agreed) {
        call->t38_agreed = true;
        uv_timer_stop(&call->timer);
        fax_watchers_tell(call->control->watchers, &call->fax, "t38",
                          call->outbound ? "sending" : "receiving", json_object(), false);
    }
    fax_call_media_update(call);
}
