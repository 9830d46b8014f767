#include "t38/fax_relay.h"

#include "codecs/fax_error.h"
#include "t38/guard_frame.h"
#include "t38/hdlc_octets.h"

#include <string.h>

enum {
    LAST_INDICATOR = 15, /* V.17 14400 long training */
    LAST_DATA = 8,       /* V.17 14400 */
    COPIES = 3,
};

static void forget_frame(struct fax_relay *r)
{
    r->frame_length = 0;
    r->frame_spoilt = false;
}

static void add_to_frame(struct fax_relay *r, const struct ifp_field *field)
{
    if (field->length > FAX_RELAY_FRAME_MAX - r->frame_length) {
        r->frame_spoilt = true;
        return;
    }
    if (field->length > 0)
        hdlc_octets_turn(field->data, field->length, r->frame + r->frame_length);
    r->frame_length += field->length;
}

/* A frame without octets is how some end a signal. Which leg has the document is not known here, so
 * a frame may be either's. */
static bool frame_is_good(const struct fax_relay *r)
{
    if (r->frame_spoilt)
        return false;
    return r->frame_length == 0 ||
           guard_frame_judge(r->frame, r->frame_length, true) != GUARD_DROP ||
           guard_frame_judge(r->frame, r->frame_length, false) != GUARD_DROP;
}

static void end_frame(struct fax_relay *r, struct ifp_field *field)
{
    bool signal_ends = field->type == IFP_HDLC_FCS_OK_SIG_END;
    add_to_frame(r, field);
    if (!frame_is_good(r)) {
        field->type = signal_ends ? IFP_HDLC_FCS_BAD_SIG_END : IFP_HDLC_FCS_BAD;
        r->counters.frames_refused++;
    }
    forget_frame(r);
}

static void see_field(struct fax_relay *r, struct ifp_field *field)
{
    switch (field->type) {
    case IFP_HDLC_DATA:
        add_to_frame(r, field);
        break;
    case IFP_HDLC_FCS_OK:
    case IFP_HDLC_FCS_OK_SIG_END:
        end_frame(r, field);
        break;
    case IFP_HDLC_SIG_END:
    case IFP_HDLC_FCS_BAD:
    case IFP_HDLC_FCS_BAD_SIG_END:
        forget_frame(r);
        break;
    case IFP_NON_ECM_DATA:
    case IFP_NON_ECM_SIG_END:
        break;
    }
}

static void see_sequence(struct fax_relay *r, uint16_t sequence)
{
    if (r->begun && (uint16_t)(r->sequence + 1) != sequence)
        r->frame_spoilt = r->frame_length > 0;
    r->begun = true;
    r->sequence = sequence;
}

static int refuse(struct fax_relay *r, int error)
{
    r->counters.ifps_refused++;
    return error;
}

int fax_relay_pass(struct fax_relay *r, uint16_t sequence, const uint8_t *ifp, size_t length,
                   uint8_t out[FAX_RELAY_IFP_MAX], size_t *out_length, struct ifp_packet *packet)
{
    struct ifp_packet own, *p = packet ? packet : &own;
    see_sequence(r, sequence);
    if (++r->in_tick > FAX_RELAY_PER_TICK)
        return refuse(r, FAX_ELIMIT);
    if (length == 0 || length > FAX_RELAY_IFP_MAX ||
        ifp_packet_read(ifp, length, r->version_in, p) ||
        p->type > (p->indicator ? LAST_INDICATOR : LAST_DATA))
        return refuse(r, FAX_EFORMAT);
    if (p->indicator)
        forget_frame(r);
    for (unsigned i = 0; i < p->fields; i++)
        see_field(r, &p->field[i]);
    if (ifp_packet_write(p, r->version_out, out, FAX_RELAY_IFP_MAX, out_length))
        return refuse(r, FAX_EFORMAT);
    r->counters.passed++;
    return 0;
}

void fax_relay_tick(struct fax_relay *r)
{
    r->in_tick = 0;
}

static bool ends_signal(enum ifp_field_type type)
{
    return type == IFP_HDLC_SIG_END || type == IFP_HDLC_FCS_OK_SIG_END ||
           type == IFP_HDLC_FCS_BAD_SIG_END || type == IFP_NON_ECM_SIG_END;
}

int fax_relay_copies(const struct ifp_packet *packet)
{
    if (packet->indicator)
        return COPIES;
    return packet->fields > 0 && ends_signal(packet->field[packet->fields - 1].type) ? COPIES : 1;
}
