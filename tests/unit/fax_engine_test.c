/* fax_engine_test.c: whole calls of two engines in virtual time. */
#include "tests/doubles/virtual_call.h"

#include "codecs/fax_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fax_page text[5], brief[5], photo;

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    }
    photo = t6_page_make(T6_PAGE_PHOTO, 1);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        fax_page_wipe(&text[i]);
        fax_page_wipe(&brief[i]);
    }
    fax_page_wipe(&photo);
    return 0;
}

static bool succeeded(const struct virtual_call *call)
{
    uint32_t n = call->config.page_count;
    return call->identical == n && call->received == n && call->end[0].result == 0 &&
           call->end[1].result == 0 && call->end[0].confirmed == n && call->end[1].confirmed == n;
}

static void expect_success(struct virtual_call *call, unsigned limit_s)
{
    bool done = virtual_call_run(call, limit_s);
    print_message("   %.1f s, results %d %d, %u pages, %u identical, %u retransmissions\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical, call->end[1].statistics.ecm_retransmissions);
    assert_true(done);
    assert_true(succeeded(call));
    uint32_t n = call->config.page_count;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call->end[i].statistics.pages, n);
        assert_int_equal(call->end[i].begun, n);
        for (uint32_t page = 0; page < n; page++)
            assert_int_equal(call->end[i].confirmed_pages[page], page);
    }
    assert_int_equal(call->end[LOSSY_SENDER].asked, n);
}

static void one_page_arrives_octet_by_octet(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = text, .page_count = 1});
    expect_success(&call, 120);
    const struct fax_statistics *s = &call.end[LOSSY_RECEIVER].statistics;
    assert_int_equal(s->bit_rate, 14400);
    assert_int_equal(s->modem, FAX_MODEM_V17);
    assert_true(s->ecm);
    assert_int_equal(s->coding, FAX_PAGE_T6);
    assert_int_equal(s->width, 1728);
    assert_int_equal(s->y_dpi, 196);
    assert_string_equal(s->remote_ident, "+49 30 5550001");
    assert_string_equal(call.end[LOSSY_SENDER].statistics.remote_ident, "+49 30 5550002");
    assert_int_equal(call.end[LOSSY_SENDER].statistics.page_octets, text[0].view.length);
    virtual_call_end(&call);
}

static void five_pages_arrive(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = text, .page_count = 5});
    expect_success(&call, 400);
    virtual_call_end(&call);
}

/* More than 256 frames: several blocks, PPS-NULL between them. */
static void a_photo_of_many_blocks_arrives(void **state)
{
    (void)state;
    struct virtual_call call;
    assert_true(photo.view.length > 5 * (size_t)65536);
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = &photo, .page_count = 1});
    expect_success(&call, 600);
    virtual_call_end(&call);
}

static void each_version_of_t38_works(void **state)
{
    (void)state;
    for (int version = 0; version <= 3; version++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = brief, .page_count = 1, .t38_version = version});
        expect_success(&call, 120);
        virtual_call_end(&call);
    }
}

/* The other end is spandsp alone, which understands no other version than it was told. */
static void each_version_of_t38_is_the_librarys(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct virtual_call call;
        bool sends = i % 2;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 1,
                                                                .t38_version = i / 2,
                                                                .plain_sender = !sends,
                                                                .plain_receiver = sends});
        assert_true(virtual_call_run(&call, 200));
        assert_int_equal(call.end[sends ? LOSSY_SENDER : LOSSY_RECEIVER].result, 0);
        assert_int_equal(sends ? spandsp_peer_identical(&call.peer, brief, 1) : call.identical, 1);
        virtual_call_end(&call);
    }
}

/* The lower of both ends' highest rates is used. */
static void rates_are_limited(void **state)
{
    (void)state;
    static const struct {
        uint32_t receiver, sender, rate;
        enum fax_modem modem;
    } cases[] = {
        {14400, 14400, 14400, FAX_MODEM_V17},  {9600, 14400, 9600, FAX_MODEM_V29},
        {14400, 9600, 9600, FAX_MODEM_V29},    {4800, 14400, 4800, FAX_MODEM_V27TER},
        {14400, 4800, 4800, FAX_MODEM_V27TER}, {12000, 14400, 9600, FAX_MODEM_V29},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .max_rate = cases[i].receiver,
                                                                .sender_rate = cases[i].sender});
        expect_success(&call, 200);
        for (int end = 0; end < 2; end++) {
            assert_int_equal(call.end[end].statistics.bit_rate, cases[i].rate);
            assert_int_equal(call.end[end].statistics.modem, cases[i].modem);
        }
        virtual_call_end(&call);
    }
}

static unsigned successes(double loss, double reorder, double duplicate, unsigned redundancy,
                          unsigned calls)
{
    unsigned good = 0;
    for (unsigned seed = 0; seed < calls; seed++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                                .page_count = 1,
                                                                .link = {.loss = loss,
                                                                         .reorder = reorder,
                                                                         .duplicate = duplicate,
                                                                         .redundancy = redundancy,
                                                                         .delay_ms = 30,
                                                                         .seed = seed}});
        assert_true(virtual_call_run(&call, 900));
        assert_true(call.end[LOSSY_SENDER].confirmed <= call.received);
        good += succeeded(&call);
        virtual_call_end(&call);
    }
    print_message("   loss %.0f %%, reordered %.0f %%, doubled %.0f %%, redundancy %u: %u of %u\n",
                  loss * 100, reorder * 100, duplicate * 100, redundancy, good, calls);
    return good;
}

static void loss_is_survived_by_redundancy(void **state)
{
    (void)state;
    assert_int_equal(successes(0.01, 0, 0, 3, 15), 15);
    assert_int_equal(successes(0.05, 0, 0, 3, 15), 15);
    assert_int_equal(successes(0.10, 0, 0, 3, 30), 30);
    assert_true(successes(0.20, 0, 0, 3, 15) >= 11);
}

static void reordering_is_survived(void **state)
{
    (void)state;
    assert_int_equal(successes(0, 0.05, 0, 0, 15), 15);
    assert_int_equal(successes(0, 0.05, 0.05, 3, 15), 15);
    assert_int_equal(successes(0.05, 0.05, 0.02, 3, 15), 15);
}

/* Beyond two seconds the sender is told to wait (RNR). */
static void confirmation_waits_for_durability(void **state)
{
    (void)state;
    static const uint64_t holds_ms[] = {20, 1000, 1900, 2100, 3000, 10000, 30000};
    for (size_t i = 0; i < sizeof holds_ms / sizeof holds_ms[0]; i++) {
        struct virtual_call call;
        print_message("   held for %u ms:\n", (unsigned)holds_ms[i]);
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = brief, .page_count = 3, .hold_ms = holds_ms[i]});
        while (!call.durable_at_ms)
            virtual_call_step(&call);
        while (call.durable_at_ms) {
            assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
            virtual_call_step(&call);
        }
        expect_success(&call, 400);
        virtual_call_end(&call);
    }
}

static void a_peer_that_does_not_wait_longer_gets_no_confirmation(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(
        &call, &(struct virtual_call_config){.pages = brief, .page_count = 1, .hold_ms = 120000});
    assert_true(virtual_call_run(&call, 110));
    assert_int_equal(call.received, 1);
    assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
    assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, 0);
    assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_HOLD_EXPIRED);
    while (call.durable_at_ms)
        virtual_call_step(&call);
    assert_int_equal(call.late_answer, FAX_ESTATE);
    virtual_call_end(&call);
}

static void a_refused_page_is_never_confirmed(void **state)
{
    (void)state;
    for (int page = 1; page <= 2; page++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = brief, .page_count = 2, .refuse_page = page});
        assert_true(virtual_call_run(&call, 200));
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_STORE_FAILED);
        assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, page - 1);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, page - 1);
        assert_int_equal(call.end[LOSSY_SENDER].asked, page);
        assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
        virtual_call_end(&call);
    }
}

/* Whichever end vanishes, and whenever, the other ends by itself, and soon. */
static void a_vanished_peer_ends_the_session(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++)
        for (uint64_t at_ms = 2000; at_ms < 34000; at_ms += 2500) {
            struct virtual_call call;
            virtual_call_begin(&call,
                               &(struct virtual_call_config){.pages = text, .page_count = 1});
            while (call.link.now_ms < at_ms)
                virtual_call_step(&call);
            fax_engine_abort(call.link.end[gone].engine, T30_RESULT_LINE_DIED);
            assert_int_equal(call.end[gone].result, T30_RESULT_LINE_DIED);
            assert_true(virtual_call_run(&call, 120));
            print_message("   end %d gone at %.1f s: the other ends at %.1f s with %d (%s)\n", gone,
                          (double)at_ms / 1000, (double)call.link.now_ms / 1000,
                          call.end[1 - gone].result, t30_result_text(call.end[1 - gone].result));
            /* A receiver that has confirmed the last page has the document, DCN or not. */
            bool whole = gone == LOSSY_SENDER && call.end[LOSSY_RECEIVER].confirmed == 1;
            assert_int_equal(call.end[1 - gone].result == 0, whole);
            assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
            virtual_call_end(&call);
        }
}

static void a_receiver_without_ecm_gets_the_real_document(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                            .page_count = 3,
                                                            .plain_receiver = true,
                                                            .plain_without_ecm = true});
    assert_true(virtual_call_run(&call, 400));
    assert_int_equal(call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(call.end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call.end[LOSSY_SENDER].confirmed, 3);
    assert_int_equal(call.end[LOSSY_SENDER].begun, 3);
    assert_int_equal(call.end[LOSSY_SENDER].asked, 3);
    assert_false(call.end[LOSSY_SENDER].statistics.ecm);
    assert_int_equal(spandsp_peer_identical(&call.peer, text, 3), 3);
    virtual_call_end(&call);
}

static void a_plain_receiver_gets_the_coded_pages(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = text, .page_count = 3, .plain_receiver = true});
    assert_true(virtual_call_run(&call, 400));
    assert_int_equal(call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(call.end[LOSSY_SENDER].confirmed, 3);
    assert_int_equal(spandsp_peer_identical(&call.peer, text, 3), 3);
    virtual_call_end(&call);
}

/* Pages as codecs/ codes them have their first pel in the highest bit. */
static void pages_of_the_other_bit_order_arrive(void **state)
{
    (void)state;
    struct fax_page turned = t6_page_make(T6_PAGE_TEXT, 1);
    for (size_t i = 0; i < turned.view.length; i++) {
        uint8_t in = turned.buffer[i], out = 0;
        for (int bit = 0; bit < 8; bit++)
            out = (uint8_t)(out << 1 | (in >> bit & 1));
        turned.buffer[i] = out;
    }
    turned.view.lsb_first = false;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = &turned, .page_count = 1});
    expect_success(&call, 120);
    virtual_call_end(&call);
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = &turned,
                                                            .page_count = 1,
                                                            .plain_receiver = true,
                                                            .plain_without_ecm = true});
    assert_true(virtual_call_run(&call, 200));
    assert_int_equal(spandsp_peer_identical(&call.peer, text, 1), 1);
    virtual_call_end(&call);
    fax_page_wipe(&turned);
}

/* The cost of both ends, for the eye only: a timing must not fail a test. */
static void figures(void **state)
{
    (void)state;
    double per_us = lossy_link_ticks_per_us();
    for (uint32_t pages = 1; pages <= 5; pages += 4) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = text,
                                                                .page_count = pages,
                                                                .link = {.redundancy = 3}});
        expect_success(&call, 400);
        double seconds = (double)call.link.now_ms / 1000;
        for (int i = 0; i < 2; i++)
            print_message("   %u pages, %s: %.1f us CPU a call-second, longest %.2f ms\n", pages,
                          i ? "receiver" : "sender",
                          (double)call.link.end[i].cpu_ticks / per_us / seconds,
                          (double)call.link.end[i].worst_ticks / per_us / 1000);
        virtual_call_end(&call);
    }
}

static void library_is_the_right_one(void **state)
{
    (void)state;
    char found[80];
    assert_int_equal(fax_engine_library_check(found, sizeof found), 0);
    assert_string_equal(found, "spandsp 0.0.6");
}

static int get_bad_page(void *user, uint32_t page, struct fax_page_view *out)
{
    (void)page;
    *out = *(const struct fax_page_view *)user;
    return 0;
}

static void ignore_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    (void)user;
    (void)ifp;
    (void)length;
    (void)copies;
}

static void ignore_event(void *user, const struct fax_engine_event *event)
{
    (void)user;
    (void)event;
}

static int try_config(struct fax_engine_config *c)
{
    struct fax_engine *e;
    c->callbacks = (struct fax_engine_callbacks){.send_ifp = ignore_ifp, .event = ignore_event};
    int error = fax_engine_new(&e, c);
    assert_true(error ? e == NULL : e != NULL);
    fax_engine_free(e);
    return error;
}

static void configurations_are_checked(void **state)
{
    (void)state;
    struct fax_engine_config good = {.max_rate = 14400, .ecm = true}, c = good;
    assert_int_equal(try_config(&c), 0);
    c = good, c.local_ident = "123456789012345678901";
    assert_int_equal(try_config(&c), FAX_EINVAL);
    c = good, c.local_ident = "Alice";
    assert_int_equal(try_config(&c), FAX_EINVAL);
    c = good, c.t38_version = 4;
    assert_int_equal(try_config(&c), FAX_EINVAL);
    c = good, c.max_rate = 2399;
    assert_int_equal(try_config(&c), FAX_EINVAL);
    c = good, c.ecm = false;
    assert_int_equal(try_config(&c), 0);
    c = good, c.sender = true;
    assert_int_equal(try_config(&c), FAX_EINVAL);
}

static void pages_to_send_are_checked(void **state)
{
    (void)state;
    struct fax_page_view view = brief[0].view;
    struct fax_engine_config c = {.sender = true,
                                  .max_rate = 14400,
                                  .ecm = true,
                                  .source = {.page_count = 1, .get = get_bad_page, .user = &view}};
    assert_int_equal(try_config(&c), 0);
    view.width = 1729;
    assert_int_equal(try_config(&c), FAX_EINVAL);
    view = brief[0].view, view.y_dpi = 200;
    assert_int_equal(try_config(&c), FAX_EINVAL);
    view = brief[0].view, view.rows = 0;
    assert_int_equal(try_config(&c), FAX_EEMPTY);
    view = brief[0].view, view.length = 0;
    assert_int_equal(try_config(&c), FAX_EEMPTY);
    view = brief[0].view, view.coding = FAX_PAGE_T85;
    assert_int_equal(try_config(&c), FAX_EUNSUPPORTED);
    view = brief[0].view, view.coding = FAX_PAGE_T4_1D; /* every peer takes it */
    assert_int_equal(try_config(&c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_is_the_right_one),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(pages_to_send_are_checked),
        cmocka_unit_test(one_page_arrives_octet_by_octet),
        cmocka_unit_test(five_pages_arrive),
        cmocka_unit_test(a_photo_of_many_blocks_arrives),
        cmocka_unit_test(each_version_of_t38_works),
        cmocka_unit_test(each_version_of_t38_is_the_librarys),
        cmocka_unit_test(rates_are_limited),
        cmocka_unit_test(loss_is_survived_by_redundancy),
        cmocka_unit_test(reordering_is_survived),
        cmocka_unit_test(confirmation_waits_for_durability),
        cmocka_unit_test(a_peer_that_does_not_wait_longer_gets_no_confirmation),
        cmocka_unit_test(a_refused_page_is_never_confirmed),
        cmocka_unit_test(a_vanished_peer_ends_the_session),
        cmocka_unit_test(a_receiver_without_ecm_gets_the_real_document),
        cmocka_unit_test(a_plain_receiver_gets_the_coded_pages),
        cmocka_unit_test(pages_of_the_other_bit_order_arrive),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
