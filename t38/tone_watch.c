#include "t38/tone_watch.h"

#include "codecs/fax_error.h"
#include "t38/spandsp_session.h"

#include <limits.h>
#include <stdlib.h>

enum { PREAMBLE_FLAGS = 8 };

struct tone_watch {
    modem_connect_tones_rx_state_t cng, ced;
    hdlc_rx_state_t hdlc;
    fsk_rx_state_t v21;
    unsigned heard;
};

static void on_cng(void *user, int tone, int level, int delay)
{
    struct tone_watch *w = user;
    (void)level;
    (void)delay;
    if (tone == MODEM_CONNECT_TONES_FAX_CNG)
        w->heard |= TONE_CNG;
}

/* Phase reversals or modulation are told as another tone; each is an answering machine's. */
static void on_ced(void *user, int tone, int level, int delay)
{
    struct tone_watch *w = user;
    (void)level;
    (void)delay;
    if (tone != MODEM_CONNECT_TONES_NONE)
        w->heard |= TONE_CED;
}

static void on_frame(void *user, const uint8_t *octets, int length, int good)
{
    struct tone_watch *w = user;
    (void)octets;
    if (length == SIG_STATUS_FRAMING_OK || (length > 0 && good))
        w->heard |= TONE_PREAMBLE;
}

int tone_watch_new(struct tone_watch **out)
{
    struct tone_watch *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return FAX_ENOMEM;
    modem_connect_tones_rx_init(&w->cng, MODEM_CONNECT_TONES_FAX_CNG, on_cng, w);
    modem_connect_tones_rx_init(&w->ced, MODEM_CONNECT_TONES_ANS_PR, on_ced, w);
    hdlc_rx_init(&w->hdlc, FALSE, TRUE, PREAMBLE_FLAGS, on_frame, w);
    fsk_rx_init(&w->v21, &preset_fsk_specs[FSK_V21CH2], FSK_FRAME_MODE_SYNC,
                (put_bit_func_t)hdlc_rx_put_bit, &w->hdlc);
    fsk_rx_signal_cutoff(&w->v21, -39.09f);
    return 0;
}

void tone_watch_free(struct tone_watch *w)
{
    free(w);
}

unsigned tone_watch_hear(struct tone_watch *w, const int16_t *samples, size_t n)
{
    int count = n < INT_MAX ? (int)n : INT_MAX;
    modem_connect_tones_rx(&w->cng, samples, count);
    modem_connect_tones_rx(&w->ced, samples, count);
    fsk_rx(&w->v21, samples, count);
    return w->heard;
}
