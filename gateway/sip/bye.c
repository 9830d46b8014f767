/* BYE (RFC 3261 §15.1). */
#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"

void sip_bye_receive(struct sip_session *s, struct sip_transaction *tx)
{
    struct sip_stack *stack = s->stack;
    const osip_message_t *bye = sip_transaction_message(tx);
    const char *reason = sip_message_header(bye, "reason");
    sip_transaction_respond(tx,
                            sip_response_build(stack, bye, &(struct sip_response){.code = 200}));
    /* Also in an early dialog: the caller may end it so (§15). */
    sip_invite_server_refuse(s, 487, NULL);
    sip_update_refuse(s, 487);
    sip_accept_stop(s);
    s->end.q850_cause = sip_message_reason_cause(bye, "Q.850");
    sip_session_end(s, SIP_PARTY_PEER, 200, reason ? reason : "BYE");
    sip_session_settle(s);
}

static void on_response(struct sip_transaction *tx, struct sip_session *s,
                        const osip_message_t *response, enum sip_party failure)
{
    /* Whatever it is, the dialog is over (§15.1.1). */
    (void)tx, (void)s, (void)response, (void)failure;
}

void sip_bye_send(struct sip_session *s)
{
    if (s->bye)
        return;
    sip_accept_stop(s);
    s->bye = sip_request_send(
        s->stack, &s->dialog,
        &(struct sip_request){.method = "BYE", .cseq = ++s->dialog.local_cseq, .reason = s->reason},
        s, on_response);
}
