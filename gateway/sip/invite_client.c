/* INVITE of ours (RFC 3261 §13.2). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"

static const char *reason_of(const osip_message_t *response)
{
    const char *header = sip_message_header(response, "reason");
    return header ? header : response->reason_phrase ? response->reason_phrase : "";
}

static void on_provisional(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    s->rang = true;
    if (s->cancel_wanted)
        sip_cancel_send(s);
    else if (response->status_code > 100)
        sip_session_emit(s, SIP_EVENT_RINGING, response->status_code, reason_of(response),
                         sip_message_sdp(response, &sdp) == 1 ? &sdp : NULL);
}

static void on_accepted(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    int described = sip_message_sdp(response, &sdp);
    int error = sip_dialog_confirm(s->stack, &s->dialog, response);
    s->state = SIP_SESSION_ESTABLISHED;
    s->confirmed = true;
    sip_ack_send(s, sip_message_cseq(response));
    if (s->over) { /* it crossed our CANCEL (§9.1) */
        sip_bye_send(s);
        return;
    }
    sip_timer_stop(&s->stack->timers, &s->ring);
    if (error || described != 1) {
        sip_bye_send(s);
        sip_session_end(s, SIP_PARTY_LOCAL, 488, "no usable answer in 200");
        return;
    }
    s->stack->counters.calls_answered++;
    sip_session_emit(s, SIP_EVENT_ANSWERED, 0, NULL, &sdp);
}

static void on_response(struct sip_transaction *tx, struct sip_session *s,
                        const osip_message_t *response, enum sip_party failure)
{
    const char *unreachable = tx->failure ? tx->failure : "unreachable";
    s->dialog.peer.connection = s->dialog.peer.protocol == tx->peer.protocol
                                    ? tx->peer.connection
                                    : s->dialog.peer.connection;
    if (!response)
        sip_session_end(s, failure, failure == SIP_PARTY_TRANSPORT ? 503 : 408,
                        failure == SIP_PARTY_TRANSPORT ? unreachable : "no response");
    else if (response->status_code < 200)
        on_provisional(s, response);
    else if (response->status_code < 300)
        on_accepted(s, response);
    else
        sip_session_end(s, SIP_PARTY_PEER, response->status_code,
                        tx->failure ? tx->failure : reason_of(response));
}

static void on_ring_timeout(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    sip_session_leave(s, 408);
    sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "no answer");
}

static int send_invite(struct sip_session *s, const struct sdp_session *offer)
{
    char *body = malloc(SDP_TEXT_MAX);
    size_t length = 0;
    int error = body ? sdp_write(offer, body, SDP_TEXT_MAX, &length) : -ENOMEM;
    if (!error) {
        s->dialog.local_cseq = s->first_cseq = SIP_FIRST_CSEQ;
        s->invite_client = sip_request_send(
            s->stack, &s->dialog,
            &(struct sip_request){
                .method = "INVITE", .cseq = SIP_FIRST_CSEQ, .body = body, .body_length = length},
            s, on_response);
        error = s->invite_client ? 0 : -EINVAL;
    }
    free(body);
    return error;
}

int sip_session_call(struct sip_stack *stack, const struct sip_call *call, sip_event_cb *cb,
                     void *user, struct sip_session **session)
{
    *session = NULL;
    if (!call->offer)
        return -EINVAL;
    if (stack->is_closing || stack->counters.sessions >= stack->config.max_sessions ||
        stack->counters.transactions >= stack->config.max_transactions)
        return -EAGAIN;
    struct sip_session *s = sip_session_create(stack, true);
    if (!s)
        return -ENOMEM;
    int error = sip_dialog_open_client(stack, &s->dialog, call);
    if (!error)
        error = sip_auth_new(call->credentials, call->credential_count, &s->dialog.auth);
    if (!error)
        error = send_invite(s, call->offer);
    if (error) {
        sip_session_end_later(s, SIP_PARTY_LOCAL, 500, NULL); /* with no cb: only buried */
        return error;
    }
    s->cb = cb;
    s->user = user;
    stack->counters.calls_out++;
    sip_timer_start(&stack->timers, &s->ring,
                    call->ring_timeout_ms ? call->ring_timeout_ms : SIP_RING_TIMEOUT_MS,
                    on_ring_timeout, s);
    *session = s;
    return 0;
}
