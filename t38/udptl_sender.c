#include "t38/udptl.h"

#include "codecs/fax_error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_DATAGRAM = 400,
    REPEATS = 3,      /* of the latest datagram */
    FIXED_OCTETS = 4, /* number, kind of error recovery, its count */
    SLOTS_MAX = UDPTL_FEC_PACKETS_MAX * UDPTL_FEC_FIELDS_MAX,
};

_Static_assert((int)UDPTL_DEPTH_MAX <= (int)SLOTS_MAX, "the history is too short");

struct udptl_sender {
    uint16_t sequence;
    unsigned packets, fields; /* of parity; 0: redundancy */
    unsigned depth;           /* slots of history */
    unsigned kept;            /* earlier IFPs that may be repeated: 0 to depth */
    unsigned newest;
    size_t max_datagram;
    size_t slot_octets;
    unsigned repeats; /* of the latest datagram that are done */
    uint64_t sent_ms;
    uint8_t *latest; /* datagram */
    size_t latest_length, latest_capacity;
    uint16_t lengths[SLOTS_MAX];
    uint8_t history[]; /* depth slots */
};

static struct udptl_sender *make(unsigned depth, size_t max_datagram)
{
    if (max_datagram == 0)
        max_datagram = DEFAULT_DATAGRAM;
    /* An IFP longer than half a datagram can never stand in one beside another. */
    size_t slot = max_datagram < UDPTL_DATAGRAM_MAX ? max_datagram : UDPTL_DATAGRAM_MAX;
    struct udptl_sender *s = calloc(1, sizeof *s + depth * slot);
    if (!s)
        return NULL;
    s->depth = depth;
    s->max_datagram = max_datagram;
    s->slot_octets = slot;
    return s;
}

int udptl_sender_new(struct udptl_sender **out, unsigned depth, size_t max_datagram)
{
    *out = NULL;
    if (depth > UDPTL_DEPTH_MAX)
        return FAX_EINVAL;
    *out = make(depth, max_datagram);
    return *out ? 0 : FAX_ENOMEM;
}

int udptl_sender_new_fec(struct udptl_sender **out, unsigned packets, unsigned fields,
                         size_t max_datagram)
{
    *out = NULL;
    if (packets < 1 || packets > UDPTL_FEC_PACKETS_MAX || fields < 1 ||
        fields > UDPTL_FEC_FIELDS_MAX)
        return FAX_EINVAL;
    *out = make(packets * fields, max_datagram);
    if (!*out)
        return FAX_ENOMEM;
    (*out)->packets = packets;
    (*out)->fields = fields;
    return 0;
}

void udptl_sender_free(struct udptl_sender *s)
{
    if (s) {
        if (s->latest)
            explicit_bzero(s->latest, s->latest_capacity);
        free(s->latest);
        explicit_bzero(s, sizeof *s + s->depth * s->slot_octets);
    }
    free(s);
}

static size_t field_octets(size_t length)
{
    return length + (length < 128 ? 1 : 2);
}

/* An open type: its length in one or two octets (X.691 §11.9), then the octets. */
static uint8_t *write_field(uint8_t *at, const uint8_t *data, size_t length)
{
    if (length >= 128)
        *at++ = (uint8_t)(0x80 | length >> 8);
    *at++ = (uint8_t)length;
    if (length)
        memcpy(at, data, length);
    return at + length;
}

/* The earlier IFP `age` packets back, 1 being the last one. */
static unsigned slot_of(const struct udptl_sender *s, unsigned age)
{
    return (s->newest + s->depth - (age - 1)) % s->depth;
}

static unsigned redundancy_that_fits(const struct udptl_sender *s, size_t used, size_t room)
{
    unsigned count = 0;
    while (count < s->kept) {
        used += field_octets(s->lengths[slot_of(s, count + 1)]);
        if (used > room)
            break;
        count++;
    }
    return count;
}

static uint8_t *write_redundancy(const struct udptl_sender *s, uint8_t *at, size_t used,
                                 size_t room)
{
    unsigned count = redundancy_that_fits(s, used, room);
    *at++ = 0; /* secondary IFPs */
    *at++ = (uint8_t)count;
    for (unsigned age = 1; age <= count; age++) {
        unsigned slot = slot_of(s, age);
        at = write_field(at, s->history + slot * s->slot_octets, s->lengths[slot]);
    }
    return at;
}

/* Parity over `packets` IFPs, the youngest `age` packets back and the others `step` before each
 * other: the octets of the longest, the shorter ones filled up with zeros. */
static size_t parity_octets(const struct udptl_sender *s, unsigned packets, unsigned step,
                            unsigned age)
{
    size_t longest = 0;
    for (unsigned i = 0; i < packets; i++) {
        size_t length = s->lengths[slot_of(s, age + i * step)];
        longest = length > longest ? length : longest;
    }
    return longest;
}

static uint8_t *write_parity(const struct udptl_sender *s, uint8_t *at, unsigned packets,
                             unsigned step, unsigned age)
{
    size_t length = parity_octets(s, packets, step, age);
    if (length >= 128)
        *at++ = (uint8_t)(0x80 | length >> 8);
    *at++ = (uint8_t)length;
    memset(at, 0, length);
    for (unsigned i = 0; i < packets; i++) {
        unsigned slot = slot_of(s, age + i * step);
        const uint8_t *ifp = s->history + slot * s->slot_octets;
        for (size_t k = 0; k < s->lengths[slot]; k++)
            at[k] ^= ifp[k];
    }
    return at + length;
}

/* The most fields that fit; their number is also how far the packets of one lie apart. */
static unsigned parity_that_fits(const struct udptl_sender *s, unsigned packets, size_t used,
                                 size_t room)
{
    unsigned fields = packets ? s->kept / packets : 0;
    for (fields = fields < s->fields ? fields : s->fields; fields; fields--) {
        size_t octets = used + 2; /* fec-npackets */
        for (unsigned age = fields; age >= 1; age--)
            octets += field_octets(parity_octets(s, packets, fields, age));
        if (octets <= room)
            break;
    }
    return fields;
}

/* T.38 §9.1.4.2. The first field joins the oldest packets. */
static uint8_t *write_fec(const struct udptl_sender *s, uint8_t *at, size_t used, size_t room)
{
    unsigned packets = s->kept < s->packets ? s->kept : s->packets;
    unsigned fields = parity_that_fits(s, packets, used, room);
    *at++ = 0x80;
    *at++ = 1;
    *at++ = (uint8_t)(fields ? packets : 0);
    *at++ = (uint8_t)fields;
    for (unsigned age = fields; age >= 1; age--)
        at = write_parity(s, at, packets, fields, age);
    return at;
}

static void remember(struct udptl_sender *s, const uint8_t *ifp, size_t length)
{
    if (s->depth == 0)
        return;
    if (length > s->slot_octets) {
        s->kept = 0; /* what is repeated must be without a gap */
        return;
    }
    s->newest = (s->newest + 1) % s->depth;
    memcpy(s->history + s->newest * s->slot_octets, ifp, length);
    s->lengths[s->newest] = (uint16_t)length;
    if (s->kept < s->depth)
        s->kept++;
}

/* Without memory there is nothing to repeat. */
static void keep_latest(struct udptl_sender *s, const uint8_t *datagram, size_t length)
{
    if (length > s->latest_capacity) {
        uint8_t *bigger = malloc(length + 64);
        if (s->latest)
            explicit_bzero(s->latest, s->latest_capacity);
        free(s->latest);
        s->latest = bigger;
        s->latest_capacity = bigger ? length + 64 : 0;
    }
    s->latest_length = s->latest ? length : 0;
    if (s->latest)
        memcpy(s->latest, datagram, length);
    s->repeats = REPEATS;
}

void udptl_sender_sent(struct udptl_sender *s, uint64_t now_ms)
{
    s->repeats = 0;
    s->sent_ms = now_ms;
}

uint64_t udptl_sender_due_ms(const struct udptl_sender *s)
{
    static const uint16_t after_ms[REPEATS] = {60, 160, 320};
    if (!s->latest_length || s->repeats >= REPEATS)
        return UINT64_MAX;
    return s->sent_ms + after_ms[s->repeats];
}

bool udptl_sender_repeat(struct udptl_sender *s, uint64_t now_ms, uint8_t *out, size_t *length)
{
    if (udptl_sender_due_ms(s) > now_ms)
        return false;
    s->repeats++;
    memcpy(out, s->latest, s->latest_length);
    *length = s->latest_length;
    return true;
}

int udptl_sender_produce(struct udptl_sender *s, const uint8_t *ifp, size_t ifp_length,
                         uint8_t *out, size_t capacity, size_t *length)
{
    if (ifp_length < 1 || ifp_length > UDPTL_IFP_MAX)
        return FAX_EINVAL;
    size_t used = FIXED_OCTETS + field_octets(ifp_length);
    if (used + (s->fields ? 2 : 0) > capacity) /* fec-npackets */
        return FAX_ELIMIT;
    size_t room = capacity < s->max_datagram ? capacity : s->max_datagram;
    uint8_t *at = out;
    *at++ = (uint8_t)(s->sequence >> 8);
    *at++ = (uint8_t)s->sequence;
    at = write_field(at, ifp, ifp_length);
    at = s->fields ? write_fec(s, at, used, room) : write_redundancy(s, at, used, room);
    *length = (size_t)(at - out);
    keep_latest(s, out, *length);
    remember(s, ifp, ifp_length);
    s->sequence++;
    return 0;
}

void udptl_sender_set_sequence(struct udptl_sender *s, uint16_t sequence)
{
    s->sequence = sequence;
    s->kept = 0;
}
