/* INVITE of ours (RFC 3261 §13.2). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/redirect.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"

enum { INTERVALS_MAX = 3, HEADERS_MAX = 2048 };

static const char *reason_of(const osip_message_t *response)
{
    const char *header = sip_message_header(response, "reason");
    return header ? header : response->reason_phrase ? response->reason_phrase : "";
}

/* The answer could still come, but a peer that rings without end is left. */
static void leave_ringing(struct sip_session *s)
{
    sip_session_leave(s, 500);
    sip_session_end(s, SIP_PARTY_LOCAL, 500, "too many reliable provisional responses");
}

static void on_provisional(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    s->rang = true;
    bool is_new = response->status_code == 100 || sip_prack_take(s, response);
    if (s->reliable_count > SIP_RELIABLE_MAX && !s->over)
        leave_ringing(s);
    else if (s->cancel_wanted)
        sip_cancel_send(s);
    else if (response->status_code > 100 && is_new)
        sip_session_emit(s, SIP_EVENT_RINGING, response->status_code, reason_of(response),
                         sip_message_sdp(response, &sdp) == 1 ? &sdp : NULL);
}

/* The answer is in the 2xx or, when that has none, in a reliable response before it (RFC 3262 §5).
 */
static int read_answer(struct sip_session *s, const osip_message_t *response,
                       struct sdp_session *sdp)
{
    const struct sip_early *early = sip_prack_early(s, sip_message_to_tag(response));
    int described = sip_message_sdp(response, sdp);
    if (described == 0 && early && early->answer)
        described = sdp_read(sdp, early->answer, early->length, NULL) == 0 ? 1 : 0;
    return described;
}

static void on_accepted(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    int described = read_answer(s, response, &sdp);
    int error = sip_dialog_confirm(s->stack, &s->dialog, response);
    s->state = SIP_SESSION_ESTABLISHED;
    s->confirmed = true;
    sip_ack_send(s, sip_message_cseq(response));
    sip_prack_free(s);
    if (s->over) { /* it crossed our CANCEL (§9.1) */
        sip_bye_send(s);
        return;
    }
    sip_timer_stop(&s->stack->timers, &s->ring);
    sip_description_agree(s, s->proposal.offer, s->proposal.length, response);
    s->proposal.offer = NULL;
    sip_reinvite_client_drop(s);
    if (error || described != 1) {
        sip_bye_send(s);
        sip_session_end(s, SIP_PARTY_LOCAL, 488, "no usable answer in 200");
        return;
    }
    s->stack->counters.calls_answered++;
    sip_session_timer_take(s, response);
    sip_session_emit(s, SIP_EVENT_ANSWERED, 0, NULL, &sdp);
}

static void on_refused(struct sip_session *s, const osip_message_t *response, const char *why)
{
    struct sip_redirect redirect;
    int code = response->status_code;
    if (code == 422 && !s->over && s->refused_intervals++ < INTERVALS_MAX &&
        sip_session_timer_adapt(s, response) && sip_invite_client_send(s) == 0)
        return;
    sip_redirect_read(&redirect, response);
    s->end.redirection = redirect.list.count ? &redirect.list : NULL;
    s->end.retry_after_s = sip_message_retry_after(response);
    s->end.q850_cause = sip_message_reason_cause(response, "Q.850");
    sip_session_end(s, SIP_PARTY_PEER, code, why ? why : reason_of(response));
    s->end.redirection = NULL;
    sip_redirect_free(&redirect);
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
        on_refused(s, response, tx->failure);
}

static void on_ring_timeout(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    sip_session_leave(s, 408);
    sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "no answer");
}

int sip_invite_client_send(struct sip_session *s)
{
    char lines[HEADERS_MAX];
    struct sip_text headers;
    sip_text_open(&headers, lines, sizeof lines);
    sip_session_timer_propose(s, &headers);
    if (s->identity)
        sip_text_add(&headers, "%s", s->identity);
    s->invite_cseq = ++s->dialog.local_cseq;
    s->invite_client =
        headers.overflow
            ? NULL
            : sip_request_send(s->stack, &s->dialog,
                               &(struct sip_request){.method = "INVITE",
                                                     .cseq = s->invite_cseq,
                                                     .headers = lines,
                                                     .body = s->proposal.offer,
                                                     .body_length = s->proposal.length},
                               s, on_response);
    return s->invite_client ? 0 : -EINVAL;
}

/* P-Asserted-Identity and Privacy (RFC 3325 §9). */
static int take_identity(struct sip_session *s, const struct sip_call *call)
{
    const char *uri = call->asserted_uri;
    if (uri && (!sip_text_is_token(uri) || strlen(uri) > 512 || strpbrk(uri, "<>\",")))
        return -EINVAL;
    if (!uri && !call->wants_privacy)
        return 0;
    if (asprintf(&s->identity, "%s%s%s%s", uri ? "P-Asserted-Identity: <" : "", uri ? uri : "",
                 uri ? ">\r\n" : "", call->wants_privacy ? "Privacy: id\r\n" : "") >= 0)
        return 0;
    s->identity = NULL;
    return -ENOMEM;
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
        error = take_identity(s, call);
    if (!error)
        error = sip_description_write(s, call->offer, &s->proposal.offer, &s->proposal.length);
    if (!error)
        error = sip_invite_client_send(s);
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
