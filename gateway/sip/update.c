/* UPDATE (RFC 3311): of the peer, with or without an offer; of ours, to refresh the session. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

/* Sends 200 with a description (NULL: none) that is agreed. */
static int accept_with(struct sip_session *s, struct sip_transaction *tx, const char *body,
                       size_t length)
{
    const osip_message_t *update = sip_transaction_message(tx);
    struct sip_response what = {
        .code = 200,
        .contact = sip_transport_contact(s->stack, &tx->peer, sip_message_is_sips(update)),
        .body = body,
        .body_length = length};
    osip_message_t *response = sip_response_build(s->stack, update, &what);
    if (!response)
        return -ENOMEM;
    if (s->state == SIP_SESSION_ESTABLISHED) /* a CANCEL goes where its INVITE went */
        sip_dialog_refresh(s->stack, &s->dialog, update);
    sip_session_timer_answer(s, update, response);
    sip_transaction_respond(tx, response);
    return 0;
}

static void refuse(struct sip_session *s, struct sip_transaction *tx, int code, const char *name,
                   const char *value)
{
    osip_message_t *response = sip_response_build(s->stack, sip_transaction_message(tx),
                                                  &(struct sip_response){.code = code});
    if (name)
        response = sip_response_add(response, name, value);
    sip_transaction_respond(tx, response);
}

/* §5.2, in its order. Returns false when it was refused. */
static bool is_in_turn(struct sip_session *s, struct sip_transaction *tx, bool has_offer)
{
    if (s->over) {
        refuse(s, tx, 481, NULL, NULL);
    } else if (s->update_server || (has_offer && s->invite_server)) {
        refuse(s, tx, 500, "Retry-After", "2");
    } else if (has_offer && (s->invite_client || (s->accepted.text && s->accepted.offered))) {
        s->stack->counters.glares++;
        refuse(s, tx, 491, NULL, NULL);
    } else if (has_offer && s->state != SIP_SESSION_ESTABLISHED) {
        refuse(s, tx, 488, NULL, NULL);
    } else {
        return true;
    }
    return false;
}

/* Returns false when it was refused. */
static bool is_acceptable(struct sip_session *s, struct sip_transaction *tx, int described)
{
    char number[16];
    uint32_t min_s = sip_session_timer_demand(s->stack, sip_transaction_message(tx));
    (void)snprintf(number, sizeof number, "%" PRIu32, min_s);
    if (min_s)
        refuse(s, tx, 422, "Min-SE", number);
    else if (described == -EMEDIUMTYPE)
        refuse(s, tx, 415, "Accept", "application/sdp");
    else if (described < 0 || (described == 1 && !s->cb))
        refuse(s, tx, 488, NULL, NULL);
    return !min_s && described >= 0 && !(described == 1 && !s->cb);
}

/* The application answers in the callback, or not at all: nobody waits long for a response to this
 * method. */
static void ask(struct sip_session *s, struct sip_transaction *tx, const struct sdp_session *offer)
{
    s->update_server = tx;
    tx->session = s;
    if (s->proposal.offer) { /* a re-INVITE of ours that waits to be sent */
        bool is_refresh = s->proposal.is_refresh;
        sip_reinvite_client_drop(s);
        if (!is_refresh)
            sip_session_emit(s, SIP_EVENT_REINVITE_REFUSED, 491, "the peer's came first", NULL);
    }
    if (!s->over)
        sip_session_emit(s, SIP_EVENT_REINVITE_OFFER, 0, NULL, offer);
    sip_update_refuse(s, 504);
}

void sip_update_receive(struct sip_session *s, struct sip_transaction *tx)
{
    struct sdp_session offer;
    const osip_message_t *update = sip_transaction_message(tx);
    int described = sip_message_sdp(update, &offer);
    if (!is_in_turn(s, tx, described != 0) || !is_acceptable(s, tx, described))
        return;
    bool is_same = described == 1 && sip_description_is_same(s, update);
    if (described == 1 && !is_same) {
        ask(s, tx, &offer);
        return;
    }
    s->stack->counters.refreshes_in++;
    if (accept_with(s, tx, is_same ? s->description.local : NULL, s->description.local_length) != 0)
        refuse(s, tx, 500, NULL, NULL);
}

int sip_update_accept(struct sip_session *s, const struct sdp_session *sdp)
{
    struct sip_transaction *tx = s->update_server;
    char *body = s->description.local;
    size_t length = s->description.local_length;
    int error = sdp ? sip_description_write(s, sdp, &body, &length) : body ? 0 : -EINVAL;
    if (error)
        return error;
    s->update_server = NULL;
    tx->session = NULL;
    error = accept_with(s, tx, body, length);
    sip_description_agree(s, body, length, sip_transaction_message(tx));
    return error;
}

void sip_update_refuse(struct sip_session *s, int code)
{
    struct sip_transaction *tx = s->update_server;
    if (!tx)
        return;
    s->update_server = NULL;
    tx->session = NULL;
    refuse(s, tx, code, NULL, NULL);
}

static void on_refused(struct sip_session *s, const osip_message_t *response)
{
    int code = response->status_code;
    if (code == 422 && s->refused_intervals++ < 8 && sip_session_timer_adapt(s, response) &&
        sip_update_send(s) == 0)
        return;
    if (code == 481 || code == 408) { /* RFC 3261 §12.2.1.2 */
        sip_session_leave(s, code);
        sip_session_end(s, SIP_PARTY_PEER, code,
                        response->reason_phrase ? response->reason_phrase : "");
        return;
    }
    /* 405, 501 and whatever else: there is another way to refresh. */
    s->refresh.update_was_refused = code != 491 && code != 500;
    if (!s->refresh.update_was_refused || sip_reinvite_client_refresh(s) != 0)
        sip_session_timer_refused(s, code);
}

static void on_response(struct sip_transaction *tx, struct sip_session *s,
                        const osip_message_t *response, enum sip_party failure)
{
    (void)tx;
    if (s->over || (response && response->status_code < 200))
        return;
    if (!response) {
        sip_session_leave(s, 408);
        sip_session_end(s, failure, failure == SIP_PARTY_TRANSPORT ? 503 : 408,
                        "no response to UPDATE");
    } else if (response->status_code < 300) {
        s->stack->counters.refreshes_out++;
        sip_dialog_refresh(s->stack, &s->dialog, response);
        sip_session_timer_take(s, response);
    } else {
        on_refused(s, response);
    }
}

int sip_update_send(struct sip_session *s)
{
    char lines[256];
    struct sip_text headers;
    if (s->over || s->state != SIP_SESSION_ESTABLISHED || !s->confirmed || s->update_client ||
        s->invite_client)
        return -EBUSY;
    sip_text_open(&headers, lines, sizeof lines);
    sip_session_timer_propose(s, &headers);
    struct sip_request what = {
        .method = "UPDATE", .cseq = s->dialog.local_cseq + 1, .headers = lines};
    s->update_client = sip_request_send(s->stack, &s->dialog, &what, s, on_response);
    if (!s->update_client)
        return -EAGAIN;
    s->dialog.local_cseq++;
    return 0;
}
