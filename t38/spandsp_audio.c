/* spandsp_audio.c: T.30 over audio: the same guard between spandsp's modems and its T.30 state as
 * spandsp_receive.c has behind the T.38 core.
 *
 * spandsp sets its modems up anew for each signal. So its choice of a receiver is hooked, and after
 * each one the handlers of frames and bits are ours again.
 */
#include "t38/spandsp_session.h"

#include <string.h>

enum { STEPS_OF_A_PAGE = 4 }; /* 80 ms: in such a gap a short page can have been lost */

static void keep_octets(struct fax_engine *e)
{
    struct spandsp_audio *a = &e->sound;
    if (a->octet_count == 0)
        return;
    e->heard_ms = e->clock_ms;
    (void)spandsp_non_ecm_image(e, a->octets, (int)a->octet_count);
    explicit_bzero(a->octets, a->octet_count);
    a->octet_count = 0;
}

static void keep_bit(struct fax_engine *e, int bit)
{
    struct spandsp_audio *a = &e->sound;
    a->octet = (uint8_t)(a->octet << 1 | (bit & 1));
    if (++a->bits < 8)
        return;
    a->bits = 0;
    a->octets[a->octet_count++] = a->octet;
    if (a->octet_count == sizeof a->octets)
        keep_octets(e);
}

/* What the carrier does while a frame is held is told when it is passed on. */
static bool status_waits(struct fax_engine *e, int status)
{
    if (!e->in.holding)
        return false;
    if (status == SIG_STATUS_CARRIER_UP || status == SIG_STATUS_CARRIER_DOWN)
        e->sound.held_status = status;
    return true;
}

static void on_image_status(struct fax_engine *e, int status)
{
    if (status_waits(e, status))
        return;
    if (status == SIG_STATUS_TRAINING_IN_PROGRESS || status == SIG_STATUS_TRAINING_SUCCEEDED) {
        e->heard_ms = e->clock_ms;
        spandsp_non_ecm_carrier(e);
    }
    keep_octets(e);
    e->sound.bits = 0;
    t30_non_ecm_put_bit(&e->terminal.t30, status);
    spandsp_receive_check(e);
}

/* A bit of an image without ECM, or of TCF. */
static void on_image_bit(void *user, int bit)
{
    struct fax_engine *e = user;
    if (spandsp_stopping(e))
        return;
    if (bit < 0)
        on_image_status(e, bit);
    else if (!e->sender && !e->in.dcs.ecm && e->terminal.t30.state == STATE_F_DOC_NON_ECM)
        keep_bit(e, bit);
    else if (!e->in.holding)
        t30_non_ecm_put_bit(&e->terminal.t30, bit);
}

static void take_frame(struct fax_engine *e, const uint8_t *octets, int n)
{
    uint8_t frame[GUARD_FRAME_MAX];
    t30_state_t *t = &e->terminal.t30;
    bool v21 = e->fax.modems.current_rx_type == T30_MODEM_V21 || !t->rx_trained;
    bool cfr_expected = t->state == STATE_D_POST_TCF;
    if (n > GUARD_FRAME_MAX) {
        e->statistics.frames_refused++;
        return;
    }
    memcpy(frame, octets, (size_t)n);
    uint8_t type = n >= 3 ? frame[2] & 0xFE : 0;
    bool wanted = spandsp_receive_frame(e, v21 ? T38_DATA_V21 : T38_DATA_V17_14400, frame, &n);
    if (wanted && !e->in.holding && !e->stop_code) {
        t30_hdlc_accept(t, frame, n, TRUE);
        if (type != FCF_CFR || cfr_expected)
            spandsp_receive_after(e, type);
        spandsp_receive_check(e);
    }
    explicit_bzero(frame, sizeof frame);
}

/* length: octets, or a status below 0. */
static void on_frame(void *user, const uint8_t *octets, int length, int good)
{
    struct fax_engine *e = user;
    if (spandsp_stopping(e) || (length < 0 && status_waits(e, length)) || e->in.holding)
        return;
    if (good && length >= 0) {
        e->heard_ms = e->clock_ms; /* noise has carriers too, but no frames */
        e->sound.has_spoken = true;
        take_frame(e, octets, length);
        return;
    }
    t30_hdlc_accept(&e->terminal.t30, octets, length, good);
}

static void hook_receiver(struct fax_engine *e, int type, int in_frames)
{
    fax_modems_state_t *m = &e->fax.modems;
    hdlc_rx_set_frame_handler(&m->hdlc_rx, on_frame, e);
    e->sound.image_receiver = !in_frames;
    if (in_frames)
        return;
    e->sound.bits = 0;
    switch (type) {
    case T30_MODEM_V27TER:
        v27ter_rx_set_put_bit(&m->fast_modems.v27ter_rx, on_image_bit, e);
        break;
    case T30_MODEM_V29:
        v29_rx_set_put_bit(&m->fast_modems.v29_rx, on_image_bit, e);
        break;
    case T30_MODEM_V17:
        v17_rx_set_put_bit(&m->fast_modems.v17_rx, on_image_bit, e);
        break;
    default:
        break;
    }
}

static void on_receiver(void *user, int type, int bit_rate, int short_train, int in_frames)
{
    struct fax_engine *e = user;
    bool same = e->fax.modems.current_rx_type == type;
    e->sound.next_receiver(e->sound.next_receiver_user, type, bit_rate, short_train, in_frames);
    if (!same)
        hook_receiver(e, type, in_frames);
}

void spandsp_audio_install(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    e->sound.next_receiver = t->set_rx_type_handler;
    e->sound.next_receiver_user = t->set_rx_type_user_data;
    t->set_rx_type_handler = on_receiver;
    t->set_rx_type_user_data = e;
    hook_receiver(e, e->fax.modems.current_rx_type, TRUE);
}

/* spandsp's dc_restore(), which shifts negative numbers. */
static int16_t without_dc(dc_restore_state_t *dc, int16_t sample)
{
    dc->state += ((int32_t)sample * 32768 - dc->state) >> 14;
    return (int16_t)(sample - (dc->state >> 15));
}

/* The modem runs while a frame is held, as the carrier has to be followed; T.30's clock does not.
 */
static void hear(struct fax_engine *e, int16_t *samples, bool lost)
{
    fax_modems_state_t *m = &e->fax.modems;
    if (lost) {
        m->rx_fillin_handler(m->rx_user_data, SESSION_STEP_SAMPLES);
    } else {
        for (int i = 0; i < SESSION_STEP_SAMPLES; i++)
            samples[i] = without_dc(&m->dc_restore, samples[i]);
        m->rx_handler(m->rx_user_data, samples, SESSION_STEP_SAMPLES);
    }
    if (!e->in.holding && !spandsp_stopping(e)) {
        spandsp_timer_keep_asking(e, SESSION_STEP_SAMPLES);
        t30_timer_update(&e->terminal.t30, SESSION_STEP_SAMPLES);
    }
}

void spandsp_audio_step(struct fax_engine *e)
{
    int16_t samples[FAX_ENGINE_SAMPLES];
    struct spandsp_audio *a = &e->sound;
    size_t lost = e->callbacks.hear(e->callbacks.user, samples);
    if (spandsp_stopping(e))
        return;
    a->lost_steps = lost > 0 ? a->lost_steps + 1 : 0;
    if (lost > 0)
        spandsp_non_ecm_gap(e, a->lost_steps == STEPS_OF_A_PAGE ? STEPS_OF_A_PAGE : 1);
    hear(e, samples, lost >= FAX_ENGINE_SAMPLES);
    keep_octets(e);
    spandsp_receive_check(e);
    if (spandsp_stopping(e))
        return;
    int said = e->in.holding ? 0 : fax_tx(&e->fax, samples, FAX_ENGINE_SAMPLES);
    for (int i = said > 0 ? said : 0; i < FAX_ENGINE_SAMPLES; i++)
        samples[i] = 0;
    e->callbacks.say(e->callbacks.user, samples);
}

void spandsp_audio_pass_held(struct fax_engine *e)
{
    struct spandsp_receive *in = &e->in;
    t30_state_t *t = &e->terminal.t30;
    int status = e->sound.held_status;
    e->sound.held_status = 0;
    t30_hdlc_accept(t, in->held, in->held_length, TRUE);
    if (status && !spandsp_stopping(e))
        t30_hdlc_accept(t, NULL, status, TRUE);
}
