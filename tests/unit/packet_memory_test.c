/* packet_memory_test.c: no memory is asked for a packet, neither by us nor by the library: in the
 * middle of a page, over networks that lose, reorder and double, with redundancy and with parity,
 * over audio, and through a bridge. What grows in large steps is the page. Counted with the address
 * sanitizer alone.
 */
#include "tests/doubles/allocation_count.h"
#include "tests/doubles/bridge_rig.h"
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    WARM_MS = 3000, /* of the page, until what is kept for a call has its size */
    COUNTED_MS = 8000,
    BRIDGED_PAGE_MS = 16000, /* when a page passes for sure */
    PAGE_STEPS_MAX = 4,      /* in which a page grows in that time */
};

static struct fax_page text;

static void begin_or_skip(void)
{
    if (!allocation_count_begin())
        skip();
}

static void expect_none(const char *what, unsigned long packets)
{
    struct allocation_count count = allocation_count_end();
    print_message("   %s: %lu packets, %u small blocks, %u large\n", what, packets, count.small,
                  count.large);
    assert_true(packets > 200);
    assert_int_equal(count.small, 0);
    assert_in_range(count.large, 0, PAGE_STEPS_MAX);
}

/* From the middle of its first page on. */
static void count_a_call(const char *what, struct virtual_call_config config)
{
    static struct virtual_call call;
    config.pages = &text;
    config.page_count = 1;
    virtual_call_begin(&call, &config);
    while (call.end[LOSSY_SENDER].begun == 0 && call.link.now_ms < 120000)
        virtual_call_step(&call);
    uint64_t until_ms = call.link.now_ms + WARM_MS;
    while (call.link.now_ms < until_ms)
        virtual_call_step(&call);
    unsigned long before = call.link.sent;
    begin_or_skip();
    while (call.link.now_ms < until_ms + COUNTED_MS)
        virtual_call_step(&call);
    expect_none(what, call.link.sent - before);
    assert_int_equal(call.end[LOSSY_RECEIVER].begun, 1);
    assert_int_equal(call.copies, 0);
    virtual_call_end(&call);
}

static const struct lossy_link_config bad_network = {
    .loss = 0.1, .reorder = 0.1, .duplicate = 0.1, .redundancy = 3, .seed = 1};

static void over_t38(void **state)
{
    (void)state;
    struct lossy_link_config link = {.redundancy = 3};
    count_a_call("T.38", (struct virtual_call_config){.link = link});
    count_a_call("without ECM",
                 (struct virtual_call_config){.link = link, .sender_without_ecm = true});
    count_a_call("on a bad network", (struct virtual_call_config){.link = bad_network});
    /* Nothing repeats what is late, so what comes before it has to wait. */
    link = (struct lossy_link_config){.reorder = 0.3, .seed = 2};
    count_a_call("out of order", (struct virtual_call_config){.link = link});
}

static void with_parity(void **state)
{
    (void)state;
    struct lossy_link_config link = bad_network;
    link.fec_packets = link.fec_fields = 3;
    count_a_call("parity", (struct virtual_call_config){.link = link});
}

static void over_audio(void **state)
{
    (void)state;
    struct lossy_link_config link = {.audio = true,
                                     .law = COMPANDING_ALAW,
                                     .reorder = 1.0,
                                     .reorder_ms = 50,
                                     .delay_ms = 20,
                                     .duplicate = 0.05};
    count_a_call("audio", (struct virtual_call_config){.link = link});
}

static void through_a_bridge(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        static struct bridge_rig rig;
        struct fax_bridge_statistics s;
        bridge_rig_begin(&rig, &(struct bridge_rig_config){
                                   .pages = &text, .page_count = 1, .audio_sends = way == 1});
        do
            bridge_rig_step(&rig);
        while (rig.now_ms < BRIDGED_PAGE_MS);
        fax_bridge_statistics(rig.bridge, &s);
        uint64_t before = s.ifps_received + s.ifps_sent;
        begin_or_skip();
        while (rig.now_ms < BRIDGED_PAGE_MS + COUNTED_MS)
            bridge_rig_step(&rig);
        fax_bridge_statistics(rig.bridge, &s);
        expect_none(way ? "audio to T.38" : "T.38 to audio",
                    (unsigned long)(s.ifps_received + s.ifps_sent - before));
        assert_int_equal(s.bit_rate, 14400);
        assert_int_equal(rig.received, 0);
        bridge_rig_end(&rig);
    }
}

static int make_page(void **state)
{
    (void)state;
    text = t6_page_make(T6_PAGE_TEXT, 1);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    fax_page_wipe(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_t38),
        cmocka_unit_test(with_parity),
        cmocka_unit_test(over_audio),
        cmocka_unit_test(through_a_bridge),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
