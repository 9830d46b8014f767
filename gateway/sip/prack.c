/* Reliable provisional responses and PRACK (RFC 3262), both sides. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

/* --- the peer's responses to our INVITE --- */

const struct sip_early *sip_prack_early(const struct sip_session *s, const char *tag)
{
    for (const struct sip_early *e = s->early; e; e = e->next) {
        if (!strcmp(e->tag, tag))
            return e;
    }
    return NULL;
}

static struct sip_early *enter(struct sip_session *s, const char *tag)
{
    struct sip_early **at = &s->early;
    int count = 0;
    for (; *at; at = &(*at)->next, count++) {
        if (!strcmp((*at)->tag, tag))
            return *at;
    }
    struct sip_early *e = *tag && count < SIP_EARLY_MAX ? calloc(1, sizeof *e) : NULL;
    char *copy = e ? strdup(tag) : NULL;
    if (!copy) {
        free(e);
        return NULL;
    }
    e->tag = copy;
    return *at = e;
}

static uint32_t read_rseq(const osip_message_t *response)
{
    const char *value = sip_message_header(response, "rseq");
    unsigned long number = value && *value >= '0' && *value <= '9' ? strtoul(value, NULL, 10) : 0;
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

static void send_prack(struct sip_session *s, const osip_message_t *response, uint32_t rseq)
{
    struct sip_stack *stack = s->stack;
    struct sip_dialog early;
    char lines[64];
    (void)snprintf(lines, sizeof lines, "RAck: %" PRIu32 " %" PRIu32 " INVITE\r\n", rseq,
                   sip_message_cseq(response));
    if (sip_dialog_fork(stack, &early, &s->dialog, response) == 0) {
        struct sip_request what = {
            .method = "PRACK", .cseq = ++s->dialog.local_cseq, .headers = lines};
        early.auth = s->dialog.auth; /* lent */
        (void)sip_request_send(stack, &early, &what, NULL, NULL);
        early.auth = NULL;
    }
    sip_dialog_close(stack, &early);
}

/* The answer may come here, and need not be repeated in the 2xx (§5). */
static void keep_answer(struct sip_early *e, const osip_message_t *response)
{
    const char *text;
    size_t length;
    if (e->answer || sip_message_sdp_text(response, &text, &length) != 1 || length > SDP_TEXT_MAX)
        return;
    e->answer = strndup(text, length);
    e->length = length;
}

bool sip_prack_take(struct sip_session *s, const osip_message_t *response)
{
    struct sip_early *e = enter(s, sip_message_to_tag(response));
    uint32_t rseq = read_rseq(response);
    if (!sip_message_has_token(response, "require", NULL, "100rel") || !rseq)
        return true;
    /* Those of a dialog come in order, and each once (§4). Without its PRACK it comes again. */
    if (!e || (e->rseq && rseq != e->rseq + 1))
        return false;
    /* Each costs a transaction and an event, and the peer chooses how many there are. */
    if (++s->reliable_count > SIP_RELIABLE_MAX)
        return false;
    e->rseq = rseq;
    keep_answer(e, response);
    send_prack(s, response, rseq);
    return true;
}

/* --- ours, to the INVITE of a peer --- */

static void on_due(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    struct sip_reliable *r = &s->reliable;
    struct sip_stack *stack = s->stack;
    if (uv_now(stack->loop) >= r->give_up_at_ms) {
        sip_invite_server_refuse(s, 504, "No PRACK");
        sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "no PRACK");
        sip_session_settle(s);
        return;
    }
    (void)sip_transport_send(stack, r->text, r->length, &r->to);
    stack->counters.retransmissions_out++;
    r->interval_ms *= 2;
    sip_timer_start(&stack->timers, &r->timer, r->interval_ms, on_due, s);
}

/* The numbers begin anywhere below 2^31 (§3); one place is as good as another. */
int sip_prack_demand(struct sip_session *s, osip_message_t *response, const struct sip_hop *to)
{
    struct sip_reliable *r = &s->reliable;
    struct sip_stack *stack = s->stack;
    char number[16], *text = NULL;
    size_t length = 0;
    if (!r->required)
        return 0;
    if (r->text)
        return -EBUSY;
    (void)snprintf(number, sizeof number, "%" PRIu32, r->rseq + 1);
    (void)sip_response_add(response, "Require", "100rel");
    (void)sip_response_add(response, "RSeq", number);
    if (osip_message_to_str(response, &text, &length) != 0)
        return -ENOMEM;
    r->text = malloc(length);
    if (r->text)
        memcpy(r->text, text, length);
    osip_free(text);
    if (!r->text)
        return -ENOMEM;
    r->length = length;
    r->rseq++;
    r->to = *to;
    r->interval_ms = stack->config.t1_ms;
    r->give_up_at_ms = uv_now(stack->loop) + 64ull * stack->config.t1_ms;
    sip_timer_start(&stack->timers, &r->timer, r->interval_ms, on_due, s);
    return 0;
}

void sip_prack_stop(struct sip_session *s)
{
    sip_timer_stop(&s->stack->timers, &s->reliable.timer);
    free(s->reliable.text);
    s->reliable.text = NULL;
}

void sip_prack_free(struct sip_session *s)
{
    sip_prack_stop(s);
    while (s->early) {
        struct sip_early *gone = s->early;
        s->early = gone->next;
        free(gone->tag);
        free(gone->answer);
        free(gone);
    }
}

/* Whether RAck names our last one; its INVITE is the only one of the dialog that can be meant. */
static bool is_acknowledged(const struct sip_session *s, const osip_message_t *prack)
{
    const char *value = sip_message_header(prack, "rack");
    char *end;
    if (!value || *value < '0' || *value > '9' || !s->reliable.rseq)
        return false;
    unsigned long rseq = strtoul(value, &end, 10);
    unsigned long cseq = strtoul(end, &end, 10);
    end += strspn(end, " \t");
    return rseq == s->reliable.rseq && cseq > 0 && cseq < s->dialog.remote_cseq &&
           !strcmp(end, "INVITE");
}

/* An offer in it would be an answer to ours (§5), and ours have none. */
void sip_prack_receive(struct sip_session *s, struct sip_transaction *tx)
{
    const osip_message_t *prack = sip_transaction_message(tx);
    int code = !is_acknowledged(s, prack) ? 481 : 200;
    struct sip_response what = {.code = code};
    if (code == 200)
        sip_prack_stop(s);
    sip_transaction_respond(tx, sip_response_build(s->stack, prack, &what));
}
