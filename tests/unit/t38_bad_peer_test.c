/* t38_bad_peer_test.c: peers that are broken rather than malicious, and hold on: they stop in the
 * middle of a page, never say how it ends, repeat themselves, change their mind between pages,
 * begin their numbers anew. Each call ends with a result of T.30, and confirms nothing that is not
 * here.
 */
#include "tests/doubles/t38_victim.h"
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000 };

static struct fax_page page;

static const uint8_t rcp[] = {0xFF, 0x03, 0x86};

static void begin(struct victim *v)
{
    victim_begin(v, false, &page);
    victim_train(v, victim_dcs, sizeof victim_dcs);
    assert_int_equal(v->engine->terminal.t30.state, STATE_F_DOC_ECM);
}

/* The session must end by itself. */
static void end(struct victim *v)
{
    victim_pass_time(v, 400000);
    assert_true(v->finished);
    fax_engine_free(v->engine);
}

static void send_fcd(struct victim *v, uint8_t number, uint8_t octet)
{
    uint8_t fcd[260];
    memset(fcd, octet, sizeof fcd);
    fcd[0] = 0xFF;
    fcd[1] = 0x03;
    fcd[2] = 0x06;
    fcd[3] = number;
    victim_send_frame(v, V17_14400, fcd, sizeof fcd, false);
}

/* An image of so many frames, and its end. */
static void send_block(struct victim *v, unsigned frames)
{
    victim_indicate(v, IND_V17_SHORT);
    for (unsigned i = 0; i < frames; i++) {
        send_fcd(v, (uint8_t)i, 0x35);
        victim_pass_time(v, 140);
    }
    victim_send_frame(v, V17_14400, rcp, sizeof rcp, true);
    victim_indicate(v, IND_NONE);
}

static void send_pps(struct victim *v, uint8_t command, uint8_t number, unsigned frames)
{
    const uint8_t pps[] = {0xFF, 0x13, 0xBF, command, number, 0, (uint8_t)(frames - 1)};
    victim_send_control(v, pps, sizeof pps);
    victim_pass_time(v, 2000);
}

static void who_stops_in_a_page_is_not_waited_for(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames < 4; frames++) {
        struct victim v;
        begin(&v);
        victim_indicate(&v, IND_V17_SHORT);
        for (unsigned i = 0; i < frames; i++)
            send_fcd(&v, (uint8_t)i, 0x35);
        victim_pass_time(&v, 60000);
        assert_true(v.finished);
        assert_int_not_equal(v.result, 0);
        assert_int_equal(v.confirmed, 0);
        end(&v);
    }
}

static void who_never_says_eop_ends_by_its_silence(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    send_block(&v, 3);
    send_pps(&v, 0x4F, 0, 3); /* MPS: another page */
    assert_int_equal(v.confirmed, 1);
    victim_pass_time(&v, 60000);
    assert_true(v.finished);
    assert_int_not_equal(v.result, 0);
    end(&v);
}

static void a_pps_repeated_for_ever_is_one_page(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    send_block(&v, 3);
    for (int i = 0; i < 200; i++)
        send_pps(&v, 0x4F, 0, 3);
    assert_int_equal(v.received, 1);
    assert_int_equal(v.confirmed, 1);
    end(&v);
    assert_int_not_equal(v.result, 0); /* it had announced another page */
}

/* A PPS for frames that never came is answered by PPR, again and again, and confirms nothing. */
static void a_pps_without_its_frames_confirms_nothing(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    send_block(&v, 1);
    for (int i = 0; i < 50; i++)
        send_pps(&v, 0x2F, 0, 256);
    assert_int_equal(v.received, 0);
    assert_int_equal(v.confirmed, 0);
    end(&v);
    assert_int_not_equal(v.result, 0);
}

/* A page without a single row, or frame. */
static void a_page_of_nothing_is_no_page(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    send_block(&v, 0);
    for (int i = 0; i < 5; i++)
        send_pps(&v, 0x2F, 0, 1);
    assert_int_equal(v.confirmed, 0);
    end(&v);
    assert_int_not_equal(v.result, 0);
}

static void a_dcs_may_change_between_pages(void **state)
{
    (void)state;
    static const struct {
        uint8_t dcs[13];
        size_t n;
        bool taken;
    } second[] = {
        {{0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x44}, 7, true},              /* the same */
        {{0xFF, 0x13, 0x83, 0x00, 0x20, 0x90, 0x44}, 7, true},              /* coarser */
        {{0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x04}, 7, true},              /* T.4 1-D */
        {{0xFF, 0x13, 0x83, 0x00, 0x60, 0x91, 0x44}, 7, false},             /* 255 mm */
        {{0xFF, 0x13, 0x83, 0x00, 0x60, 0x93, 0x44}, 7, false},             /* no width at all */
        {{0xFF, 0x13, 0x83, 0x00, 0x7C, 0x90, 0x44}, 7, false},             /* no rate */
        {{0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x44, 0x80, 0x04}, 9, false}, /* R16 lines */
        {{0xFF, 0x13, 0x83, 0x00}, 4, false},
    };
    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        struct victim v;
        begin(&v);
        send_block(&v, 2);
        send_pps(&v, 0x8F, 0, 2); /* EOM: back to phase B */
        assert_int_equal(v.confirmed, 1);
        victim_pass_time(&v, 6000); /* T2, and its DIS again */
        victim_train(&v, second[i].dcs, second[i].n);
        if (second[i].taken)
            assert_int_equal(v.engine->terminal.t30.state, STATE_F_DOC_ECM);
        send_block(&v, 2);
        send_pps(&v, 0x2F, 1, 2);
        assert_int_equal(v.confirmed, second[i].taken ? 2 : 1);
        end(&v);
    }
}

/* The second page after EOM, with another DCS than the first; of an image without ECM (T.4 1-D) or
 * a block. Returns how many pages were confirmed. */
static unsigned confirmed_after_change(const uint8_t *first, size_t n, const uint8_t *second,
                                       size_t m)
{
    static const uint8_t eom[] = {0xFF, 0x13, 0x8F}, eop[] = {0xFF, 0x13, 0x2F};
    static const uint8_t octets[200] = {0x00, 0x14, 0xD9};
    const uint8_t *dcs[] = {first, second};
    const size_t lengths[] = {n, m};
    struct victim v;
    victim_begin(&v, false, &page);
    v.engine->t85 = true; /* before its first DIS */
    for (unsigned i = 0; i < 2; i++) {
        victim_train(&v, dcs[i], lengths[i]);
        if (lengths[i] > 6 && dcs[i][6] & 0x04) {
            send_block(&v, 2);
            send_pps(&v, i ? 0x2F : 0x8F, (uint8_t)v.confirmed, 2);
        } else {
            victim_indicate(&v, IND_V17_SHORT);
            victim_send_image(&v, octets, sizeof octets, true);
            victim_indicate(&v, IND_NONE);
            victim_send_control(&v, i ? eop : eom, sizeof eop);
            victim_pass_time(&v, 2000);
        }
        victim_pass_time(&v, 6000); /* T2, and its DIS again */
    }
    unsigned confirmed = v.confirmed;
    assert_int_equal(v.received, confirmed);
    end(&v);
    return confirmed;
}

static void ecm_and_coding_may_change_between_pages(void **state)
{
    (void)state;
    static const uint8_t t85[] = {0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x84,
                                  0x80, 0x80, 0x80, 0x80, 0x80, 0x20};
    static const uint8_t t4_2d[] = {0xFF, 0x13, 0x83, 0x00, 0xE0, 0x90, 0x04};
    static const struct {
        const uint8_t *dcs;
        size_t n;
    } kinds[] = {{victim_dcs, sizeof victim_dcs},
                 {victim_dcs_without_ecm, sizeof victim_dcs_without_ecm},
                 {t85, sizeof t85},
                 {t4_2d, sizeof t4_2d}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            unsigned confirmed =
                confirmed_after_change(kinds[i].dcs, kinds[i].n, kinds[k].dcs, kinds[k].n);
            if (confirmed != 2)
                fail_msg("%u pages confirmed when DCS %zu follows %zu", confirmed, k, i);
        }
}

/* Numbers begin anew in the middle of a page: the frame in progress is lost, the page is not. */
static void numbers_that_begin_anew_cost_no_call(void **state)
{
    (void)state;
    static const uint16_t restarts[] = {0, 17, 60000};
    for (size_t i = 0; i < sizeof restarts / sizeof restarts[0]; i++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = &page, .page_count = 1, .link = {.redundancy = 3}});
        while (call.link.now_ms < 13500)
            virtual_call_step(&call);
        assert_int_equal(call.end[LOSSY_SENDER].begun, 1);
        udptl_sender_set_sequence(call.link.end[LOSSY_SENDER].sender, restarts[i]);
        assert_true(virtual_call_run(&call, 300));
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.end[LOSSY_RECEIVER].result, 0);
        assert_int_equal(call.identical, 1);
        assert_int_equal(udptl_receiver_counters(call.link.end[LOSSY_RECEIVER].receiver)->restarts,
                         1);
        virtual_call_end(&call);
    }
}

/* A peer that always says something in time keeps no call for ever: somebody watches. */
static void a_trickle_of_frames_ends_with_t30s_patience(void **state)
{
    (void)state;
    static const uint8_t tsi[] = {0xFF, 0x03, 0x43, 0x20, 0x31};
    struct victim v;
    victim_begin(&v, false, &page);
    while (!v.finished && v.now_ms < HOUR_MS) {
        victim_indicate(&v, IND_V21);
        victim_send_frame(&v, V21, tsi, sizeof tsi, false);
        victim_pass_time(&v, 1000);
    }
    /* Without a limit of its own the engine may wait; gateway/line's call_watch ends the call. */
    fax_engine_abort(v.engine, T30_RESULT_PHASE_TIME);
    assert_true(v.finished);
    assert_int_equal(v.confirmed, 0);
    fax_engine_free(v.engine);
}

/* What spandsp's DCN for an odd frame looked like to us: answers that do not belong to the state.
 */
static void answers_out_of_turn_do_not_end_a_sender(void **state)
{
    (void)state;
    static const uint8_t frames[][3] = {
        {0xFF, 0x13, 0x84}, {0xFF, 0x13, 0x44}, {0xFF, 0x13, 0x8C}, {0xFF, 0x13, 0x6C}};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct virtual_call call;
        uint8_t ifp[] = {0xC0, 2, 0x80, 0, 2, 0xFF, 0xC8, 0, 0x40};
        uint8_t reversed = 0;
        for (int bit = 0; bit < 8; bit++)
            reversed |= (uint8_t)((frames[i][2] >> bit & 1) << (7 - bit));
        ifp[7] = reversed;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = &page, .page_count = 1, .link = {.redundancy = 3}});
        while (call.link.end[LOSSY_SENDER].engine->terminal.t30.state != STATE_D_TCF)
            virtual_call_step(&call);
        lossy_link_send(&call.link.end[LOSSY_RECEIVER], ifp, sizeof ifp, 1);
        assert_true(virtual_call_run(&call, 300));
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.identical, 1);
        virtual_call_end(&call);
    }
}

static int make_page(void **state)
{
    (void)state;
    page = t6_page_make(T6_PAGE_TEXT, 1);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    fax_page_wipe(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_in_a_page_is_not_waited_for),
        cmocka_unit_test(who_never_says_eop_ends_by_its_silence),
        cmocka_unit_test(a_pps_repeated_for_ever_is_one_page),
        cmocka_unit_test(a_pps_without_its_frames_confirms_nothing),
        cmocka_unit_test(a_page_of_nothing_is_no_page),
        cmocka_unit_test(a_dcs_may_change_between_pages),
        cmocka_unit_test(ecm_and_coding_may_change_between_pages),
        cmocka_unit_test(numbers_that_begin_anew_cost_no_call),
        cmocka_unit_test(a_trickle_of_frames_ends_with_t30s_patience),
        cmocka_unit_test(answers_out_of_turn_do_not_end_a_sender),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
