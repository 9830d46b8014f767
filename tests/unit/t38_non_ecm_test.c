/* t38_non_ecm_test.c: whole calls without error correction, in virtual time. */
#include "tests/doubles/virtual_call.h"

#include "codecs/fax_error.h"
#include "t38/copy_quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <tiffio.h>

#include <cmocka.h>

static struct fax_page text[5], brief[5];

static int make_pages(void **state)
{
    (void)state;
    TIFFSetWarningHandler(NULL); /* damaged pages are compared with whole ones */
    TIFFSetErrorHandler(NULL);
    for (uint32_t i = 0; i < 5; i++) {
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    }
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        fax_page_wipe(&text[i]);
        fax_page_wipe(&brief[i]);
    }
    return 0;
}

static void show(const struct virtual_call *call)
{
    print_message("   %.1f s, results %d %d, %u pages, %u identical, %u bad rows, rejected %u %u\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical, call->bad_rows, call->end[0].rejected,
                  call->end[1].rejected);
}

static void expect_success(struct virtual_call *call, unsigned limit_s)
{
    bool done = virtual_call_run(call, limit_s);
    uint32_t n = call->config.page_count;
    show(call);
    assert_true(done);
    assert_int_equal(call->received, n);
    assert_int_equal(call->identical, n);
    for (int i = 0; i < 2; i++) {
        bool plain = i == LOSSY_SENDER ? call->config.plain_sender : call->config.plain_receiver;
        assert_int_equal(call->end[i].result, 0);
        if (plain)
            continue;
        assert_int_equal(call->end[i].confirmed, n);
        assert_int_equal(call->end[i].begun, n);
        assert_int_equal(call->end[i].statistics.pages, n);
        assert_false(call->end[i].statistics.ecm);
    }
}

/* Either end may be the one that has no ECM; the modems follow from the rate. */
static void pages_arrive_by_every_modem(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate;
        enum fax_modem modem;
    } cases[] = {{14400, FAX_MODEM_V17}, {9600, FAX_MODEM_V29}, {4800, FAX_MODEM_V27TER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int without = 0; without < 2; without++)
            for (uint32_t pages = 1; pages <= 5; pages += 4) {
                struct virtual_call call;
                virtual_call_begin(
                    &call, &(struct virtual_call_config){.pages = pages == 1 ? text : brief,
                                                         .page_count = pages,
                                                         .max_rate = cases[i].rate,
                                                         .sender_without_ecm = without == 0,
                                                         .receiver_without_ecm = without == 1});
                expect_success(&call, 400);
                assert_int_equal(call.end[1].statistics.bit_rate, cases[i].rate);
                assert_int_equal(call.end[1].statistics.modem, cases[i].modem);
                assert_int_equal(call.end[1].statistics.coding, FAX_PAGE_T4_2D);
                virtual_call_end(&call);
            }
}

static void pages_of_a_plain_sender_arrive(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                            .page_count = 3,
                                                            .plain_sender = true,
                                                            .plain_without_ecm = true});
    expect_success(&call, 400);
    virtual_call_end(&call);
}

/* What FACTS says of plain spandsp: 29, 13, 2, 0 of 30 without redundancy; 30 each with two. */
static unsigned successes(double loss, double reorder, unsigned redundancy, unsigned calls)
{
    unsigned good = 0;
    for (unsigned seed = 0; seed < calls; seed++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                                .page_count = 1,
                                                                .sender_without_ecm = true,
                                                                .link = {.loss = loss,
                                                                         .reorder = reorder,
                                                                         .redundancy = redundancy,
                                                                         .delay_ms = 30,
                                                                         .seed = seed}});
        assert_true(virtual_call_run(&call, 900));
        assert_true(call.end[LOSSY_SENDER].confirmed <= call.received);
        good += call.end[0].result == 0 && call.received == 1 && call.end[0].confirmed == 1;
        virtual_call_end(&call);
    }
    print_message("   loss %.0f %%, reordered %.0f %%, redundancy %u: %u of %u\n", loss * 100,
                  reorder * 100, redundancy, good, calls);
    return good;
}

static void loss_is_survived_by_redundancy(void **state)
{
    (void)state;
    assert_true(successes(0.01, 0, 0, 15) >= 12);
    assert_int_equal(successes(0.01, 0, 3, 10), 10);
    assert_int_equal(successes(0.05, 0, 3, 15), 15);
    assert_int_equal(successes(0.10, 0, 3, 15), 15);
    assert_true(successes(0.20, 0, 3, 15) >= 14);
    assert_int_equal(successes(0, 0.05, 3, 10), 10);
    (void)successes(0.05, 0, 0, 10); /* promises hold, whatever comes out */
}

static void confirmation_waits_for_durability(void **state)
{
    (void)state;
    static const uint64_t holds_ms[] = {0, 20, 1000, 2000, 2400};
    for (size_t i = 0; i < sizeof holds_ms / sizeof holds_ms[0]; i++)
        for (int plain = 0; plain < 2; plain++) {
            struct virtual_call call;
            print_message("   held for %u ms, %s sender:\n", (unsigned)holds_ms[i],
                          plain ? "plain" : "our");
            virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                    .page_count = 3,
                                                                    .hold_ms = holds_ms[i],
                                                                    .plain_sender = plain,
                                                                    .plain_without_ecm = plain,
                                                                    .sender_without_ecm = true});
            while (holds_ms[i] && !call.durable_at_ms)
                virtual_call_step(&call);
            while (call.durable_at_ms) {
                assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
                assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, 0);
                virtual_call_step(&call);
            }
            expect_success(&call, 400);
            virtual_call_end(&call);
        }
}

static void a_hold_over_the_limit_ends_the_call(void **state)
{
    (void)state;
    static const uint64_t limits_ms[] = {0, 1000};
    for (size_t i = 0; i < 2; i++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .hold_ms = 60000,
                                                                .hold_without_ecm_ms = limits_ms[i],
                                                                .sender_without_ecm = true});
        while (!call.durable_at_ms)
            virtual_call_step(&call);
        uint64_t since = call.link.now_ms, limit = limits_ms[i] ? limits_ms[i] : 2500;
        while (!call.end[LOSSY_RECEIVER].finished)
            virtual_call_step(&call);
        assert_in_range(call.link.now_ms - since, limit, limit + 60);
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_HOLD_EXPIRED);
        assert_true(virtual_call_run(&call, 120));
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
        assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, 0);
        assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
        virtual_call_end(&call);
    }
}

static void a_refused_page_is_never_confirmed(void **state)
{
    (void)state;
    for (int page = 1; page <= 3; page++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 3,
                                                                .refuse_page = page,
                                                                .sender_without_ecm = true});
        assert_true(virtual_call_run(&call, 200));
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_STORE_FAILED);
        assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, page - 1);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, page - 1);
        assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
        virtual_call_end(&call);
    }
}

/* Our sender sends a rejected page again; it then has the same number. */
static void a_bad_copy_is_rejected_and_sent_again(void **state)
{
    (void)state;
    for (int page = 1; page <= 3; page++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 3,
                                                                .judge_page = page,
                                                                .judge_as = FAX_COPY_BAD,
                                                                .sender_without_ecm = true});
        assert_true(virtual_call_run(&call, 300));
        show(&call);
        assert_int_equal(call.copies, 4);
        assert_int_equal(call.received, 3);
        assert_int_equal(call.identical, 3);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(call.end[i].rejected, 1);
            assert_int_equal(call.end[i].confirmed, 3);
            for (uint32_t k = 0; k < 3; k++)
                assert_int_equal(call.end[i].confirmed_pages[k], k);
        }
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.end[LOSSY_SENDER].asked, 4);
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_BAD_COPY);
        virtual_call_end(&call);
    }
}

/* A plain one goes on with the next page, or ends: the page is not confirmed by anybody. */
static void a_bad_copy_may_stay_missing(void **state)
{
    (void)state;
    for (int page = 1; page <= 2; page++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .judge_page = page,
                                                                .judge_as = FAX_COPY_BAD,
                                                                .plain_sender = true,
                                                                .plain_without_ecm = true});
        assert_true(virtual_call_run(&call, 300));
        show(&call);
        assert_int_equal(call.end[LOSSY_RECEIVER].rejected, 1);
        assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, call.received);
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_BAD_COPY);
        virtual_call_end(&call);
    }
}

static void a_poor_copy_is_kept(void **state)
{
    (void)state;
    for (int page = 1; page <= 2; page++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .judge_page = page,
                                                                .judge_as = FAX_COPY_POOR,
                                                                .sender_without_ecm = true});
        expect_success(&call, 200);
        assert_int_equal(call.end[LOSSY_SENDER].trained, page == 1 ? 2 : 1);
        virtual_call_end(&call);
    }
}

/* What is lost before the first octet of a page comes is lost of that page, too. */
static void a_page_without_its_beginning_is_bad(void **state)
{
    (void)state;
    static const unsigned cuts_ms[] = {5000, 6000}; /* less than T2 */
    for (size_t i = 0; i < sizeof cuts_ms / sizeof cuts_ms[0]; i++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                                .page_count = 2,
                                                                .sender_without_ecm = true,
                                                                .link = {.redundancy = 3}});
        while (call.end[LOSSY_SENDER].confirmed < 1)
            virtual_call_step(&call);
        call.link.end[LOSSY_RECEIVER].cut_until_ms = call.link.now_ms + cuts_ms[i];
        assert_true(virtual_call_run(&call, 400));
        show(&call);
        assert_int_equal(call.end[LOSSY_RECEIVER].rejected, 1);
        assert_int_equal(call.received, 2);
        assert_int_equal(call.identical, 2);
        virtual_call_end(&call);
    }
}

static void quality_has_limits(void **state)
{
    (void)state;
    assert_int_equal(copy_quality_judge(0, 0, 0), FAX_COPY_BAD);
    assert_int_equal(copy_quality_judge(1000, 0, 0), FAX_COPY_GOOD);
    assert_int_equal(copy_quality_judge(1000, 49, 0), FAX_COPY_GOOD);
    assert_int_equal(copy_quality_judge(1000, 50, 0), FAX_COPY_POOR);
    assert_int_equal(copy_quality_judge(1000, 149, 0), FAX_COPY_POOR);
    assert_int_equal(copy_quality_judge(1000, 150, 0), FAX_COPY_BAD);
    assert_int_equal(copy_quality_judge(1000, 0, 49), FAX_COPY_GOOD);
    assert_int_equal(copy_quality_judge(1000, 0, 50), FAX_COPY_POOR);
    assert_int_equal(copy_quality_judge(1000, 0, 150), FAX_COPY_BAD);
    assert_int_equal(copy_quality_judge(1, 1, 0), FAX_COPY_BAD);
    assert_int_equal(copy_quality_judge(UINT32_MAX, UINT32_MAX, 0), FAX_COPY_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_arrive_by_every_modem),
        cmocka_unit_test(pages_of_a_plain_sender_arrive),
        cmocka_unit_test(loss_is_survived_by_redundancy),
        cmocka_unit_test(confirmation_waits_for_durability),
        cmocka_unit_test(a_hold_over_the_limit_ends_the_call),
        cmocka_unit_test(a_refused_page_is_never_confirmed),
        cmocka_unit_test(a_bad_copy_is_rejected_and_sent_again),
        cmocka_unit_test(a_bad_copy_may_stay_missing),
        cmocka_unit_test(a_poor_copy_is_kept),
        cmocka_unit_test(a_page_without_its_beginning_is_bad),
        cmocka_unit_test(quality_has_limits),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
