#include "codecs/fax_error.h"
#include "t38/ifp.h"
#include "t38/udptl.h"
#include "t38/udptl_packet.h"
#include "t38/udptl_parity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    JUMP_MAX = 512,    /* numbers ahead or behind that still belong to the stream: 15 s of it */
    RESTART_AFTER = 3, /* consecutive datagrams beyond that make a new stream */
    BEHIND_AFTER = 8,  /* as many behind, that are none of the earlier ones, as well */
    BEHIND_LEAST = 48, /* numbers behind that reordering does not explain: 1.5 s */
    RING = 128,        /* divides 65536, and more than what is held and what one datagram repeats */
    FEC_PACKET_MS = 40, /* that a packet of parity is waited for */
    FEC_HOLD_MS_MAX = 400,
    CACHE_LINE = 64,
    SPARES = 8,        /* blocks kept for packets that have to wait */
    SPARE_OCTETS = 96, /* the most that a paced packet takes */
};

_Static_assert(RING > UDPTL_HOLD_PACKETS_MAX + UDPTL_SECONDARIES_MAX + 1, "the ring is too small");
_Static_assert(RING > UDPTL_HOLD_PACKETS_MAX + UDPTL_FEC_WINDOW_MAX + 1, "the ring is too small");

const struct udptl_receiver_config udptl_receiver_default = {.hold_packets = 5, .hold_ms = 100};

/* An IFP that came too early. Few are ever held, so each has its own memory, used again. */
struct held_ifp {
    uint8_t *data;
    size_t length;
    uint64_t since_ms;
    uint16_t sequence;
    bool present, recovered;
};

struct udptl_receiver {
    struct udptl_receiver_config config;
    struct udptl_counters counters;
    bool started;
    uint16_t expected;              /* the next number to deliver */
    uint16_t highest;               /* the highest number seen in a primary */
    uint16_t stray_next;            /* what would continue a possible new stream */
    unsigned stray_run;             /* how many did */
    unsigned held;                  /* entries present in ring, all within RING of expected */
    unsigned hold_packets, hold_ms; /* as configured, or longer for parity's sake */
    struct udptl_parity *parity;    /* once a datagram with FEC came */
    struct held_ifp ring[RING];
    uint16_t digests[JUMP_MAX]; /* of what was delivered, to tell a replay from a restart */
    uint8_t *spare[SPARES];     /* of SPARE_OCTETS each, wiped */
    unsigned spares;
};

/* Where a delivery goes; lives for one call. */
struct delivery {
    struct udptl_receiver *r;
    uint64_t now_ms;
    udptl_ifp_cb cb;
    void *user;
};

int udptl_receiver_new(struct udptl_receiver **out, const struct udptl_receiver_config *config)
{
    *out = NULL;
    if (!config)
        config = &udptl_receiver_default;
    if (config->hold_packets > UDPTL_HOLD_PACKETS_MAX)
        return FAX_EINVAL;
    struct udptl_receiver *r = calloc(1, sizeof *r);
    if (!r)
        return FAX_ENOMEM;
    r->config = *config;
    r->hold_packets = config->hold_packets;
    r->hold_ms = config->hold_ms;
    *out = r;
    return 0;
}

/* On a network that reorders much, every fourth packet waits. */
static uint8_t *take_block(struct udptl_receiver *r, size_t length)
{
    if (length > SPARE_OCTETS)
        return malloc(length);
    return r->spares ? r->spare[--r->spares] : malloc(SPARE_OCTETS);
}

static void give_block(struct udptl_receiver *r, uint8_t *block, size_t length)
{
    explicit_bzero(block, length);
    if (length > SPARE_OCTETS || r->spares == SPARES)
        free(block);
    else
        r->spare[r->spares++] = block;
}

static void drop_held(struct udptl_receiver *r, struct held_ifp *h)
{
    if (!h->present)
        return;
    give_block(r, h->data, h->length);
    memset(h, 0, sizeof *h);
    r->held--;
}

static void drop_all_held(struct udptl_receiver *r)
{
    for (unsigned i = 0; i < RING; i++)
        drop_held(r, &r->ring[i]);
}

void udptl_receiver_free(struct udptl_receiver *r)
{
    if (r) {
        drop_all_held(r);
        while (r->spares)
            free(r->spare[--r->spares]);
        udptl_parity_free(r->parity);
    }
    free(r);
}

static int distance(uint16_t from, uint16_t to)
{
    return (int16_t)(uint16_t)(to - from);
}

static struct held_ifp *find_held(struct udptl_receiver *r, uint16_t sequence)
{
    struct held_ifp *h = &r->ring[sequence % RING];
    return h->present && h->sequence == sequence ? h : NULL;
}

/* Never 0, which stands for a packet that was lost. */
static uint16_t digest_of(const uint8_t *data, size_t length)
{
    uint64_t hash = length, word;
    for (; length >= sizeof word; data += sizeof word, length -= sizeof word) {
        memcpy(&word, data, sizeof word);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    word = 0;
    if (length)
        memcpy(&word, data, length);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return (uint16_t)(hash >> 48 | 1);
}

static void give_up(struct udptl_receiver *r)
{
    r->digests[r->expected % JUMP_MAX] = 0;
    r->expected++;
    r->counters.lost++;
}

static void deliver(const struct delivery *d, uint16_t sequence, const uint8_t *data, size_t length,
                    bool recovered)
{
    d->r->expected = (uint16_t)(sequence + 1);
    d->r->digests[sequence % JUMP_MAX] = digest_of(data, length);
    d->r->counters.delivered++;
    if (recovered)
        d->r->counters.recovered++;
    d->cb(d->user, sequence, data, length);
}

static void deliver_held_in_order(const struct delivery *d)
{
    struct held_ifp *h;
    while (d->r->held && (h = find_held(d->r, d->r->expected))) {
        deliver(d, h->sequence, h->data, h->length, h->recovered);
        drop_held(d->r, h);
    }
}

/* Gives up the missing numbers before the first held one, and delivers from there. */
static void skip_gap(const struct delivery *d)
{
    struct udptl_receiver *r = d->r;
    while (r->held && !find_held(r, r->expected))
        give_up(r);
    deliver_held_in_order(d);
}

/* Waits for no more numbers before `first` than are to be held. */
static void advance_to(const struct delivery *d, uint16_t first)
{
    struct udptl_receiver *r = d->r;
    while (distance(r->expected, first) > (int)r->hold_packets) {
        if (r->held)
            skip_gap(d);
        else
            give_up(r);
    }
}

static void hold(const struct delivery *d, uint16_t sequence, const struct udptl_field *f,
                 bool recovered)
{
    struct held_ifp *h = &d->r->ring[sequence % RING];
    if (h->present)
        return;
    uint8_t *copy = take_block(d->r, f->length);
    if (!copy)
        return; /* the same as a lost packet */
    if (f->length)
        memcpy(copy, f->data, f->length);
    d->r->held++;
    *h = (struct held_ifp){.data = copy,
                           .length = f->length,
                           .since_ms = d->now_ms,
                           .sequence = sequence,
                           .present = true,
                           .recovered = recovered};
}

static void accept_ifp(const struct delivery *d, uint16_t sequence, const struct udptl_field *f,
                       bool recovered)
{
    int ahead = distance(d->r->expected, sequence);
    if (ahead == 0) {
        deliver(d, sequence, f->data, f->length, recovered);
        deliver_held_in_order(d);
    } else if (ahead > 0) {
        hold(d, sequence, f, recovered);
    }
}

/* Behind the stream, but with other contents than that number had. */
static bool is_renumbered(const struct udptl_receiver *r, const struct udptl_packet *p)
{
    if (distance(r->expected, p->sequence) >= -BEHIND_LEAST)
        return false;
    uint16_t digest = r->digests[p->sequence % JUMP_MAX];
    return digest && digest != digest_of(p->primary.data, p->primary.length);
}

static void restart(struct udptl_receiver *r)
{
    r->stray_run = 0;
    r->counters.restarts++;
    drop_all_held(r);
    if (r->parity)
        udptl_parity_restart(r->parity);
    memset(r->digests, 0, sizeof r->digests);
    r->started = false;
}

/* A number far from the stream, or one that the stream has passed with another packet, is a restart
 * of the peer only if others follow it. Returns false to ignore the datagram. */
static bool belongs(struct udptl_receiver *r, const struct udptl_packet *p)
{
    int ahead = distance(r->expected, p->sequence);
    bool far = ahead > JUMP_MAX || ahead < -JUMP_MAX;
    if (!r->started || (!far && !is_renumbered(r, p))) {
        if (!r->started || ahead >= 0)
            r->stray_run = 0;
        return true;
    }
    if (r->stray_run && p->sequence == (uint16_t)(r->stray_next - 1))
        return !far; /* the same again */
    r->stray_run = r->stray_run && p->sequence == r->stray_next ? r->stray_run + 1 : 1;
    r->stray_next = (uint16_t)(p->sequence + 1);
    if (r->stray_run < (far ? RESTART_AFTER : BEHIND_AFTER))
        return !far;
    restart(r);
    return true;
}

/* What the first datagram repeats is worth having; nothing before that is missing. */
static void start_at(struct udptl_receiver *r, const struct udptl_packet *p)
{
    unsigned repeated = p->fec ? 0 : p->count;
    while (repeated && p->fields[repeated - 1].length == 0)
        repeated--;
    r->expected = (uint16_t)(p->sequence - repeated);
    r->highest = (uint16_t)(p->sequence - 1);
    r->started = true;
}

static void accept_packet(const struct delivery *d, const struct udptl_packet *p)
{
    for (unsigned age = p->fec ? 0 : p->count; age >= 1; age--) {
        const struct udptl_field *f = &p->fields[age - 1];
        if (f->length) /* an empty one only fills its place in the list */
            accept_ifp(d, (uint16_t)(p->sequence - age), f, true);
    }
    accept_ifp(d, p->sequence, &p->primary, false);
}

/* A packet out of parity is filled up with zeros; its own syntax says where it ends. Returns false
 * when it cannot be one. */
static bool cut(const struct udptl_receiver *r, struct udptl_field *f)
{
    size_t used = 0;
    if (ifp_measure(f->data, f->length, r->config.t38_version, &used))
        return false;
    for (size_t i = used; i < f->length; i++)
        if (f->data[i])
            return false;
    f->length = used;
    return true;
}

static void accept_recovered(const struct delivery *d)
{
    struct udptl_receiver *r = d->r;
    struct udptl_field f;
    uint16_t sequence;
    while (udptl_parity_take(r->parity, &sequence, &f)) {
        if (!cut(r, &f)) {
            r->counters.fec_refused++;
            continue;
        }
        r->counters.fec_recovered++;
        accept_ifp(d, sequence, &f, true);
    }
}

/* Waits as long as later datagrams can still bring a missing packet. */
static void hold_for_parity(struct udptl_receiver *r, unsigned window)
{
    const struct udptl_receiver_config *c = &r->config;
    unsigned packets = window + 1 < UDPTL_HOLD_PACKETS_MAX ? window + 1 : UDPTL_HOLD_PACKETS_MAX;
    unsigned ms =
        window * FEC_PACKET_MS < FEC_HOLD_MS_MAX ? window * FEC_PACKET_MS : FEC_HOLD_MS_MAX;
    r->hold_packets = packets > c->hold_packets ? packets : c->hold_packets;
    r->hold_ms = ms > c->hold_ms ? ms : c->hold_ms;
}

static void use_parity(const struct delivery *d, const struct udptl_packet *p)
{
    struct udptl_receiver *r = d->r;
    if (p->fec && !r->parity && udptl_parity_new(&r->parity))
        return; /* the same as parity that was lost */
    if (!r->parity)
        return;
    unsigned window = p->fec ? p->fec_packets * p->count : 0;
    if (window)
        hold_for_parity(r, window);
    advance_to(d, (uint16_t)(p->sequence - UDPTL_FEC_WINDOW_MAX));
    bool true_parity = !p->fec_refused;
    udptl_parity_know(r->parity, p->sequence, p->primary.data, p->primary.length);
    for (unsigned i = 0; window && i < p->count; i++) {
        uint16_t first = (uint16_t)(p->sequence + i - window);
        true_parity &= udptl_parity_add(r->parity, first, p->count, p->fec_packets, &p->fields[i]);
    }
    if (!true_parity)
        r->counters.fec_refused++;
    accept_recovered(d);
}

static int refuse(struct udptl_receiver *r, const uint8_t *datagram, size_t length)
{
    if (udptl_packet_is_rtp(datagram, length)) {
        r->counters.rtp++;
        return FAX_EUNSUPPORTED;
    }
    r->counters.malformed++;
    return FAX_EFORMAT;
}

void udptl_receiver_prefetch(const struct udptl_receiver *r, const uint8_t *datagram, size_t length)
{
    const char *from = (const char *)r;
    if (length >= 2)
        __builtin_prefetch(&r->digests[(datagram[0] << 8 | datagram[1]) % JUMP_MAX], 1);
    for (size_t at = 0; at < offsetof(struct udptl_receiver, ring); at += CACHE_LINE)
        __builtin_prefetch(from + at, 1);
}

int udptl_receiver_push(struct udptl_receiver *r, const uint8_t *datagram, size_t length,
                        uint64_t now_ms, udptl_ifp_cb cb, void *user)
{
    struct delivery d = {r, now_ms, cb, user};
    /* Half a kilobyte, of which a datagram fills in what it needs; a hardened build would clear all
     * of it for each. */
    struct udptl_packet p __attribute__((uninitialized));
    r->counters.datagrams++;
    if (length > UDPTL_DATAGRAM_MAX || udptl_packet_read(&p, datagram, length))
        return refuse(r, datagram, length);
    r->counters.fec += p.fec;
    if (!belongs(r, &p)) {
        r->counters.ignored++;
        return FAX_ELIMIT;
    }
    if (!r->started)
        start_at(r, &p);
    if (distance(r->expected, p.sequence) < 0 || (r->held && find_held(r, p.sequence))) {
        r->counters.duplicates++;
        return 0;
    }
    if (distance(r->highest, p.sequence) > 0)
        r->highest = p.sequence;
    else
        r->counters.reordered++;
    use_parity(&d, &p);
    advance_to(&d, (uint16_t)(p.sequence - (p.fec ? 0 : p.count)));
    accept_packet(&d, &p);
    return 0;
}

/* When the first IFP behind the gap has waited long enough. */
uint64_t udptl_receiver_due_ms(const struct udptl_receiver *r)
{
    if (!r->held)
        return UINT64_MAX;
    const struct held_ifp *h = &r->ring[r->expected % RING];
    for (uint16_t sequence = r->expected; !h->present; h = &r->ring[++sequence % RING])
        ;
    return h->since_ms + r->hold_ms;
}

void udptl_receiver_flush(struct udptl_receiver *r, uint64_t now_ms, udptl_ifp_cb cb, void *user)
{
    struct delivery d = {r, now_ms, cb, user};
    while (udptl_receiver_due_ms(r) <= now_ms)
        skip_gap(&d);
}

const struct udptl_counters *udptl_receiver_counters(const struct udptl_receiver *r)
{
    return &r->counters;
}
