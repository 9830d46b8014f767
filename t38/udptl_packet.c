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

static void read_secondaries(struct wire *w, struct udptl_packet *p)
{
    size_t count = read_length(w);
    for (size_t i = 0; i < count && !w->bad; i++) {
        struct udptl_field f = read_field(w);
        if (f.length > UDPTL_IFP_MAX)
            w->bad = true;
        if (i < UDPTL_SECONDARIES_MAX)
            p->secondary[p->count++] = f;
    }
}

/* fec-npackets is an unconstrained INTEGER: its length, then that many octets. */
static void skip_fec(struct wire *w)
{
    struct udptl_field spans = read_field(w);
    if (!w->bad && (spans.length < 1 || spans.length > 2))
        w->bad = true;
    size_t count = read_length(w);
    for (size_t i = 0; i < count && !w->bad; i++)
        read_field(w);
}

int udptl_packet_read(struct udptl_packet *p, const uint8_t *datagram, size_t length)
{
    struct wire w = {.at = datagram, .end = datagram + length};
    p->count = 0;
    p->fec = false;
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
        skip_fec(&w);
    else
        read_secondaries(&w, p);
    return w.bad || left(&w) ? FAX_EFORMAT : 0;
}
