/* spandsp_engine.c: runs a session: packets, time, and what callbacks ask for. */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/ifp.h"

#include <string.h>

enum {
    CATCH_UP_MS = 1000,         /* a tick; a stalled process must not send a burst */
    SENT_IN_STEP_MAX = 60,      /* packets in 20 ms: beyond that spandsp loops over an HDLC idle */
    RECEIVED_IN_TICK_MAX = 256, /* in 20 ms: about seven seconds of a fax */
    QUIET_MAX_MS = 1000,        /* between two steps of a session that has nothing to do */
    SILENCE_MS = 45000,         /* a sender says something every few seconds; T1 is 35 s */
    RESTART_BEHIND = 40,       /* numbers back that are no late packet; UDPTL gives them in order */
    SILENCE_AT_END_MS = 12000, /* all pages have been confirmed: time to repeat the last command */
    HOLD_MAX_MS = 120000,      /* twice the T5 of a sender; only a hostile one waits longer */
};

void spandsp_report(struct fax_engine *e, enum fax_engine_event_kind kind, uint32_t page)
{
    struct fax_engine_event event = {.kind = kind,
                                     .page = page,
                                     .bit_rate = e->statistics.bit_rate,
                                     .modem = e->statistics.modem,
                                     .remote_ident = e->statistics.remote_ident,
                                     .statistics = &e->statistics};
    e->callbacks.event(e->callbacks.user, &event);
}

void spandsp_tell_frame(struct fax_engine *e, bool sent, const uint8_t *frame, int length)
{
    uint8_t type = length >= 3 ? frame[2] & 0xFE : FCF_FCD;
    if (e->tell_frame && type != FCF_FCD && type != FCF_RCP)
        e->tell_frame(e->callbacks.user, sent, frame, (size_t)length);
}

void spandsp_stop(struct fax_engine *e, int result)
{
    if (!e->stop_code && !e->ended)
        e->stop_code = result;
}

/* spandsp's fallback_sequence[], which current_fallback counts along */
static const struct {
    uint16_t bit_rate;
    enum fax_modem modem;
    int support; /* spandsp's name of the modem */
} rates[] = {
    {14400, FAX_MODEM_V17, T30_SUPPORT_V17},      {12000, FAX_MODEM_V17, T30_SUPPORT_V17},
    {9600, FAX_MODEM_V17, T30_SUPPORT_V17},       {9600, FAX_MODEM_V29, T30_SUPPORT_V29},
    {7200, FAX_MODEM_V17, T30_SUPPORT_V17},       {7200, FAX_MODEM_V29, T30_SUPPORT_V29},
    {4800, FAX_MODEM_V27TER, T30_SUPPORT_V27TER}, {2400, FAX_MODEM_V27TER, T30_SUPPORT_V27TER}};

enum { RATES = sizeof rates / sizeof rates[0] };

void spandsp_limit_rate(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    int i = t->current_fallback;
    while (i < RATES &&
           (rates[i].bit_rate > e->max_rate || !(rates[i].support & t->current_permitted_modems)))
        i++;
    if (i < RATES)
        t->current_fallback = i;
}

void spandsp_note_rate(struct fax_engine *e)
{
    size_t i = (size_t)e->terminal.t30.current_fallback;
    if (i < RATES) {
        e->statistics.bit_rate = rates[i].bit_rate;
        e->statistics.modem = rates[i].modem;
    }
}

/* The sender has said EOP and got MCF for all its pages: what came before or after no longer
 * counts. */
static bool has_whole_document(const struct fax_engine *e)
{
    return !e->sender && e->terminal.t30.end_of_procedure_detected && !e->in.not_ready &&
           e->statistics.pages > 0 && e->statistics.pages == e->in.pages_complete;
}

/* A page was refused, and the call went on as if it had been the last that was missing; whether the
 * sender sent it again cannot be known. */
static bool misses_a_page(const struct fax_engine *e)
{
    return e->in.pages_rejected > 0 && (has_whole_document(e) || e->in.rejected_last);
}

/* The peer's last word: its document is here, and confirmed. */
static bool only_dcn_was_lost(const struct fax_engine *e)
{
    return (e->stop_code == T30_RESULT_MEDIA_SILENT || e->stop_code == T30_RESULT_HANGUP) &&
           has_whole_document(e);
}

static int final_result(const struct fax_engine *e)
{
    if (e->stop_code && !only_dcn_was_lost(e))
        return e->stop_code;
    if (e->in.refusal)
        return e->in.refusal;
    if (e->in.not_ready)
        return T30_RESULT_HOLD_EXPIRED;
    if (misses_a_page(e))
        return T30_RESULT_BAD_COPY;
    if (has_whole_document(e))
        return T30_RESULT_OK;
    if (e->sender && e->end_code == T30_ERR_OK && e->statistics.pages < e->out.page_count)
        return T30_RESULT_PAGE_REJECTED;
    if (e->out.rejected_last && e->end_code == T30_ERR_CANNOT_TRAIN)
        return T30_RESULT_PAGE_REJECTED; /* at every rate down to the lowest */
    return e->end_code;
}

static void report_finished(struct fax_engine *e)
{
    e->finished = true;
    struct fax_engine_event event = {.kind = FAX_EVENT_FINISHED,
                                     .page = e->statistics.pages,
                                     .bit_rate = e->statistics.bit_rate,
                                     .modem = e->statistics.modem,
                                     .remote_ident = e->statistics.remote_ident,
                                     .result = final_result(e),
                                     .statistics = &e->statistics};
    e->callbacks.event(e->callbacks.user, &event);
}

static void enter(struct fax_engine *e)
{
    e->depth++;
    e->quiet_until_ms = 0;
}

/* What callbacks asked for while spandsp was working. */
static void leave(struct fax_engine *e)
{
    if (e->depth > 1) {
        e->depth--;
        return;
    }
    spandsp_receive_check(e);
    if (e->in.release_wanted && !spandsp_stopping(e))
        spandsp_receive_release(e);
    spandsp_send_check(e);
    spandsp_send_tell(e);
    if (e->stop_code && !e->ended) {
        spandsp_stream_wipe(e);
        t30_terminate(&e->terminal.t30);
        e->ended = true;
    }
    if (e->ended && !e->finished)
        report_finished(e);
    e->depth--;
}

int spandsp_on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length,
                      int copies)
{
    struct fax_engine *e = user;
    (void)core;
    if (spandsp_stopping(e))
        return -1;
    if (++e->sent_in_step > SENT_IN_STEP_MAX) {
        spandsp_stop(e, T30_RESULT_LIMIT);
        return -1;
    }
    e->statistics.ifps_sent++;
    if (length > 0)
        e->callbacks.send_ifp(e->callbacks.user, ifp, (size_t)length, copies);
    return 0;
}

static int on_phase_b(t30_state_t *t, void *user, int command)
{
    struct fax_engine *e = user;
    (void)t;
    (void)command;
    if (e->sender)
        return spandsp_send_choose(e);
    return e->in.refusal ? T30_ERR_INCOMPATIBLE : T30_ERR_OK;
}

static int on_phase_d(t30_state_t *t, void *user, int command)
{
    struct fax_engine *e = user;
    int type = command & 0xFE;
    (void)t;
    if (e->sender && (type == FCF_RTN || type == FCF_PIN))
        spandsp_send_rejected(e);
    return T30_ERR_OK;
}

static void on_phase_e(t30_state_t *t, void *user, int code)
{
    struct fax_engine *e = user;
    (void)t;
    e->ended = true;
    e->end_code = code;
}

void spandsp_handlers_install(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    t30_set_phase_b_handler(t, on_phase_b, e);
    t30_set_phase_d_handler(t, on_phase_d, e);
    t30_set_phase_e_handler(t, on_phase_e, e);
}

/* spandsp counts a lost packet when the next one comes; one that we skip knowingly is not lost. */
static void skip_sequence(struct fax_engine *e, uint16_t sequence)
{
    t38_core_state_t *core = &e->terminal.t38_fe.t38;
    if (core->rx_expected_seq_no == sequence)
        core->rx_expected_seq_no = (sequence + 1) & 0xFFFF;
}

/* spandsp would take the packets of a peer that began its numbers anew for late ones. What was
 * incomplete at that moment is broken off as by a lost packet. */
static void follow_restart(struct fax_engine *e, uint16_t sequence)
{
    t38_core_state_t *core = &e->terminal.t38_fe.t38;
    if (core->rx_expected_seq_no >= 0 &&
        (int16_t)(uint16_t)(sequence - core->rx_expected_seq_no) < -RESTART_BEHIND)
        core->rx_expected_seq_no = (sequence - 1) & 0xFFFF;
}

bool spandsp_count_packet(struct fax_engine *e)
{
    return ++e->received_in_tick <= RECEIVED_IN_TICK_MAX;
}

int fax_engine_receive_ifp(struct fax_engine *e, uint16_t sequence, const uint8_t *ifp,
                           size_t length)
{
    if (e->audio)
        return FAX_ESTATE;
    if (e->finished)
        return 0;
    if (!spandsp_count_packet(e))
        return FAX_ELIMIT;
    e->statistics.ifps_received++;
    e->heard_ms = e->clock_ms;
    follow_restart(e, sequence);
    if (length == 0) {
        skip_sequence(e, sequence);
        return 0;
    }
    int error =
        length > FAX_ENGINE_IFP_MAX ? FAX_ELIMIT : ifp_check(ifp, length, e->t38_version, NULL);
    if (error) {
        e->statistics.ifps_refused++;
        if (error == FAX_EUNSUPPORTED)
            skip_sequence(e, sequence);
        return FAX_EFORMAT;
    }
    enter(e);
    t38_core_rx_ifp_packet(&e->terminal.t38_fe.t38, ifp, (int)length, sequence);
    leave(e);
    return 0;
}

/* Receiver-not-ready exists with ECM only. */
static void watch_hold(struct fax_engine *e)
{
    if (!e->in.holding && !e->in.not_ready)
        return;
    uint64_t held_ms = e->clock_ms - e->in.hold_since_ms;
    uint64_t limit_ms = e->in.dcs.ecm ? HOLD_MAX_MS : e->hold_without_ecm_ms;
    if (e->in.dcs.ecm && (e->in.not_ready || held_ms >= e->hold_rnr_ms))
        spandsp_receive_not_ready(e);
    if (held_ms > limit_ms)
        spandsp_stop(e, T30_RESULT_HOLD_EXPIRED);
}

static void least(int32_t *least_samples, int32_t samples)
{
    if (samples < *least_samples)
        *least_samples = samples;
}

/* A timer of spandsp's that is running. */
static void least_running(int32_t *least_samples, int timer)
{
    if (timer > 0)
        least(least_samples, timer);
}

/* How long t38_terminal_send_timeout() would do nothing but count: it looks at these timers, at the
 * end of a reception, and at the next transmission. */
static uint64_t quiet_ms(const struct fax_engine *e)
{
    const t30_state_t *t = &e->terminal.t30;
    const t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    int32_t quiet = QUIET_MAX_MS * SAMPLES_PER_MS;

    if (e->audio || e->in.holding || e->in.not_ready)
        return SESSION_STEP_MS;
    if (fe->current_rx_type == T30_MODEM_DONE || fe->current_tx_type == T30_MODEM_DONE)
        return QUIET_MAX_MS;
    least_running(&quiet, t->timer_t0_t1);
    least_running(&quiet, t->timer_t2_t4);
    least_running(&quiet, t->timer_t3);
    least_running(&quiet, t->timer_t5);
    if (fe->timeout_rx_samples)
        least(&quiet, fe->timeout_rx_samples - fe->samples + 1);
    if (fe->timed_step) /* T38_TIMED_STEP_NONE is 0 */
        least(&quiet, fe->us_per_tx_chunk ? fe->next_tx_samples - fe->samples : 1);
    return quiet <= SAMPLES_PER_MS ? 1 : ((uint64_t)quiet + SAMPLES_PER_MS - 1) / SAMPLES_PER_MS;
}

void spandsp_advance(struct fax_engine *e, int samples)
{
    e->sent_in_step = 0;
    enter(e);
    spandsp_timer_mend(e, samples);
    t38_terminal_send_timeout(&e->terminal, samples);
    leave(e);
}

static void step(struct fax_engine *e, uint64_t length_ms)
{
    e->clock_ms += length_ms;
    enter(e);
    watch_hold(e);
    uint64_t silence_ms = has_whole_document(e) ? SILENCE_AT_END_MS : SILENCE_MS;
    if (e->audio)
        spandsp_audio_step(e);
    else if (!e->in.holding) /* for a held session time stands still */
        spandsp_advance(e, (int)length_ms * SAMPLES_PER_MS);
    if (!e->sender && !e->in.holding && e->clock_ms > e->heard_ms + silence_ms)
        spandsp_stop(e, e->audio && !e->sound.has_spoken ? T30_ERR_T1_EXPIRED
                                                         : T30_RESULT_MEDIA_SILENT);
    leave(e);
}

static void begin_bound(struct fax_engine *e, uint64_t now_ms)
{
    if (now_ms < e->bound_ms)
        return;
    e->bound_ms = now_ms + SESSION_STEP_MS;
    e->received_in_tick = 0;
}

int fax_engine_receive_at(struct fax_engine *e, uint64_t now_ms, uint16_t sequence,
                          const uint8_t *ifp, size_t length)
{
    begin_bound(e, now_ms);
    if (spandsp_take_octets(e, now_ms, sequence, ifp, length))
        return FAX_ENGINE_OCTETS;
    fax_engine_tick(e, now_ms);
    return fax_engine_receive_ifp(e, sequence, ifp, length);
}

void fax_engine_tick(struct fax_engine *e, uint64_t now_ms)
{
    if (!e->started) {
        e->started = true;
        e->clock_ms = e->heard_ms = now_ms;
    }
    begin_bound(e, now_ms);
    if (now_ms > e->clock_ms + CATCH_UP_MS) {
        uint64_t forgotten = now_ms - CATCH_UP_MS - e->clock_ms;
        e->clock_ms += forgotten;
        e->heard_ms += forgotten;
    }
    while (!e->finished && now_ms > e->clock_ms) {
        uint64_t left_ms = now_ms - e->clock_ms, length_ms = quiet_ms(e);
        if (length_ms > left_ms) {
            if (e->audio) /* whole steps only */
                break;
            length_ms = left_ms;
        }
        step(e, length_ms);
    }
}

uint64_t fax_engine_next_due_ms(struct fax_engine *e)
{
    if (e->finished)
        return UINT64_MAX;
    if (!e->started)
        return 0;
    uint64_t due_ms = e->clock_ms + quiet_ms(e);
    /* Only a receiver of packets that holds no page has octets that may pass. */
    e->quiet_until_ms = e->sender || e->audio || e->in.holding || e->in.not_ready ? 0 : due_ms;
    return due_ms;
}

int fax_engine_page_judged(struct fax_engine *e, enum fax_copy copy)
{
    if (spandsp_stopping(e) || e->in.release_wanted || !(e->in.holding || e->in.not_ready))
        return FAX_ESTATE;
    if (copy == FAX_COPY_BAD && e->in.dcs.ecm)
        return FAX_EINVAL;
    enter(e);
    e->in.release_wanted = true;
    e->in.copy = copy;
    leave(e);
    return 0;
}

int fax_engine_page_durable(struct fax_engine *e)
{
    return fax_engine_page_judged(e, FAX_COPY_GOOD);
}

int fax_engine_page_refused(struct fax_engine *e, int result)
{
    if (spandsp_stopping(e) || e->in.release_wanted || !(e->in.holding || e->in.not_ready))
        return FAX_ESTATE;
    fax_engine_abort(e, result);
    return 0;
}

int fax_engine_pages_changed(struct fax_engine *e)
{
    /* while it sends, spandsp has the document mapped */
    if (spandsp_stopping(e) || !e->sender ||
        e->terminal.t30.operation_in_progress == OPERATION_T4_TX)
        return FAX_ESTATE;
    int error = spandsp_send_load(e);
    if (error) {
        fax_engine_abort(e, T30_RESULT_SOURCE);
        return error;
    }
    enter(e);
    spandsp_send_answer(e);
    leave(e);
    return 0;
}

void fax_engine_proceed(struct fax_engine *e)
{
    e->hold_back = false;
}

void fax_engine_abort(struct fax_engine *e, int result)
{
    enter(e);
    spandsp_stop(e, result ? result : T30_RESULT_ABORTED);
    leave(e);
}

bool fax_engine_finished(const struct fax_engine *e)
{
    return e->finished;
}

void fax_engine_statistics(const struct fax_engine *e, struct fax_statistics *out)
{
    *out = e->statistics;
}

const char *fax_modem_name(enum fax_modem modem)
{
    switch (modem) {
    case FAX_MODEM_UNTRAINED:
        return "none";
    case FAX_MODEM_V27TER:
        return "V.27ter";
    case FAX_MODEM_V29:
        return "V.29";
    case FAX_MODEM_V17:
        return "V.17";
    }
    return "unknown";
}
