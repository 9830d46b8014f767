/* fax_bridge_test.c: whole calls from T.38 to audio and back in virtual time, and hostile legs. */
#include "tests/doubles/bridge_rig.h"

#include "codecs/fax_error.h"
#include "t38/spandsp_session.h"
#include "tests/doubles/t6_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fax_page brief[2], text;

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 10);
    text = t6_page_make(T6_PAGE_TEXT, 1);
    return 0;
}

static int drop_pages(void **state)
{
    (void)state;
    fax_page_wipe(&brief[0]);
    fax_page_wipe(&brief[1]);
    fax_page_wipe(&text);
    return 0;
}

static void expect_a_fax(const struct bridge_rig_config *config)
{
    struct bridge_rig rig;
    struct fax_bridge_statistics s;
    bridge_rig_begin(&rig, config);
    bool done = bridge_rig_run(&rig, 200);
    fax_bridge_statistics(rig.bridge, &s);
    print_message("   %s, %s: %.1f s, results %d %d, %u of %u identical, %u bit/s, refused %llu "
                  "IFPs, %llu frames\n",
                  config->audio_sends ? "audio to T.38" : "T.38 to audio",
                  config->without_ecm ? "no ECM" : "ECM", (double)rig.now_ms / 1000,
                  rig.end[0].result, rig.end[1].result, rig.identical, rig.received, s.bit_rate,
                  (unsigned long long)s.ifps_refused, (unsigned long long)s.frames_refused);
    assert_true(done);
    assert_int_equal(rig.end[0].result, 0);
    assert_int_equal(rig.end[1].result, 0);
    assert_int_equal(rig.received, config->page_count);
    assert_int_equal(rig.identical, config->page_count);
    assert_int_equal(rig.end[0].confirmed, config->page_count);
    assert_int_equal(rig.end[1].confirmed, config->page_count);
    assert_int_equal(s.pages, config->page_count);
    assert_int_equal(s.ecm, !config->without_ecm);
    assert_int_equal(s.bit_rate, config->max_rate ? config->max_rate : 14400);
    assert_int_equal(s.ifps_refused + s.frames_refused + s.frames_overlong, 0);
    for (int i = 0; i < 150; i++)
        bridge_rig_step(&rig);
    assert_true(fax_bridge_is_over(rig.bridge));
    bridge_rig_end(&rig);
}

static void faxes_cross_both_ways(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++)
        for (int plain = 0; plain < 2; plain++)
            expect_a_fax(&(struct bridge_rig_config){.pages = brief,
                                                     .page_count = 2,
                                                     .audio_sends = way == 1,
                                                     .without_ecm = plain == 1});
}

static void slower_modems_cross_too(void **state)
{
    (void)state;
    static const uint32_t rates[] = {9600, 4800};
    for (size_t i = 0; i < 2; i++)
        for (int way = 0; way < 2; way++)
            expect_a_fax(&(struct bridge_rig_config){
                .pages = brief, .page_count = 1, .audio_sends = way == 1, .max_rate = rates[i]});
}

struct seen {
    unsigned from_t38, to_t38;
};

static struct seen seen;

static void observe(void *user, bool from_t38, const uint8_t *ifp, size_t length)
{
    (void)user;
    assert_true(length > 0 && ifp);
    if (from_t38)
        seen.from_t38++;
    else
        seen.to_t38++;
}

/* The same call with and without an observer takes the same virtual time. */
static void observing_alters_nothing(void **state)
{
    (void)state;
    uint64_t took[2];
    for (int watched = 0; watched < 2; watched++) {
        struct bridge_rig rig;
        struct fax_bridge_statistics s;
        seen = (struct seen){0};
        bridge_rig_begin(&rig, &(struct bridge_rig_config){.pages = brief,
                                                           .page_count = 1,
                                                           .observe = watched ? observe : NULL});
        assert_true(bridge_rig_run(&rig, 100));
        took[watched] = rig.now_ms;
        fax_bridge_statistics(rig.bridge, &s);
        if (watched) {
            assert_int_equal(seen.from_t38, s.ifps_received);
            assert_int_equal(seen.to_t38, s.ifps_sent);
        }
        bridge_rig_end(&rig);
    }
    assert_int_equal(took[0], took[1]);
}

struct leg {
    struct fax_bridge *bridge;
    uint64_t now_ms;
    uint16_t sequence;
    unsigned sent;
};

static void leg_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct leg *leg = user;
    (void)ifp;
    (void)length;
    (void)copies;
    leg->sent++;
}

static size_t leg_hears(void *user, int16_t *samples)
{
    (void)user;
    memset(samples, 0, FAX_BRIDGE_SAMPLES * sizeof *samples);
    return 0;
}

static void leg_says(void *user, const int16_t *samples)
{
    (void)user;
    (void)samples;
}

static void begin_leg(struct leg *leg)
{
    *leg = (struct leg){0};
    const struct fax_bridge_config config = {
        .ecm = true,
        .max_rate = 14400,
        .callbacks = {.send_ifp = leg_sends, .hear = leg_hears, .say = leg_says, .user = leg}};
    assert_int_equal(fax_bridge_new(&leg->bridge, &config), 0);
    fax_bridge_tick(leg->bridge, 0);
}

static void pass_time(struct leg *leg, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 20)
        fax_bridge_tick(leg->bridge, leg->now_ms += 20);
}

/* V.21 data of T.38 version 0: one field HDLC data, one FCS-OK-SIG-END. */
static void send_control(struct leg *leg, const uint8_t *frame, size_t n, bool end)
{
    uint8_t ifp[300];
    size_t at = 0;
    static const uint8_t preamble[] = {0x06};
    (void)fax_bridge_receive_ifp(leg->bridge, leg->sequence++, preamble, sizeof preamble);
    ifp[at++] = 0xC0;
    ifp[at++] = end ? 2 : 1;
    ifp[at++] = 0x80; /* HDLC data */
    ifp[at++] = (uint8_t)((n - 1) >> 8);
    ifp[at++] = (uint8_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        ifp[at++] = bit_reverse8(frame[i]);
    if (end)
        ifp[at++] = 0x40; /* FCS OK, end of signal; no data */
    assert_int_equal(fax_bridge_receive_ifp(leg->bridge, leg->sequence++, ifp, at), 0);
    pass_time(leg, 100);
}

static void bad_control_frames_are_spoilt(void **state)
{
    (void)state;
    static const struct {
        uint8_t octets[26];
        size_t length;
    } frames[] = {
        {{0xFF, 0x13, 0x83}, 3},                         /* a DCS of nothing */
        {{0xFF, 0x13, 0x83, 0x00, 0x52, 0x78}, 6},       /* a rate that no modem has */
        {{0xFF, 0x13, 0xBF}, 3},                         /* a PPS without its page */
        {{0xFF}, 1},                                     /* no frame at all */
        {{0xFF, 0x13, 0x83, 0x00, 0x62, 0xFB, 0x44}, 7}, /* a reserved width */
    };
    struct fax_bridge_statistics s;
    struct leg leg;
    begin_leg(&leg);
    for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        send_control(&leg, frames[i].octets, frames[i].length, true);
        pass_time(&leg, 3000);
        fax_bridge_statistics(leg.bridge, &s);
        assert_int_equal(s.frames_refused, i + 1);
        assert_int_equal(s.bit_rate, 0);
    }
    static const uint8_t dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x62, 0x78};
    send_control(&leg, dcs, sizeof dcs, true);
    fax_bridge_statistics(leg.bridge, &s);
    assert_int_equal(s.frames_refused, 5);
    assert_int_equal(s.bit_rate, 14400);
    fax_bridge_free(leg.bridge);
}

/* NSF frames that never end, again and again: 0.0.6 would then read before its table. */
static void frames_without_end_are_harmless(void **state)
{
    (void)state;
    static const uint8_t nsf[] = {0xFF, 0x03, 0x20, 1, 2, 3, 4};
    struct leg leg;
    begin_leg(&leg);
    for (int i = 0; i < 50; i++) {
        send_control(&leg, nsf, i % 2 ? 3 : 4, false);
        pass_time(&leg, 500);
        const t38_gateway_state_t *g = (const t38_gateway_state_t *)(const void *)leg.bridge;
        assert_true(g->core.hdlc_to_modem.buf[g->core.hdlc_to_modem.in].len <= T38_MAX_HDLC_LEN);
    }
    fax_bridge_free(leg.bridge);
}

static void floods_are_bounded(void **state)
{
    (void)state;
    struct fax_bridge_statistics s;
    struct leg leg;
    begin_leg(&leg);
    static const uint8_t indicators[] = {0x06, 0x00};
    for (int tick = 0; tick < 50; tick++) {
        for (int i = 0; i < 1000; i++)
            (void)fax_bridge_receive_ifp(leg.bridge, leg.sequence++, &indicators[i % 2], 1);
        pass_time(&leg, 20);
    }
    fax_bridge_statistics(leg.bridge, &s);
    assert_int_equal(s.ifps_received, 50000);
    assert_true(s.ifps_refused > 49000);
    pass_time(&leg, 60000);
    fax_bridge_free(leg.bridge);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct fax_bridge_statistics s;
    struct leg leg;
    uint8_t octets[64];
    uint32_t random = 1;
    begin_leg(&leg);
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)(i % 40) + 1;
        for (size_t k = 0; k < n; k++) {
            random = random * 1664525u + 1013904223u;
            octets[k] = (uint8_t)(random >> 24);
        }
        (void)fax_bridge_receive_ifp(leg.bridge, leg.sequence++, octets, n);
        if (i % 10 == 0)
            pass_time(&leg, 20);
    }
    fax_bridge_statistics(leg.bridge, &s);
    assert_true(s.ifps_refused > 5000);
    fax_bridge_free(leg.bridge);
}

/* A frame of the audio leg that never ends is given up. */
static void overlong_frames_from_audio_are_given_up(void **state)
{
    (void)state;
    struct fax_bridge_statistics s;
    struct leg leg;
    begin_leg(&leg);
    t38_gateway_state_t *g = (t38_gateway_state_t *)(void *)leg.bridge;
    hdlc_rx_state_t *h = &g->audio.modems.hdlc_rx;
    put_bit_func_t put_bit = g->audio.modems.v21_rx.put_bit;
    void *user = g->audio.modems.v21_rx.put_bit_user_data;
    for (int flag = 0; flag < 20; flag++)
        for (int bit = 0; bit < 8; bit++)
            put_bit(user, bit > 0 && bit < 7);
    int ones = 0; /* in a row: after five a zero is stuffed */
    for (int octet = 0; octet < 5000; octet++) {
        static const uint8_t begin[] = {0xFF, 0x03};
        uint8_t value = octet % 300 < 2 ? begin[octet % 300] : 0x11;
        for (int bit = 0; bit < 8; bit++) {
            int one = value >> bit & 1;
            put_bit(user, one);
            ones = one ? ones + 1 : 0;
            if (ones == 5)
                put_bit(user, 0), ones = 0;
        }
        if (octet % 30 == 29)
            pass_time(&leg, 20);
        assert_true(h->len < 400);
        assert_true(g->core.to_t38.data_ptr <= (int)h->len);
    }
    fax_bridge_statistics(leg.bridge, &s);
    assert_true(s.frames_overlong > 5);
    fax_bridge_free(leg.bridge);
}

static void configurations_are_checked(void **state)
{
    (void)state;
    struct fax_bridge *b;
    struct fax_bridge_config good = {
        .max_rate = 14400,
        .callbacks = {.send_ifp = leg_sends, .hear = leg_hears, .say = leg_says}};
    struct fax_bridge_config c = good;
    assert_int_equal(fax_bridge_new(&b, &c), 0);
    fax_bridge_free(b);
    c.t38_version = 4;
    assert_int_equal(fax_bridge_new(&b, &c), FAX_EINVAL);
    assert_null(b);
    c = good, c.callbacks.say = NULL;
    assert_int_equal(fax_bridge_new(&b, &c), FAX_EINVAL);
    fax_bridge_free(NULL);
}

/* For the eye only. */
static void figures(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++)
        for (int plain = 0; plain < 2; plain++) {
            struct bridge_rig rig;
            bridge_rig_begin(&rig, &(struct bridge_rig_config){.pages = &text,
                                                               .page_count = 1,
                                                               .audio_sends = way == 1,
                                                               .plain = plain == 1});
            assert_true(bridge_rig_run(&rig, 200));
            print_message("   %s, %s: %.1f us CPU a call-second, longest %.2f ms\n",
                          way ? "audio to T.38" : "T.38 to audio", plain ? "spandsp" : "bridge",
                          (double)rig.bridge_ns / (double)rig.now_ms, (double)rig.worst_ns / 1e6);
            bridge_rig_end(&rig);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faxes_cross_both_ways),
        cmocka_unit_test(slower_modems_cross_too),
        cmocka_unit_test(observing_alters_nothing),
        cmocka_unit_test(bad_control_frames_are_spoilt),
        cmocka_unit_test(frames_without_end_are_harmless),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(overlong_frames_from_audio_are_given_up),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, make_pages, drop_pages);
}
