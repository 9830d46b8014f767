/* fax_bridge_fuzz.c: a fax that goes through a bridged call in virtual time, with what a script
 * does to it: packets of the T.38 leg are altered, dropped, repeated or made up, audio is noise or
 * lost.
 *
 * The first octet: bit 0: the machine on T.38 has the document; bit 1: no ECM; bit 2: both legs are
 * T.38 (the relay), else the other one is audio; bits 3 and 4: version of T.38. Then commands, an
 * octet and its arguments: 0: time passes, n times 100 ms; 1: the next packet has octet n
 * xor-ed with m; 2: the next n packets are lost; 3: a packet of n octets from the script; 4: a
 * frame of n octets from the script, n even: with good FCS; 5: n times 20 ms of noise; 6: n times
 * 20 ms lost; 7: the next n packets come twice
 */
#include "t38/companding.h"
#include "t38/fax_bridge.h"
#include "t38/fax_engine.h"
#include "t38/fax_observer.h"
#include "t38/fax_relay.h"
#include "tests/doubles/adapted_pages.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TIME_MS = 60000, STEP_MS = 20, QUEUE = 512, T38 = 0, OTHER = 1 };

struct queue {
    struct {
        uint8_t octets[FAX_BRIDGE_IFP_MAX];
        size_t length;
    } ifps[QUEUE];
    unsigned count;
    uint16_t sequence;
};

struct machine {
    struct session *session;
    struct fax_engine *engine;
    unsigned index;
    bool finished;
    struct adapted_pages adapted;
};

struct session {
    const uint8_t *data;
    size_t size;
    struct machine machine[2];
    struct fax_bridge *bridge; /* NULL: the relay */
    struct fax_relay relay[2];
    struct fax_observer *observer;
    struct queue to[2];   /* packets that arrive at a machine */
    struct queue from[2]; /* packets that arrive here from one */
    uint8_t said[160], heard[160];
    uint64_t now_ms;
    unsigned at, mask, drop, twice, noise, lost;
    uint32_t random;
    uint32_t pages, missed;
    uint16_t observed[2];
    int version;
};

/* A page of eight white rows. */
static const uint8_t page[] = {0xFF, 0x00, 0x08, 0x80};

static const struct fax_page pages[] = {
    {.view = {FAX_PAGE_T6, true, 1728, 8, 204, 196, page, sizeof page}},
    {.view = {FAX_PAGE_T6, true, 1728, 8, 204, 196, page, sizeof page}}};

static int get_page(void *user, uint32_t number, struct fax_page_view *out)
{
    const struct machine *m = user;
    *out = adapted_pages_get(&m->adapted, pages, number);
    return 0;
}

static void put(struct queue *q, const uint8_t *ifp, size_t length)
{
    if (q->count == QUEUE || length > FAX_BRIDGE_IFP_MAX)
        return;
    memcpy(q->ifps[q->count].octets, ifp, length);
    q->ifps[q->count++].length = length;
}

static void put_from(struct session *s, unsigned index, const uint8_t *ifp, size_t length)
{
    uint8_t copy[FAX_BRIDGE_IFP_MAX];
    if (length > sizeof copy || length == 0)
        return;
    if (index == T38 && s->drop > 0) {
        s->drop--;
        s->from[index].sequence++;
        return;
    }
    memcpy(copy, ifp, length);
    if (index == T38) {
        copy[s->at % length] ^= (uint8_t)s->mask;
        s->mask = 0;
    }
    put(&s->from[index], copy, length);
    if (index == T38 && s->twice > 0) {
        s->twice--;
        put(&s->from[index], copy, length);
    }
}

static void machine_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct machine *m = user;
    (void)copies;
    put_from(m->session, m->index, ifp, length);
}

static void machine_event(void *user, const struct fax_engine_event *event)
{
    struct machine *m = user;
    adapted_pages_note(&m->adapted, event);
    if (event->kind == FAX_EVENT_PAGE_RECEIVED && fax_engine_page_durable(m->engine))
        return; /* it has ended meanwhile */
    m->finished = m->finished || event->kind == FAX_EVENT_FINISHED;
}

static size_t machine_hears(void *user, int16_t *samples)
{
    struct machine *m = user;
    companding_decode(COMPANDING_ALAW, m->session->heard, 160, samples);
    return 0;
}

static void machine_says(void *user, const int16_t *samples)
{
    struct machine *m = user;
    companding_encode(COMPANDING_ALAW, samples, 160, m->session->said);
}

static void bridge_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct session *s = user;
    (void)copies;
    if (ifp_check(ifp, length, s->version, NULL)) /* what leaves is a packet of that version */
        abort();
    put(&s->to[T38], ifp, length);
}

static uint32_t next_random(struct session *s)
{
    s->random = s->random * 1664525u + 1013904223u;
    return s->random >> 8;
}

static size_t bridge_hears(void *user, int16_t *samples)
{
    struct session *s = user;
    companding_decode(COMPANDING_ALAW, s->said, 160, samples);
    if (s->lost > 0) {
        s->lost--;
        memset(samples, 0, 160 * sizeof *samples);
        return 160;
    }
    for (int i = 0; i < 160 && s->noise > 0; i++)
        samples[i] = (int16_t)next_random(s);
    s->noise -= s->noise > 0;
    return 0;
}

static void bridge_says(void *user, const int16_t *samples)
{
    struct session *s = user;
    companding_encode(COMPANDING_ALAW, samples, 160, s->heard);
}

static void on_page(void *user, uint32_t number, struct fax_page *taken)
{
    struct session *s = user;
    if (number != s->pages + s->missed + 1 || taken->view.length == 0 ||
        taken->view.length > FAX_OBSERVER_PAGE_MAX)
        abort();
    s->pages++;
}

static void on_missed(void *user, uint32_t number, const char *why)
{
    struct session *s = user;
    if (number != s->pages + s->missed + 1 || !why)
        abort();
    s->missed++;
}

static void on_frame(void *user, unsigned side, const uint8_t *octets, size_t length)
{
    struct session *s = user;
    if (length < 3)
        abort();
    s->random += octets[length - 1] + side;
}

static void observe(void *user, bool from_t38, const uint8_t *ifp, size_t length)
{
    struct session *s = user;
    struct ifp_packet packet;
    unsigned side = from_t38 ? T38 : OTHER;
    if (ifp_packet_read(ifp, length, s->version, &packet) == 0)
        fax_observer_see(s->observer, side, s->observed[side]++, &packet);
}

static void relay_packets(struct session *s, unsigned index)
{
    struct queue *q = &s->from[index];
    fax_relay_tick(&s->relay[index]);
    for (unsigned i = 0; i < q->count; i++) {
        uint8_t out[FAX_RELAY_IFP_MAX];
        size_t length;
        struct ifp_packet packet;
        uint16_t sequence = q->sequence++;
        if (fax_relay_pass(&s->relay[index], sequence, q->ifps[i].octets, q->ifps[i].length, out,
                           &length, &packet))
            continue;
        if (ifp_check(out, length, s->relay[index].version_out, NULL))
            abort();
        put(&s->to[index ^ 1u], out, length);
        fax_observer_see(s->observer, index, sequence, &packet);
    }
    q->count = 0;
}

static void bridge_packets(struct session *s)
{
    struct queue *q = &s->from[T38];
    for (unsigned i = 0; i < q->count; i++)
        (void)fax_bridge_receive_ifp(s->bridge, q->sequence++, q->ifps[i].octets,
                                     q->ifps[i].length);
    q->count = 0;
    fax_bridge_tick(s->bridge, s->now_ms);
}

static void deliver(struct session *s, unsigned index)
{
    struct queue *q = &s->to[index];
    for (unsigned i = 0; i < q->count; i++)
        (void)fax_engine_receive_ifp(s->machine[index].engine, q->sequence++, q->ifps[i].octets,
                                     q->ifps[i].length);
    q->count = 0;
}

static void step(struct session *s)
{
    s->now_ms += STEP_MS;
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = &s->machine[i];
        fax_engine_tick(m->engine, s->now_ms);
        (void)adapted_pages_give(&m->adapted, m->engine, pages, 2);
    }
    if (s->bridge) {
        bridge_packets(s);
    } else {
        relay_packets(s, 0);
        relay_packets(s, 1);
    }
    deliver(s, T38);
    if (!s->bridge)
        deliver(s, OTHER);
}

static unsigned take_octet(struct session *s)
{
    if (s->size == 0)
        return 0;
    s->size--;
    return *s->data++;
}

static void pass_time(struct session *s, unsigned ms)
{
    for (unsigned i = 0; i < ms && s->now_ms < MAX_TIME_MS; i += STEP_MS)
        step(s);
}

static size_t take_some(struct session *s, uint8_t *out, size_t n)
{
    n = n < s->size ? n : s->size;
    memcpy(out, s->data, n);
    s->data += n;
    s->size -= n;
    return n;
}

static void make_packet(struct session *s)
{
    uint8_t ifp[256];
    put_from(s, T38, ifp, take_some(s, ifp, take_octet(s)));
}

static void make_frame(struct session *s)
{
    uint8_t frame[256], ifp[FAX_BRIDGE_IFP_MAX];
    unsigned n = take_octet(s);
    size_t length = 0, octets = take_some(s, frame, n);
    const struct ifp_packet packet = {
        .has_fields = true,
        .fields = 2,
        .field = {{IFP_HDLC_DATA, octets > 0 ? frame : NULL, octets},
                  {.type = n % 2 ? IFP_HDLC_FCS_BAD : IFP_HDLC_FCS_OK_SIG_END}}};
    if (ifp_packet_write(&packet, s->version, ifp, sizeof ifp, &length) == 0)
        put_from(s, T38, ifp, length);
}

static void run_command(struct session *s, unsigned command)
{
    switch (command % 8) {
    case 0:
        pass_time(s, 100 * take_octet(s));
        break;
    case 1:
        s->at = take_octet(s);
        s->mask = take_octet(s);
        break;
    case 2:
        s->drop = take_octet(s) % 64;
        break;
    case 3:
        make_packet(s);
        break;
    case 4:
        make_frame(s);
        break;
    case 5:
        s->noise = take_octet(s);
        s->random = s->noise;
        break;
    case 6:
        s->lost = take_octet(s);
        break;
    default:
        s->twice = take_octet(s) % 64;
        break;
    }
    pass_time(s, STEP_MS);
}

static int begin(struct session *s, unsigned options)
{
    const struct fax_observer_callbacks observer = {
        .page = on_page, .missed = on_missed, .frame = on_frame, .user = s};
    bool relay = options & 4;
    s->version = (int)(options >> 3 & 3u);
    for (unsigned i = 0; i < 2; i++) {
        const struct fax_engine_config config = {
            .sender = (options & 1) != i,
            .audio = i == OTHER && !relay,
            .t38_version = i == OTHER ? 0 : s->version,
            .max_rate = 14400,
            .ecm = !(options & 2),
            .source = {.page_count = 2, .get = get_page, .user = &s->machine[i]},
            .callbacks = {.send_ifp = machine_sends,
                          .event = machine_event,
                          .hear = machine_hears,
                          .say = machine_says,
                          .user = &s->machine[i]}};
        s->machine[i].session = s;
        s->machine[i].index = i;
        if (fax_engine_new(&s->machine[i].engine, &config))
            return -1;
    }
    s->relay[T38].version_in = s->relay[OTHER].version_out = s->version;
    const struct fax_bridge_config bridge = {.t38_version = s->version,
                                             .ecm = true,
                                             .max_rate = 14400,
                                             .callbacks = {.send_ifp = bridge_sends,
                                                           .hear = bridge_hears,
                                                           .say = bridge_says,
                                                           .observe = observe,
                                                           .user = s}};
    if (fax_observer_new(&s->observer, &observer))
        return -1;
    return relay ? 0 : fax_bridge_new(&s->bridge, &bridge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return 0;
    s->data = data;
    s->size = size;
    memset(s->said, COMPANDING_ALAW_SILENCE, sizeof s->said);
    memset(s->heard, COMPANDING_ALAW_SILENCE, sizeof s->heard);
    if (begin(s, take_octet(s)) == 0) {
        while (s->size > 0 && s->now_ms < MAX_TIME_MS &&
               !(s->machine[0].finished && s->machine[1].finished))
            run_command(s, take_octet(s));
    }
    for (unsigned i = 0; i < 2; i++) {
        fax_engine_free(s->machine[i].engine);
        adapted_pages_free(&s->machine[i].adapted);
    }
    fax_bridge_free(s->bridge);
    fax_observer_free(s->observer);
    free(s);
    return 0;
}
