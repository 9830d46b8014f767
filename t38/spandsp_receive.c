/* spandsp_receive.c: judges frames before spandsp does, keeps the pages of ECM and withholds their
 * last PPS.
 *
 * spandsp confirms a page in the same call in which it sees the page's last PPS, stored or not. So
 * it sees that PPS only when the page is safe, and in place of the page it sees eight white rows:
 * then it neither decodes nor stores anything, and no page can be a bomb. Frames are judged when
 * their FCS-OK arrives, in spandsp's buffer.
 */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"

#include <string.h>

/* Eight white rows of T.6 whatever the width, then EOFB, lowest bit first; spandsp ignores what
 * follows. */
static const uint8_t white_rows[] = {0xFF, 0x00, 0x08, 0x80};

static int drop_row(void *user, const uint8_t *row, size_t length)
{
    (void)user;
    (void)row;
    (void)length;
    return 0;
}

static void see_dcs(struct fax_engine *e, uint8_t *frame, size_t n)
{
    struct spandsp_receive *in = &e->in;
    t30_state_t *t = &e->terminal.t30;
    if (t->state == STATE_F_TCF)
        t->state = STATE_R; /* TCF was lost; 0.0.6 would take its repeated DCS for a fault */
    struct fax_statistics *s = &e->statistics;
    int error = guard_dcs_read(frame, n, &in->dcs);
    guard_page_restart(&in->page);
    spandsp_non_ecm_restart(e);
    s->ecm = in->dcs.ecm;
    s->coding = in->dcs.coding;
    s->width = in->dcs.width;
    s->x_dpi = in->dcs.x_dpi;
    s->y_dpi = in->dcs.y_dpi;
    /* What is refused still goes to spandsp, which asks spandsp_engine.c and then sends DCN. T.6
     * and T.85 need ECM (T.30 table 2, note 25). */
    bool beyond_t4 = in->dcs.coding == FAX_PAGE_T6 || in->dcs.coding == FAX_PAGE_T85;
    bool offered = in->dcs.ecm ? e->ecm && (e->t85 || in->dcs.coding != FAX_PAGE_T85) : !beyond_t4;
    bool plain = in->dcs.width == 1728 && in->dcs.x_dpi == 204;
    in->refusal = error || !offered || !(plain || e->wide) ? T30_ERR_INCOMPATIBLE : 0;
    if (in->refusal)
        return;
    guard_dcs_show_a4(frame, n);
    if (in->dcs.ecm)
        guard_dcs_show_t6(frame, n);
    else
        guard_dcs_show_t4(frame, n);
}

/* spandsp gets the first frame blank and of the others only that they came, see
 * spandsp_receive_after: 64 kB of nothing a call are not worth keeping. */
static bool see_fcd(struct fax_engine *e, uint8_t *frame, int *length)
{
    struct spandsp_receive *in = &e->in;
    size_t n = (size_t)*length;
    if (!in->dcs.ecm || e->terminal.t30.state != STATE_F_DOC_ECM)
        return false; /* spandsp would take it for an error of its own */
    int error = guard_page_put(&in->page, frame[3], frame + 4, n - 4);
    if (error) {
        spandsp_stop(e, error == FAX_ELIMIT ? T30_RESULT_LIMIT : T30_ERR_NOMEM);
        return false;
    }
    explicit_bzero(frame + 4, n - 4);
    if (frame[3] == 0)
        memcpy(frame + 4, white_rows, n - 4 < sizeof white_rows ? n - 4 : sizeof white_rows);
    else
        *length = 4;
    in->fcd_number = frame[3];
    in->fcd_octets = (int16_t)(n - 4);
    if (in->pages_begun == in->pages_complete)
        spandsp_report(e, FAX_EVENT_PAGE_BEGIN, in->pages_begun++);
    return true;
}

/* Will spandsp find this block complete? The test of its process_rx_pps(). Returns its frames, or
 * 0. */
static int block_completes(const t30_state_t *t, const uint8_t *frame)
{
    int frames = t->ecm_frames < 0 ? frame[6] + 1 : t->ecm_frames;
    if (t->state != STATE_F_DOC_ECM && t->state != STATE_F_POST_DOC_ECM)
        return 0;
    if ((t->rx_page_number & 0xFF) != frame[4] || (t->ecm_block & 0xFF) != frame[5])
        return 0;
    int usual = t->ecm_len[0] == 64 ? 64 : GUARD_FRAME_OCTETS;
    for (int i = 0; i < frames; i++)
        if (t->ecm_len[i] <= 0 || (i < frames - 1 && t->ecm_len[i] != usual))
            return 0;
    return frames;
}

/* A PPS for another block than the one in progress. spandsp takes several for a repetition and
 * answers MCF; only the one that really was answered before may be confirmed again. Returns false
 * to drop it.
 *
 * The peer repeats its PPS because our answer was lost; after the last page 0.0.6 would answer DCN,
 * and to one that waits for receiver-ready too. Let it answer again. */
static bool see_repeated_pps(const struct spandsp_receive *in, t30_state_t *t, uint8_t *frame,
                             int *n)
{
    if (!in->any_pps || (frame[3] & 0xFE) != in->last_pps[0] || frame[4] != in->last_pps[1] ||
        frame[5] != in->last_pps[2])
        return false;
    if (t->state == STATE_F_POST_RCP_MCF) {
        t->state = STATE_F_POST_DOC_ECM;
    } else if (t->state == STATE_F_POST_RCP_RNR) {
        frame[2] = (uint8_t)(FCF_RR | (frame[2] & 1));
        *n = 3;
    }
    return true;
}

/* FCD frames lie in spandsp's bit order, octets without ECM in that of T.38. T.85 has octets only.
 */
static void report_page(struct fax_engine *e, uint32_t lost_permille)
{
    struct spandsp_receive *in = &e->in;
    struct fax_page page = {.buffer = in->page.data,
                            .capacity = in->page.capacity,
                            .without_ecm = !in->dcs.ecm,
                            .lost_permille = lost_permille};
    page.view = (struct fax_page_view){.coding = in->dcs.coding,
                                       .lsb_first = in->dcs.ecm && in->dcs.coding != FAX_PAGE_T85,
                                       .width = in->dcs.width,
                                       .x_dpi = in->dcs.x_dpi,
                                       .y_dpi = in->dcs.y_dpi,
                                       .data = in->page.data,
                                       .length = in->page.length};
    in->page_octets = in->page.length;
    in->page.data = NULL;
    guard_page_wipe(&in->page);
    struct fax_engine_event event = {.kind = FAX_EVENT_PAGE_RECEIVED,
                                     .page = in->pages_complete++,
                                     .received = &page,
                                     .statistics = &e->statistics};
    e->callbacks.event(e->callbacks.user, &event);
    fax_page_wipe(&page); /* if it was not taken */
}

void spandsp_receive_hold(struct fax_engine *e, int data_type, const uint8_t *frame, int n,
                          uint32_t lost_permille)
{
    struct spandsp_receive *in = &e->in;
    memcpy(in->held, frame, (size_t)n);
    in->held_length = n;
    in->held_type = data_type;
    in->holding = true;
    in->hold_since_ms = e->clock_ms;
    report_page(e, lost_permille);
}

/* Returns false when spandsp must not see this PPS now. */
static bool see_pps(struct fax_engine *e, int data_type, uint8_t *frame, int *n)
{
    struct spandsp_receive *in = &e->in;
    t30_state_t *t = &e->terminal.t30;
    bool in_progress = (t->rx_page_number & 0xFF) == frame[4] && (t->ecm_block & 0xFF) == frame[5];
    int frames = block_completes(t, frame);
    if (!in_progress)
        return see_repeated_pps(in, t, frame, n);
    if (!frames)
        return true; /* spandsp asks for the missing frames */
    in->any_pps = true;
    in->last_pps[0] = frame[3] & 0xFE;
    in->last_pps[1] = frame[4];
    in->last_pps[2] = frame[5];
    if (guard_page_close_block(&in->page, t->ecm_len, (size_t)frames)) {
        spandsp_stop(e, T30_RESULT_GUARD);
        return false;
    }
    if ((frame[3] & 0xFE) == FCF_NULL)
        return true;
    spandsp_receive_hold(e, data_type, frame, *n, 0);
    return false;
}

/* The sender gives the page up (T.30 §5.3.6.1.9); spandsp would keep the frames of its last block.
 */
static void see_eor(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    guard_page_restart(&e->in.page);
    for (int i = 0; i < GUARD_BLOCK_FRAMES; i++)
        t->ecm_len[i] = -1;
    t->ecm_frames = -1;
    t->ecm_block = 0;
}

/* What the sender of a document sends us. Returns false to drop the frame. */
static bool see_from_sender(struct fax_engine *e, int data_type, uint8_t *frame, int *n)
{
    switch (frame[2] & 0xFE) {
    case FCF_DCS:
        see_dcs(e, frame, (size_t)*n);
        return true;
    case FCF_FCD:
        return see_fcd(e, frame, n);
    case FCF_RCP:
        return e->terminal.t30.state == STATE_F_DOC_ECM ||
               e->terminal.t30.state == STATE_F_POST_DOC_ECM;
    case FCF_EOR:
        see_eor(e);
        return true;
    case FCF_PPS:
        return e->in.dcs.ecm && see_pps(e, data_type, frame, n);
    case FCF_EOM:
    case FCF_MPS:
    case FCF_EOP:
    case FCF_PRI_EOM:
    case FCF_PRI_MPS:
    case FCF_PRI_EOP:
        return e->in.dcs.ecm || spandsp_non_ecm_command(e, data_type, frame, *n);
    default:
        return true;
    }
}

static void see_ident(struct fax_engine *e, const uint8_t *frame, size_t n)
{
    char ident[sizeof e->statistics.remote_ident];
    guard_ident_read(frame, n, ident);
    if (strcmp(ident, e->statistics.remote_ident) == 0)
        return;
    memcpy(e->statistics.remote_ident, ident, sizeof ident);
    spandsp_report(e, FAX_EVENT_PEER_IDENT, 0);
}

/* While we say DCS and TCF again, because the answer did not come in time, what comes is an answer
 * to the first; spandsp would end the call for it. */
static bool comes_too_late(const struct fax_engine *e)
{
    int state = e->terminal.t30.state;
    return e->sender && (state == STATE_D || state == STATE_D_TCF);
}

bool spandsp_receive_frame(struct fax_engine *e, int data_type, uint8_t *frame, int *n)
{
    switch (guard_frame_judge(frame, (size_t)*n, !e->sender)) {
    case GUARD_DROP:
        e->statistics.frames_refused++;
        return false;
    case GUARD_BLANK:
        if (data_type != T38_DATA_V21)
            return false;
        guard_frame_blank(frame);
        *n = GUARD_BLANK_LENGTH;
        return true;
    case GUARD_PASS:
        break;
    }
    spandsp_tell_frame(e, false, frame, *n);
    uint8_t type = frame[2] & 0xFE;
    if (type != FCF_DCN && comes_too_late(e)) {
        e->statistics.frames_refused++;
        return false;
    }
    if (type == FCF_CSI || type == FCF_TSI)
        see_ident(e, frame, (size_t)*n);
    if (type == FCF_PPR)
        e->statistics.ecm_retransmissions++;
    if (type == FCF_PPR || type == FCF_RNR) /* it hears us: what is repeated next is another one */
        e->terminal.t30.retries = 0;
    if (type == FCF_DIS)
        return spandsp_send_fits(e, frame, (size_t)*n);
    return e->sender || see_from_sender(e, data_type, frame, n);
}

static int pass_data(struct fax_engine *e, int data_type, int field, const uint8_t *data,
                     int length)
{
    return e->next_data(&e->terminal.t38_fe.t38, &e->terminal, data_type, field, data, length);
}

void spandsp_receive_after(struct fax_engine *e, uint8_t type)
{
    t30_state_t *t = &e->terminal.t30;
    if (type == FCF_FCD && !e->sender && t->state == STATE_F_DOC_ECM)
        t->ecm_len[e->in.fcd_number] = e->in.fcd_octets;
    if (type == FCF_DCS && !e->in.refusal && t->operation_in_progress == OPERATION_T4_RX) {
        /* With a page counted it neither rewrites the TIFF's directories at the end nor removes the
         * file. */
        e->terminal.t30.t4.rx.current_page = 1;
        t4_rx_set_row_write_handler(&e->terminal.t30.t4.rx, drop_row, NULL);
        spandsp_report(e, FAX_EVENT_DOCUMENT_BEGIN, e->in.pages_complete);
    } else if (type == FCF_CFR && !spandsp_stopping(e)) {
        spandsp_note_rate(e);
        spandsp_report(e, FAX_EVENT_TRAINED, e->out.pages_answered);
    }
}

/* An end of signal that is repeated carries nothing new. */
static int on_image(struct fax_engine *e, int data_type, int field, const uint8_t *data, int length)
{
    const t38_core_state_t *core = &e->terminal.t38_fe.t38;
    bool again = field == T38_FIELD_T4_NON_ECM_SIG_END && core->current_rx_field_type == field &&
                 core->current_rx_data_type == data_type;
    if (spandsp_non_ecm_image(e, data, again ? 0 : length))
        length = 0;
    if (spandsp_stopping(e))
        return 0;
    int rc = pass_data(e, data_type, field, data, length);
    spandsp_receive_check(e);
    return rc;
}

static int on_data(t38_core_state_t *core, void *user, int data_type, int field,
                   const uint8_t *data, int length)
{
    struct fax_engine *e = user;
    t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    bool good = field == T38_FIELD_HDLC_FCS_OK || field == T38_FIELD_HDLC_FCS_OK_SIG_END;
    (void)core;
    if (e->in.holding || spandsp_stopping(e))
        return 0; /* the peer can only repeat itself */
    if (field == T38_FIELD_T4_NON_ECM_DATA || field == T38_FIELD_T4_NON_ECM_SIG_END)
        return on_image(e, data_type, field, data, length);
    if (!good || fe->rx_data_missing || fe->hdlc_rx.len + length <= 0)
        return pass_data(e, data_type, field, data, length);
    if (length > T38_MAX_HDLC_LEN - fe->hdlc_rx.len) {
        fe->hdlc_rx.len = 0;
    } else if (length > 0) { /* some put data into the FCS field: judge the whole frame */
        bit_reverse(fe->hdlc_rx.buf + fe->hdlc_rx.len, data, length);
        fe->hdlc_rx.len += length;
    }
    uint8_t type = fe->hdlc_rx.len >= 3 ? fe->hdlc_rx.buf[2] & 0xFE : 0;
    bool cfr_expected = e->terminal.t30.state == STATE_D_POST_TCF;
    if (!spandsp_receive_frame(e, data_type, fe->hdlc_rx.buf, &fe->hdlc_rx.len)) {
        explicit_bzero(fe->hdlc_rx.buf, sizeof fe->hdlc_rx.buf);
        fe->hdlc_rx.len = 0;
    }
    if (e->in.holding || e->stop_code)
        return 0;
    if (fe->hdlc_rx.len == 0 || (type == FCF_CFR && !cfr_expected))
        type = 0;
    int rc = pass_data(e, data_type, field, NULL, 0);
    spandsp_receive_after(e, type);
    spandsp_receive_check(e);
    return rc;
}

static int on_indicator(t38_core_state_t *core, void *user, int indicator)
{
    struct fax_engine *e = user;
    if (e->in.holding || spandsp_stopping(e))
        return 0;
    if (indicator > T38_IND_V21_PREAMBLE)
        spandsp_non_ecm_carrier(e);
    return e->next_indicator(core, &e->terminal, indicator);
}

/* The header names the numbers the other way round. */
static int on_missing(t38_core_state_t *core, void *user, int expected, int got)
{
    struct fax_engine *e = user;
    if (e->in.holding || spandsp_stopping(e))
        return 0;
    spandsp_non_ecm_gap(e, (uint32_t)(got - expected) & 0xFFFF);
    return e->next_missing(core, &e->terminal, expected, got);
}

void spandsp_receive_check(struct fax_engine *e)
{
    uint32_t allowed = e->in.pages_durable + (e->in.not_ready ? 1 : 0);
    if (!e->sender && (uint32_t)e->terminal.t30.rx_page_number > allowed)
        spandsp_stop(e, T30_RESULT_GUARD);
}

bool spandsp_receive_may_confirm(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    spandsp_receive_check(e);
    if (in->holding || in->not_ready)
        spandsp_stop(e, T30_RESULT_GUARD);
    if (spandsp_stopping(e))
        return false;
    if (in->confirming) {
        struct fax_statistics *s = &e->statistics;
        in->confirming = in->rejected_last = false;
        if (s->pages == 0 || in->page_octets < s->page_octets_minimum)
            s->page_octets_minimum = (uint32_t)in->page_octets;
        s->page_octets += in->page_octets;
        s->pages++;
        spandsp_report(e, FAX_EVENT_PAGE_CONFIRMED, in->pages_complete - 1);
    }
    return true;
}

void spandsp_receive_rejects(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    in->rejected_last = true;
    if (!in->rejecting)
        return;
    in->rejecting = false;
    spandsp_report(e, FAX_EVENT_PAGE_REJECTED, in->pages_complete);
}

static void pass_held_packet(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    memcpy(fe->hdlc_rx.buf, in->held, (size_t)in->held_length);
    fe->hdlc_rx.len = in->held_length;
    fe->rx_data_missing = FALSE;
    /* The signal must end now whatever came meanwhile; the core ignores an end that repeats its
     * last field. */
    fe->t38.current_rx_field_type = T38_FIELD_HDLC_DATA;
    pass_data(e, in->held_type, T38_FIELD_HDLC_FCS_OK_SIG_END, NULL, 0);
    fe->t38.current_rx_field_type = T38_FIELD_HDLC_FCS_OK_SIG_END;
}

static void pass_held(struct fax_engine *e)
{
    e->in.holding = false;
    if (e->audio)
        spandsp_audio_pass_held(e);
    else
        pass_held_packet(e);
    e->heard_ms = e->clock_ms;
    spandsp_receive_check(e);
}

void spandsp_receive_release(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    in->release_wanted = false;
    if (!in->dcs.ecm)
        spandsp_non_ecm_answer(e, in->copy);
    if (spandsp_stopping(e))
        return;
    if (in->copy != FAX_COPY_BAD) {
        in->pages_durable++;
        in->confirming = true;
    }
    if (in->not_ready) {
        in->not_ready = false;
        t30_set_receiver_not_ready(&e->terminal.t30, 0);
    } else {
        pass_held(e);
    }
}

void spandsp_receive_not_ready(struct fax_engine *e)
{
    t30_set_receiver_not_ready(&e->terminal.t30, 255);
    if (!e->in.not_ready) {
        e->in.not_ready = true;
        pass_held(e);
    }
}

void spandsp_receive_install(struct fax_engine *e)
{
    t38_core_state_t *core = &e->terminal.t38_fe.t38;
    e->in.page.limit = FAX_ENGINE_PAGE_MAX;
    if (e->audio) {
        spandsp_audio_install(e);
        return;
    }
    e->next_data = core->rx_data_handler;
    e->next_indicator = core->rx_indicator_handler;
    e->next_missing = core->rx_missing_handler;
    core->rx_data_handler = on_data;
    core->rx_indicator_handler = on_indicator;
    core->rx_missing_handler = on_missing;
    core->rx_user_data = e;
}
