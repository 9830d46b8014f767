/* spandsp_non_ecm.c: receives pages without error correction, and withholds their post-page
 * command.
 *
 * spandsp is shown a DCS that says T.4 1-D and never an octet of the image, so it decodes nothing
 * and no page can be a bomb; the octets are kept here as they came. When the page was judged, its
 * decoder gets what makes it give the answer that we want: eight white rows for MCF, one of them
 * bad for RTP, none for RTN. So it cannot confirm a page by itself.
 */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"

#include <string.h>

enum {
    PRI = 0x10,        /* what a PRI- command has more than the plain one */
    GAP_OF_A_PAGE = 4, /* packets: in a gap of so many a whole page can have been lost */
    LOST_MAX = 1000000,
    BAD_COPIES_MAX = 10,
    ROWS = 8,
};

static bool waits_for_page(const struct fax_engine *e)
{
    return !e->sender && !e->in.dcs.ecm && e->terminal.t30.state == STATE_F_DOC_NON_ECM;
}

void spandsp_non_ecm_carrier(struct fax_engine *e)
{
    if (waits_for_page(e))
        e->in.carrier_seen = true;
}

void spandsp_non_ecm_gap(struct fax_engine *e, uint32_t packets)
{
    struct spandsp_receive *in = &e->in;
    if (!waits_for_page(e))
        return;
    /* What is lost before its first octet is the page's, too: a modem's signal can begin in the
     * middle here. In audio it cannot, and silence that was not sent is no loss. */
    if ((in->page.length > 0 || !e->audio) && in->packets_lost < LOST_MAX)
        in->packets_lost += packets;
    if (packets >= GAP_OF_A_PAGE)
        in->carrier_seen = true;
}

bool spandsp_non_ecm_image(struct fax_engine *e, const uint8_t *data, int length)
{
    struct spandsp_receive *in = &e->in;
    bool ended = e->terminal.t30.state == STATE_F_POST_DOC_NON_ECM;
    if (e->sender || (!waits_for_page(e) && !ended))
        return false;
    if (length <= 0 || ended)
        return true;
    in->carrier_seen = true;
    in->packets_kept++;
    int error = guard_page_append(&in->page, data, (size_t)length);
    if (error)
        spandsp_stop(e, error == FAX_ELIMIT ? T30_RESULT_LIMIT : T30_ERR_NOMEM);
    else if (in->pages_begun == in->pages_complete)
        spandsp_report(e, FAX_EVENT_PAGE_BEGIN, in->pages_begun++);
    return true;
}

static void restart(struct spandsp_receive *in)
{
    in->carrier_seen = false;
    in->packets_kept = in->packets_lost = 0;
}

void spandsp_non_ecm_restart(struct fax_engine *e)
{
    restart(&e->in);
}

/* After RTN the sender may train and send the page again, whatever it meant to do next. spandsp
 * would end the call after EOP and EOM; as after MPS it waits. */
static void make_mps(uint8_t *frame)
{
    frame[2] = (uint8_t)(FCF_MPS | (frame[2] & 1));
}

static void reject(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    in->rejecting = true;
    if (++in->pages_rejected > BAD_COPIES_MAX)
        spandsp_stop(e, T30_RESULT_LIMIT);
}

static uint32_t lost_permille(const struct spandsp_receive *in)
{
    uint64_t lost = in->packets_lost;
    return (uint32_t)(lost * 1000 / (lost + in->packets_kept + 1));
}

bool spandsp_non_ecm_command(struct fax_engine *e, int data_type, uint8_t *frame, int n)
{
    struct spandsp_receive *in = &e->in;
    t30_state_t *t = &e->terminal.t30;
    frame[2] &= (uint8_t)~PRI; /* no operator is here; the plain command asks for the same */
    if (t->state != STATE_F_DOC_NON_ECM && t->state != STATE_F_POST_DOC_NON_ECM)
        return true; /* spandsp repeats its last answer, or ends the call */
    if (in->page.length > 0) {
        spandsp_receive_hold(e, data_type, frame, n, lost_permille(in));
        return false;
    }
    /* Nothing of a page is here. Without a number in it, the command is either repeated because our
     * answer was lost, or belongs to a page that was lost whole: that one must not get the answer
     * of the page before. */
    bool lost =
        in->carrier_seen || t->last_rx_page_result < 0 || t->state == STATE_F_POST_DOC_NON_ECM;
    if (lost) {
        t->image_carrier_attempted = TRUE;
        make_mps(frame);
        reject(e);
        restart(in);
    }
    return true;
}

/* White rows in T.4 1-D, as a string of bits: EOL, 1728 white, 0 white. */
static void show_rows(t4_rx_state_t *rx)
{
    static const char eol[] = "000000000001", row[] = "01001101100110101";
    for (int y = 0; y < ROWS; y++) {
        for (const char *bit = eol; *bit; bit++)
            t4_rx_put_bit(rx, *bit == '1');
        for (const char *bit = row; *bit; bit++)
            t4_rx_put_bit(rx, *bit == '1');
    }
    for (int i = 0; i < 6; i++) /* RTC */
        for (const char *bit = eol; *bit; bit++)
            t4_rx_put_bit(rx, *bit == '1');
}

void spandsp_non_ecm_answer(struct fax_engine *e, enum fax_copy copy)
{
    struct spandsp_receive *in = &e->in;
    t30_state_t *t = &e->terminal.t30;
    if (t->state == STATE_F_DOC_NON_ECM) { /* the end of the signal was lost */
        t->rx_trained = TRUE;
        t30_non_ecm_put_bit(t, SIG_STATUS_CARRIER_DOWN);
        if (!e->audio)
            e->terminal.t38_fe.rx_signal_present = FALSE;
    }
    if (t->state != STATE_F_POST_DOC_NON_ECM) {
        spandsp_stop(e, T30_RESULT_GUARD);
        return;
    }
    restart(in);
    if (copy == FAX_COPY_BAD) {
        in->pages_complete--;
        in->pages_begun--;
        make_mps(in->held);
        reject(e);
        return;
    }
    show_rows(&t->t4.rx);
    if (copy == FAX_COPY_POOR && (in->held[2] & 0xFE) == FCF_MPS)
        t->t4.rx.t4_t6_rx.bad_rows = 1; /* of eight: poor by spandsp's copy_quality() */
}
