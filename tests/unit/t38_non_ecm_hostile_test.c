/* t38_non_ecm_hostile_test.c: senders without error correction that break the rules, or are met by
 * loss at the worst moments. No page may be confirmed that was not kept, nothing may grow.
 */
#include "tests/doubles/t38_victim.h"
#include "tests/doubles/virtual_call.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t mps[] = {0xFF, 0x13, 0x4F}, eop[] = {0xFF, 0x13, 0x2F},
                     pri_mps[] = {0xFF, 0x13, 0x5F}, dcn[] = {0xFF, 0x13, 0xFB};

static struct fax_page brief[3];

static void begin(struct victim *v)
{
    victim_begin(v, false, NULL);
    victim_train(v, victim_dcs_without_ecm, sizeof victim_dcs_without_ecm);
    assert_int_equal(v->engine->terminal.t30.state, STATE_F_DOC_NON_ECM);
}

static void end(struct victim *v)
{
    victim_pass_time(v, 400000);
    assert_true(v->finished);
    fax_engine_free(v->engine);
}

static void send_octets(struct victim *v, size_t count, uint8_t value, bool with_end)
{
    uint8_t octets[50];
    memset(octets, value, sizeof octets);
    victim_indicate(v, IND_V17_SHORT);
    for (size_t i = 0; i < count; i += sizeof octets) {
        victim_send_image(v, octets, sizeof octets, with_end && i + sizeof octets >= count);
        victim_pass_time(v, 20);
    }
    if (with_end)
        victim_indicate(v, IND_NONE);
}

/* Every way to end the signal, and none. */
static void the_end_of_a_page_may_be_missing(void **state)
{
    (void)state;
    for (int with_end = 0; with_end < 2; with_end++) {
        struct victim v;
        begin(&v);
        send_octets(&v, 3000, 0x55, with_end);
        victim_send_control(&v, with_end ? pri_mps : mps, sizeof mps);
        victim_pass_time(&v, 3000);
        assert_int_equal(v.received, 1);
        assert_int_equal(v.octets, 3000);
        assert_int_equal(v.confirmed, 1);
        send_octets(&v, 2000, 0x55, !with_end);
        victim_send_control(&v, eop, sizeof eop);
        victim_pass_time(&v, 3000);
        assert_int_equal(v.confirmed, 2);
        victim_send_control(&v, dcn, sizeof dcn);
        assert_int_equal(v.result, 0);
        end(&v);
    }
}

/* A repeated end of signal carries its octets once. */
static void a_repeated_end_counts_once(void **state)
{
    (void)state;
    uint8_t octets[40] = {0x55};
    struct victim v;
    begin(&v);
    send_octets(&v, 1000, 0x55, false);
    for (int i = 0; i < 3; i++)
        victim_send_image(&v, octets, sizeof octets, true);
    victim_send_control(&v, eop, sizeof eop);
    assert_int_equal(v.octets, 1040);
    end(&v);
}

/* A page is confirmed by name only: without a page there is nothing to confirm, however often and
 * in whatever order it is asked for. */
static void a_command_without_page_gets_no_confirmation(void **state)
{
    (void)state;
    static const uint8_t commands[] = {0x4F, 0x2F, 0x8F, 0x5F, 0x3F, 0x9F};
    for (size_t i = 0; i < sizeof commands; i++) {
        const uint8_t command[] = {0xFF, 0x13, commands[i]};
        struct victim v;
        begin(&v);
        for (int k = 0; k < 12; k++) {
            victim_send_control(&v, command, sizeof command);
            victim_pass_time(&v, 3000);
        }
        assert_int_equal(v.received, 0);
        assert_int_equal(v.confirmed, 0);
        assert_true(v.rejected > 0);
        assert_int_equal(v.engine->terminal.t30.rx_page_number, 0);
        end(&v);
    }
}

/* The second page's carrier was heard, its octets were not: its command is not a repetition. */
static void a_page_lost_whole_is_not_confirmed(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct victim v;
        begin(&v);
        send_octets(&v, 3000, 0x55, true);
        victim_send_control(&v, mps, sizeof mps);
        victim_pass_time(&v, 3000);
        assert_int_equal(v.confirmed, 1);
        if (how == 0)
            victim_indicate(&v, IND_V17_SHORT);
        else
            v.sequence += 100;
        victim_pass_time(&v, 3000);
        unsigned sent = v.sent;
        victim_send_control(&v, mps, sizeof mps);
        victim_pass_time(&v, 3000);
        assert_true(v.sent > sent);
        assert_int_equal(v.received, 1);
        assert_int_equal(v.confirmed, 1);
        assert_int_equal(v.rejected, 1);
        end(&v);
    }
}

/* spandsp alone made 113 MB of such a page: each row takes 29 bits. */
static void an_image_bomb_stays_as_small_as_it_came(void **state)
{
    (void)state;
    static const char bits[] = "00000000000101001101100110101";
    uint8_t octets[29] = {0};
    struct victim v;
    for (size_t i = 0; i < sizeof octets * 8; i++)
        octets[i / 8] |= (uint8_t)((bits[i % 29] == '1') << (7 - i % 8));
    begin(&v);
    size_t before = mallinfo2().uordblks;
    victim_indicate(&v, IND_V17_SHORT);
    for (int i = 0; i < 10000; i++) {
        victim_send_image(&v, octets, sizeof octets, false);
        if (i % 100 == 0)
            victim_pass_time(&v, 20);
    }
    assert_true(mallinfo2().uordblks < before + (size_t)600 * 1024);
    victim_send_control(&v, eop, sizeof eop);
    assert_int_equal(v.received, 1);
    assert_int_equal(v.octets, sizeof octets * 10000);
    assert_true(mallinfo2().uordblks < before + (size_t)64 * 1024);
    end(&v);
}

static void an_endless_page_ends_the_call(void **state)
{
    (void)state;
    uint8_t octets[1000];
    struct victim v;
    begin(&v);
    memset(octets, 0x3C, sizeof octets);
    for (int i = 0; i < 17000 && !v.finished; i++) {
        victim_send_image(&v, octets, sizeof octets, false);
        if (i % 200 == 0)
            victim_pass_time(&v, 20);
    }
    assert_int_equal(v.result, T30_RESULT_LIMIT);
    assert_int_equal(v.received, 0);
    end(&v);
}

static void endless_bad_copies_end_the_call(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    v.copy = FAX_COPY_BAD;
    for (int i = 0; i < 20 && !v.finished; i++) {
        send_octets(&v, 1000, 0x55, true);
        victim_send_control(&v, mps, sizeof mps);
        victim_pass_time(&v, 3000);
    }
    assert_int_equal(v.result, T30_RESULT_LIMIT);
    assert_int_equal(v.confirmed, 0);
    assert_int_equal(v.rejected, 10);
    end(&v);
}

static void frames_of_ecm_are_not_taken_without_it(void **state)
{
    (void)state;
    uint8_t fcd[260] = {0xFF, 0x03, 0x06, 0x00}, rcp[] = {0xFF, 0x03, 0x86},
            pps[] = {0xFF, 0x13, 0xBF, 0x2F, 0, 0, 0};
    struct victim v;
    begin(&v);
    victim_indicate(&v, IND_V17_SHORT);
    victim_send_frame(&v, V17_14400, fcd, sizeof fcd, false);
    victim_send_frame(&v, V17_14400, rcp, sizeof rcp, true);
    victim_send_control(&v, pps, sizeof pps);
    victim_pass_time(&v, 3000);
    assert_int_equal(v.received, 0);
    assert_int_equal(v.confirmed, 0);
    end(&v);
}

static void t6_needs_ecm(void **state)
{
    (void)state;
    static const uint8_t dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x40};
    struct victim v;
    victim_begin(&v, false, NULL);
    victim_train(&v, dcs, sizeof dcs);
    assert_int_not_equal(v.engine->terminal.t30.state, STATE_F_DOC_NON_ECM);
    victim_pass_time(&v, 60000);
    assert_true(v.finished);
    assert_int_equal(v.result, T30_ERR_INCOMPATIBLE);
    end(&v);
}

/* While a page waits, whatever else is said does not help. */
static void nothing_shortens_a_hold(void **state)
{
    (void)state;
    struct victim v;
    begin(&v);
    v.hold = true;
    send_octets(&v, 3000, 0x55, true);
    victim_send_control(&v, mps, sizeof mps);
    for (int i = 0; i < 3; i++) {
        victim_send_frame(&v, V21, mps, sizeof mps, true);
        victim_indicate(&v, IND_NONE);
        victim_indicate(&v, IND_V21);
        victim_send_frame(&v, V21, eop, sizeof eop, true);
        victim_pass_time(&v, 500);
    }
    assert_int_equal(v.confirmed, 0);
    assert_int_equal(v.engine->terminal.t30.rx_page_number, 0);
    victim_pass_time(&v, 2000);
    assert_true(v.finished);
    assert_int_equal(v.result, T30_RESULT_HOLD_EXPIRED);
    end(&v);
}

static void begin_call(struct virtual_call *call)
{
    virtual_call_begin(call, &(struct virtual_call_config){
                                 .pages = brief, .page_count = 3, .sender_without_ecm = true});
    while (call->end[LOSSY_RECEIVER].confirmed < 1)
        virtual_call_step(call);
}

static void expect_three_pages(struct virtual_call *call, uint32_t rejected)
{
    assert_true(virtual_call_run(call, 300));
    assert_int_equal(call->end[LOSSY_SENDER].result, 0);
    assert_int_equal(call->end[LOSSY_SENDER].confirmed, 3);
    assert_int_equal(call->end[LOSSY_SENDER].rejected, rejected);
    assert_int_equal(call->received, 3);
    assert_int_equal(call->identical, 3);
    virtual_call_end(call);
}

static void a_lost_confirmation_is_repeated(void **state)
{
    (void)state;
    struct virtual_call call;
    begin_call(&call);
    call.link.end[LOSSY_SENDER].cut_until_ms = call.link.now_ms + 2500;
    expect_three_pages(&call, 0);
}

static void a_page_cut_out_is_sent_again(void **state)
{
    (void)state;
    struct virtual_call call;
    begin_call(&call);
    while (call.end[LOSSY_SENDER].asked < 2) {
        call.link.end[LOSSY_RECEIVER].cut_until_ms = call.link.now_ms + 60;
        virtual_call_step(&call);
        assert_true(call.end[LOSSY_SENDER].confirmed <= 1);
    }
    while (call.end[LOSSY_SENDER].rejected < 1) {
        virtual_call_step(&call);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, 1);
    }
    expect_three_pages(&call, 1);
}

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        fax_page_wipe(&brief[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_page_may_be_missing),
        cmocka_unit_test(a_repeated_end_counts_once),
        cmocka_unit_test(a_command_without_page_gets_no_confirmation),
        cmocka_unit_test(a_page_lost_whole_is_not_confirmed),
        cmocka_unit_test(an_image_bomb_stays_as_small_as_it_came),
        cmocka_unit_test(an_endless_page_ends_the_call),
        cmocka_unit_test(endless_bad_copies_end_the_call),
        cmocka_unit_test(frames_of_ecm_are_not_taken_without_it),
        cmocka_unit_test(t6_needs_ecm),
        cmocka_unit_test(nothing_shortens_a_hold),
        cmocka_unit_test(a_lost_confirmation_is_repeated),
        cmocka_unit_test(a_page_cut_out_is_sent_again),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
