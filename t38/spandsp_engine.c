/* spandsp_engine.c: fax_engine.h on top of spandsp's T.38 terminal. */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/document_tiff.h"
#include "t38/ifp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CATCH_UP_STEPS = 50,        /* a second a tick; a stalled process must not send a burst */
    SENT_IN_STEP_MAX = 60,      /* packets in 20 ms: beyond that spandsp loops over an HDLC idle */
    RECEIVED_IN_TICK_MAX = 256, /* between two ticks: about seven seconds of a fax */
    SILENCE_MS = 45000,         /* a sender says something every few seconds; T1 is 35 s */
    HOLD_RNR_MS = 2000,         /* below the 3 s of the sender's T4 */
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

void spandsp_stop(struct fax_engine *e, int result)
{
    if (!e->stop_code && !e->ended)
        e->stop_code = result;
}

void spandsp_note_rate(struct fax_engine *e)
{
    /* spandsp's fallback_sequence[], which current_fallback counts along */
    static const struct {
        uint16_t bit_rate;
        enum fax_modem modem;
    } rates[] = {{14400, FAX_MODEM_V17},   {12000, FAX_MODEM_V17},  {9600, FAX_MODEM_V17},
                 {9600, FAX_MODEM_V29},    {7200, FAX_MODEM_V17},   {7200, FAX_MODEM_V29},
                 {4800, FAX_MODEM_V27TER}, {2400, FAX_MODEM_V27TER}};
    size_t i = (size_t)e->terminal.t30.current_fallback;
    if (i < sizeof rates / sizeof rates[0]) {
        e->statistics.bit_rate = rates[i].bit_rate;
        e->statistics.modem = rates[i].modem;
    }
}

/* spandsp frees its decoded image without wiping; only a sender without ECM has a real one. */
static void wipe_image(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    if (t->operation_in_progress == OPERATION_T4_TX && t->t4.tx.image_buffer)
        explicit_bzero(t->t4.tx.image_buffer, (size_t)t->t4.tx.image_buffer_size);
}

/* The sender has said EOP and got MCF for all its pages: what came before or after no longer
 * counts. */
static bool has_whole_document(const struct fax_engine *e)
{
    return !e->sender && e->terminal.t30.end_of_procedure_detected && !e->in.not_ready &&
           e->statistics.pages > 0 && e->statistics.pages == e->in.pages_complete;
}

static int final_result(const struct fax_engine *e)
{
    if (e->stop_code)
        return e->stop_code;
    if (e->in.refusal)
        return e->in.refusal;
    if (e->in.not_ready)
        return T30_RESULT_HOLD_EXPIRED;
    if (has_whole_document(e))
        return T30_RESULT_OK;
    if (e->sender && e->end_code == T30_ERR_OK && e->statistics.pages < e->out.page_count)
        return T30_RESULT_PAGE_REJECTED;
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
    if (e->stop_code && !e->ended) {
        wipe_image(e);
        t30_terminate(&e->terminal.t30);
        e->ended = true;
    }
    if (e->ended && !e->finished)
        report_finished(e);
    e->depth--;
}

/* ---- what spandsp calls ---- */

static int on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
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
    (void)t;
    if ((command & 0xFE) == FCF_MCF)
        wipe_image(user);
    return T30_ERR_OK;
}

static void on_phase_e(t30_state_t *t, void *user, int code)
{
    struct fax_engine *e = user;
    (void)t;
    e->ended = true;
    e->end_code = code;
}

/* ---- making a session ---- */

static int modems_for(uint32_t max_rate)
{
    if (max_rate >= 14400)
        return T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17 | T30_SUPPORT_IAF;
    if (max_rate >= 9600)
        return T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_IAF;
    return T30_SUPPORT_V27TER | T30_SUPPORT_IAF;
}

static bool ident_is_valid(const char *ident)
{
    return !ident || (strlen(ident) <= FAX_IDENT_MAX && !ident[strspn(ident, "0123456789+*# ")]);
}

static int check_config(const struct fax_engine_config *c)
{
    if (!ident_is_valid(c->local_ident) || c->t38_version < 0 || c->t38_version > 3 ||
        c->max_rate < 4800 || !c->callbacks.send_ifp || !c->callbacks.event)
        return FAX_EINVAL;
    if (!c->sender)
        return c->ecm ? 0 : FAX_EUNSUPPORTED;
    if (!c->source.get || c->source.page_count < 1 || c->source.page_count > FAX_ENGINE_PAGES_MAX)
        return FAX_EINVAL;
    return 0;
}

/* Only what the fax formats on offer can carry: A4 width at R8 resolutions. T.30 table 2. */
static int check_page(const struct fax_page_view *p)
{
    if (p->coding != FAX_PAGE_T6)
        return FAX_EUNSUPPORTED;
    if (!p->data || p->length < 1 || p->rows < 1)
        return FAX_EEMPTY;
    bool resolution_ok = p->x_dpi == 204 && (p->y_dpi == 98 || p->y_dpi == 196 || p->y_dpi == 391);
    return p->width == 1728 && resolution_ok && p->length <= FAX_ENGINE_PAGE_MAX ? 0 : FAX_EINVAL;
}

static int load_source(struct fax_engine *e, const struct fax_page_source *source)
{
    e->out.pages = calloc(source->page_count, sizeof *e->out.pages);
    if (!e->out.pages)
        return FAX_ENOMEM;
    e->out.page_count = source->page_count;
    for (uint32_t i = 0; i < source->page_count; i++) {
        int error = source->get(source->user, i, &e->out.pages[i]);
        if (!error)
            error = check_page(&e->out.pages[i]);
        if (error)
            return error;
    }
    return document_tiff_write(e->document_fd, e->out.pages, e->out.page_count, true);
}

static void set_up_terminal(struct fax_engine *e, const struct fax_engine_config *c)
{
    t30_state_t *t = &e->terminal.t30;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", e->document_fd);
    t38_set_t38_version(&e->terminal.t38_fe.t38, c->t38_version);
    t30_set_supported_modems(t, modems_for(c->max_rate));
    t30_set_tx_ident(t, c->local_ident ? c->local_ident : "");
    t30_set_ecm_capability(t, c->ecm);
    t30_set_supported_compressions(t, T30_SUPPORT_T4_1D_COMPRESSION |
                                          T30_SUPPORT_T4_2D_COMPRESSION |
                                          T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION |
                                         T30_SUPPORT_SUPERFINE_RESOLUTION |
                                         T30_SUPPORT_R8_RESOLUTION);
    t30_set_supported_image_sizes(t, T30_SUPPORT_UNLIMITED_LENGTH | T30_SUPPORT_215MM_WIDTH);
    t30_set_phase_b_handler(t, on_phase_b, e);
    t30_set_phase_d_handler(t, on_phase_d, e);
    t30_set_phase_e_handler(t, on_phase_e, e);
    if (c->sender) {
        t30_set_tx_file(t, path, -1, -1);
    } else {
        t30_set_rx_file(t, path, -1);
        t30_set_rx_encoding(t, T4_COMPRESSION_ITU_T6);
    }
}

int fax_engine_new(struct fax_engine **out, const struct fax_engine_config *config)
{
    *out = NULL;
    int error = check_config(config);
    if (error)
        return error;
    struct fax_engine *e = calloc(1, sizeof *e);
    if (!e)
        return FAX_ENOMEM;
    e->callbacks = config->callbacks;
    e->sender = config->sender;
    e->t38_version = config->t38_version;
    e->hold_rnr_ms = config->hold_rnr_ms ? config->hold_rnr_ms : HOLD_RNR_MS;
    e->document_fd = memfd_create("fax", MFD_CLOEXEC);
    if (!t38_terminal_init(&e->terminal, e->sender, on_packet, e) || e->document_fd < 0) {
        error = FAX_EENGINE;
        goto fail;
    }
    if (e->sender && (error = load_source(e, &config->source)))
        goto fail;
    set_up_terminal(e, config);
    spandsp_receive_install(e);
    spandsp_send_install(e);
    *out = e;
    return 0;
fail:
    fax_engine_free(e);
    return error;
}

void fax_engine_free(struct fax_engine *e)
{
    if (!e)
        return;
    wipe_image(e);
    t38_terminal_release(&e->terminal);
    guard_page_wipe(&e->in.page);
    if (e->document_fd >= 0) {
        document_tiff_wipe(e->document_fd);
        close(e->document_fd);
    }
    free(e->out.pages);
    explicit_bzero(e, sizeof *e);
    free(e);
}

/* ---- running it ---- */

/* spandsp counts a lost packet when the next one comes; one that we skip knowingly is not lost. */
static void skip_sequence(struct fax_engine *e, uint16_t sequence)
{
    t38_core_state_t *core = &e->terminal.t38_fe.t38;
    if (core->rx_expected_seq_no == sequence)
        core->rx_expected_seq_no = (sequence + 1) & 0xFFFF;
}

int fax_engine_receive_ifp(struct fax_engine *e, uint16_t sequence, const uint8_t *ifp,
                           size_t length)
{
    if (e->finished)
        return 0;
    if (++e->received_in_tick > RECEIVED_IN_TICK_MAX)
        return FAX_ELIMIT;
    e->statistics.ifps_received++;
    e->heard_ms = e->clock_ms;
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

static void step(struct fax_engine *e)
{
    e->clock_ms += SESSION_STEP_MS;
    e->sent_in_step = 0;
    enter(e);
    bool waited = e->in.holding && e->clock_ms - e->in.hold_since_ms >= e->hold_rnr_ms;
    if (e->in.not_ready || waited)
        spandsp_receive_not_ready(e);
    if (!e->in.holding) /* for a held session time stands still */
        t38_terminal_send_timeout(&e->terminal, SESSION_STEP_SAMPLES);
    if (!e->sender && !e->in.holding && e->clock_ms - e->heard_ms > SILENCE_MS)
        spandsp_stop(e, T30_RESULT_MEDIA_SILENT);
    leave(e);
}

void fax_engine_tick(struct fax_engine *e, uint64_t now_ms)
{
    e->received_in_tick = 0;
    if (!e->started) {
        e->started = true;
        e->clock_ms = e->heard_ms = now_ms;
    }
    if (now_ms > e->clock_ms + CATCH_UP_STEPS * SESSION_STEP_MS) {
        uint64_t forgotten = now_ms - CATCH_UP_STEPS * SESSION_STEP_MS - e->clock_ms;
        e->clock_ms += forgotten;
        e->heard_ms += forgotten;
    }
    while (!e->finished && now_ms >= e->clock_ms + SESSION_STEP_MS)
        step(e);
}

uint64_t fax_engine_next_due_ms(const struct fax_engine *e)
{
    if (e->finished)
        return UINT64_MAX;
    return e->started ? e->clock_ms + SESSION_STEP_MS : 0;
}

int fax_engine_page_durable(struct fax_engine *e)
{
    if (spandsp_stopping(e) || e->in.release_wanted || !(e->in.holding || e->in.not_ready))
        return FAX_ESTATE;
    enter(e);
    e->in.release_wanted = true;
    leave(e);
    return 0;
}

int fax_engine_page_refused(struct fax_engine *e, int result)
{
    if (spandsp_stopping(e) || e->in.release_wanted || !(e->in.holding || e->in.not_ready))
        return FAX_ESTATE;
    fax_engine_abort(e, result);
    return 0;
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
