#include "t38/fax_observer.h"

#include "codecs/fax_error.h"
#include "t38/guard_frame.h"
#include "t38/guard_page.h"
#include "t38/hdlc_octets.h"

#include <stdlib.h>
#include <string.h>

enum { PRI = 0x10, NOBODY = 2, LOST_MAX = 1000000 };

/* What passes from one side. */
struct observed_side {
    uint8_t frame[GUARD_FRAME_MAX];
    size_t length;
    bool broken; /* too long, or some of it was lost */
    bool begun;
    uint16_t sequence;
};

struct fax_observer {
    struct fax_observer_callbacks callbacks;
    struct fax_observer_statistics statistics;
    struct observed_side side[2];
    unsigned sender; /* who said DCS; NOBODY yet */
    struct guard_dcs dcs;
    const char *unknown; /* why the pages that this DCS announces cannot be had; NULL: they can */
    const char *broken;  /* why this one cannot */
    struct guard_page page;
    int16_t lengths[GUARD_BLOCK_FRAMES]; /* of the block's frames; 0: has not come */
    unsigned block_frames;               /* as its first PPS said; 0: none yet */
    unsigned had;                        /* frames since the last confirmation */
    bool asked;                          /* a post-page command awaits its answer */
    bool partial;                        /* it ends a block, not the page */
    uint32_t packets, lost;              /* of a page without ECM */
    bool image;                          /* octets of one have come */
};

int fax_observer_new(struct fax_observer **out, const struct fax_observer_callbacks *callbacks)
{
    struct fax_observer *o = calloc(1, sizeof *o);
    *out = o;
    if (!o)
        return FAX_ENOMEM;
    o->callbacks = *callbacks;
    o->sender = NOBODY;
    o->page.limit = FAX_OBSERVER_PAGE_MAX;
    return 0;
}

void fax_observer_free(struct fax_observer *o)
{
    if (!o)
        return;
    guard_page_wipe(&o->page);
    explicit_bzero(o, sizeof *o);
    free(o);
}

const struct fax_observer_statistics *fax_observer_statistics(const struct fax_observer *o)
{
    return &o->statistics;
}

static void restart_block(struct fax_observer *o)
{
    memset(o->lengths, 0, sizeof o->lengths);
    o->block_frames = o->had = 0;
    o->asked = false;
}

static void restart_page(struct fax_observer *o)
{
    restart_block(o);
    guard_page_restart(&o->page);
    o->broken = NULL;
    o->packets = o->lost = 0;
    o->image = false;
    o->statistics.in_page = false;
}

/* Bits 11 to 14 as they lie in the frame. T.30 table 2. */
static uint32_t rate_of(const uint8_t *dcs)
{
    switch (dcs[4] & 0x3C) {
    case 0x00:
        return 2400;
    case 0x08:
        return 4800;
    case 0x0C:
    case 0x2C:
        return 7200;
    case 0x04:
    case 0x24:
        return 9600;
    case 0x28:
        return 12000;
    default:
        return 14400;
    }
}

static void see_dcs(struct fax_observer *o, unsigned side, const uint8_t *frame, size_t n)
{
    o->sender = side;
    o->unknown = guard_dcs_read(frame, n, &o->dcs)
                     ? "the machines agreed on a coding or resolution that is not kept here"
                     : NULL;
    o->statistics.ecm = o->unknown ? guard_frame_bit(frame, n, 27) : o->dcs.ecm;
    o->statistics.bit_rate = rate_of(frame);
    restart_page(o);
}

static void keep(struct fax_observer *o, int error)
{
    if (error && !o->broken)
        o->broken = error == FAX_ELIMIT ? "the page is longer than 16 MiB" : "out of memory";
}

static bool wants_octets(const struct fax_observer *o)
{
    return o->callbacks.page && !o->unknown && !o->broken;
}

static void see_fcd(struct fax_observer *o, const uint8_t *frame, size_t n)
{
    if (!o->statistics.ecm)
        return;
    if (o->lengths[frame[3]] > 0)
        o->statistics.retransmissions++;
    o->lengths[frame[3]] = (int16_t)(n - 4);
    o->had++;
    o->statistics.in_page = true;
    if (wants_octets(o))
        keep(o, guard_page_put(&o->page, frame[3], frame + 4, n - 4));
}

/* Only the first PPS of a block says how many frames it has. One that is repeated because its
 * answer was lost asks for nothing new. */
static void see_pps(struct fax_observer *o, const uint8_t *frame)
{
    if (o->had == 0 && o->block_frames == 0)
        return;
    if (o->block_frames == 0)
        o->block_frames = frame[6] + 1u;
    o->asked = true;
    o->partial = (frame[3] & 0xFE) == FCF_NULL;
}

static void see_command(struct fax_observer *o)
{
    o->asked = o->image && !o->statistics.ecm;
    o->partial = false;
}

static void give_page(struct fax_observer *o)
{
    struct fax_observer_statistics *s = &o->statistics;
    const char *why = o->unknown ? o->unknown : o->broken;
    s->pages++;
    if (!o->callbacks.page)
        return;
    if (!why && o->page.length == 0)
        why = "the page is empty";
    if (why) {
        if (o->callbacks.missed)
            o->callbacks.missed(o->callbacks.user, s->pages, why);
        return;
    }
    /* As in spandsp_receive.c: FCD frames lie with the first bit lowest, T.85 has octets only. */
    struct fax_page page = {.buffer = o->page.data,
                            .capacity = o->page.capacity,
                            .without_ecm = !o->dcs.ecm,
                            .lost_permille = (uint32_t)((uint64_t)o->lost * 1000 /
                                                        ((uint64_t)o->lost + o->packets + 1)),
                            .view = {.coding = o->dcs.coding,
                                     .lsb_first = o->dcs.ecm && o->dcs.coding != FAX_PAGE_T85,
                                     .width = o->dcs.width,
                                     .x_dpi = o->dcs.x_dpi,
                                     .y_dpi = o->dcs.y_dpi,
                                     .data = o->page.data,
                                     .length = o->page.length}};
    o->page.data = NULL;
    guard_page_wipe(&o->page);
    o->callbacks.page(o->callbacks.user, s->pages, &page);
    fax_page_wipe(&page); /* what was not taken */
}

static void see_confirmation(struct fax_observer *o)
{
    if (!o->asked)
        return;
    if (o->statistics.ecm && wants_octets(o) &&
        guard_page_close_block(&o->page, o->lengths, o->block_frames))
        o->broken = "frames of it were lost on their way here";
    if (o->partial) {
        restart_block(o);
        return;
    }
    give_page(o);
    restart_page(o);
}

static void see_rejection(struct fax_observer *o)
{
    if (!o->asked)
        return;
    o->statistics.rejected++;
    restart_page(o);
}

static void see_ident(struct fax_observer *o, unsigned side, const uint8_t *frame, size_t n)
{
    guard_ident_read(frame, n, o->statistics.ident[side]);
}

static void see_from_sender(struct fax_observer *o, const uint8_t *frame, size_t n)
{
    uint8_t type = frame[2] & 0xFE;
    switch (type) {
    case FCF_FCD:
        see_fcd(o, frame, n);
        break;
    case FCF_PPS:
        see_pps(o, frame);
        break;
    case FCF_EOR:
        restart_page(o);
        break;
    default:
        type &= (uint8_t)~PRI;
        if (type == FCF_MPS || type == FCF_EOP || type == FCF_EOM)
            see_command(o);
        break;
    }
}

static void see_from_receiver(struct fax_observer *o, const uint8_t *frame)
{
    switch (frame[2] & 0xFE) {
    case FCF_CFR:
    case FCF_CTR:
        o->statistics.trained = true;
        break;
    case FCF_MCF:
    case FCF_RTP:
    case FCF_PIP:
        see_confirmation(o);
        break;
    case FCF_RTN:
    case FCF_PIN:
        see_rejection(o);
        break;
    case FCF_PPR:
        o->asked = false;
        break;
    default:
        break;
    }
}

static void see_frame(struct fax_observer *o, unsigned side, const uint8_t *frame, size_t n)
{
    bool sent = guard_frame_judge(frame, n, true) == GUARD_PASS;
    if (!sent && guard_frame_judge(frame, n, false) != GUARD_PASS)
        return;
    uint8_t type = frame[2] & 0xFE;
    if (type != FCF_FCD && type != FCF_RCP) {
        o->statistics.frames[side]++;
        if (o->callbacks.frame)
            o->callbacks.frame(o->callbacks.user, side, frame, n);
    }
    if (type == FCF_DCN)
        o->statistics.dcn = true;
    else if (type == FCF_TSI || type == FCF_CSI)
        see_ident(o, side, frame, n);
    else if (type == FCF_DCS)
        see_dcs(o, side, frame, n);
    else if (o->sender == side && sent)
        see_from_sender(o, frame, n);
    else if (o->sender == (side ^ 1u))
        see_from_receiver(o, frame);
}

static void forget_frame(struct observed_side *s)
{
    s->length = 0;
    s->broken = false;
}

static void add_to_frame(struct observed_side *s, const struct ifp_field *field)
{
    if (field->length > sizeof s->frame - s->length) {
        s->broken = true;
        return;
    }
    if (field->length > 0)
        hdlc_octets_turn(field->data, field->length, s->frame + s->length);
    s->length += field->length;
}

/* The octets of a page without ECM stay in the order that T.38 has. */
static void see_image(struct fax_observer *o, unsigned side, const struct ifp_field *field)
{
    if (o->sender != side || o->statistics.ecm || !o->statistics.trained || field->length == 0)
        return;
    o->packets++;
    o->image = o->statistics.in_page = true;
    if (wants_octets(o))
        keep(o, guard_page_append(&o->page, field->data, field->length));
}

static void see_field(struct fax_observer *o, unsigned side, const struct ifp_field *field)
{
    struct observed_side *s = &o->side[side];
    switch (field->type) {
    case IFP_HDLC_DATA:
        add_to_frame(s, field);
        break;
    case IFP_HDLC_FCS_OK:
    case IFP_HDLC_FCS_OK_SIG_END:
        add_to_frame(s, field);
        if (!s->broken && s->length >= 3)
            see_frame(o, side, s->frame, s->length);
        forget_frame(s);
        break;
    case IFP_HDLC_SIG_END:
    case IFP_HDLC_FCS_BAD:
    case IFP_HDLC_FCS_BAD_SIG_END:
        forget_frame(s);
        break;
    case IFP_NON_ECM_DATA:
    case IFP_NON_ECM_SIG_END:
        see_image(o, side, field);
        break;
    }
}

static void see_sequence(struct fax_observer *o, unsigned side, uint16_t sequence)
{
    struct observed_side *s = &o->side[side];
    uint16_t gap = s->begun ? (uint16_t)(sequence - s->sequence - 1) : 0;
    s->begun = true;
    s->sequence = sequence;
    if (gap == 0)
        return;
    s->broken = s->length > 0;
    if (o->sender == side && o->image && o->lost < LOST_MAX)
        o->lost += gap;
}

void fax_observer_see(struct fax_observer *o, unsigned side, uint16_t sequence,
                      const struct ifp_packet *packet)
{
    see_sequence(o, side, sequence);
    if (packet->indicator)
        forget_frame(&o->side[side]);
    for (unsigned i = 0; i < packet->fields; i++)
        see_field(o, side, &packet->field[i]);
}
