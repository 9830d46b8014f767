/* spandsp_send.c: sends coded pages past spandsp, and watches every frame that it sends.
 *
 * spandsp reads and codes a dummy document of eight-row pages. When it is about to send the first
 * FCD frame of a block, it is told that its frame buffer holds as many as the block of ours has, as
 * its get_partial_ecm_page() would have done; what it then sends out of that buffer is made of our
 * coded octets. Retransmission, retraining and the post-page commands remain its own. Without ECM
 * see spandsp_stream.c. Of T.85 it knows nothing: its DCS is altered on the way out.
 */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/document_tiff.h"
#include "t38/hdlc_stuffing.h"

#include <string.h>

enum {
    SLOWEST_OF_PAIR = 4800, /* V.27ter has 4800 and 2400 */
    BLOCK_OCTETS = GUARD_FRAME_OCTETS * GUARD_BLOCK_FRAMES,
    HEADER_OCTETS = 4, /* address, control, FCD, number */
    FRAME_OCTETS = HEADER_OCTETS + GUARD_FRAME_OCTETS,
    FCS_AND_FLAGS = 16 + 3 + 16 /* bits after a frame: FCS, its possible stuffing, two flags */
};

static const struct fax_page_view *page_in_use(const struct fax_engine *e, uint32_t number)
{
    return e->out.t85 ? &e->out.t85_pages[number] : &e->out.pages[number];
}

/* Frame `number` of the block that is loaded, in the order of bits that spandsp has in its frame
 * buffer. */
static void make_frame(const struct fax_engine *e, int number, uint8_t frame[FRAME_OCTETS])
{
    const struct fax_page_view *page = page_in_use(e, (uint32_t)e->out.page);
    const uint8_t header[HEADER_OCTETS] = {0xFF, 0x03, FCF_FCD, (uint8_t)number};
    size_t from = (size_t)e->out.block * BLOCK_OCTETS + (size_t)number * GUARD_FRAME_OCTETS;
    size_t left = from < page->length ? page->length - from : 0;
    size_t n = left < GUARD_FRAME_OCTETS ? left : GUARD_FRAME_OCTETS;
    memcpy(frame, header, sizeof header);
    if (page->lsb_first || page->coding == FAX_PAGE_T85)
        memcpy(frame + HEADER_OCTETS, page->data + from, n);
    else
        bit_reverse(frame + HEADER_OCTETS, page->data + from, (int)n);
    memset(frame + HEADER_OCTETS + n, 0, GUARD_FRAME_OCTETS - n); /* receivers expect full frames */
}

/* Makes spandsp believe that its frame buffer holds block t->ecm_block of the current page. The
 * buffer itself stays untouched: 64 kB a call that would have to be written and read. */
static bool load_block(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    int number = t->t4.tx.current_page; /* counted from 0 over the whole document */
    if (number < 0 || (uint32_t)number >= e->out.page_count || t->ecm_block < 0)
        return false;
    const struct fax_page_view *page = page_in_use(e, (uint32_t)number);
    size_t start = (size_t)t->ecm_block * BLOCK_OCTETS;
    if (start >= page->length)
        return false;
    size_t left = page->length - start;
    bool last = left <= BLOCK_OCTETS;
    size_t block = last ? left : BLOCK_OCTETS;
    int frames = 0;
    for (size_t at = 0; at < block; at += GUARD_FRAME_OCTETS)
        t->ecm_len[frames++] = FRAME_OCTETS;
    for (int i = frames; i < GUARD_BLOCK_FRAMES; i++)
        t->ecm_len[i] = -1;
    t->ecm_frames = frames;
    t->ecm_at_page_end = last;
    if (!last)
        t->t4.tx.t4_t6_tx.bit_ptr = 0; /* the dummy must seem to have more to give */
    e->out.page = number;
    e->out.block = t->ecm_block;
    return true;
}

/* As spandsp's send_hdlc() does for an image frame, without its loop over single bits. */
static void send_image_frame(struct fax_engine *e, int number)
{
    t38_terminal_front_end_state_t *fe = &e->terminal.t38_fe;
    uint8_t *frame = fe->hdlc_tx.buf;
    make_frame(e, number, frame);
    fe->hdlc_tx.extra_bits = (int)hdlc_stuffing_count(frame, FRAME_OCTETS) + FCS_AND_FLAGS;
    bit_reverse(frame, frame, FRAME_OCTETS);
    fe->hdlc_tx.len = FRAME_OCTETS;
    fe->hdlc_tx.ptr = 0;
}

static void report_page_begin(struct fax_engine *e)
{
    uint32_t page = (uint32_t)e->terminal.t30.t4.tx.current_page;
    if (page < e->out.pages_begun)
        return;
    e->out.pages_begun = page + 1;
    e->out.begin_untold = true;
}

void spandsp_send_tell(struct fax_engine *e)
{
    if (!e->out.begin_untold)
        return;
    e->out.begin_untold = false;
    spandsp_report(e, FAX_EVENT_PAGE_BEGIN, e->out.pages_begun - 1);
}

/* Returns false when what was sent is not the page. */
static bool report_page_asked(struct fax_engine *e)
{
    const t30_state_t *t = &e->terminal.t30;
    uint32_t page = (uint32_t)t->t4.tx.current_page;
    if (page < e->out.pages_asked)
        return true;
    if (!t->error_correcting_mode && !spandsp_stream_is_sent(e, t->t4.tx.current_page)) {
        spandsp_stop(e, T30_RESULT_GUARD);
        return false;
    }
    e->out.pages_asked = page + 1;
    spandsp_report(e, FAX_EVENT_PAGE_PPS_SENT, page);
    return true;
}

static void say_dcs(struct fax_engine *e)
{
    const t30_state_t *t = &e->terminal.t30;
    struct fax_statistics *s = &e->statistics;
    e->out.page = e->out.block = -1; /* spandsp has just loaded its dummy */
    s->ecm = t->error_correcting_mode;
    s->coding = e->out.t85 ? FAX_PAGE_T85 : e->out.coding;
    uint32_t page = (uint32_t)t->t4.tx.current_page;
    if (page < e->out.page_count) {
        s->width = e->out.pages[page].width;
        s->x_dpi = e->out.pages[page].x_dpi;
        s->y_dpi = e->out.pages[page].y_dpi;
    }
    spandsp_report(e, FAX_EVENT_DOCUMENT_BEGIN, page);
}

/* Which frame of spandsp's buffer it is; -1: none. */
static int buffer_frame(const struct fax_engine *e, const uint8_t *frame)
{
    const t30_state_t *t = &e->terminal.t30;
    uintptr_t at = (uintptr_t)frame, first = (uintptr_t)t->ecm_data;
    if (at < first || at >= first + sizeof t->ecm_data)
        return -1;
    return (int)((at - first) / sizeof t->ecm_data[0]);
}

/* Sends frame `number` of spandsp's buffer. */
static void say_fcd(struct fax_engine *e, int number)
{
    t30_state_t *t = &e->terminal.t30;
    report_page_begin(e);
    bool loaded = e->out.page == t->t4.tx.current_page && e->out.block == t->ecm_block;
    if (!loaded && !load_block(e))
        spandsp_stop(e, T30_RESULT_GUARD); /* never send the dummy */
    else if (!e->audio)
        send_image_frame(e, number);
    else {
        e->out.buffer_used = true;
        make_frame(e, number, t->ecm_data[number]);
        e->next_frame(e->next_frame_user, t->ecm_data[number], FRAME_OCTETS);
    }
}

static bool is_post_page_command(const uint8_t *frame, int length)
{
    switch (frame[2] & 0xFE) {
    case FCF_PPS:
        return length > 3 && (frame[3] & 0xFE) != FCF_NULL;
    case FCF_EOM:
    case FCF_MPS:
    case FCF_EOP:
        return true;
    default:
        return false;
    }
}

static bool say_as_receiver(struct fax_engine *e, uint8_t type)
{
    if (type == FCF_MCF || type == FCF_RTP)
        return spandsp_receive_may_confirm(e);
    if (type == FCF_RTN)
        spandsp_receive_rejects(e);
    if (type == FCF_CFR) {
        spandsp_note_rate(e);
        spandsp_report(e, FAX_EVENT_TRAINED, e->in.pages_complete);
    } else if (type == FCF_PPR) {
        e->statistics.ecm_retransmissions++;
    }
    return true;
}

/* Returns false when the frame must not go to spandsp's front end: it was sent here, or never will
 * be. */
static bool say_as_sender(struct fax_engine *e, uint8_t type, const uint8_t *frame, int length)
{
    int number = buffer_frame(e, frame); /* past spandsp nothing stands in it */
    if (number >= 0) {
        say_fcd(e, number);
        return false;
    }
    if (type == FCF_DCS)
        say_dcs(e);
    return !is_post_page_command(frame, length) || report_page_asked(e);
}

/* spandsp's own document is always as wide as A4 (document of blanks). */
static int alter_dcs(const struct fax_engine *e, uint8_t out[GUARD_DCS_MAX], size_t n)
{
    struct guard_shape shape = spandsp_page_shape(&e->out.pages[0]);
    bool altered = e->out.t85;
    if (e->out.t85)
        n = guard_dcs_say_t85(out, n);
    if (shape.width != 1728 || shape.x_dpi != 204) {
        n = guard_dcs_say_shape(out, n, shape.width, shape.x_dpi);
        altered = true;
    }
    return altered ? (int)n : 0;
}

/* What spandsp cannot say by itself: a receiver's DIS with a low rate, T.85 or wider pages, a
 * sender's DCS with T.85, wider pages or 408 pels an inch. Makes the altered frame in `out`.
 * Returns its length, 0: none is needed. */
static int alter_frame(const struct fax_engine *e, const uint8_t *frame, int length,
                       uint8_t out[GUARD_DCS_MAX])
{
    if (length < 6 || length > GUARD_DCS_MAX)
        return 0;
    size_t n = (size_t)length;
    memcpy(out, frame, n);
    if (e->sender) {
        return (frame[2] & 0xFE) == FCF_DCS ? alter_dcs(e, out, n) : 0;
    }
    if (frame[2] != FCF_DIS)
        return 0;
    if (e->max_rate < SLOWEST_OF_PAIR)
        out[4] &= 0xC3; /* bits 11 to 14 clear: V.27ter fall-back mode only. T.30 table 2 */
    if (e->wide)
        n = guard_dis_offer_wide(out, n);
    return (int)(e->t85 ? guard_dis_offer_t85(out, n) : n);
}

/* length: octets; 0 and -1 are spandsp's commands to its front end. */
static void on_frame(void *user, const uint8_t *frame, int length)
{
    struct fax_engine *e = user;
    uint8_t altered[GUARD_DCS_MAX];
    int altered_length = alter_frame(e, frame, length, altered);
    if (altered_length > 0) {
        frame = altered;
        length = altered_length;
    }
    bool wanted = !e->stop_code;
    if (wanted && length >= 3) {
        uint8_t type = frame[2] & 0xFE;
        wanted = e->sender ? say_as_sender(e, type, frame, length) : say_as_receiver(e, type);
    }
    if (!wanted)
        return;
    spandsp_tell_frame(e, true, frame, length);
    e->next_frame(e->next_frame_user, frame, length);
}

/* After RTN the same page shall go out again. spandsp does so after fresh training, one rate lower,
 * but for EOM, where a new document would begin behind the page. */
void spandsp_send_rejected(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    uint32_t page = (uint32_t)t->t4.tx.current_page;
    t->retransmit_capable = t->next_tx_step != FCF_EOM && t->next_tx_step != FCF_PRI_EOM;
    if (!t->retransmit_capable) {
        t->tx_start_page = t->t4.tx.current_page;
        spandsp_stream_wipe(e);
        t4_tx_release(&t->t4.tx);
        t->operation_in_progress = OPERATION_POST_T4_TX;
    }
    if (e->out.pages_asked <= page)
        return;
    e->out.pages_asked = page;
    e->out.rejected_last = true;
    spandsp_report(e, FAX_EVENT_PAGE_REJECTED, page);
}

/* spandsp has chosen the best that the peer takes. Returns false when ours is none of them; then
 * the DIS should have been held back. */
static bool say_coding(const struct fax_engine *e, t30_state_t *t)
{
    switch (e->out.coding) {
    case FAX_PAGE_T4_1D:
        t->line_encoding = T4_COMPRESSION_ITU_T4_1D;
        return true;
    case FAX_PAGE_T4_2D:
        t->line_encoding = T4_COMPRESSION_ITU_T4_2D;
        return guard_dis_takes_2d(t->far_dis_dtc_frame, (size_t)t->far_dis_dtc_len);
    case FAX_PAGE_T6:
        return e->out.t85 ||
               (t->error_correcting_mode && t->line_encoding == T4_COMPRESSION_ITU_T6);
    case FAX_PAGE_T85:
        break;
    }
    return false;
}

int spandsp_send_choose(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    spandsp_limit_rate(e);
    e->out.t85 = t->error_correcting_mode && e->out.t85_taken && e->out.t85_loaded;
    if (!say_coding(e, t)) {
        spandsp_stop(e, T30_RESULT_SOURCE);
        return T30_ERR_FILEERROR;
    }
    /* spandsp is about to open it, unless it goes on behind a page that was rejected. */
    if (t->tx_start_page <= 0 && t->operation_in_progress != OPERATION_T4_TX)
        e->out.pages_hidden = document_tiff_hide_pages(e->document_fd);
    return T30_ERR_OK;
}

static void show_pages(struct fax_engine *e)
{
    if (e->out.pages_hidden == 0)
        return;
    if (!document_tiff_show_pages(e->document_fd, e->out.pages_hidden))
        spandsp_stop(e, T30_RESULT_SOURCE);
    e->out.pages_hidden = 0;
}

void spandsp_send_check(struct fax_engine *e)
{
    const t30_state_t *t = &e->terminal.t30;
    if (!e->sender)
        return;
    show_pages(e);
    /* Every MCF (or RTP, PIP) for a page advances this count, and only that. */
    while (e->out.pages_answered < (uint32_t)t->tx_page_number && e->out.pages_asked > 0) {
        struct fax_statistics *s = &e->statistics;
        uint32_t page = e->out.pages_asked - 1;
        size_t octets = page_in_use(e, page)->length;
        e->out.pages_answered++;
        e->out.rejected_last = false;
        if (s->pages == 0 || octets < s->page_octets_minimum)
            s->page_octets_minimum = (uint32_t)octets;
        s->page_octets += octets;
        s->pages++;
        spandsp_report(e, FAX_EVENT_PAGE_CONFIRMED, page);
    }
    if (t->state == STATE_I && t->operation_in_progress == OPERATION_T4_TX)
        report_page_begin(e);
    spandsp_stream_check(e);
}

void spandsp_send_install(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    e->next_frame = t->send_hdlc_handler;
    e->next_frame_user = t->send_hdlc_user_data;
    t->send_hdlc_handler = on_frame;
    t->send_hdlc_user_data = e;
    e->out.page = e->out.block = -1;
}
