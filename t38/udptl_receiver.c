#include "codecs/fax_error.h"
#include "t38/udptl.h"
#include "t38/udptl_packet.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    JUMP_MAX = 512,    /* numbers ahead or behind that still belong to the stream: 15 s of it */
    RESTART_AFTER = 3, /* consecutive datagrams beyond that make a new stream */
    RING = 128,        /* divides 65536, and more than what is held and what one datagram repeats */
};

_Static_assert(RING > UDPTL_HOLD_PACKETS_MAX + UDPTL_SECONDARIES_MAX + 1, "the ring is too small");

const struct udptl_receiver_config udptl_receiver_default = {.hold_packets = 5, .hold_ms = 100};

/* An IFP that came too early. Few are ever held, so each has its own memory. */
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
    uint16_t expected;   /* the next number to deliver */
    uint16_t highest;    /* the highest number seen in a primary */
    uint16_t stray_next; /* what would continue a possible new stream */
    unsigned stray_run;  /* how many did */
    unsigned held;       /* entries present in ring, all within RING of expected */
    struct held_ifp ring[RING];
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
    *out = r;
    return 0;
}

static void drop_held(struct udptl_receiver *r, struct held_ifp *h)
{
    if (!h->present)
        return;
    if (h->data)
        explicit_bzero(h->data, h->length);
    free(h->data);
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
    if (r)
        drop_all_held(r);
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

static void deliver(const struct delivery *d, uint16_t sequence, const uint8_t *data, size_t length,
                    bool recovered)
{
    d->r->expected = (uint16_t)(sequence + 1);
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
    while (r->held && !find_held(r, r->expected)) {
        r->expected++;
        r->counters.lost++;
    }
    deliver_held_in_order(d);
}

/* Waits for no more numbers before `first` than are to be held. */
static void advance_to(const struct delivery *d, uint16_t first)
{
    struct udptl_receiver *r = d->r;
    while (distance(r->expected, first) > (int)r->config.hold_packets) {
        if (r->held) {
            skip_gap(d);
        } else {
            unsigned gone = (unsigned)distance(r->expected, first) - r->config.hold_packets;
            r->expected = (uint16_t)(r->expected + gone);
            r->counters.lost += gone;
        }
    }
}

static void hold(const struct delivery *d, uint16_t sequence, const struct udptl_field *f,
                 bool recovered)
{
    struct held_ifp *h = &d->r->ring[sequence % RING];
    if (h->present)
        return;
    uint8_t *copy = malloc(f->length ? f->length : 1);
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

/* A number far from the stream is a restart of the peer only if others follow it. */
static bool belongs(struct udptl_receiver *r, uint16_t sequence)
{
    int ahead = distance(r->expected, sequence);
    if (!r->started || (ahead <= JUMP_MAX && ahead >= -JUMP_MAX)) {
        r->stray_run = 0;
        return true;
    }
    r->stray_run = r->stray_run && sequence == r->stray_next ? r->stray_run + 1 : 1;
    r->stray_next = (uint16_t)(sequence + 1);
    if (r->stray_run < RESTART_AFTER)
        return false;
    r->stray_run = 0;
    r->counters.restarts++;
    drop_all_held(r);
    r->started = false;
    return true;
}

/* What the first datagram repeats is worth having; nothing before that is missing. */
static void start_at(struct udptl_receiver *r, const struct udptl_packet *p)
{
    unsigned repeated = p->count;
    while (repeated && p->secondary[repeated - 1].length == 0)
        repeated--;
    r->expected = (uint16_t)(p->sequence - repeated);
    r->highest = (uint16_t)(p->sequence - 1);
    r->started = true;
}

static void accept_packet(const struct delivery *d, const struct udptl_packet *p)
{
    for (unsigned age = p->count; age >= 1; age--) {
        const struct udptl_field *f = &p->secondary[age - 1];
        if (f->length) /* an empty one only fills its place in the list */
            accept_ifp(d, (uint16_t)(p->sequence - age), f, true);
    }
    accept_ifp(d, p->sequence, &p->primary, false);
}

int udptl_receiver_push(struct udptl_receiver *r, const uint8_t *datagram, size_t length,
                        uint64_t now_ms, udptl_ifp_cb cb, void *user)
{
    struct delivery d = {r, now_ms, cb, user};
    struct udptl_packet p;
    r->counters.datagrams++;
    if (udptl_packet_read(&p, datagram, length) || length > UDPTL_DATAGRAM_MAX) {
        r->counters.malformed++;
        return FAX_EFORMAT;
    }
    r->counters.fec += p.fec;
    if (!belongs(r, p.sequence)) {
        r->counters.ignored++;
        return FAX_ELIMIT;
    }
    if (!r->started)
        start_at(r, &p);
    if (distance(r->expected, p.sequence) < 0 || find_held(r, p.sequence)) {
        r->counters.duplicates++;
        return 0;
    }
    if (distance(r->highest, p.sequence) > 0)
        r->highest = p.sequence;
    else
        r->counters.reordered++;
    advance_to(&d, (uint16_t)(p.sequence - p.count));
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
    return h->since_ms + r->config.hold_ms;
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
