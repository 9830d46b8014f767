/* spandsp_timer.c: keeps a session waiting where 0.0.6 gives up too soon for a network that loses
 * packets.
 *
 * When a carrier ends without a good frame, spandsp takes 200 ms of quiet for T2 expired and goes
 * back to its DIS; a sender that repeats its PPS then finds a receiver that has forgotten the page.
 * On a telephone line that is rare, here a burst of loss does it. T.30 §5.4.3.1 and figure 5-2 note
 * 7 let a receiver wait for T2, up to three times. A carrier whose end was lost is likewise no
 * reason to end the call.
 */
#include "t38/spandsp_session.h"

enum { /* t30.c's names of what timer_t2_t4 is */
       TIMER_IS_T2 = 1,
       TIMER_IS_T2A = 3, /* a frame takes too long */
       TIMER_IS_T2B = 4, /* quiet after a carrier */
       TIMER_IS_T4 = 6,
       TIMER_IS_T4A = 7,
       TIMER_IS_T4B = 8,
       T2_MS = 7000,
       WAITS_MAX = 2,
};

static bool waits_for_sender(int state)
{
    switch (state) {
    case STATE_F_TCF:
    case STATE_F_DOC_NON_ECM:
    case STATE_F_POST_DOC_NON_ECM:
    case STATE_F_DOC_ECM:
    case STATE_F_POST_DOC_ECM:
    case STATE_F_POST_RCP_MCF:
    case STATE_F_POST_RCP_PPR:
    case STATE_F_POST_RCP_RNR:
    case STATE_R: /* a DIS at once would meet the TCF */
        return true;
    default:
        return false;
    }
}

static void wait_again(t30_state_t *t)
{
    t->timer_t2_t4_is = TIMER_IS_T2;
    t->timer_t2_t4 = T2_MS * SAMPLES_PER_MS;
}

/* T2 itself is awaited again where a command is due; after an answered EOM it leads to phase B, and
 * a DIS is due. */
static void mend_receiver(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    if (t->state != e->waits_state) {
        e->waits_state = t->state;
        e->waits = 0;
    }
    if (!waits_for_sender(t->state)) {
        if (t->timer_t2_t4_is == TIMER_IS_T2A)
            t->timer_t2_t4_is = TIMER_IS_T2;
    } else if (t->timer_t2_t4_is != TIMER_IS_T2) {
        wait_again(t);
    } else if (e->waits < WAITS_MAX && t->state != STATE_R && t->state != STATE_F_POST_RCP_MCF) {
        e->waits++;
        wait_again(t);
    }
}

static bool expires(const t30_state_t *t, int samples)
{
    return t->timer_t2_t4 > 0 && t->timer_t2_t4 <= samples;
}

/* A DIS is repeated until T1 has expired (T.30 §5.3.6.1.1), not three times. */
void spandsp_timer_keep_asking(struct fax_engine *e, int samples)
{
    t30_state_t *t = &e->terminal.t30;
    if (expires(t, samples) && !e->sender && t->state == STATE_R && t->timer_t0_t1 > 0)
        t->retries = 0;
}

void spandsp_timer_mend(struct fax_engine *e, int samples)
{
    t30_state_t *t = &e->terminal.t30;
    if (!expires(t, samples))
        return;
    spandsp_timer_keep_asking(e, samples);
    switch (t->timer_t2_t4_is) {
    case TIMER_IS_T2:
    case TIMER_IS_T2A:
    case TIMER_IS_T2B:
        if (!e->sender)
            mend_receiver(e);
        break;
    case TIMER_IS_T4A:
    case TIMER_IS_T4B:
        if (e->sender)
            t->timer_t2_t4_is = TIMER_IS_T4; /* repeats the command */
        else
            mend_receiver(e);
        break;
    default:
        break;
    }
}
