/* tone_watch_test.c: the tones of fax machines, made by spandsp, through G.711. */
#include "t38/companding.h"
#include "t38/spandsp_session.h"
#include "t38/tone_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEP = 160, STEPS = 250 };

struct source {
    modem_connect_tones_tx_state_t tone;
    hdlc_tx_state_t hdlc;
    fsk_tx_state_t v21;
    v17_tx_state_t v17;
    uint32_t random;
};

/* Hears five seconds of what fill makes; returns what was heard, and after how many steps first. */
static unsigned listen(void (*fill)(struct source *, int16_t *), struct source *source,
                       unsigned *first)
{
    struct tone_watch *w;
    unsigned heard = 0;
    *first = STEPS;
    assert_int_equal(tone_watch_new(&w), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        int16_t samples[STEP] = {0};
        uint8_t octets[STEP];
        fill(source, samples);
        companding_encode(COMPANDING_ULAW, samples, STEP, octets);
        companding_decode(COMPANDING_ULAW, octets, STEP, samples);
        heard = tone_watch_hear(w, samples, STEP);
        if (heard && *first == STEPS)
            *first = i;
    }
    tone_watch_free(w);
    return heard;
}

static void fill_tone(struct source *s, int16_t *samples)
{
    (void)modem_connect_tones_tx(&s->tone, samples, STEP);
}

static void fill_v21(struct source *s, int16_t *samples)
{
    (void)fsk_tx(&s->v21, samples, STEP);
}

static void fill_v17(struct source *s, int16_t *samples)
{
    (void)v17_tx(&s->v17, samples, STEP);
}

static void fill_noise(struct source *s, int16_t *samples)
{
    for (int i = 0; i < STEP; i++) {
        s->random = s->random * 1664525u + 1013904223u;
        samples[i] = (int16_t)((int32_t)(s->random >> 16 & 0x1FFF) - 0x1000);
    }
}

static void fill_silence(struct source *s, int16_t *samples)
{
    (void)s;
    (void)samples;
}

static void tones_are_told(void **state)
{
    (void)state;
    static const struct {
        int tone;
        unsigned heard, within;
    } cases[] = {
        {MODEM_CONNECT_TONES_FAX_CNG, TONE_CNG, 30}, {MODEM_CONNECT_TONES_FAX_CED, TONE_CED, 60},
        {MODEM_CONNECT_TONES_ANS, TONE_CED, 60},     {MODEM_CONNECT_TONES_ANS_PR, TONE_CED, 100},
        {MODEM_CONNECT_TONES_ANSAM, TONE_CED, 60},   {MODEM_CONNECT_TONES_ANSAM_PR, TONE_CED, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source s;
        unsigned first;
        memset(&s, 0, sizeof s);
        modem_connect_tones_tx_init(&s.tone, cases[i].tone);
        unsigned heard = listen(fill_tone, &s, &first);
        print_message("   tone %d: heard %u after %u ms\n", cases[i].tone, heard, first * 20);
        assert_int_equal(heard, cases[i].heard);
        assert_true(first <= cases[i].within);
    }
}

static void a_preamble_is_told(void **state)
{
    (void)state;
    struct source s;
    unsigned first;
    memset(&s, 0, sizeof s);
    hdlc_tx_init(&s.hdlc, FALSE, 2, FALSE, NULL, NULL);
    hdlc_tx_flags(&s.hdlc, 32);
    fsk_tx_init(&s.v21, &preset_fsk_specs[FSK_V21CH2], (get_bit_func_t)hdlc_tx_get_bit, &s.hdlc);
    assert_int_equal(listen(fill_v21, &s, &first), TONE_PREAMBLE);
    assert_true(first < 40);
}

static int any_bit(void *user)
{
    uint32_t *random = user;
    *random = *random * 1664525u + 1013904223u;
    return (int)(*random >> 30 & 1);
}

static void other_sounds_are_not(void **state)
{
    (void)state;
    struct source s;
    unsigned first;
    memset(&s, 0, sizeof s);
    assert_int_equal(listen(fill_silence, &s, &first), TONE_NONE);
    assert_int_equal(listen(fill_noise, &s, &first), TONE_NONE);
    v17_tx_init(&s.v17, 14400, FALSE, any_bit, &s.random);
    assert_int_equal(listen(fill_v17, &s, &first), TONE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tones_are_told),
        cmocka_unit_test(a_preamble_is_told),
        cmocka_unit_test(other_sounds_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
