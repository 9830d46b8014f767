/* spandsp_bridge.c: the bridge on spandsp's gateway, and the guard before it.
 *
 * From T.38: IFPs are checked, indicators that no fax modem has are dropped, a control frame that
 * is not one that T.30 knows leaves with a bad FCS (most of it has left already when its end
 * comes), and the queue of frames to the modem never laps itself. 0.0.6 keeps its mark "spoil this
 * frame" when a frame never ends, and then reads before its table; so the mark is cleared at each
 * new frame.
 *
 * From audio: 0.0.6 forgets how much of an overlong frame it has sent, and then reads before its
 * buffer. Such frames are given up long before; in 20 ms no modem brings more than 36 octets.
 */
#include "t38/fax_bridge.h"
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/ifp.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP_MS = 20,
    CATCH_UP_MS = 200,
    SENT_IN_STEP_MAX = 60,
    RECEIVED_IN_TICK_MAX = 256,
    QUEUE_MOST = 200,     /* of T38_TX_HDLC_BUFS */
    FRAME_GIVEN_UP = 300, /* octets; a frame has 262 at most, its FCS included */
    END_MS = 2000,
    CONTENTS_DATA = 0x200, /* spandsp's FLAG_DATA */
};

struct fax_bridge {
    t38_gateway_state_t gateway;
    struct fax_bridge_callbacks callbacks;
    struct fax_bridge_statistics statistics;
    int t38_version;
    t38_rx_data_handler_t *next_data;
    t38_rx_indicator_handler_t *next_indicator;
    t38_rx_missing_handler_t *next_missing;
    unsigned sent_in_step, received_in_tick;
    bool started;
    uint64_t clock_ms, dcn_ms;
};

static int on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
{
    struct fax_bridge *b = user;
    (void)core;
    if (length <= 0 || ++b->sent_in_step > SENT_IN_STEP_MAX)
        return -1;
    b->statistics.ifps_sent++;
    if (b->callbacks.observe)
        b->callbacks.observe(b->callbacks.user, false, ifp, (size_t)length);
    b->callbacks.send_ifp(b->callbacks.user, ifp, (size_t)length, copies);
    return 0;
}

static void on_frame(t38_gateway_state_t *gateway, void *user, int from_audio, const uint8_t *frame,
                     int length)
{
    struct fax_bridge *b = user;
    (void)gateway;
    (void)from_audio;
    if (length < 3 || (frame[2] & 0xFE) != FCF_DCN || b->statistics.dcn)
        return;
    b->statistics.dcn = true;
    b->dcn_ms = b->clock_ms;
}

static bool queue_is_full(const t38_gateway_hdlc_state_t *queue)
{
    return (queue->in - queue->out + T38_TX_HDLC_BUFS) % T38_TX_HDLC_BUFS > QUEUE_MOST;
}

/* A bridge does not know which leg has the document, so a frame may be either's. */
static bool frame_is_known(const uint8_t *frame, int length)
{
    return length >= 3 && (guard_frame_judge(frame, (size_t)length, true) != GUARD_DROP ||
                           guard_frame_judge(frame, (size_t)length, false) != GUARD_DROP);
}

static bool ends_well(int field)
{
    return field == T38_FIELD_HDLC_FCS_OK || field == T38_FIELD_HDLC_FCS_OK_SIG_END;
}

/* Some put data into the field of the FCS; the whole frame is judged. */
static bool control_frame_is_good(const t38_gateway_hdlc_buf_t *queued, const uint8_t *data,
                                  int length)
{
    uint8_t frame[T38_MAX_HDLC_LEN];
    int had = queued->len;
    if (had < 0 || had > T38_MAX_HDLC_LEN || length > T38_MAX_HDLC_LEN - had)
        return false;
    memcpy(frame, queued->buf, (size_t)had);
    if (length > 0)
        bit_reverse(frame + had, data, length);
    return frame_is_known(frame, had + length);
}

static int on_data(t38_core_state_t *core, void *user, int data_type, int field,
                   const uint8_t *data, int length)
{
    struct fax_bridge *b = user;
    t38_gateway_hdlc_state_t *queue = &b->gateway.core.hdlc_to_modem;
    const t38_gateway_hdlc_buf_t *queued = &queue->buf[queue->in];
    bool fresh = queued->len == 0 || queued->contents != (data_type | CONTENTS_DATA);
    if (data_type > T38_DATA_V17_14400 || queue_is_full(queue)) {
        b->statistics.ifps_refused++;
        return 0;
    }
    if (fresh)
        b->gateway.t38x.corrupt_current_frame[0] = FALSE;
    if (data_type == T38_DATA_V21 && ends_well(field) && !fresh &&
        !control_frame_is_good(queued, data, length)) {
        b->statistics.frames_refused++;
        field = field == T38_FIELD_HDLC_FCS_OK ? T38_FIELD_HDLC_FCS_BAD
                                               : T38_FIELD_HDLC_FCS_BAD_SIG_END;
    }
    return b->next_data(core, &b->gateway, data_type, field, data, length);
}

static int on_indicator(t38_core_state_t *core, void *user, int indicator)
{
    struct fax_bridge *b = user;
    if (indicator > T38_IND_V17_14400_LONG_TRAINING ||
        queue_is_full(&b->gateway.core.hdlc_to_modem)) {
        b->statistics.ifps_refused++;
        return 0;
    }
    return b->next_indicator(core, &b->gateway, indicator);
}

static int on_missing(t38_core_state_t *core, void *user, int expected, int got)
{
    struct fax_bridge *b = user;
    return b->next_missing(core, &b->gateway, expected, got);
}

static int modems_for(uint32_t max_rate)
{
    if (max_rate >= 14400)
        return T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17;
    return max_rate >= 9600 ? T30_SUPPORT_V27TER | T30_SUPPORT_V29 : T30_SUPPORT_V27TER;
}

static void set_up(struct fax_bridge *b, const struct fax_bridge_config *config)
{
    t38_gateway_state_t *g = &b->gateway;
    t38_core_state_t *core = t38_gateway_get_t38_core_state(g);
    t38_gateway_set_transmit_on_idle(g, TRUE);
    t38_gateway_set_ecm_capability(g, config->ecm);
    t38_gateway_set_supported_modems(g, modems_for(config->max_rate));
    t38_gateway_set_real_time_frame_handler(g, on_frame, b);
    t38_set_t38_version(core, config->t38_version);
    b->next_data = core->rx_data_handler;
    b->next_indicator = core->rx_indicator_handler;
    b->next_missing = core->rx_missing_handler;
    core->rx_data_handler = on_data;
    core->rx_indicator_handler = on_indicator;
    core->rx_missing_handler = on_missing;
    core->rx_user_data = b;
}

int fax_bridge_new(struct fax_bridge **out, const struct fax_bridge_config *config)
{
    const struct fax_bridge_callbacks *c = &config->callbacks;
    *out = NULL;
    if (config->t38_version < 0 || config->t38_version > 3 || config->max_rate < 2400 ||
        !c->send_ifp || !c->hear || !c->say)
        return FAX_EINVAL;
    struct fax_bridge *b = calloc(1, sizeof *b);
    if (!b)
        return FAX_ENOMEM;
    b->callbacks = *c;
    b->t38_version = config->t38_version;
    if (!t38_gateway_init(&b->gateway, on_packet, b)) {
        free(b);
        return FAX_EENGINE;
    }
    set_up(b, config);
    *out = b;
    return 0;
}

void fax_bridge_free(struct fax_bridge *b)
{
    if (!b)
        return;
    t38_gateway_release(&b->gateway);
    explicit_bzero(b, sizeof *b);
    free(b);
}

int fax_bridge_receive_ifp(struct fax_bridge *b, uint16_t sequence, const uint8_t *ifp,
                           size_t length)
{
    t38_core_state_t *core = t38_gateway_get_t38_core_state(&b->gateway);
    b->statistics.ifps_received++;
    if (++b->received_in_tick > RECEIVED_IN_TICK_MAX) {
        b->statistics.ifps_refused++;
        return FAX_ELIMIT;
    }
    if (length > FAX_BRIDGE_IFP_MAX ||
        (length > 0 && ifp_check(ifp, length, b->t38_version, NULL))) {
        b->statistics.ifps_refused++;
        return FAX_EFORMAT;
    }
    if (length == 0)
        return 0;
    if (b->callbacks.observe)
        b->callbacks.observe(b->callbacks.user, true, ifp, length);
    t38_core_rx_ifp_packet(core, ifp, (int)length, sequence);
    return 0;
}

static void give_up_overlong_frame(struct fax_bridge *b)
{
    hdlc_rx_state_t *h = &b->gateway.audio.modems.hdlc_rx;
    if (h->len <= FRAME_GIVEN_UP)
        return;
    h->len = 0;
    h->flags_seen = h->framing_ok_threshold - 1;
    b->gateway.core.to_t38.data_ptr = 0;
    b->gateway.t38x.corrupt_current_frame[1] = FALSE;
    b->statistics.frames_overlong++;
}

static void step(struct fax_bridge *b)
{
    int16_t samples[FAX_BRIDGE_SAMPLES];
    size_t lost = b->callbacks.hear(b->callbacks.user, samples);
    b->clock_ms += STEP_MS;
    b->sent_in_step = 0;
    if (lost >= FAX_BRIDGE_SAMPLES)
        t38_gateway_rx_fillin(&b->gateway, FAX_BRIDGE_SAMPLES);
    else
        t38_gateway_rx(&b->gateway, samples, FAX_BRIDGE_SAMPLES);
    give_up_overlong_frame(b);
    int said = t38_gateway_tx(&b->gateway, samples, FAX_BRIDGE_SAMPLES);
    for (int i = said > 0 ? said : 0; i < FAX_BRIDGE_SAMPLES; i++)
        samples[i] = 0;
    b->callbacks.say(b->callbacks.user, samples);
}

void fax_bridge_tick(struct fax_bridge *b, uint64_t now_ms)
{
    b->received_in_tick = 0;
    if (!b->started) {
        b->started = true;
        b->clock_ms = now_ms;
    }
    if (now_ms > b->clock_ms + CATCH_UP_MS) {
        uint64_t forgotten = now_ms - CATCH_UP_MS - b->clock_ms;
        b->clock_ms += forgotten;
        b->dcn_ms += b->statistics.dcn ? forgotten : 0;
    }
    while (now_ms >= b->clock_ms + STEP_MS)
        step(b);
}

uint64_t fax_bridge_next_due_ms(const struct fax_bridge *b)
{
    return b->started ? b->clock_ms + STEP_MS : 0;
}

bool fax_bridge_is_over(const struct fax_bridge *b)
{
    return b->statistics.dcn && b->clock_ms >= b->dcn_ms + END_MS;
}

void fax_bridge_statistics(const struct fax_bridge *b, struct fax_bridge_statistics *out)
{
    *out = b->statistics;
    out->bit_rate = b->gateway.core.fast_bit_rate > 0 ? (uint32_t)b->gateway.core.fast_bit_rate : 0;
    out->ecm = b->gateway.core.ecm_mode != 0;
    out->pages = (uint32_t)b->gateway.core.pages_confirmed;
}
