#include "t38/udptl_parity.h"

#include "codecs/fax_error.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = UDPTL_FEC_WINDOW_MAX };

/* Octets with room that is kept, so that a running stream allocates nothing. */
struct octets {
    uint8_t *data;
    size_t length, capacity;
};

struct known_packet {
    struct octets octets;
    uint16_t sequence;
    bool present;
};

struct equation {
    struct octets rest; /* the field without the packets that are known */
    uint64_t unknown;   /* bit i: packet first + i x step */
    uint16_t first;
    unsigned step, packets;
};

struct udptl_parity {
    bool any;
    uint16_t latest;
    unsigned next; /* the oldest equation, to be replaced */
    unsigned recovered_count;
    uint16_t recovered[WINDOW]; /* not taken yet */
    struct known_packet known[WINDOW];
    struct equation equations[UDPTL_PARITY_EQUATIONS];
};

int udptl_parity_new(struct udptl_parity **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : FAX_ENOMEM;
}

static void wipe(struct octets *o)
{
    if (o->data)
        explicit_bzero(o->data, o->capacity);
    free(o->data);
    memset(o, 0, sizeof *o);
}

void udptl_parity_free(struct udptl_parity *p)
{
    for (unsigned i = 0; p && i < WINDOW; i++)
        wipe(&p->known[i].octets);
    for (unsigned i = 0; p && i < UDPTL_PARITY_EQUATIONS; i++)
        wipe(&p->equations[i].rest);
    free(p);
}

void udptl_parity_restart(struct udptl_parity *p)
{
    for (unsigned i = 0; i < WINDOW; i++)
        p->known[i].present = false;
    for (unsigned i = 0; i < UDPTL_PARITY_EQUATIONS; i++)
        p->equations[i].unknown = 0;
    p->any = false;
    p->recovered_count = 0;
}

static int distance(uint16_t from, uint16_t to)
{
    return (int16_t)(uint16_t)(to - from);
}

static bool set(struct octets *o, const uint8_t *data, size_t length)
{
    if (length > o->capacity) {
        size_t capacity = length < 64 ? 64 : length;
        wipe(o);
        o->data = malloc(capacity);
        if (!o->data)
            return false;
        o->capacity = capacity;
    }
    if (length)
        memcpy(o->data, data, length);
    o->length = length;
    return true;
}

/* Returns false when the packet is longer than the field: then the field does not join it. One that
 * was recovered may be filled up with zeros. */
static bool take_out(struct octets *rest, const struct octets *packet)
{
    uint8_t beyond = 0;
    for (size_t i = 0; i < packet->length; i++) {
        if (i < rest->length)
            rest->data[i] ^= packet->data[i];
        else
            beyond |= packet->data[i];
    }
    return beyond == 0;
}

static struct known_packet *find(struct udptl_parity *p, uint16_t sequence)
{
    struct known_packet *k = &p->known[sequence % WINDOW];
    return k->present && k->sequence == sequence ? k : NULL;
}

static struct known_packet *store(struct udptl_parity *p, uint16_t sequence, const uint8_t *data,
                                  size_t length)
{
    struct known_packet *k = &p->known[sequence % WINDOW];
    if (p->any && distance(sequence, p->latest) >= WINDOW)
        return NULL;
    if (!p->any || distance(p->latest, sequence) > 0)
        p->latest = sequence;
    p->any = true;
    k->present = set(&k->octets, data, length);
    k->sequence = sequence;
    return k->present ? k : NULL;
}

/* Which packet of the equation a number is, or -1. */
static int place(const struct equation *e, uint16_t sequence)
{
    int ahead = distance(e->first, sequence);
    if (ahead < 0 || ahead % (int)e->step || ahead / (int)e->step >= (int)e->packets)
        return -1;
    return ahead / (int)e->step;
}

/* One packet is left: the rest is that packet. */
static struct known_packet *solve(struct udptl_parity *p, struct equation *e)
{
    unsigned i = (unsigned)__builtin_ctzll(e->unknown);
    uint16_t sequence = (uint16_t)(e->first + i * e->step);
    e->unknown = 0;
    if (find(p, sequence) || p->recovered_count == WINDOW)
        return NULL;
    struct known_packet *k = store(p, sequence, e->rest.data, e->rest.length);
    if (k)
        p->recovered[p->recovered_count++] = sequence;
    return k;
}

static bool is_single(uint64_t bits)
{
    return bits && !(bits & (bits - 1));
}

/* Takes a packet out of the equations that wait for it. */
static void reduce(struct udptl_parity *p, const struct known_packet *k)
{
    for (unsigned i = 0; i < UDPTL_PARITY_EQUATIONS; i++) {
        struct equation *e = &p->equations[i];
        if (distance(e->first, p->latest) > 2 * WINDOW) /* before its numbers come again */
            e->unknown = 0;
        int at = e->unknown ? place(e, k->sequence) : -1;
        if (at < 0 || !(e->unknown >> at & 1))
            continue;
        e->unknown &= ~(UINT64_C(1) << at);
        if (!take_out(&e->rest, &k->octets))
            e->unknown = 0;
    }
}

static void reduce_and_solve(struct udptl_parity *p, const struct known_packet *k)
{
    reduce(p, k);
    /* each round makes one packet known, of at most WINDOW */
    for (unsigned i = 0; i < UDPTL_PARITY_EQUATIONS;) {
        struct equation *e = &p->equations[i++];
        k = is_single(e->unknown) ? solve(p, e) : NULL;
        if (k) {
            reduce(p, k);
            i = 0;
        }
    }
}

void udptl_parity_know(struct udptl_parity *p, uint16_t sequence, const uint8_t *data,
                       size_t length)
{
    if (find(p, sequence))
        return;
    const struct known_packet *k = store(p, sequence, data, length);
    if (k)
        reduce_and_solve(p, k);
}

/* A place for a new equation: an unused one, else the oldest. */
static struct equation *next_equation(struct udptl_parity *p)
{
    for (unsigned i = 0; i < UDPTL_PARITY_EQUATIONS; i++)
        if (!p->equations[i].unknown)
            return &p->equations[i];
    p->next = (p->next + 1) % UDPTL_PARITY_EQUATIONS;
    return &p->equations[p->next];
}

static bool is_zero(const struct octets *o)
{
    uint8_t all = 0;
    for (size_t i = 0; i < o->length; i++)
        all |= o->data[i];
    return all == 0;
}

bool udptl_parity_add(struct udptl_parity *p, uint16_t first, unsigned step, unsigned packets,
                      const struct udptl_field *field)
{
    if (!step || !packets || packets > WINDOW || !p->any || distance(first, p->latest) > WINDOW)
        return true;
    struct equation *e = next_equation(p);
    e->unknown = 0;
    if (!set(&e->rest, field->data, field->length))
        return true;
    e->first = first;
    e->step = step;
    e->packets = packets;
    uint64_t unknown = 0;
    for (unsigned i = 0; i < packets; i++) {
        const struct known_packet *k = find(p, (uint16_t)(first + i * step));
        if (!k)
            unknown |= UINT64_C(1) << i;
        else if (!take_out(&e->rest, &k->octets))
            return false;
    }
    if (!unknown)
        return is_zero(&e->rest);
    e->unknown = unknown;
    const struct known_packet *k = is_single(unknown) ? solve(p, e) : NULL;
    if (k)
        reduce_and_solve(p, k);
    return true;
}

bool udptl_parity_take(struct udptl_parity *p, uint16_t *sequence, struct udptl_field *out)
{
    while (p->recovered_count) {
        *sequence = p->recovered[0];
        p->recovered_count--;
        memmove(p->recovered, p->recovered + 1, p->recovered_count * sizeof p->recovered[0]);
        const struct known_packet *k = find(p, *sequence);
        if (!k)
            continue;
        *out = (struct udptl_field){k->octets.data, k->octets.length};
        return true;
    }
    return false;
}
