/* t38_resolution_test.c: pages of all vertical resolutions and rates, in virtual time. */
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PAGES = 3 };

static const uint16_t y_dpis[] = {98, 196, 391};

static struct fax_page brief[PAGES], other[PAGES];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
        other[i] = t6_page_make(T6_PAGE_SHORT, i + 11);
    }
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        fax_page_wipe(&brief[i]);
        fax_page_wipe(&other[i]);
    }
    return 0;
}

static void set_y_dpi(struct fax_page *pages, uint16_t first, uint16_t others)
{
    for (uint32_t i = 0; i < PAGES; i++)
        pages[i].view.y_dpi = i == 0 ? first : others;
}

static void expect_success(struct virtual_call *call)
{
    bool done = virtual_call_run(call, 400);
    print_message("   %.1f s, results %d %d, %u pages, %u identical\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical);
    assert_true(done);
    assert_int_equal(call->end[LOSSY_SENDER].result, 0);
    assert_int_equal(call->end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call->end[LOSSY_SENDER].confirmed, PAGES);
    if (call->config.plain_receiver)
        return;
    assert_int_equal(call->received, PAGES);
    assert_int_equal(call->identical, PAGES); /* resolution included */
}

static void every_resolution_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int without_ecm = 0; without_ecm < 2; without_ecm++) {
            struct virtual_call call;
            set_y_dpi(brief, y_dpis[i], y_dpis[i]);
            virtual_call_begin(
                &call, &(struct virtual_call_config){
                           .pages = brief, .page_count = PAGES, .sender_without_ecm = without_ecm});
            expect_success(&call);
            for (int end = 0; end < 2; end++) {
                assert_int_equal(call.end[end].statistics.y_dpi, y_dpis[i]);
                assert_int_equal(call.end[end].statistics.x_dpi, 204);
            }
            assert_int_equal(call.end[LOSSY_SENDER].wanted, without_ecm);
            virtual_call_end(&call);
        }
}

/* Between pages of different resolution T.30 goes back to phase B (EOM). */
static void resolutions_may_be_mixed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int without_ecm = 0; without_ecm < 2; without_ecm++) {
            struct virtual_call call;
            set_y_dpi(brief, y_dpis[i], y_dpis[(i + 1) % 3]);
            virtual_call_begin(
                &call, &(struct virtual_call_config){
                           .pages = brief, .page_count = PAGES, .sender_without_ecm = without_ecm});
            expect_success(&call);
            virtual_call_end(&call);
        }
}

static void a_bad_copy_before_another_resolution_is_sent_again(void **state)
{
    (void)state;
    struct virtual_call call;
    set_y_dpi(brief, 391, 196);
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                            .page_count = PAGES,
                                                            .judge_page = 1,
                                                            .judge_as = FAX_COPY_BAD,
                                                            .sender_without_ecm = true});
    assert_true(virtual_call_run(&call, 400));
    assert_int_equal(call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(call.end[LOSSY_SENDER].confirmed, PAGES);
    assert_int_equal(call.received, PAGES);
    assert_int_equal(call.identical, PAGES);
    virtual_call_end(&call);
}

static void begin_with_less(struct virtual_call *call, bool without_ecm, int resolutions)
{
    virtual_call_begin(call, &(struct virtual_call_config){.pages = brief,
                                                           .page_count = PAGES,
                                                           .plain_receiver = true,
                                                           .plain_without_ecm = without_ecm});
    t30_set_supported_resolutions(t38_terminal_get_t30_state(call->peer.terminal), resolutions);
}

/* The pages with less resolution are other ones here, so that they cannot be mistaken. */
static void a_peer_with_less_gets_less(void **state)
{
    (void)state;
    static const struct {
        int resolutions;
        uint16_t from, wanted;
    } cases[] = {{T30_SUPPORT_STANDARD_RESOLUTION, 196, 98},
                 {T30_SUPPORT_STANDARD_RESOLUTION, 391, 98},
                 {T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION, 391, 196}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int without_ecm = 0; without_ecm < 2; without_ecm++) {
            struct virtual_call call;
            set_y_dpi(brief, cases[i].from, cases[i].from);
            set_y_dpi(other, cases[i].wanted, cases[i].wanted);
            begin_with_less(&call, without_ecm, cases[i].resolutions);
            call.reduced = other;
            expect_success(&call);
            assert_int_equal(call.end[LOSSY_SENDER].y_dpi_wanted, cases[i].wanted);
            assert_int_equal(call.end[LOSSY_SENDER].statistics.y_dpi, cases[i].wanted);
            assert_int_equal(spandsp_peer_identical(&call.peer, other, PAGES), PAGES);
            virtual_call_end(&call);
        }
}

/* Who does not answer PAGES_WANTED, or not with less, sends nothing and ends in time. */
static void pages_that_stay_too_fine_are_not_sent(void **state)
{
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        struct virtual_call call;
        set_y_dpi(brief, 391, 391);
        set_y_dpi(other, 391, 391);
        begin_with_less(&call, false, T30_SUPPORT_STANDARD_RESOLUTION);
        call.reduced = answered ? other : NULL;
        assert_true(virtual_call_run(&call, 120));
        print_message("   %.1f s, result %d\n", (double)call.link.now_ms / 1000,
                      call.end[LOSSY_SENDER].result);
        assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
        assert_int_equal(call.end[LOSSY_SENDER].begun, 0);
        virtual_call_end(&call);
    }
}

/* A sender keeps to its rate; a receiver offers modems that cannot exceed it. */
static void rates_are_kept(void **state)
{
    (void)state;
    static const struct {
        uint32_t sender, receiver, rate;
        enum fax_modem modem;
    } cases[] = {
        {12000, 14400, 12000, FAX_MODEM_V17},  {9600, 14400, 9600, FAX_MODEM_V29},
        {7200, 14400, 7200, FAX_MODEM_V29},    {4800, 14400, 4800, FAX_MODEM_V27TER},
        {2400, 14400, 2400, FAX_MODEM_V27TER}, {14400, 2400, 2400, FAX_MODEM_V27TER},
        {14400, 7200, 4800, FAX_MODEM_V27TER}, {7200, 9600, 7200, FAX_MODEM_V29},
    };
    set_y_dpi(brief, 196, 196);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int without_ecm = 0; without_ecm < 2; without_ecm++) {
            struct virtual_call call;
            virtual_call_begin(&call,
                               &(struct virtual_call_config){.pages = brief,
                                                             .page_count = PAGES,
                                                             .max_rate = cases[i].receiver,
                                                             .sender_rate = cases[i].sender,
                                                             .sender_without_ecm = without_ecm});
            expect_success(&call);
            for (int end = 0; end < 2; end++) {
                assert_int_equal(call.end[end].statistics.bit_rate, cases[i].rate);
                assert_int_equal(call.end[end].statistics.modem, cases[i].modem);
                assert_int_equal(call.end[end].statistics.ecm, !without_ecm);
            }
            virtual_call_end(&call);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resolution_arrives),
        cmocka_unit_test(resolutions_may_be_mixed),
        cmocka_unit_test(a_bad_copy_before_another_resolution_is_sent_again),
        cmocka_unit_test(a_peer_with_less_gets_less),
        cmocka_unit_test(pages_that_stay_too_fine_are_not_sent),
        cmocka_unit_test(rates_are_kept),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
