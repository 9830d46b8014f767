/* What protects the media of a call: put in place before the first datagram is read, and before the
 * session begins. */
#include "gateway/line/line_call.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/line/media_srtp.h"
#include "t38/t30_result.h"

static int begin_srtp(struct line_call *call, const struct msg_call_media *media, bool runs)
{
    int error = (runs ? media_srtp_rekey : media_srtp_begin)(
        &call->media, media->srtp_suite, media->srtp_send_key, media->srtp_receive_key);

    if (error == 0)
        snprintf(call->protection, sizeof call->protection, "SRTP %s",
                 srtp_media_suite_name(media->srtp_suite));
    return error;
}

int line_call_protect(struct line_call *call, const struct msg_call_media *media)
{
    call->protected_by = media->transport;
    call->protection[0] = '\0';
    if (media->transport == MEDIA_TRANSPORT_SRTP)
        return begin_srtp(call, media, false);
    if (media->transport != MEDIA_TRANSPORT_UDPTL_DTLS) {
        media_transport_shield(&call->media, NULL, NULL);
        return 0;
    }
    call->shaking = true;
    return media_dtls_begin(&call->media, call->line->identity, media->dtls_active != 0,
                            media->fingerprint, line_now_ms(), &call->dtls);
}

bool line_call_move(struct line_call *call, const struct msg_call_media *media)
{
    if (media->transport != call->protected_by)
        return false;
    if (media->transport == MEDIA_TRANSPORT_UDPTL_DTLS)
        return media_dtls_is_peer(call->dtls, media->fingerprint);
    return media->transport != MEDIA_TRANSPORT_SRTP || begin_srtp(call, media, true) == 0;
}

/* The session's clock begins when its first frame can reach the peer. */
void line_call_begin_session(struct line_call *call, uint64_t now_ms)
{
    call->shaking = false;
    call->started_ms = call->heard_ms = now_ms;
    snprintf(call->protection, sizeof call->protection, "%s", media_dtls_protection(call->dtls));
    fax_engine_tick(call->engine, now_ms);
}

bool line_call_shake(struct line_call *call, uint64_t now_ms)
{
    const char *failure;

    if (!call->shaking || call->finished)
        return false;
    media_transport_tick(&call->media, now_ms);
    failure = media_dtls_failure(call->dtls);
    if (failure != NULL) {
        line_call_abort(call, T30_RESULT_ABORTED, failure);
        return true;
    }
    if (!media_dtls_is_shaking(call->dtls))
        line_call_begin_session(call, now_ms);
    line_call_settle(call);
    return true;
}
