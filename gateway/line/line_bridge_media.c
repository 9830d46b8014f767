/* What stands between the legs of a bridged call, and what is seen of the fax that passes. */
#include "gateway/line/line_bridge.h"

#include <string.h>

enum { STEP_MS = 20, CATCH_UP_MS = 200 };

static unsigned other(unsigned leg)
{
    return leg ^ 1u;
}

static void observe_cb(void *user, bool from_t38, const uint8_t *ifp, size_t length)
{
    struct line_bridge *b = user;
    struct ifp_packet packet;
    unsigned side = from_t38 ? b->t38 : other(b->t38);

    if (ifp_packet_read(ifp, length, b->leg[b->t38].version, &packet) == 0)
        fax_observer_see(b->observer, side, from_t38 ? b->sequence_in : b->sequence_out++, &packet);
}

static void send_cb(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct line_bridge *b = user;

    bridge_leg_send_ifp(&b->leg[b->t38], ifp, length, copies, line_now_ms());
}

static size_t hear_cb(void *user, int16_t samples[FAX_BRIDGE_SAMPLES])
{
    struct line_bridge *b = user;

    return bridge_leg_hear(&b->leg[other(b->t38)], samples);
}

static void say_cb(void *user, const int16_t samples[FAX_BRIDGE_SAMPLES])
{
    struct line_bridge *b = user;

    bridge_leg_say(&b->leg[other(b->t38)], samples);
}

static bool begin_converter(struct line_bridge *b)
{
    b->t38 = b->leg[0].kind == BRIDGE_LEG_T38 ? 0 : 1;
    const struct fax_bridge_config config = {
        .t38_version = b->leg[b->t38].version,
        .ecm = b->start.ecm != 0,
        .max_rate = b->start.max_rate,
        .callbacks =
            {.send_ifp = send_cb, .hear = hear_cb, .say = say_cb, .observe = observe_cb, .user = b},
    };

    return fax_bridge_new(&b->converter, &config) == 0;
}

static void begin_relay(struct line_bridge *b)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        memset(&b->relay[i], 0, sizeof b->relay[i]);
        b->relay[i].version_in = b->leg[i].version;
        b->relay[i].version_out = b->leg[other(i)].version;
    }
}

void line_bridge_part(struct line_bridge *b)
{
    struct fax_bridge_statistics statistics;

    if (b->converter != NULL) {
        fax_bridge_statistics(b->converter, &statistics);
        b->refused[b->t38] += statistics.ifps_refused + statistics.frames_refused;
        b->refused[other(b->t38)] += statistics.frames_overlong;
    }
    for (unsigned i = 0; i < BRIDGE_LEGS && b->mode == LINE_BRIDGE_RELAY; i++)
        b->refused[i] += b->relay[i].counters.ifps_refused + b->relay[i].counters.frames_refused;
    fax_bridge_free(b->converter);
    b->converter = NULL;
    b->mode = LINE_BRIDGE_HELD;
}

/* Audio is carried as long as the machines want (control limits the whole call), but only when
 * there is one that answers: the first phase has to end in any call. */
static void watch_phases(struct line_bridge *b)
{
    bool blind = b->mode == LINE_BRIDGE_AUDIO && b->is_fax;

    if (blind == b->blind)
        return;
    b->blind = blind;
    for (int i = 0; i < CALL_PHASES; i++)
        b->watch.limits.phase_ms[i] = blind ? 0 : b->start.phase_limit_ms[i];
    b->watch.phase_since_ms = b->watch.page_since_ms = line_now_ms();
}

void line_bridge_tones(struct line_bridge *b, unsigned leg)
{
    line_bridge_trace_note(b, TRACE_TONES, TRACE_RECEIVED, leg, 0);
    line_bridge_progress(b, BRIDGE_FAX_TONES, leg, 0);
    b->is_fax = true;
    watch_phases(b);
}

void line_bridge_join(struct line_bridge *b)
{
    bool t38[BRIDGE_LEGS];

    line_bridge_part(b);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        if (!bridge_leg_is_ready(&b->leg[i]))
            return;
        t38[i] = b->leg[i].kind == BRIDGE_LEG_T38;
        b->leg[i].heard_ms = line_now_ms(); /* what was said before was said to nobody */
    }
    if (t38[0] && t38[1]) {
        begin_relay(b);
        b->mode = LINE_BRIDGE_RELAY;
    } else if (!t38[0] && !t38[1]) {
        b->audio_due_ms = line_now_ms() + STEP_MS;
        b->mode = LINE_BRIDGE_AUDIO;
    } else if (begin_converter(b)) {
        b->mode = LINE_BRIDGE_CONVERT;
    }
    watch_phases(b);
}

static void relay_ifp(struct line_bridge *b, unsigned leg, uint16_t sequence, const uint8_t *ifp,
                      size_t length)
{
    uint8_t out[FAX_RELAY_IFP_MAX];
    struct ifp_packet packet;
    size_t octets = 0;

    if (fax_relay_pass(&b->relay[leg], sequence, ifp, length, out, &octets, &packet) != 0)
        return;
    bridge_leg_send_ifp(&b->leg[other(leg)], out, octets, fax_relay_copies(&packet), line_now_ms());
    explicit_bzero(out, octets);
    fax_observer_see(b->observer, leg, sequence, &packet);
}

void line_bridge_take_ifp(struct line_bridge *b, unsigned leg, uint16_t sequence,
                          const uint8_t *ifp, size_t length)
{
    if (b->finished)
        return;
    if (b->mode == LINE_BRIDGE_RELAY) {
        relay_ifp(b, leg, sequence, ifp, length);
    } else if (b->mode == LINE_BRIDGE_CONVERT && leg == b->t38) {
        b->sequence_in = sequence;
        (void)fax_bridge_receive_ifp(b->converter, sequence, ifp, length);
    }
}

static void pass_audio(struct line_bridge *b)
{
    int16_t samples[BRIDGE_LEGS][AUDIO_STREAM_SAMPLES];

    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        (void)bridge_leg_hear(&b->leg[i], samples[i]);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        bridge_leg_say(&b->leg[other(i)], samples[i]);
}

void line_bridge_run(struct line_bridge *b, uint64_t now_ms)
{
    switch (b->mode) {
    case LINE_BRIDGE_HELD:
        break;
    case LINE_BRIDGE_CONVERT:
        fax_bridge_tick(b->converter, now_ms);
        break;
    case LINE_BRIDGE_RELAY:
        for (unsigned i = 0; i < BRIDGE_LEGS; i++)
            fax_relay_tick(&b->relay[i]);
        break;
    case LINE_BRIDGE_AUDIO:
        if (now_ms > b->audio_due_ms + CATCH_UP_MS)
            b->audio_due_ms = now_ms - CATCH_UP_MS;
        for (; b->audio_due_ms <= now_ms; b->audio_due_ms += STEP_MS)
            pass_audio(b);
        break;
    }
}

uint64_t line_bridge_run_due_ms(const struct line_bridge *b)
{
    switch (b->mode) {
    case LINE_BRIDGE_CONVERT:
        return fax_bridge_next_due_ms(b->converter);
    case LINE_BRIDGE_AUDIO:
        return b->audio_due_ms;
    case LINE_BRIDGE_RELAY: /* only what it may pass in a tick is counted anew */
        return line_now_ms() + STEP_MS;
    case LINE_BRIDGE_HELD:
        break;
    }
    return UINT64_MAX;
}

void line_bridge_note(struct line_bridge *b, uint64_t now_ms)
{
    const struct fax_observer_statistics *now = fax_observer_statistics(b->observer);
    struct fax_observer_statistics *before = &b->seen;

    if (now->bit_rate != 0 && before->bit_rate == 0)
        call_watch_event(&b->watch, FAX_EVENT_DOCUMENT_BEGIN, now_ms);
    if (now->trained && !before->trained) {
        call_watch_event(&b->watch, FAX_EVENT_TRAINED, now_ms);
        line_bridge_trace_note(b, TRACE_TRAINED, TRACE_HERE, BRIDGE_LEGS, now->bit_rate);
        line_bridge_progress(b, BRIDGE_TRAINED, 0, now->bit_rate);
    }
    if (now->in_page && !before->in_page) {
        line_bridge_trace_note(b, TRACE_PAGE_BEGIN, TRACE_HERE, BRIDGE_LEGS, now->pages + 1);
        call_watch_event(&b->watch, FAX_EVENT_PAGE_BEGIN, now_ms);
    }
    if (now->rejected != before->rejected) {
        line_bridge_trace_note(b, TRACE_PAGE_REJECTED, TRACE_HERE, BRIDGE_LEGS, now->pages + 1);
        call_watch_event(&b->watch, FAX_EVENT_PAGE_REJECTED, now_ms);
    }
    if (now->pages != before->pages) {
        call_watch_event(&b->watch, FAX_EVENT_PAGE_CONFIRMED, now_ms);
        line_bridge_trace_note(b, TRACE_PAGE_CONFIRMED, TRACE_HERE, BRIDGE_LEGS, now->pages);
        line_bridge_progress(b, BRIDGE_PAGE, 0, now->pages);
    }
    if (now->dcn && b->dcn_ms == 0)
        b->dcn_ms = now_ms;
    *before = *now;
}

void line_bridge_count(const struct line_bridge *b, struct msg_bridge_done *done)
{
    static const struct fax_observer_statistics nothing;
    const struct fax_observer_statistics *s = &nothing;

    if (b->observer != NULL) /* else the call could not start */
        s = fax_observer_statistics(b->observer);
    done->pages = s->pages;
    done->rejected = s->rejected;
    done->rate = s->trained ? s->bit_rate : 0;
    done->ecm = s->ecm;
    done->retransmissions = s->retransmissions;
    done->observed = s->frames[0] + s->frames[1] > 0;
    done->captured = b->capture.pages;
    done->capture_missed = b->capture.missed;
    memcpy(done->capture_text, b->capture.text, sizeof done->capture_text);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct msg_bridge_leg *leg = &done->legs[i];

        bridge_leg_count(&b->leg[i], leg);
        leg->frames = s->frames[i];
        leg->refused = b->refused[i] > UINT32_MAX ? UINT32_MAX : (uint32_t)b->refused[i];
        _Static_assert(sizeof leg->ident >= FAX_OBSERVER_IDENT, "an identity fits");
        memcpy(leg->ident, s->ident[i], FAX_OBSERVER_IDENT);
    }
}
