/* re-INVITE of ours (RFC 3261 §14.1). */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"

enum { INTERVALS_MAX = 8 };

void sip_reinvite_client_drop(struct sip_session *s)
{
    sip_timer_stop(&s->stack->timers, &s->proposal.timer);
    free(s->proposal.offer);
    s->proposal.offer = NULL;
    s->proposal.refusals = 0;
    s->proposal.is_refresh = false;
}

static void refuse(struct sip_session *s, int code, const char *reason)
{
    bool is_refresh = s->proposal.is_refresh;
    sip_reinvite_client_drop(s);
    if (is_refresh) {
        sip_session_timer_refused(s, code);
        return;
    }
    sip_session_emit(s, SIP_EVENT_REINVITE_REFUSED, code, reason, NULL);
}

static void on_retry(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    if (sip_reinvite_client_go_on(s) != 0)
        refuse(s, 503, "out of transactions");
}

/* 2.1 to 4.0 s for the side that made the Call-ID, 0 to 2.0 s for the other, in steps of 10 ms. */
uint64_t sip_reinvite_client_glare_ms(const struct sip_session *s)
{
    uint16_t random = 0;
    (void)RAND_bytes((unsigned char *)&random, sizeof random);
    uint64_t delay_ms = s->outgoing ? 2100 + random % 191 * 10ull : random % 201 * 10ull;
    return delay_ms * s->stack->config.t1_ms / 500;
}

static void retry_later(struct sip_session *s)
{
    s->stack->counters.glares++;
    if (++s->proposal.refusals > SIP_GLARE_RETRIES) {
        refuse(s, 491, "glare");
        return;
    }
    sip_timer_start(&s->stack->timers, &s->proposal.timer, sip_reinvite_client_glare_ms(s),
                    on_retry, s);
}

/* The answer to a refresh is the one before; what is none, or cannot be read, changes nothing. */
static void on_refreshed(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    bool is_same = sip_description_is_same(s, response);
    int described = sip_message_sdp(response, &sdp);
    s->stack->counters.refreshes_out++;
    sip_reinvite_client_drop(s);
    if (is_same || described != 1)
        return;
    sip_description_agree(s, s->description.local, s->description.local_length, response);
    sip_session_emit(s, SIP_EVENT_REINVITE_ANSWERED, 0, NULL, &sdp);
}

static void on_accepted(struct sip_session *s, const osip_message_t *response)
{
    struct sdp_session sdp;
    sip_dialog_refresh(s->stack, &s->dialog, response);
    sip_ack_send(s, sip_message_cseq(response));
    if (s->over) {
        sip_reinvite_client_drop(s);
        return;
    }
    sip_session_timer_take(s, response);
    if (s->proposal.is_refresh) {
        on_refreshed(s, response);
        return;
    }
    sip_description_agree(s, s->proposal.offer, s->proposal.length, response);
    s->proposal.offer = NULL;
    sip_reinvite_client_drop(s);
    if (sip_message_sdp(response, &sdp) != 1) {
        sip_bye_send(s);
        sip_session_end(s, SIP_PARTY_LOCAL, 488, "no usable answer in 200 to re-INVITE");
        return;
    }
    sip_session_emit(s, SIP_EVENT_REINVITE_ANSWERED, 0, NULL, &sdp);
}

static void on_failed(struct sip_session *s, enum sip_party failure, int code, const char *reason)
{
    if (!s->over)
        sip_session_leave(s, 0);
    sip_session_end(s, failure, code, reason);
}

/* Once more with the interval that the peer demands (RFC 4028 §7.4). */
static bool propose_longer(struct sip_session *s, const osip_message_t *response)
{
    return s->refused_intervals++ < INTERVALS_MAX && sip_session_timer_adapt(s, response) &&
           sip_reinvite_client_go_on(s) == 0;
}

static void on_response(struct sip_transaction *tx, struct sip_session *s,
                        const osip_message_t *response, enum sip_party failure)
{
    int code = response ? response->status_code : 0;
    const char *reason = response && response->reason_phrase ? response->reason_phrase : "";
    (void)tx;
    if (code >= 100 && code < 200)
        return;
    if (code >= 200 && code < 300)
        on_accepted(s, response);
    else if (s->over)
        return;
    else if (!response)
        on_failed(s, failure, failure == SIP_PARTY_TRANSPORT ? 503 : 408,
                  "no response to re-INVITE");
    else if (code == 481 || code == 408) /* §12.2.1.2: the dialog is gone */
        on_failed(s, SIP_PARTY_PEER, code, reason);
    else if (code == 491)
        retry_later(s);
    else if (code != 422 || !propose_longer(s, response))
        refuse(s, code, reason);
}

int sip_reinvite_client_go_on(struct sip_session *s)
{
    struct sip_proposal *p = &s->proposal;
    if (!p->offer || s->over || !s->confirmed || s->invite_client || s->invite_server ||
        s->update_server || s->accepted.text || p->timer.armed)
        return 0;
    char lines[256];
    struct sip_text headers;
    sip_text_open(&headers, lines, sizeof lines);
    sip_session_timer_propose(s, &headers);
    struct sip_request what = {.method = "INVITE",
                               .cseq = s->dialog.local_cseq + 1,
                               .headers = lines,
                               .body = p->offer,
                               .body_length = p->length};
    s->invite_client = sip_request_send(s->stack, &s->dialog, &what, s, on_response);
    if (!s->invite_client)
        return -EAGAIN;
    /* No human is asked, so what is not answered by then never is. */
    sip_transaction_expire(s->invite_client, 64ull * s->stack->config.t1_ms);
    s->dialog.local_cseq++;
    return 0;
}

static bool is_open(const struct sip_session *s)
{
    return !s->over && s->state == SIP_SESSION_ESTABLISHED;
}

static bool is_busy(const struct sip_session *s)
{
    return (s->proposal.offer && !s->proposal.is_refresh) || s->invite_client || s->invite_server ||
           s->update_server;
}

int sip_session_reinvite(struct sip_session *s, const struct sdp_session *offer)
{
    struct sip_proposal *p = &s->proposal;
    if (!is_open(s))
        return -EPROTO;
    if (is_busy(s))
        return -EBUSY;
    sip_reinvite_client_drop(s); /* a refresh that waits: this is one, too */
    int error = sip_description_write(s, offer, &p->offer, &p->length);
    if (!error)
        error = sip_reinvite_client_go_on(s);
    if (error)
        sip_reinvite_client_drop(s);
    return error;
}

int sip_reinvite_client_refresh(struct sip_session *s)
{
    struct sip_proposal *p = &s->proposal;
    const struct sip_description *d = &s->description;
    if (!is_open(s) || !d->local || p->offer || is_busy(s))
        return -EBUSY;
    p->offer = strndup(d->local, d->local_length);
    p->length = d->local_length;
    p->is_refresh = true;
    int error = p->offer ? sip_reinvite_client_go_on(s) : -ENOMEM;
    if (error)
        sip_reinvite_client_drop(s);
    return error;
}
