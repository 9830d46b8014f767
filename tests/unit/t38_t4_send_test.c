/* t38_t4_send_test.c: pages sent in T.4, to receivers without ECM or without T.6, in virtual time;
 * what went over the line is looked at bit by bit. */
#include "tests/doubles/virtual_call.h"

#include "t38/spandsp_session.h"
#include "tests/doubles/t4_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    PAGES = 3,
    ONLY_1D = T30_SUPPORT_T4_1D_COMPRESSION,
    UP_TO_2D = ONLY_1D | T30_SUPPORT_T4_2D_COMPRESSION,
    UP_TO_T6 = UP_TO_2D | T30_SUPPORT_T6_COMPRESSION,
    NO_TIME = 7, /* T.30 table 2, bits 21 to 23 of the DIS */
};

/* Milliseconds a row takes at least, by these bits, at 98 and at 196 rows an inch. */
static const uint32_t times_ms[8][2] = {{20, 20}, {5, 5},   {10, 10}, {20, 10},
                                        {40, 40}, {40, 20}, {10, 5},  {0, 0}};

static struct fax_page text[PAGES], brief[PAGES];
static struct t4_line seen, plain; /* a megabyte each, not for the stack */

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    }
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        fax_page_wipe(&text[i]);
        fax_page_wipe(&brief[i]);
    }
    return 0;
}

/* What the receiver says, and what it must get. */
struct expected {
    const struct fax_page *pages;
    uint32_t time_ms;
    enum fax_page_coding coding;
    bool ecm;
    uint32_t copies, wrong;
    uint32_t rates[8]; /* of each copy */
    size_t octets;
};

static void see_page(void *user, const struct fax_page *page,
                     const struct fax_statistics *statistics)
{
    struct expected *x = user;
    uint32_t number = statistics->pages;
    uint32_t least_bits = x->ecm ? 0 : statistics->bit_rate * x->time_ms / 1000;
    struct fax_page sent = adapted_page_make(&x->pages[number].view, x->coding);
    x->rates[x->copies++ % 8] = statistics->bit_rate;
    x->octets = page->view.length;
    x->wrong += page->view.coding != x->coding || page->without_ecm == x->ecm;
    t4_line_read(&plain, sent.view.data, sent.view.length, sent.view.lsb_first);
    t4_line_read(&seen, page->view.data, page->view.length, page->view.lsb_first);
    x->wrong += t4_line_differences(&seen, &plain, least_bits) != 0;
    fax_page_wipe(&sent);
}

/* The receiver is ours, but its DIS offers less. */
static void begin(struct virtual_call *call, const struct virtual_call_config *config,
                  struct expected *x, int compressions, uint8_t time_code)
{
    struct virtual_call_config c = *config;
    c.see_page = see_page;
    c.see_user = x;
    c.receiver_without_ecm = !x->ecm;
    x->pages = config->pages;
    virtual_call_begin(call, &c);
    t30_state_t *t = &call->link.end[LOSSY_RECEIVER].engine->terminal.t30;
    t->local_min_scan_time_code = time_code;
    t30_set_supported_compressions(t, compressions);
}

static void expect_success(struct virtual_call *call, const struct expected *x)
{
    const struct virtual_call_end *end = call->end;
    bool done = virtual_call_run(call, 1200);
    print_message("   %.1f s, results %d %d, %u identical of %u, coding %d, %zu octets\n",
                  (double)call->link.now_ms / 1000, end[0].result, end[1].result, call->identical,
                  call->received, (int)end[0].statistics.coding, x->octets);
    assert_true(done);
    assert_int_equal(end[LOSSY_SENDER].result, 0);
    assert_int_equal(end[LOSSY_SENDER].wanted, 1);
    assert_int_equal(end[LOSSY_SENDER].confirmed, call->config.page_count);
    assert_int_equal(call->identical, call->config.page_count);
    assert_int_equal(call->bad_rows, 0);
    assert_int_equal(x->wrong, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(end[i].statistics.coding, x->coding);
        assert_int_equal(end[i].statistics.ecm, x->ecm);
    }
}

static void every_minimum_time_is_kept(void **state)
{
    (void)state;
    for (int fine = 0; fine < 2; fine++)
        for (uint8_t code = 0; code < 8; code++) {
            struct virtual_call call;
            struct expected x = {.time_ms = times_ms[code][fine],
                                 .coding = code % 2 ? FAX_PAGE_T4_2D : FAX_PAGE_T4_1D};
            for (uint32_t i = 0; i < PAGES; i++)
                brief[i].view.y_dpi = fine ? 196 : 98;
            print_message("%u: %u ms\n", code, x.time_ms);
            begin(&call, &(struct virtual_call_config){.pages = brief, .page_count = PAGES}, &x,
                  code % 2 ? UP_TO_T6 : ONLY_1D, code);
            expect_success(&call, &x);
            assert_int_equal(x.copies, PAGES);
            /* As slow as the receiver wants it; without a time the octets are those of the page. */
            uint64_t least = (uint64_t)brief[0].view.rows * x.time_ms * 14400 / 8000;
            assert_true(x.octets >= least);
            virtual_call_end(&call);
        }
}

static void every_rate_gets_its_fill(void **state)
{
    (void)state;
    static const uint32_t rates[] = {14400, 12000, 9600, 7200, 4800, 2400};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct virtual_call call;
        struct expected x = {.time_ms = 20, .coding = FAX_PAGE_T4_2D};
        begin(&call,
              &(struct virtual_call_config){.pages = i < 2 ? text : brief,
                                            .page_count = i < 2 ? 1 : PAGES,
                                            .sender_rate = rates[i]},
              &x, UP_TO_2D, 0);
        expect_success(&call, &x);
        assert_int_equal(x.rates[0], rates[i]);
        virtual_call_end(&call);
    }
}

static void pages_go_with_ecm_as_well(void **state)
{
    (void)state;
    for (int two = 0; two < 2; two++)
        for (int audio = 0; audio < 2; audio++) {
            struct virtual_call call;
            struct expected x = {
                .time_ms = 40, .coding = two ? FAX_PAGE_T4_2D : FAX_PAGE_T4_1D, .ecm = true};
            begin(&call,
                  &(struct virtual_call_config){
                      .pages = audio ? brief : text, .page_count = PAGES, .link = {.audio = audio}},
                  &x, two ? UP_TO_2D : ONLY_1D, 4);
            expect_success(&call, &x);
            virtual_call_end(&call);
        }
}

static void pages_go_over_audio(void **state)
{
    (void)state;
    for (uint8_t code = 0; code < 2; code++) {
        struct virtual_call call;
        struct expected x = {.time_ms = times_ms[code][1],
                             .coding = code ? FAX_PAGE_T4_2D : FAX_PAGE_T4_1D};
        begin(&call,
              &(struct virtual_call_config){
                  .pages = brief, .page_count = PAGES, .link = {.audio = true}},
              &x, code ? UP_TO_2D : ONLY_1D, code);
        expect_success(&call, &x);
        assert_int_equal(x.copies, PAGES);
        virtual_call_end(&call);
    }
}

/* The page goes again, one rate lower and with less fill. */
static void a_rejected_page_goes_again_with_the_fill_of_its_rate(void **state)
{
    (void)state;
    for (int audio = 0; audio < 2; audio++)
        for (int bad = 1; bad <= PAGES; bad++) {
            struct virtual_call call;
            struct expected x = {.time_ms = 40, .coding = FAX_PAGE_T4_1D};
            begin(&call,
                  &(struct virtual_call_config){.pages = brief,
                                                .page_count = PAGES,
                                                .judge_page = bad,
                                                .judge_as = FAX_COPY_BAD,
                                                .link = {.audio = audio}},
                  &x, ONLY_1D, 4);
            expect_success(&call, &x);
            assert_int_equal(x.copies, PAGES + 1);
            assert_int_equal(x.rates[bad - 1], 14400);
            assert_int_equal(x.rates[bad], 12000);
            virtual_call_end(&call);
        }
}

/* RTP: kept, but trained anew and slower. */
static void a_poor_page_makes_the_next_one_slower(void **state)
{
    (void)state;
    struct virtual_call call;
    struct expected x = {.time_ms = 20, .coding = FAX_PAGE_T4_2D};
    begin(&call,
          &(struct virtual_call_config){
              .pages = brief, .page_count = PAGES, .judge_page = 1, .judge_as = FAX_COPY_POOR},
          &x, UP_TO_2D, 0);
    expect_success(&call, &x);
    assert_int_equal(x.rates[0], 14400);
    assert_int_equal(x.rates[1], 12000);
    virtual_call_end(&call);
}

static unsigned failures_left;
static t30_send_hdlc_handler_t *next_frame; /* the engine's */

/* The receiver finds training bad for a while. */
static void say_failure(void *user, const uint8_t *frame, int length)
{
    struct fax_engine *e = user;
    uint8_t ftt[3];
    if (length == 3 && (frame[2] & 0xFE) == FCF_CFR && failures_left > 0) {
        failures_left--;
        memcpy(ftt, frame, sizeof ftt);
        ftt[2] = (uint8_t)(FCF_FTT | (frame[2] & 1));
        next_frame(e, ftt, length);
        e->terminal.t30.state = STATE_R;
        return;
    }
    next_frame(e, frame, length);
}

static void failed_training_lowers_the_fill(void **state)
{
    (void)state;
    static const uint32_t rates[] = {14400, 12000, 9600, 9600, 7200};
    for (failures_left = 1; failures_left < 4;) {
        unsigned failures = failures_left;
        struct virtual_call call;
        struct expected x = {.time_ms = 10, .coding = FAX_PAGE_T4_2D};
        begin(&call, &(struct virtual_call_config){.pages = brief, .page_count = PAGES}, &x,
              UP_TO_2D, 2);
        t30_state_t *t = &call.link.end[LOSSY_RECEIVER].engine->terminal.t30;
        next_frame = t->send_hdlc_handler;
        t->send_hdlc_handler = say_failure;
        (void)virtual_call_run(&call, 1200);
        print_message("   after %u failures: result %d, %u bit/s\n", failures, call.end[0].result,
                      x.rates[0]);
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(x.rates[0], rates[failures]);
        assert_int_equal(x.wrong, 0);
        virtual_call_end(&call);
        failures_left = failures + 1;
    }
}

/* A DIS is answered as soon as the pages are there, or, after two seconds, the next one. */
static void a_dis_is_answered_once_pages_are_there(void **state)
{
    (void)state;
    static const uint64_t adapt_ms[] = {0, 500, 1900, 2500, 7000};
    uint64_t ended_ms[5];
    for (size_t i = 0; i < 5; i++)
        for (int audio = 0; audio < 2; audio++) {
            struct virtual_call call;
            struct expected x = {.coding = FAX_PAGE_T4_2D};
            begin(&call,
                  &(struct virtual_call_config){.pages = brief,
                                                .page_count = 1,
                                                .adapt_ms = adapt_ms[i],
                                                .link = {.audio = audio}},
                  &x, UP_TO_T6, NO_TIME);
            expect_success(&call, &x);
            if (!audio)
                ended_ms[i] = call.link.now_ms;
            virtual_call_end(&call);
        }
    /* The first is answered when the signal that the DIS came with has ended, and spandsp's pause
     * between two CNG as well. */
    assert_in_range(ended_ms[1] - ended_ms[0], 0, 500);
    assert_in_range(ended_ms[2] - ended_ms[0], 1000, 1900);
    assert_in_range(ended_ms[3] - ended_ms[0], 2500, 6000);
    assert_in_range(ended_ms[4] - ended_ms[0], 6500, 11000);
}

/* Loss on the way: a page that arrives is the one that was sent. */
static void lost_packets_do_not_mix_pages(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct virtual_call call;
        virtual_call_begin(
            &call, &(struct virtual_call_config){
                       .pages = brief,
                       .page_count = PAGES,
                       .receiver_without_ecm = true,
                       .link = {.loss = 0.1, .redundancy = 2, .delay_ms = 30, .seed = seed}});
        assert_true(virtual_call_run(&call, 900));
        assert_true(call.end[LOSSY_SENDER].confirmed <= call.received);
        if (call.end[LOSSY_SENDER].result == 0 && call.bad_rows == 0)
            assert_int_equal(call.identical, PAGES);
        virtual_call_end(&call);
    }
}

/* Never the dummy: what is in no T.4 does not go without ECM. */
static void what_is_not_ours_is_never_sent(void **state)
{
    (void)state;
    for (int audio = 0; audio < 2; audio++) {
        struct virtual_call call;
        struct expected x = {.coding = FAX_PAGE_T4_2D};
        begin(&call,
              &(struct virtual_call_config){
                  .pages = brief, .page_count = 1, .link = {.audio = audio}},
              &x, UP_TO_T6, NO_TIME);
        while (call.end[LOSSY_SENDER].documents == 0)
            virtual_call_step(&call);
        call.link.end[LOSSY_SENDER].engine->out.pages[0].coding = FAX_PAGE_T6;
        (void)virtual_call_run(&call, 120);
        assert_int_equal(call.end[LOSSY_SENDER].result, T30_RESULT_GUARD);
        assert_int_equal(call.copies, 0);
        virtual_call_end(&call);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_minimum_time_is_kept),
        cmocka_unit_test(every_rate_gets_its_fill),
        cmocka_unit_test(pages_go_with_ecm_as_well),
        cmocka_unit_test(pages_go_over_audio),
        cmocka_unit_test(a_rejected_page_goes_again_with_the_fill_of_its_rate),
        cmocka_unit_test(a_poor_page_makes_the_next_one_slower),
        cmocka_unit_test(failed_training_lowers_the_fill),
        cmocka_unit_test(a_dis_is_answered_once_pages_are_there),
        cmocka_unit_test(lost_packets_do_not_mix_pages),
        cmocka_unit_test(what_is_not_ours_is_never_sent),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
