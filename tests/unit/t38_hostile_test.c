/* t38_hostile_test.c: peers that break the rules, with the frames that were found to crash, hang or
 * fill up spandsp 0.0.6, and frames made up at random. The session must survive, stay small, and
 * never confirm a page that was not kept whole.
 */
#include "tests/doubles/t38_victim.h"
#include "tests/doubles/virtual_call.h"

#include "codecs/fax_error.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fax_page page;

static void begin(struct victim *v, bool sender)
{
    victim_begin(v, sender, &page);
}

static void train(struct victim *v)
{
    victim_train(v, victim_dcs, sizeof victim_dcs);
    assert_int_equal(v->engine->terminal.t30.state, STATE_F_DOC_ECM);
    victim_indicate(v, IND_V17_SHORT);
}

static void end(struct victim *v)
{
    victim_pass_time(v, 400000);
    assert_true(v->finished);
    fax_engine_free(v->engine);
}

static void an_fcd_without_number_is_dropped(void **state)
{
    (void)state;
    static const uint8_t fcd[] = {0xFF, 0x03, 0x06, 0x00};
    struct victim v;
    begin(&v, false);
    train(&v);
    victim_send_frame(&v, V17_14400, fcd, 3, false);
    victim_send_frame(&v, V17_14400, fcd, 4, false);
    assert_int_equal(v.engine->statistics.frames_refused, 2);
    end(&v);
}

static void a_dcs_of_reserved_width_or_rate_is_dropped(void **state)
{
    (void)state;
    uint8_t dcs[40];
    struct victim v;
    begin(&v, false);
    victim_pass_time(&v, 6000);
    memset(dcs, 0x80, sizeof dcs);
    memcpy(dcs, victim_dcs, sizeof victim_dcs);
    dcs[5] |= 3;
    victim_send_control(&v, dcs, 7);
    for (unsigned rate = 0; rate < 16; rate++) { /* the eight that V.17 and older do not have */
        memcpy(dcs, victim_dcs, sizeof victim_dcs);
        dcs[4] = (uint8_t)(rate << 2);
        if (rate & 4)
            victim_send_control(&v, dcs, 7);
    }
    assert_int_equal(v.engine->statistics.frames_refused, 1 + 8);
    assert_int_equal(v.engine->terminal.t30.operation_in_progress, 0);
    end(&v);
}

static void a_dcs_of_odd_length_is_dropped(void **state)
{
    (void)state;
    static const size_t lengths[] = {5, 23, 40, 250};
    uint8_t dcs[250];
    struct victim v;
    begin(&v, false);
    victim_pass_time(&v, 6000);
    memset(dcs, 0x80, sizeof dcs);
    memcpy(dcs, victim_dcs, sizeof victim_dcs);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        victim_send_control(&v, dcs, lengths[i]);
    assert_int_equal(v.engine->statistics.frames_refused, 4);
    assert_int_equal(v.engine->terminal.t30.operation_in_progress, 0);
    end(&v);
}

static size_t heap_in_use(void)
{
    return mallinfo2().uordblks;
}

static void repeated_nsf_frames_cost_no_memory(void **state)
{
    (void)state;
    uint8_t nsf[250];
    static const uint8_t types[] = {0x20, 0x21, 0x22, 0x24, 0x62, 0xE2, 0xE1, 0x11, 0xC2};
    for (int sender = 0; sender < 2; sender++) {
        struct victim v;
        begin(&v, sender);
        victim_pass_time(&v, 1000);
        memset(nsf, 0x55, sizeof nsf);
        nsf[0] = 0xFF;
        nsf[1] = 0x03;
        victim_indicate(&v, IND_V21);
        size_t before = heap_in_use();
        for (unsigned i = 0; i < 400000; i++) {
            nsf[2] = types[i % sizeof types];
            victim_send_frame(&v, V21, nsf, sizeof nsf, false);
            if (i % 200 == 0)
                victim_pass_time(&v, 20);
        }
        size_t after = heap_in_use();
        assert_true(after < before + 4096);
        end(&v);
    }
}

/* Eight times 65,536 octets of ones are 4 million rows of white in T.6. */
static void an_image_bomb_stays_as_small_as_it_came(void **state)
{
    (void)state;
    uint8_t fcd[260], rcp[] = {0xFF, 0x03, 0x86}, pps[] = {0xFF, 0x13, 0xBF, 0, 0, 0, 255};
    struct victim v;
    begin(&v, false);
    train(&v);
    memset(fcd, 0xFF, sizeof fcd);
    fcd[1] = 0x03;
    fcd[2] = 0x06;
    size_t before = heap_in_use();
    for (uint8_t block = 0; block < 8; block++) {
        for (int i = 0; i < 256; i++) {
            fcd[3] = (uint8_t)i;
            victim_send_frame(&v, V17_14400, fcd, sizeof fcd, false);
            if (i % 50 == 0)
                victim_pass_time(&v, 20);
        }
        victim_send_frame(&v, V17_14400, rcp, sizeof rcp, true);
        victim_indicate(&v, IND_NONE);
        pps[3] = block == 7 ? 0x2F : 0;
        pps[5] = block;
        victim_send_control(&v, pps, sizeof pps);
        victim_pass_time(&v, 3000);
        victim_indicate(&v, IND_V17_SHORT);
        assert_true(heap_in_use() < before + (size_t)18 * 65536);
    }
    assert_int_equal(v.received, 1);
    end(&v);
}

static void an_endless_page_ends_the_call(void **state)
{
    (void)state;
    uint8_t fcd[260], rcp[] = {0xFF, 0x03, 0x86}, pps[] = {0xFF, 0x13, 0xBF, 0, 0, 0, 255};
    struct victim v;
    begin(&v, false);
    train(&v);
    memset(fcd, 0x3C, sizeof fcd);
    fcd[0] = 0xFF;
    fcd[1] = 0x03;
    fcd[2] = 0x06;
    for (int block = 0; block < 300 && !v.finished; block++) {
        for (int i = 0; i < 256; i++) {
            fcd[3] = (uint8_t)i;
            victim_send_frame(&v, V17_14400, fcd, sizeof fcd, false);
            if (i % 100 == 0)
                victim_pass_time(&v, 20);
        }
        victim_send_frame(&v, V17_14400, rcp, sizeof rcp, true);
        pps[5] = (uint8_t)block;
        victim_send_control(&v, pps, sizeof pps);
        victim_pass_time(&v, 3000);
        victim_indicate(&v, IND_V17_SHORT);
    }
    assert_int_equal(v.result, T30_RESULT_LIMIT);
    assert_int_equal(v.confirmed, 0);
    end(&v);
}

static void an_hdlc_idle_does_not_loop(void **state)
{
    (void)state;
    struct victim v;
    begin(&v, false);
    train(&v);
    /* The state in which stream_hdlc() has no frame and no end: nothing to send, no time passes. */
    t38_terminal_front_end_state_t *fe = &v.engine->terminal.t38_fe;
    fe->timed_step = 0x22; /* T38_TIMED_STEP_HDLC_MODEM_3 */
    fe->current_tx_data_type = V21;
    fe->hdlc_tx.len = fe->hdlc_tx.ptr = 0;
    v.engine->terminal.t30.state = STATE_F_POST_RCP_RNR + 100; /* one that sends nothing */
    victim_pass_time(&v, 1000);
    assert_true(v.finished);
    assert_int_equal(v.result, T30_RESULT_LIMIT);
    end(&v);
}

static void a_flood_of_packets_is_cut(void **state)
{
    (void)state;
    struct victim v;
    static const uint8_t idle = 0;
    unsigned refused = 0;
    begin(&v, false);
    for (int i = 0; i < 1000; i++)
        refused += victim_send_ifp(&v, &idle, 1) == FAX_ELIMIT;
    assert_int_equal(refused, 1000 - 256);
    victim_pass_time(&v, 20);
    assert_int_equal(victim_send_ifp(&v, &idle, 1), 0);
    end(&v);
}

static void malformed_ifps_are_counted(void **state)
{
    (void)state;
    static const uint8_t ifps[][4] = {{0x80}, {0xC0, 1}, {0xC0, 1, 0x80, 0}, {0x01}, {0x7E}};
    static const size_t lengths[] = {1, 2, 4, 1, 1};
    struct victim v;
    begin(&v, false);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_int_equal(victim_send_ifp(&v, ifps[i], lengths[i]), FAX_EFORMAT);
    assert_int_equal(v.engine->statistics.ifps_refused, 5);
    end(&v);
}

static int make_page(void **state)
{
    (void)state;
    page = t6_page_make(T6_PAGE_SHORT, 1);
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
        cmocka_unit_test(an_fcd_without_number_is_dropped),
        cmocka_unit_test(a_dcs_of_reserved_width_or_rate_is_dropped),
        cmocka_unit_test(a_dcs_of_odd_length_is_dropped),
        cmocka_unit_test(repeated_nsf_frames_cost_no_memory),
        cmocka_unit_test(an_image_bomb_stays_as_small_as_it_came),
        cmocka_unit_test(an_endless_page_ends_the_call),
        cmocka_unit_test(an_hdlc_idle_does_not_loop),
        cmocka_unit_test(a_flood_of_packets_is_cut),
        cmocka_unit_test(malformed_ifps_are_counted),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
