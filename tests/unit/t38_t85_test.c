/* t38_t85_test.c: calls in T.85 in virtual time: engine to engine, and to peers without it. */
#include "tests/doubles/letter_page.h"
#include "tests/doubles/virtual_call.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/wiped_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 3 };

static struct fax_page pages[PAGES], photo;
static struct coded_page t85[PAGES], photo_t85;

static void decode_t6(const struct fax_page_view *view, struct raster *out)
{
    const struct page_format format = {
        .width = view->width, .coding = PAGE_CODING_T6, .lsb_first = view->lsb_first};
    assert_int_equal(page_decode(view->data, view->length, &format, NULL, out, NULL), 0);
}

static void make_t85(const struct fax_page *page, struct coded_page *out)
{
    const struct page_format format = {
        .coding = PAGE_CODING_T85, .x_dpi = page->view.x_dpi, .y_dpi = page->view.y_dpi};
    struct raster raster;
    decode_t6(&page->view, &raster);
    assert_int_equal(page_encode(&raster, &format, out), 0);
    raster_free(&raster);
}

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        pages[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        make_t85(&pages[i], &t85[i]);
    }
    photo = t6_page_make(T6_PAGE_PHOTO, 1);
    make_t85(&photo, &photo_t85);
    return 0;
}

/* The figure page.wall_time: from one confirmation to the next at 14400 bit/s. */
static void a_further_page_of_text_takes_18_5_s_at_most(void **state)
{
    (void)state;
    enum { LIMIT_MS = 18500 };
    struct raster letter;
    struct coded_page coded[2], coded_t85[2];
    struct fax_page t6[2];
    struct page_format format = {
        .x_dpi = 204, .y_dpi = 196, .coding = PAGE_CODING_T6, .lsb_first = true};
    assert_int_equal(letter_page_load(&letter), 0);
    for (int i = 0; i < 2; i++) {
        format.coding = PAGE_CODING_T6;
        assert_int_equal(page_encode(&letter, &format, &coded[i]), 0);
        t6[i] = (struct fax_page){.view = {FAX_PAGE_T6, true, letter.width, letter.height, 204, 196,
                                           coded[i].data, coded[i].length}};
        format.coding = PAGE_CODING_T85;
        assert_int_equal(page_encode(&letter, &format, &coded_t85[i]), 0);
    }
    struct virtual_call call;
    uint64_t confirmed_ms[3] = {0};
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = t6,
                                                            .t85_pages = coded_t85,
                                                            .t85_offered = true,
                                                            .page_count = 2,
                                                            .link = {.redundancy = 3}});
    while (call.end[LOSSY_SENDER].confirmed < 2 && call.link.now_ms < 300000) {
        uint32_t before = call.end[LOSSY_SENDER].confirmed;
        virtual_call_step(&call);
        if (call.end[LOSSY_SENDER].confirmed > before)
            confirmed_ms[before + 1] = call.link.now_ms;
    }
    print_message("   %.2f s\n", (double)(confirmed_ms[2] - confirmed_ms[1]) / 1000);
    assert_in_range(confirmed_ms[2] - confirmed_ms[1], 1000, LIMIT_MS);
    virtual_call_end(&call);
    for (int i = 0; i < 2; i++) {
        coded_page_free(&coded[i]);
        coded_page_free(&coded_t85[i]);
    }
    raster_free(&letter);
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        fax_page_wipe(&pages[i]);
        coded_page_free(&t85[i]);
    }
    fax_page_wipe(&photo);
    coded_page_free(&photo_t85);
    return 0;
}

static void expect_success(struct virtual_call *call, enum fax_page_coding coding)
{
    uint32_t n = call->config.page_count;
    bool done = virtual_call_run(call, 900);
    print_message("   %.1f s, results %d %d, %u pages, %u identical, %u retransmissions\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical, call->end[1].statistics.ecm_retransmissions);
    assert_true(done);
    assert_int_equal(call->end[LOSSY_SENDER].result, 0);
    assert_int_equal(call->end[LOSSY_SENDER].confirmed, n);
    assert_int_equal(call->end[LOSSY_SENDER].statistics.coding, coding);
    if (call->config.plain_receiver)
        return;
    assert_int_equal(call->end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call->end[LOSSY_RECEIVER].statistics.coding, coding);
    assert_int_equal(call->received, n);
    assert_int_equal(call->identical, n);
}

static void pages_arrive_in_t85(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                                .t85_pages = t85,
                                                                .page_count = PAGES,
                                                                .t38_version = version * 3,
                                                                .t85_offered = true});
        expect_success(&call, FAX_PAGE_T85);
        assert_int_equal(call.end[LOSSY_SENDER].statistics.page_octets,
                         t85[0].length + t85[1].length + t85[2].length);
        virtual_call_end(&call);
    }
}

static void many_blocks_arrive(void **state)
{
    (void)state;
    struct virtual_call call;
    assert_true(photo_t85.length > 3 * (size_t)65536);
    virtual_call_begin(
        &call, &(struct virtual_call_config){
                   .pages = &photo, .t85_pages = &photo_t85, .page_count = 1, .t85_offered = true});
    expect_success(&call, FAX_PAGE_T85);
    virtual_call_end(&call);
}

static void losses_are_repaired(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 5; seed++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = pages,
                                      .t85_pages = t85,
                                      .page_count = 2,
                                      .t85_offered = true,
                                      .hold_ms = (uint64_t)seed * 900,
                                      .link = {.loss = 0.05, .redundancy = 2, .seed = seed}});
        expect_success(&call, FAX_PAGE_T85);
        virtual_call_end(&call);
    }
}

/* Who does not offer it, or not with error correction, gets what it had before. */
static void others_get_t6_or_t4(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = pages, .t85_pages = t85, .page_count = PAGES});
    expect_success(&call, FAX_PAGE_T6);
    virtual_call_end(&call);
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = pages, .page_count = PAGES, .t85_offered = true});
    expect_success(&call, FAX_PAGE_T6);
    virtual_call_end(&call);
    for (int receiver = 0; receiver < 2; receiver++) {
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                                .t85_pages = t85,
                                                                .page_count = PAGES,
                                                                .t85_offered = true,
                                                                .receiver_without_ecm = receiver,
                                                                .sender_without_ecm = !receiver});
        expect_success(&call, FAX_PAGE_T4_2D);
        virtual_call_end(&call);
    }
    for (int without_ecm = 0; without_ecm < 2; without_ecm++) {
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                                .t85_pages = t85,
                                                                .page_count = PAGES,
                                                                .plain_receiver = true,
                                                                .plain_without_ecm = without_ecm});
        expect_success(&call, without_ecm ? FAX_PAGE_T4_2D : FAX_PAGE_T6);
        assert_int_equal(spandsp_peer_identical(&call.peer, pages, PAGES), PAGES);
        virtual_call_end(&call);
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                                .page_count = PAGES,
                                                                .t85_offered = true,
                                                                .plain_sender = true,
                                                                .plain_without_ecm = without_ecm});
        assert_true(virtual_call_run(&call, 900));
        assert_int_equal(call.end[LOSSY_RECEIVER].result, 0);
        assert_int_equal(call.identical, PAGES);
        virtual_call_end(&call);
    }
}

/* Noise is not shorter in T.85 by much, but a page can be longer: then the document goes as T.6. */
static void what_is_shorter_is_sent(void **state)
{
    (void)state;
    struct coded_page longer[PAGES];
    for (int i = 0; i < PAGES; i++) {
        longer[i] = t85[i];
        longer[i].length = pages[i].view.length + 1024;
        longer[i].data = calloc(1, longer[i].length);
        memcpy(longer[i].data, t85[i].data, t85[i].length);
    }
    struct virtual_call call;
    virtual_call_begin(
        &call, &(struct virtual_call_config){
                   .pages = pages, .t85_pages = longer, .page_count = PAGES, .t85_offered = true});
    expect_success(&call, FAX_PAGE_T6);
    virtual_call_end(&call);
    for (int i = 0; i < PAGES; i++)
        coded_page_free(&longer[i]);
}

/* Pages of other resolution begin with a new DCS, which says T.85 again. */
static void resolutions_may_be_mixed(void **state)
{
    (void)state;
    static const uint16_t y_dpis[PAGES] = {98, 391, 196};
    for (int i = 0; i < PAGES; i++)
        pages[i].view.y_dpi = t85[i].format.y_dpi = y_dpis[i];
    struct virtual_call call;
    virtual_call_begin(
        &call, &(struct virtual_call_config){
                   .pages = pages, .t85_pages = t85, .page_count = PAGES, .t85_offered = true});
    expect_success(&call, FAX_PAGE_T85);
    virtual_call_end(&call);
    for (int i = 0; i < PAGES; i++)
        pages[i].view.y_dpi = t85[i].format.y_dpi = 196;
}

/* A sender that uses what was not offered is refused. */
static void say_t85(void *user, uint8_t *frame, int *length)
{
    (void)user;
    if ((frame[2] & 0xFE) == FCF_DCS)
        *length = (int)guard_dcs_say_t85(frame, (size_t)*length);
}

static void t85_that_was_not_offered_is_refused(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = pages, .page_count = 1, .plain_sender = true});
    call.peer.alter = say_t85;
    assert_true(virtual_call_run(&call, 200));
    assert_int_not_equal(call.end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call.received, 0);
    virtual_call_end(&call);
}

/* What is offered may be used, whatever it then is; the page is the gateway's to refuse. */
static void the_octets_of_t85_are_not_turned(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(
        &call, &(struct virtual_call_config){
                   .pages = pages, .page_count = 1, .plain_sender = true, .t85_offered = true});
    call.peer.alter = say_t85;
    assert_true(virtual_call_run(&call, 200));
    assert_int_equal(call.end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call.received, 1);
    assert_int_equal(call.identical, 0);
    assert_int_equal(call.end[LOSSY_RECEIVER].statistics.coding, FAX_PAGE_T85);
    virtual_call_end(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_arrive_in_t85),
        cmocka_unit_test(many_blocks_arrive),
        cmocka_unit_test(losses_are_repaired),
        cmocka_unit_test(others_get_t6_or_t4),
        cmocka_unit_test(what_is_shorter_is_sent),
        cmocka_unit_test(resolutions_may_be_mixed),
        cmocka_unit_test(t85_that_was_not_offered_is_refused),
        cmocka_unit_test(the_octets_of_t85_are_not_turned),
        cmocka_unit_test(a_further_page_of_text_takes_18_5_s_at_most),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
