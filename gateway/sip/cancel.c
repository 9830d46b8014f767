/* CANCEL (RFC 3261 §9). */
#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

/* CANCEL goes hop by hop, the way of its INVITE, and shares its branch (§9.2). */
static struct sip_transaction *find_invite(struct sip_stack *stack, const osip_message_t *cancel,
                                           const struct sip_hop *source)
{
    char key[SIP_KEY_TEXT];
    if (!sip_transaction_server_key(key, "INVITE", cancel))
        return NULL;
    struct sip_transaction *invite = sip_transaction_find(stack, key);
    return invite && invite->peer.protocol == source->protocol &&
                   sip_transport_same((struct sockaddr *)&invite->peer.address,
                                      (const struct sockaddr *)&source->address, false)
               ? invite
               : NULL;
}

void sip_cancel_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                        const struct sip_hop *source)
{
    char tag[SIP_ID_TEXT];
    struct sip_transaction *invite = find_invite(stack, event->sip, source);
    if (!invite) {
        sip_response_stateless(stack, event->sip, source, &(struct sip_refusal){.code = 481});
        osip_event_free(event);
        return;
    }
    struct sip_transaction *tx = sip_transaction_serve(stack, event, key, source);
    if (!tx)
        return;
    struct sip_session *s = invite->session;
    const osip_message_t *cancel = sip_transaction_message(tx);
    const char *reason = sip_message_header(cancel, "reason");
    sip_stack_make_id(tag);
    struct sip_response what = {.code = 200, .local_tag = s ? s->dialog.local_tag : tag};
    sip_transaction_respond(tx, sip_response_build(stack, cancel, &what));
    if (!s || s->invite_server != invite)
        return; /* answered already: CANCEL has no effect */
    sip_invite_server_refuse(s, 487, NULL);
    s->end.q850_cause = sip_message_reason_cause(cancel, "Q.850");
    if (s->state == SIP_SESSION_INCOMING)
        sip_session_end(s, SIP_PARTY_PEER, 487, reason ? reason : "CANCEL");
    else
        sip_session_emit(s, SIP_EVENT_REINVITE_CANCELLED, 487, reason, NULL);
    sip_session_settle(s);
}

void sip_cancel_send(struct sip_session *s)
{
    struct sip_transaction *invite = s->invite_client;
    if (!invite || s->cancel_sent)
        return;
    if (!s->rang) { /* not before a provisional response; a 2xx that comes first gets BYE */
        s->cancel_wanted = true;
        return;
    }
    s->cancel_sent = true;
    struct sip_request what = {.method = "CANCEL",
                               .cseq = s->invite_cseq,
                               .branch = invite->key + sizeof "c:INVITE:" - 1,
                               .reason = s->reason};
    (void)sip_request_send(s->stack, &s->dialog, &what, NULL, NULL);
    sip_transaction_expire(invite, 64ull * s->stack->config.t1_ms);
}
