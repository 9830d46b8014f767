#include "gateway/sip/transaction_timer.h"

enum { AT_ONCE_MS = 1 };

static bool is_waiting_client(const struct sip_transaction *tx)
{
    return tx->osip && (tx->osip->state == ICT_CALLING || tx->osip->state == NICT_TRYING);
}

static bool is_unanswered(const struct sip_transaction *tx)
{
    return is_waiting_client(tx) ||
           (tx->osip && (tx->osip->state == ICT_PROCEEDING || tx->osip->state == NICT_PROCEEDING));
}

bool sip_transaction_is_busy(const struct sip_transaction *tx)
{
    return is_unanswered(tx) || (tx->osip && tx->osip->state == IST_COMPLETED);
}

/* The step that ends the machine's present state. */
static type_t final_timer(state_t state)
{
    static const struct {
        state_t state;
        type_t timer;
    } table[] = {
        {ICT_CALLING, TIMEOUT_B},     {ICT_COMPLETED, TIMEOUT_D},  {NICT_TRYING, TIMEOUT_F},
        {NICT_PROCEEDING, TIMEOUT_F}, {NICT_COMPLETED, TIMEOUT_K}, {IST_COMPLETED, TIMEOUT_H},
        {IST_CONFIRMED, TIMEOUT_I},   {NIST_COMPLETED, TIMEOUT_J},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].state == state)
            return table[i].timer;
    }
    return UNKNOWN_EVT;
}

static void repeat(struct sip_transaction *tx, uint64_t now_ms)
{
    uint32_t longest = tx->type == ICT ? UINT32_MAX / 2 : tx->stack->config.t2_ms;
    tx->interval_ms = tx->interval_ms > longest / 2 ? longest : tx->interval_ms * 2;
    tx->retransmit_at_ms = now_ms + tx->interval_ms;
    tx->stack->counters.retransmissions_out++;
    sip_transaction_time_out(tx, tx->type == ICT    ? TIMEOUT_A
                                 : tx->type == NICT ? TIMEOUT_E
                                                    : TIMEOUT_G);
}

static void arm(struct sip_transaction *tx);

static void on_due(struct sip_timer *timer)
{
    struct sip_transaction *tx = timer->owner;
    uint64_t now_ms = uv_now(tx->stack->loop);
    if (tx->may_resend && is_waiting_client(tx)) {
        sip_transaction_resend(tx);
    } else if (tx->unreachable && is_waiting_client(tx)) {
        sip_transaction_fail(tx, SIP_PARTY_TRANSPORT);
    } else if (tx->expire_at_ms && now_ms >= tx->expire_at_ms && is_unanswered(tx)) {
        sip_transaction_fail(tx, SIP_PARTY_TIMEOUT);
    } else if (tx->give_up_at_ms && now_ms >= tx->give_up_at_ms) {
        type_t step = tx->osip ? final_timer(tx->osip->state) : UNKNOWN_EVT;
        if (step == UNKNOWN_EVT)
            sip_transaction_fail(tx, SIP_PARTY_TIMEOUT);
        else
            sip_transaction_time_out(tx, step);
    } else if (tx->retransmit_at_ms && now_ms >= tx->retransmit_at_ms) {
        repeat(tx, now_ms);
    } else {
        arm(tx);
    }
}

static void arm(struct sip_transaction *tx)
{
    uint64_t now_ms = uv_now(tx->stack->loop), due = tx->give_up_at_ms;
    if (tx->retransmit_at_ms && (!due || tx->retransmit_at_ms < due))
        due = tx->retransmit_at_ms;
    if (tx->expire_at_ms && is_unanswered(tx) && (!due || tx->expire_at_ms < due))
        due = tx->expire_at_ms;
    if (tx->unreachable && is_waiting_client(tx))
        due = now_ms;
    if (due)
        sip_timer_start(&tx->stack->timers, &tx->timer, due > now_ms ? due - now_ms : 0, on_due,
                        tx);
    else
        sip_timer_stop(&tx->stack->timers, &tx->timer);
}

/* Timers of a state that was just entered. 0 for repeat_ms: none. */
static void enter(struct sip_transaction *tx, uint32_t repeat_ms, uint64_t give_up_ms)
{
    uint64_t now_ms = uv_now(tx->stack->loop);
    tx->interval_ms = repeat_ms;
    tx->retransmit_at_ms = repeat_ms ? now_ms + repeat_ms : 0;
    tx->give_up_at_ms = give_up_ms ? now_ms + give_up_ms : 0;
}

static void enter_state(struct sip_transaction *tx)
{
    const struct sip_config *c = &tx->stack->config;
    uint64_t expired_at = tx->give_up_at_ms;
    /* A reliable transport needs no repetitions, and so no time to absorb them (§17.1.1.2). */
    bool reliable = tx->peer.protocol != SIP_UDP;
    if (!tx->osip) { /* timer J, and L of RFC 6026, which holds for all transports */
        enter(tx, 0, reliable && !tx->accepted ? AT_ONCE_MS : 64ull * c->t1_ms);
        return;
    }
    switch ((int)tx->osip->state) {
    case ICT_CALLING:
    case NICT_TRYING:
    case IST_COMPLETED:
        enter(tx, reliable ? 0 : c->t1_ms, 64ull * c->t1_ms);
        break;
    case NICT_PROCEEDING:
        enter(tx, reliable ? 0 : c->t2_ms, 0);
        tx->give_up_at_ms = expired_at; /* timer F runs on */
        break;
    case ICT_COMPLETED:
    case NIST_COMPLETED:
        enter(tx, 0, reliable ? AT_ONCE_MS : 64ull * c->t1_ms);
        break;
    case NICT_COMPLETED:
    case IST_CONFIRMED:
        enter(tx, 0, reliable ? AT_ONCE_MS : c->t4_ms);
        break;
    default:
        enter(tx, 0, 0);
        break;
    }
}

void sip_transaction_timer_update(struct sip_transaction *tx)
{
    state_t state = tx->osip ? tx->osip->state : IST_TERMINATED;
    if (state != tx->state) {
        tx->state = state;
        enter_state(tx);
    }
    arm(tx);
}

void sip_transaction_expire(struct sip_transaction *tx, uint64_t delay_ms)
{
    tx->expire_at_ms = uv_now(tx->stack->loop) + delay_ms;
    arm(tx);
}
