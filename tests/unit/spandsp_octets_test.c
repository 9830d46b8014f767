/* spandsp_octets_test.c: whole calls in which the octets of frames go past spandsp, beside the same
 * calls in which they do not: nothing else may differ. */
#include "tests/doubles/virtual_call.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PAGES = 2, LIMIT_S = 600 };

static struct fax_page pages[PAGES];

static int make_pages(void **state)
{
    (void)state;
    pages[0] = t6_page_make(T6_PAGE_TEXT, 1);
    pages[1] = t6_page_make(T6_PAGE_SHORT, 2);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (int i = 0; i < PAGES; i++)
        fax_page_wipe(&pages[i]);
    return 0;
}

struct outcome {
    uint64_t end_ms;
    uint32_t octets_only, received, identical, confirmed[2];
    int result[2];
    struct fax_statistics statistics[2];
};

static struct outcome run(struct virtual_call_config config, bool plainly)
{
    struct virtual_call call;
    struct outcome out;

    memset(&out, 0, sizeof out);
    config.pages = pages;
    config.page_count = PAGES;
    config.link.receive_plainly = plainly;
    virtual_call_begin(&call, &config);
    assert_true(virtual_call_run(&call, LIMIT_S));
    out.end_ms = call.link.now_ms;
    out.octets_only = call.link.end[LOSSY_RECEIVER].octets_only;
    out.received = call.received;
    out.identical = call.identical;
    for (int i = 0; i < 2; i++) {
        out.confirmed[i] = call.end[i].confirmed;
        out.result[i] = call.end[i].result;
        out.statistics[i] = call.end[i].statistics;
    }
    virtual_call_end(&call);
    return out;
}

static void expect_the_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->end_ms, b->end_ms);
    assert_int_equal(a->received, b->received);
    assert_int_equal(a->identical, b->identical);
    for (int i = 0; i < 2; i++) {
        const struct fax_statistics *one = &a->statistics[i], *other = &b->statistics[i];

        assert_int_equal(a->confirmed[i], b->confirmed[i]);
        assert_int_equal(a->result[i], b->result[i]);
        assert_int_equal(one->pages, other->pages);
        assert_int_equal(one->bit_rate, other->bit_rate);
        assert_int_equal(one->ecm_retransmissions, other->ecm_retransmissions);
        assert_int_equal(one->page_octets, other->page_octets);
        assert_int_equal(one->ifps_received, other->ifps_received);
        assert_int_equal(one->ifps_sent, other->ifps_sent);
        assert_int_equal(one->ifps_refused, other->ifps_refused);
        assert_int_equal(one->frames_refused, other->frames_refused);
    }
}

static void compare(struct virtual_call_config config, unsigned percent_octets)
{
    struct outcome usual = run(config, true), quick = run(config, false);

    expect_the_same(&usual, &quick);
    assert_int_equal(usual.octets_only, 0);
    print_message("   %u of %llu IFPs were octets only\n", quick.octets_only,
                  (unsigned long long)quick.statistics[LOSSY_RECEIVER].ifps_received);
    assert_true(quick.octets_only * 100 >=
                quick.statistics[LOSSY_RECEIVER].ifps_received * percent_octets);
}

static void each_version_and_rate(void **state)
{
    static const uint32_t rates[] = {14400, 9600, 4800, 2400};

    (void)state;
    for (int version = 0; version <= 3; version++)
        compare((struct virtual_call_config){.t38_version = version,
                                             .max_rate = rates[version],
                                             .link.t38_version = version,
                                             .link.redundancy = 3},
                60);
}

static void on_networks_that_lose(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        compare(
            (struct virtual_call_config){
                .link = {.redundancy = (unsigned)seed % 4, .loss = 0.03, .seed = seed}},
            30);
}

static void while_pages_are_held(void **state)
{
    (void)state;
    compare((struct virtual_call_config){.hold_ms = 1500, .link.redundancy = 3}, 60);
    compare((struct virtual_call_config){.hold_ms = 5000, .link.redundancy = 3}, 60);
}

static void without_ecm(void **state)
{
    (void)state;
    compare((struct virtual_call_config){.sender_without_ecm = true, .link.redundancy = 3}, 0);
}

/* A line does not look at what comes in the middle of a page for a while: so the end of an image
 * must show long before the receiver is asked for an answer, and most of a page must be the middle.
 */
static void watch_the_middle(struct virtual_call_config config)
{
    struct virtual_call call;
    uint64_t middle_ms[2] = {0, 0}, latest_ms = 0;
    uint32_t copies = 0;

    config.pages = pages;
    config.page_count = PAGES;
    virtual_call_begin(&call, &config);
    while (call.link.now_ms < LIMIT_S * 1000 &&
           !(call.end[LOSSY_SENDER].finished && call.end[LOSSY_RECEIVER].finished)) {
        virtual_call_step(&call);
        for (int i = 0; i < 2; i++)
            if (fax_engine_mid_page(call.link.end[i].engine)) {
                middle_ms[i] += 20;
                if (i == LOSSY_RECEIVER)
                    latest_ms = call.link.now_ms;
            }
        if (call.copies == copies)
            continue;
        copies = call.copies;
        assert_true(call.link.now_ms > latest_ms + 1000);
    }
    assert_int_equal(call.identical, PAGES);
    for (int i = 0; i < 2; i++) {
        assert_false(fax_engine_mid_page(call.link.end[i].engine));
        assert_true(middle_ms[i] * 2 > call.link.now_ms);
    }
    virtual_call_end(&call);
}

static void the_middle_of_a_page_ends_long_before_the_question(void **state)
{
    (void)state;
    watch_the_middle((struct virtual_call_config){.link.redundancy = 3});
    watch_the_middle(
        (struct virtual_call_config){.sender_without_ecm = true, .link.redundancy = 3});
    for (uint64_t seed = 1; seed <= 4; seed++)
        watch_the_middle(
            (struct virtual_call_config){.link = {.redundancy = 3, .loss = 0.03, .seed = seed}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_and_rate),
        cmocka_unit_test(on_networks_that_lose),
        cmocka_unit_test(while_pages_are_held),
        cmocka_unit_test(without_ecm),
        cmocka_unit_test(the_middle_of_a_page_ends_long_before_the_question),
    };

    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
