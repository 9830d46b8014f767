/* What protects the media of a call: put in place before the first datagram is read, and before the
 * session begins. */
#include "gateway/line/line_call.h"

#include <stdio.h>

#include "t38/t30_result.h"

int line_call_protect(struct line_call *call, const struct msg_call_media *media)
{
    return media_protect(&call->media, call->line->identity, media, line_now_ms(), &call->shield);
}

bool line_call_move(struct line_call *call, const struct msg_call_media *media)
{
    return media_protect_move(&call->media, &call->shield, media);
}

/* The session's clock begins when its first frame can reach the peer. */
void line_call_begin_session(struct line_call *call, uint64_t now_ms)
{
    call->shield.shaking = false;
    call->started_ms = call->heard_ms = now_ms;
    snprintf(call->shield.text, sizeof call->shield.text, "%s",
             media_dtls_protection(call->shield.dtls));
    fax_engine_tick(call->engine, now_ms);
}

bool line_call_shake(struct line_call *call, uint64_t now_ms)
{
    const char *failure;

    if (!call->shield.shaking || call->finished)
        return false;
    media_transport_tick(&call->media, now_ms);
    failure = media_dtls_failure(call->shield.dtls);
    if (failure != NULL) {
        line_call_abort(call, T30_RESULT_ABORTED, failure);
        return true;
    }
    if (!media_dtls_is_shaking(call->shield.dtls))
        line_call_begin_session(call, now_ms);
    line_call_settle(call);
    return true;
}
