/* spandsp_express.c: lets a session that transmits run ahead of the clock.
 *
 * Only time in which we send can be skipped: spandsp then waits for nothing but its own pace. While
 * it waits for the peer its timers go with the clock, so that T.30's times stay what they are.
 */
#include "t38/spandsp_session.h"

enum {
    TIMED_STEP_NONE = 0,
    /* Half an FCD frame. A whole one is too much: spandsp reckons its time in microseconds, as bits
     * x 1,000,000 in an int, and ends the call when that wraps round. */
    EXPRESS_OCTETS = 132,
    RUN_AHEAD_STEPS = 512,
};

static bool is_transmitting(const struct fax_engine *e)
{
    return e->terminal.t38_fe.timed_step != TIMED_STEP_NONE && !e->in.holding && !e->finished &&
           !spandsp_stopping(e);
}

/* Receiver-not-ready and the sender's questions in between: T5 limits them, and has to go with the
 * clock. */
static bool is_not_ready(const struct fax_engine *e)
{
    return e->in.not_ready || e->terminal.t30.timer_t5 > 0;
}

unsigned fax_engine_run_ahead(struct fax_engine *e, unsigned packets)
{
    t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    uint64_t before = e->statistics.ifps_sent, wanted = before + packets;

    if (e->audio)
        return 0;

    for (unsigned i = 0; i < RUN_AHEAD_STEPS && e->started && is_transmitting(e) &&
                         !is_not_ready(e) && e->statistics.ifps_sent < wanted;
         i++) {
        int32_t skip = fe->next_tx_samples - fe->samples;
        fe->octets_per_data_packet = EXPRESS_OCTETS;
        spandsp_advance(e, skip > 0 ? skip : 1);
    }
    return (unsigned)(e->statistics.ifps_sent - before);
}
