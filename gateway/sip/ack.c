/* ACK for 2xx, both ways (RFC 3261 §13.2.2.4, §13.3.1.4). That for refusals is the machine's. */
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

void sip_ack_receive(struct sip_session *s, const osip_message_t *ack)
{
    struct sdp_session sdp;
    bool offered = s->accepted.offered;
    if (!s->accepted.text || sip_message_cseq(ack) != s->accepted.cseq) {
        s->stack->counters.retransmissions_in++;
        return;
    }
    char *offer = s->accepted.offer;
    size_t length = s->accepted.offer_length;
    s->accepted.offer = NULL;
    sip_accept_stop(s);
    s->confirmed = true;
    if (offered && offer)
        sip_description_agree(s, offer, length, ack);
    if (s->over) {
        if (s->bye_wanted)
            sip_bye_send(s);
        s->bye_wanted = false;
        sip_session_settle(s);
        return;
    }
    if (offered && sip_message_sdp(ack, &sdp) != 1) {
        sip_bye_send(s);
        sip_session_end(s, SIP_PARTY_LOCAL, 488, "no usable answer in ACK");
        return;
    }
    if (!s->accepted.is_refresh)
        sip_session_emit(s, SIP_EVENT_CONFIRMED, 0, NULL, offered ? &sdp : NULL);
    if (!s->over && sip_reinvite_client_go_on(s) != 0) {
        sip_reinvite_client_drop(s);
        sip_session_emit(s, SIP_EVENT_REINVITE_REFUSED, 503, "out of transactions", NULL);
    }
}

static void send_again(struct sip_session *s)
{
    struct sip_acknowledged *a = &s->acknowledged;
    a->sent_at_ms = uv_now(s->stack->loop);
    (void)sip_transport_send(s->stack, a->text, a->length, &a->to);
}

void sip_ack_send(struct sip_session *s, uint32_t cseq)
{
    struct sip_acknowledged *a = &s->acknowledged;
    struct sip_stack *stack = s->stack;
    size_t length = sip_request_write(stack, &s->dialog,
                                      &(struct sip_request){.method = "ACK", .cseq = cseq}, NULL);
    free(a->text);
    a->text = length ? malloc(length) : NULL;
    if (!a->text)
        return; /* the 2xx comes again */
    memcpy(a->text, stack->scratch, length);
    a->length = length;
    a->cseq = cseq;
    a->to = s->dialog.peer;
    send_again(s);
}

/* Another callee answered the same INVITE: the first one has the call (§13.2.2.4). */
static void refuse_branch(struct sip_session *s, const osip_message_t *response)
{
    struct sip_stack *stack = s->stack;
    struct sip_dialog fork;
    if (sip_dialog_fork(stack, &fork, &s->dialog, response) == 0) {
        struct sip_request ack = {.method = "ACK", .cseq = sip_message_cseq(response)};
        struct sip_request bye = {.method = "BYE", .cseq = s->dialog.local_cseq + 1};
        fork.auth = s->dialog.auth; /* lent */
        size_t length = sip_request_write(stack, &fork, &ack, NULL);
        if (length)
            (void)sip_transport_send(stack, stack->scratch, length, &fork.peer);
        (void)sip_request_send(stack, &fork, &bye, NULL, NULL);
        fork.auth = NULL;
    }
    sip_dialog_close(stack, &fork);
}

bool sip_ack_repeat(struct sip_stack *stack, const osip_message_t *response)
{
    struct sip_session *s = sip_dialog_find(stack, response, sip_message_from_tag(response));
    if (!s || !s->dialog.remote_tag || !s->acknowledged.text)
        return false;
    if (strcmp(s->dialog.remote_tag, sip_message_to_tag(response)) != 0) {
        bool is_branch = s->outgoing && sip_message_cseq(response) == s->invite_cseq;
        if (is_branch)
            refuse_branch(s, response);
        return is_branch;
    }
    if (sip_message_cseq(response) != s->acknowledged.cseq)
        return false;
    stack->counters.retransmissions_in++;
    /* Repetitions are at least T1 apart; a peer that answers each ACK with another 2xx must not
     * get into an endless exchange with us. */
    if (uv_now(stack->loop) - s->acknowledged.sent_at_ms >= stack->config.t1_ms / 4)
        send_again(s);
    return true;
}
