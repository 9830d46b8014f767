#include "tests/doubles/lossy_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEP_MS = 20, DEFAULT_REORDER_MS = 80 };

static uint64_t read_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

double lossy_link_ticks_per_us(void)
{
    struct timespec a, b, pause = {.tv_nsec = 30000000};
    clock_gettime(CLOCK_MONOTONIC, &a);
    uint64_t from = read_ticks();
    nanosleep(&pause, NULL);
    uint64_t to = read_ticks();
    clock_gettime(CLOCK_MONOTONIC, &b);
    double us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    return (double)(to - from) / us;
}

static void charge(struct lossy_end *end, uint64_t from)
{
    uint64_t spent = read_ticks() - from;
    end->cpu_ticks += spent;
    if (spent > end->worst_ticks)
        end->worst_ticks = spent;
}

double lossy_link_random(struct lossy_link *link)
{
    link->random ^= link->random << 13;
    link->random ^= link->random >> 7;
    link->random ^= link->random << 17;
    return (double)(link->random >> 11) / 9007199254740992.0;
}

static int make_sender(struct udptl_sender **out, const struct lossy_link_config *c)
{
    size_t most = c->max_datagram ? c->max_datagram : 1400;
    return c->fec_packets ? udptl_sender_new_fec(out, c->fec_packets, c->fec_fields, most)
                          : udptl_sender_new(out, c->redundancy, most);
}

void lossy_link_init(struct lossy_link *link, const struct lossy_link_config *config)
{
    memset(link, 0, sizeof *link);
    link->config = *config;
    link->random = 88172645463325252u ^ (config->seed + 1) * 0x9E3779B97F4A7C15u;
    for (int i = 0; i < 2; i++) {
        struct lossy_end *end = &link->end[i];
        end->link = link;
        end->index = i;
        end->queue = calloc(LOSSY_QUEUE, sizeof *end->queue);
        struct udptl_receiver_config receiver = udptl_receiver_default;
        receiver.t38_version = config->t38_version;
        if (!end->queue || make_sender(&end->sender, config) ||
            udptl_receiver_new(&end->receiver, &receiver))
            abort();
        audio_stream_init(&end->audio, config->law,
                          config->law == COMPANDING_ALAW ? RTP_PAYLOAD_PCMA : RTP_PAYLOAD_PCMU,
                          0xC0FFEE00u + (uint32_t)i, (uint16_t)(65500 + i), 0xFFFFF000u);
    }
}

static bool is_in_burst(struct lossy_link *link)
{
    const struct lossy_link_config *c = &link->config;
    if (!c->burst_every_ms)
        return false;
    if (link->now_ms >= link->burst_next_ms) {
        double at = lossy_link_random(link) * (c->burst_every_ms - c->burst_ms);
        link->burst_from_ms = link->burst_next_ms + (uint64_t)at;
        link->burst_next_ms += c->burst_every_ms;
    }
    return link->now_ms >= link->burst_from_ms && link->now_ms < link->burst_from_ms + c->burst_ms;
}

static void put_datagram(struct lossy_end *to, const uint8_t *datagram, size_t length)
{
    struct lossy_link *link = to->link;
    link->sent++;
    link->longest = length > link->longest ? length : link->longest;
    if (is_in_burst(link) || link->now_ms < to->cut_until_ms ||
        lossy_link_random(link) < link->config.loss) {
        link->lost++;
        return;
    }
    unsigned late = link->config.reorder_ms ? link->config.reorder_ms : DEFAULT_REORDER_MS;
    uint64_t due = link->now_ms + link->config.delay_ms;
    if (lossy_link_random(link) < link->config.reorder)
        due += (uint64_t)(lossy_link_random(link) * late);
    for (int i = 0; i < LOSSY_QUEUE; i++) {
        if (to->queue[i].length)
            continue;
        to->queue[i].due_ms = due;
        to->queue[i].length = length;
        memcpy(to->queue[i].octets, datagram, length);
        return;
    }
    abort(); /* the test lets too much pile up */
}

void lossy_link_send(struct lossy_end *from, const uint8_t *ifp, size_t length, int copies)
{
    struct lossy_end *to = &from->link->end[1 - from->index];
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;
    if (udptl_sender_produce(from->sender, ifp, length, datagram, sizeof datagram, &octets))
        abort();
    udptl_sender_sent(from->sender, from->link->now_ms);
    for (int i = 0; i < copies; i++) {
        put_datagram(to, datagram, octets);
        if (lossy_link_random(from->link) < from->link->config.duplicate)
            put_datagram(to, datagram, octets);
    }
}

static void on_send_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    lossy_link_send(user, ifp, length, copies);
}

static size_t on_hear(void *user, int16_t *samples)
{
    struct lossy_end *end = user;
    return audio_stream_hear(&end->audio, samples);
}

static void on_say(void *user, const int16_t *samples)
{
    struct lossy_end *end = user, *to = &end->link->end[1 - end->index];
    uint8_t datagram[AUDIO_STREAM_PACKET];
    size_t octets = audio_stream_say(&end->audio, samples, datagram);
    put_datagram(to, datagram, octets);
    if (lossy_link_random(end->link) < end->link->config.duplicate)
        put_datagram(to, datagram, octets);
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct lossy_end *end = user;
    if (end->event)
        end->event(end->user, event);
}

struct fax_engine_callbacks lossy_link_callbacks(struct lossy_link *link, int index)
{
    return (struct fax_engine_callbacks){on_send_ifp, on_event, &link->end[index], on_hear, on_say};
}

static void on_ifp(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct lossy_end *end = user;
    if (end->party.self)
        end->party.receive(end->party.self, sequence, data, length);
    else if (end->link->config.receive_plainly)
        (void)fax_engine_receive_ifp(end->engine, sequence, data, length);
    else if (fax_engine_receive_at(end->engine, end->link->now_ms, sequence, data, length) ==
             FAX_ENGINE_OCTETS)
        end->octets_only++;
    else
        (void)fax_engine_next_due_ms(end->engine); /* as the line asks it */
}

/* The earliest due datagram; of equal ones the first slot, which is the order of sending mostly. */
static struct lossy_datagram *take_due(struct lossy_end *end)
{
    struct lossy_datagram *best = NULL;
    for (int i = 0; i < LOSSY_QUEUE; i++) {
        struct lossy_datagram *d = &end->queue[i];
        if (d->length && d->due_ms <= end->link->now_ms && (!best || d->due_ms < best->due_ms))
            best = d;
    }
    return best;
}

static uint64_t clock_of(const struct lossy_end *end)
{
    uint64_t now_ms = end->link->now_ms;
    int64_t ahead = end->index ? (int64_t)now_ms * end->link->config.drift_ppm / 1000000 : 0;
    return now_ms + (uint64_t)ahead;
}

static void deliver(struct lossy_end *end, const struct lossy_datagram *d)
{
    if (end->link->config.audio)
        (void)audio_stream_take(&end->audio, d->octets, d->length, end->link->now_ms);
    else
        (void)udptl_receiver_push(end->receiver, d->octets, d->length, end->link->now_ms, on_ifp,
                                  end);
}

/* As the line: only when something is due. */
static void tick_engine(struct lossy_end *end)
{
    if (!end->link->config.receive_plainly && clock_of(end) < fax_engine_next_due_ms(end->engine))
        return;
    fax_engine_tick(end->engine, clock_of(end));
    (void)fax_engine_next_due_ms(end->engine);
}

void lossy_link_step(struct lossy_link *link)
{
    link->now_ms += STEP_MS;
    for (int i = 0; i < 2; i++) {
        struct lossy_end *end = &link->end[i];
        uint64_t from = read_ticks();
        udptl_receiver_flush(end->receiver, link->now_ms, on_ifp, end);
        if (end->party.self)
            end->party.tick(end->party.self, link->now_ms);
        else
            tick_engine(end);
        charge(end, from);
        uint8_t datagram[UDPTL_DATAGRAM_MAX];
        size_t octets;
        if (udptl_sender_repeat(end->sender, link->now_ms, datagram, &octets))
            put_datagram(&link->end[1 - i], datagram, octets);
    }
    for (int i = 0; i < 2; i++) {
        struct lossy_end *end = &link->end[i];
        for (struct lossy_datagram *d; (d = take_due(end));) {
            uint64_t from = read_ticks();
            deliver(end, d);
            charge(end, from);
            d->length = 0;
        }
    }
}

static bool end_finished(const struct lossy_end *end)
{
    return end->party.self ? end->party.finished(end->party.self)
                           : fax_engine_finished(end->engine);
}

bool lossy_link_run(struct lossy_link *link, uint64_t until_ms)
{
    for (;;) {
        bool done = end_finished(&link->end[0]) && end_finished(&link->end[1]);
        if (done || link->now_ms >= until_ms)
            return done;
        lossy_link_step(link);
    }
}

void lossy_link_free(struct lossy_link *link)
{
    for (int i = 0; i < 2; i++) {
        fax_engine_free(link->end[i].engine);
        udptl_sender_free(link->end[i].sender);
        udptl_receiver_free(link->end[i].receiver);
        free(link->end[i].queue);
        link->end[i].engine = NULL;
        link->end[i].queue = NULL;
    }
}
