#include "t38/udptl_packet.h"

#include "codecs/fax_error.h"
#include "t38/udptl.h"

/* A cursor with a sticky error. */
struct wire {
    const uint8_t *at, *end;
    bool bad;
};

static size_t left(const struct wire *w)
{
    return (size_t)(w->end - w->at);
}

static uint8_t read_octet(struct wire *w)
{
    if (w->bad || left(w) < 1) {
        w->bad = true;
        return 0;
    }
    return *w->at++;
}

/* X.691 §11.9: one octet below 128, two below 16384; fragments are not used here. */
static size_t read_length(struct wire *w)
{
    uint8_t first = read_octet(w);
    if (first < 0x80)
        return first;
    if (first & 0x40)
        w->bad = true;
    return (size_t)(first & 0x3F) << 8 | read_octet(w);
}

static struct udptl_field read_field(struct wire *w)
{
    struct udptl_field f = {0};
    size_t length = read_length(w);
    if (w->bad || left(w) < length) {
        w->bad = true;
        return f;
    }
    f.data = w->at;
    f.length = length;
    w->at += length;
    return f;
}

/* Fields one after another; more than are kept are only checked. Returns how many there are. */
static size_t read_fields(struct wire *w, struct udptl_packet *p)
{
    size_t count = read_length(w);
    for (size_t i = 0; i < count && !w->bad; i++) {
        struct udptl_field f = read_field(w);
        if (f.length > UDPTL_IFP_MAX)
            w->bad = true;
        if (i < UDPTL_SECONDARIES_MAX)
            p->fields[p->count++] = f;
    }
    return count;
}

/* fec-npackets is an unconstrained INTEGER: its length, then that many octets. Some send 0 without
 * fields when there is nothing yet to join. */
static void read_fec(struct wire *w, struct udptl_packet *p)
{
    struct udptl_field packets = read_field(w);
    if (!w->bad && (packets.length < 1 || packets.length > 2))
        w->bad = true;
    size_t count = read_fields(w, p);
    if (w->bad)
        return;
    for (size_t i = 0; i < packets.length; i++)
        p->fec_packets = p->fec_packets << 8 | packets.data[i];
    p->fec_refused = count > UDPTL_SECONDARIES_MAX ||
                     p->fec_packets * count > UDPTL_FEC_WINDOW_MAX || (count && !p->fec_packets);
    if (p->fec_refused)
        p->fec_packets = 0;
}

int udptl_packet_read(struct udptl_packet *p, const uint8_t *datagram, size_t length)
{
    struct wire w = {.at = datagram, .end = datagram + length};
    p->count = p->fec_packets = 0;
    p->fec = p->fec_refused = false;
    unsigned high = read_octet(&w);
    p->sequence = (uint16_t)(high << 8 | read_octet(&w));
    p->primary = read_field(&w);
    if (p->primary.length > UDPTL_IFP_MAX)
        w.bad = true;
    uint8_t recovery = read_octet(&w);
    if (w.bad || (recovery & 0x7F))
        return FAX_EFORMAT;
    p->fec = recovery & 0x80;
    if (p->fec)
        read_fec(&w, p);
    else
        (void)read_fields(&w, p);
    return w.bad || left(&w) ? FAX_EFORMAT : 0;
}

bool udptl_packet_is_rtp(const uint8_t *datagram, size_t length)
{
    enum { RTP_HEADER = 12, RTCP_HEADER = 8 };
    if (length < RTCP_HEADER || datagram[0] >> 6 != 2)
        return false;
    if (datagram[1] >= 200 && datagram[1] <= 204) /* SR, RR, SDES, BYE, APP */
        return ((size_t)datagram[2] << 8 | datagram[3]) * 4 + 4 <= length;
    unsigned type = datagram[1] & 0x7F;
    size_t header = RTP_HEADER + 4u * (datagram[0] & 15);
    return length >= header && (type <= 34 || type >= 96);
}
