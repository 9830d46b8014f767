/* spandsp_octets.c: the octets of a frame in progress, put where spandsp would put them.
 *
 * Five of six packets of a page in ECM hold nothing else. spandsp hangs no timer and no decision on
 * them, but its way to them goes over much of its state, and so through memory that no cache holds
 * when there are hundreds of calls. Whatever is not plainly that goes the usual way: another number
 * than the next, another type, several fields, a session that holds a page or has something due.
 */
#include "t38/spandsp_session.h"

#include "t38/hdlc_octets.h"

enum {
    DATA_OF_TYPE = 0xC0,       /* an IFP with data; the type of modem stands in bits 1 to 4 */
    FIELD_WITH_DATA = 0x80,    /* of HDLC octets, as every version writes it (T.38 §7.2) */
    HEADER_OCTETS = 5,         /* type, count, field, two of length */
    MID_RX_TIMEOUT_MS = 15000, /* spandsp's, from the latest octets on */
};

/* Whether it is one field of octets from the modem that sent the ones before. */
static bool is_octets(const struct fax_engine *e, const uint8_t *ifp, size_t length)
{
    const t38_core_state_t *core = &e->terminal.t38_fe.t38;
    return length > HEADER_OCTETS && core->current_rx_data_type >= 0 &&
           core->current_rx_data_type <= T38_DATA_V17_14400 &&
           ifp[0] == (DATA_OF_TYPE | core->current_rx_data_type << 1) && ifp[1] == 1 &&
           ifp[2] == FIELD_WITH_DATA &&
           ((size_t)ifp[3] << 8 | ifp[4]) + 1 == length - HEADER_OCTETS;
}

bool spandsp_take_octets(struct fax_engine *e, uint64_t now_ms, uint16_t sequence,
                         const uint8_t *ifp, size_t length)
{
    t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    /* What is due is known only while nobody has entered the session; so it is neither over nor
     * about to be, nor does it hold a page. */
    if (now_ms >= e->quiet_until_ms)
        return false;
    if (fe->t38.rx_expected_seq_no != sequence || !is_octets(e, ifp, length))
        return false;
    size_t n = length - HEADER_OCTETS, kept = (size_t)fe->hdlc_rx.len;
    if (fe->timeout_rx_samples == 0 || fe->current_rx_type == T30_MODEM_DONE ||
        kept + n > T38_MAX_HDLC_LEN || !spandsp_count_packet(e))
        return false;
    hdlc_octets_turn(ifp + HEADER_OCTETS, n, fe->hdlc_rx.buf + kept);
    fe->hdlc_rx.len += (int)n;
    /* The session's clock is behind; at its next step it will count up to now. */
    int32_t behind = now_ms > e->clock_ms ? (int32_t)(now_ms - e->clock_ms) * SAMPLES_PER_MS : 0;
    fe->timeout_rx_samples = fe->samples + behind + MID_RX_TIMEOUT_MS * SAMPLES_PER_MS;
    fe->t38.rx_expected_seq_no = (sequence + 1) & 0xFFFF;
    fe->t38.current_rx_field_type = T38_FIELD_HDLC_DATA;
    e->statistics.ifps_received++;
    e->heard_ms = now_ms > e->clock_ms ? now_ms : e->clock_ms;
    return true;
}

/* A modem of an image; training and TCF have the same. */
static bool is_fast(int modem)
{
    return modem >= T30_MODEM_V27TER && modem <= T30_MODEM_V17;
}

bool fax_engine_mid_page(const struct fax_engine *e)
{
    const t30_state_t *t = &e->terminal.t30;
    const t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    if (e->audio || spandsp_stopping(e))
        return false;
    if (e->sender)
        return is_fast(fe->current_tx_type);
    if (e->in.holding || e->in.not_ready || !is_fast(fe->current_rx_type) ||
        fe->t38.current_rx_data_type <= T38_DATA_V21)
        return false;
    if (t->state == STATE_F_DOC_NON_ECM)
        return e->in.carrier_seen && fe->t38.current_rx_field_type == T38_FIELD_T4_NON_ECM_DATA;
    return t->state == STATE_F_DOC_ECM && e->in.pages_begun > e->in.pages_complete;
}
