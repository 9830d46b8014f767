#include "tests/doubles/bridge_rig.h"

#include "t38/spandsp_session.h"
#include "tests/doubles/t6_page.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEP_MS = 20 };

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put(struct bridge_rig_queue *queue, const uint8_t *ifp, size_t length, int copies)
{
    (void)copies; /* the way loses nothing */
    if (queue->count == BRIDGE_RIG_QUEUE || length > FAX_BRIDGE_IFP_MAX)
        abort();
    memcpy(queue->ifps[queue->count].octets, ifp, length);
    queue->ifps[queue->count++].length = length;
}

static void engine_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct bridge_rig_end *end = user;
    put(&end->rig->to_bridge, ifp, length, copies);
}

static size_t engine_hears(void *user, int16_t *samples)
{
    struct bridge_rig_end *end = user;
    companding_decode(COMPANDING_ULAW, end->rig->to_audio, FAX_BRIDGE_SAMPLES, samples);
    return 0;
}

static void engine_says(void *user, const int16_t *samples)
{
    struct bridge_rig_end *end = user;
    companding_encode(COMPANDING_ULAW, samples, FAX_BRIDGE_SAMPLES, end->rig->from_audio);
}

static void bridge_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct bridge_rig *rig = user;
    put(&rig->to_engine, ifp, length, copies);
}

static size_t bridge_hears(void *user, int16_t *samples)
{
    struct bridge_rig *rig = user;
    companding_decode(COMPANDING_ULAW, rig->from_audio, FAX_BRIDGE_SAMPLES, samples);
    return 0;
}

static void bridge_says(void *user, const int16_t *samples)
{
    struct bridge_rig *rig = user;
    companding_encode(COMPANDING_ULAW, samples, FAX_BRIDGE_SAMPLES, rig->to_audio);
}

static void take_page(struct bridge_rig *rig, struct bridge_rig_end *end,
                      const struct fax_engine_event *event)
{
    uint32_t page = rig->received++;
    if (page < rig->config.page_count &&
        t6_page_arrived(&rig->config.pages[page].view, &event->received->view))
        rig->identical++;
    if (fax_engine_page_durable(end->engine))
        abort();
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct bridge_rig_end *end = user;
    adapted_pages_note(&end->adapted, event);
    if (event->kind == FAX_EVENT_PAGE_RECEIVED)
        take_page(end->rig, end, event);
    end->confirmed += event->kind == FAX_EVENT_PAGE_CONFIRMED;
    if (event->kind != FAX_EVENT_FINISHED)
        return;
    end->finished = true;
    end->result = event->result;
    end->statistics = *event->statistics;
}

static int get_page(void *user, uint32_t page, struct fax_page_view *out)
{
    const struct bridge_rig_end *end = user;
    *out = adapted_pages_get(&end->adapted, end->rig->config.pages, page);
    return 0;
}

static void begin_engine(struct bridge_rig *rig, int index)
{
    struct bridge_rig_end *end = &rig->end[index];
    bool audio = index == BRIDGE_RIG_AUDIO;
    end->rig = rig;
    const struct fax_engine_config config = {
        .sender = audio == rig->config.audio_sends,
        .audio = audio,
        .max_rate = rig->config.max_rate ? rig->config.max_rate : 14400,
        .ecm = !rig->config.without_ecm,
        .source = {.page_count = rig->config.page_count, .get = get_page, .user = end},
        .callbacks = {.send_ifp = engine_sends,
                      .event = on_event,
                      .user = end,
                      .hear = engine_hears,
                      .say = engine_says}};
    if (fax_engine_new(&end->engine, &config))
        abort();
}

static int plain_sends(t38_core_state_t *core, void *user, const uint8_t *ifp, int length,
                       int copies)
{
    (void)core;
    bridge_sends(user, ifp, (size_t)length, copies);
    return 0;
}

static void begin_plain(struct bridge_rig *rig)
{
    t38_gateway_state_t *g = t38_gateway_init(NULL, plain_sends, rig);
    if (!g)
        abort();
    t38_gateway_set_transmit_on_idle(g, TRUE);
    t38_gateway_set_ecm_capability(g, TRUE);
    rig->plain = g;
}

void bridge_rig_begin(struct bridge_rig *rig, const struct bridge_rig_config *config)
{
    memset(rig, 0, sizeof *rig);
    rig->config = *config;
    memset(rig->from_audio, COMPANDING_ULAW_SILENCE, sizeof rig->from_audio);
    memset(rig->to_audio, COMPANDING_ULAW_SILENCE, sizeof rig->to_audio);
    const struct fax_bridge_config bridge = {.ecm = true,
                                             .max_rate = 14400,
                                             .callbacks = {.send_ifp = bridge_sends,
                                                           .hear = bridge_hears,
                                                           .say = bridge_says,
                                                           .observe = config->observe,
                                                           .user = rig}};
    if (config->plain)
        begin_plain(rig);
    else if (fax_bridge_new(&rig->bridge, &bridge))
        abort();
    begin_engine(rig, BRIDGE_RIG_T38);
    begin_engine(rig, BRIDGE_RIG_AUDIO);
}

static void step_plain(struct bridge_rig *rig)
{
    t38_gateway_state_t *g = rig->plain;
    int16_t samples[FAX_BRIDGE_SAMPLES];
    (void)bridge_hears(rig, samples);
    t38_gateway_rx(g, samples, FAX_BRIDGE_SAMPLES);
    (void)t38_gateway_tx(g, samples, FAX_BRIDGE_SAMPLES);
    bridge_says(rig, samples);
}

static void give_to_bridge(struct bridge_rig *rig)
{
    for (unsigned i = 0; i < rig->to_bridge.count; i++) {
        const struct bridge_rig_ifp *ifp = &rig->to_bridge.ifps[i];
        uint16_t sequence = rig->to_bridge.sequence++;
        if (rig->plain)
            t38_core_rx_ifp_packet(t38_gateway_get_t38_core_state(rig->plain), ifp->octets,
                                   (int)ifp->length, sequence);
        else
            (void)fax_bridge_receive_ifp(rig->bridge, sequence, ifp->octets, ifp->length);
    }
    rig->to_bridge.count = 0;
}

static void step_bridge(struct bridge_rig *rig)
{
    uint64_t from = cpu_ns();
    give_to_bridge(rig);
    if (rig->plain)
        step_plain(rig);
    else
        fax_bridge_tick(rig->bridge, rig->now_ms);
    uint64_t spent = cpu_ns() - from;
    rig->bridge_ns += spent;
    if (spent > rig->worst_ns)
        rig->worst_ns = spent;
}

void bridge_rig_step(struct bridge_rig *rig)
{
    rig->now_ms += STEP_MS;
    for (int i = 0; i < 2; i++) {
        struct bridge_rig_end *end = &rig->end[i];
        fax_engine_tick(end->engine, rig->now_ms);
        if (adapted_pages_give(&end->adapted, end->engine, rig->config.pages,
                               rig->config.page_count))
            abort();
    }
    step_bridge(rig);
    for (unsigned i = 0; i < rig->to_engine.count; i++)
        (void)fax_engine_receive_ifp(rig->end[BRIDGE_RIG_T38].engine, rig->to_engine.sequence++,
                                     rig->to_engine.ifps[i].octets, rig->to_engine.ifps[i].length);
    rig->to_engine.count = 0;
}

bool bridge_rig_run(struct bridge_rig *rig, unsigned limit_s)
{
    uint64_t until = rig->now_ms + (uint64_t)limit_s * 1000;
    while (rig->now_ms < until && !(rig->end[0].finished && rig->end[1].finished))
        bridge_rig_step(rig);
    return rig->end[0].finished && rig->end[1].finished;
}

void bridge_rig_end(struct bridge_rig *rig)
{
    for (int i = 0; i < 2; i++) {
        fax_engine_free(rig->end[i].engine);
        adapted_pages_free(&rig->end[i].adapted);
    }
    fax_bridge_free(rig->bridge);
    if (rig->plain)
        t38_gateway_free(rig->plain);
}
