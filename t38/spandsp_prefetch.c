/* spandsp_prefetch.c: brings in what a packet or a step of a session will touch, while others are
 * served: with hundreds of calls no session stays in a cache. */
#include "t38/spandsp_session.h"

enum { CACHE_LINE = 64 };

static void prefetch(const void *from, const void *to)
{
    for (const char *at = from; at < (const char *)to; at += CACHE_LINE)
        __builtin_prefetch(at);
}

void fax_engine_prefetch(const struct fax_engine *e, bool sender)
{
    const t30_state_t *t = &e->terminal.t30;
    const t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    prefetch(&e->audio, &e->bound_ms + 1);
    prefetch(&t->timer_t0_t1, &t->timer_t8 + 1);
    prefetch(&t->state, &t->state + 1);
    prefetch(&t->rx_page_number, &t->tx_page_number + 1);
    prefetch(fe, fe->hdlc_rx.buf);
    if (sender) {
        prefetch(&t->operation_in_progress, &t->operation_in_progress + 1);
        prefetch(&e->out, &e->out + 1);
        prefetch(fe->hdlc_tx.buf, fe + 1);
    } else {
        prefetch(&e->in, &e->in.held);
        prefetch(&fe->hdlc_rx.len, &fe->hdlc_rx.len + 1);
        prefetch(&fe->hdlc_tx.len, fe + 1);
    }
}

void fax_engine_prefetch_octets(const struct fax_engine *e)
{
    const t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    prefetch(&e->statistics.ifps_received, &e->bound_ms + 1);
    prefetch(&fe->t38.rx_expected_seq_no, &fe->t38.current_rx_field_type + 1);
    prefetch(&fe->hdlc_rx.len, &fe->hdlc_rx.len + 1);
    prefetch(&fe->current_rx_type, fe + 1);
}
