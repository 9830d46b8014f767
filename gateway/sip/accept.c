/* Our 2xx to an INVITE, repeated end to end until the ACK (RFC 3261 §13.3.1.4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

static void on_due(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    struct sip_accepted *a = &s->accepted;
    struct sip_stack *stack = s->stack;
    uint64_t now_ms = uv_now(stack->loop);
    if (now_ms >= a->give_up_at_ms) {
        sip_accept_stop(s);
        s->confirmed = true; /* as far as sending BYE goes */
        sip_session_leave(s, 408);
        sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "no ACK");
        sip_session_settle(s);
        return;
    }
    (void)sip_transport_send(stack, a->text, a->length, &a->to);
    stack->counters.retransmissions_out++;
    a->interval_ms =
        a->interval_ms * 2 < stack->config.t2_ms ? a->interval_ms * 2 : stack->config.t2_ms;
    sip_timer_start(&stack->timers, &a->timer, a->interval_ms, on_due, s);
}

int sip_accept_start(struct sip_session *s, struct sip_transaction *tx, osip_message_t *response)
{
    struct sip_accepted *a = &s->accepted;
    struct sip_stack *stack = s->stack;
    char *text = NULL;
    size_t length = 0;
    sip_accept_stop(s);
    if (osip_message_to_str(response, &text, &length) != 0)
        return -ENOMEM;
    a->text = malloc(length);
    if (a->text)
        memcpy(a->text, text, length);
    osip_free(text);
    if (!a->text)
        return -ENOMEM;
    a->length = length;
    a->cseq = (uint32_t)strtoul(response->cseq->number, NULL, 10);
    a->offered = a->is_refresh = false;
    a->to = tx->peer;
    a->interval_ms = stack->config.t1_ms;
    a->give_up_at_ms = uv_now(stack->loop) + 64ull * stack->config.t1_ms;
    sip_timer_start(&stack->timers, &a->timer, a->interval_ms, on_due, s);
    return 0;
}

void sip_accept_stop(struct sip_session *s)
{
    sip_timer_stop(&s->stack->timers, &s->accepted.timer);
    free(s->accepted.text);
    free(s->accepted.offer);
    s->accepted.text = s->accepted.offer = NULL;
}
