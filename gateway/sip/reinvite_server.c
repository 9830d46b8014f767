/* re-INVITE of the peer (RFC 3261 §14.2). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "gateway/sip/message.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"

static void refuse(struct sip_session *s, struct sip_transaction *tx, int code, const char *name,
                   const char *value)
{
    osip_message_t *response = sip_response_build(s->stack, sip_transaction_message(tx),
                                                  &(struct sip_response){.code = code});
    if (name)
        response = sip_response_add(response, name, value);
    sip_transaction_respond(tx, response);
}

/* Returns false when it was refused. */
static bool is_in_turn(struct sip_session *s, struct sip_transaction *tx)
{
    if (s->over || s->state == SIP_SESSION_OUTGOING) {
        refuse(s, tx, 481, NULL, NULL);
        return false;
    }
    if (s->invite_server || s->update_server) { /* one of theirs waits already */
        refuse(s, tx, 500, "Retry-After", "2");
        return false;
    }
    if (s->invite_client || (s->accepted.text && s->accepted.offered)) {
        s->stack->counters.glares++;
        refuse(s, tx, 491, NULL, NULL);
        return false;
    }
    return true;
}

/* Returns false when the application ended the session meanwhile. */
static bool clear_the_way(struct sip_session *s)
{
    if (s->accepted.text) { /* the ACK was lost, but the peer has our 2xx or it would not go on */
        sip_accept_stop(s);
        s->confirmed = true;
        if (!s->accepted.is_refresh)
            sip_session_emit(s, SIP_EVENT_CONFIRMED, 0, NULL, NULL);
    }
    bool is_refresh = s->proposal.is_refresh;
    if (!s->over && s->proposal.offer) {
        sip_reinvite_client_drop(s);
        if (is_refresh)
            return true;
        sip_session_emit(s, SIP_EVENT_REINVITE_REFUSED, 491, "the peer's came first", NULL);
    }
    return !s->over;
}

/* Nothing is new: the same answer as before, octet for octet (RFC 4028 §7.4, RFC 3264 §8). */
static void refresh(struct sip_session *s)
{
    sip_dialog_refresh(s->stack, &s->dialog, sip_transaction_message(s->invite_server));
    s->stack->counters.refreshes_in++;
    if (sip_invite_server_accept(s, NULL) == 0)
        s->accepted.is_refresh = true;
    else
        sip_invite_server_refuse(s, 500, NULL);
}

void sip_reinvite_server_receive(struct sip_session *s, struct sip_transaction *tx)
{
    struct sdp_session offer;
    const osip_message_t *invite = sip_transaction_message(tx);
    if (!is_in_turn(s, tx))
        return;
    int described = sip_message_sdp(invite, &offer);
    uint32_t min_s = sip_session_timer_demand(s->stack, invite);
    if (min_s) {
        char number[16];
        (void)snprintf(number, sizeof number, "%" PRIu32, min_s);
        refuse(s, tx, 422, "Min-SE", number);
        return;
    }
    if (described == -EMEDIUMTYPE) {
        refuse(s, tx, 415, "Accept", "application/sdp");
        return;
    }
    if (described < 0 || !s->cb) {
        refuse(s, tx, 488, NULL, NULL);
        return;
    }
    s->invite_server = tx;
    s->invite_offered = described == 1;
    tx->session = s;
    if (!clear_the_way(s))
        return;
    if (sip_description_is_same(s, invite)) {
        refresh(s);
        return;
    }
    sip_session_emit(s, SIP_EVENT_REINVITE_OFFER, 0, NULL, described == 1 ? &offer : NULL);
    if (s->invite_server == tx)
        sip_transaction_respond(
            tx, sip_response_build(s->stack, invite, &(struct sip_response){.code = 100}));
}

int sip_session_answer_reinvite(struct sip_session *s, const struct sdp_session *sdp)
{
    if (s->over || s->state != SIP_SESSION_ESTABLISHED || (!s->invite_server && !s->update_server))
        return -EPROTO;
    if (s->update_server)
        return sip_update_accept(s, sdp);
    const osip_message_t *invite = sip_transaction_message(s->invite_server);
    sip_dialog_refresh(s->stack, &s->dialog, invite);
    return sip_invite_server_accept(s, sdp);
}

int sip_session_reject_reinvite(struct sip_session *s, int code)
{
    if (code < 300 || code > 699)
        return -EINVAL;
    if (s->over || s->state != SIP_SESSION_ESTABLISHED || (!s->invite_server && !s->update_server))
        return -EPROTO;
    if (s->update_server)
        sip_update_refuse(s, code);
    else
        sip_invite_server_refuse(s, code, NULL);
    return 0;
}
