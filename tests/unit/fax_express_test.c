/* fax_express_test.c: two sessions that run ahead of the clock, with flow control between them. */
#include "t38/express_flow.h"
#include "t38/fax_engine.h"
#include "t38/udptl.h"
#include "tests/doubles/adapted_pages.h"
#include "tests/doubles/t6_page.h"

#include "codecs/fax_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 10, QUEUE = 4096, SENDER = 0, RECEIVER = 1, DRAINED_A_TICK = 64, TICK_MS = 5 };

struct packet {
    uint64_t due_ms;
    size_t length;
    uint8_t octets[UDPTL_DATAGRAM_MAX];
};

struct end {
    struct express_call *call;
    int index;
    struct fax_engine *engine;
    struct udptl_sender *sender;
    struct udptl_receiver *receiver;
    struct express_flow flow;
    struct packet *queue; /* to this end, in order */
    unsigned head, tail, most_queued;
    int result;
    bool finished;
    uint32_t confirmed;
};

struct express_call {
    struct end end[2];
    uint64_t now_ms, random;
    unsigned delay_ms;
    double loss;
    bool deaf_to_reports; /* reports never arrive */
    bool without_ecm;     /* the receiver has none */
    struct adapted_pages adapted;
    uint32_t identical, received;
    uint64_t hold_ms, durable_at_ms;
    uint32_t pages;
};

static struct fax_page text[PAGES];

static double next_random(struct express_call *call)
{
    call->random = call->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(call->random >> 11) / (double)(1ull << 53);
}

static void put(struct end *from, const uint8_t *octets, size_t length)
{
    struct express_call *call = from->call;
    struct end *to = &call->end[!from->index];
    if (next_random(call) < call->loss)
        return;
    assert_true(to->tail - to->head < QUEUE);
    struct packet *p = &to->queue[to->tail++ % QUEUE];
    p->due_ms = call->now_ms + call->delay_ms;
    p->length = length;
    memcpy(p->octets, octets, length);
    if (to->tail - to->head > to->most_queued)
        to->most_queued = to->tail - to->head;
}

static void send_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct end *end = user;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;
    assert_int_equal(
        udptl_sender_produce(end->sender, ifp, length, datagram, sizeof datagram, &octets), 0);
    express_flow_sent(&end->flow);
    for (int i = 0; i < copies; i++)
        put(end, datagram, octets);
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct end *end = user;
    struct express_call *call = end->call;
    adapted_pages_note(&call->adapted, event);
    if (event->kind == FAX_EVENT_PAGE_CONFIRMED)
        end->confirmed++;
    if (event->kind == FAX_EVENT_PAGE_RECEIVED) {
        call->received++;
        if (event->page < PAGES && t6_page_arrived(&text[event->page].view, &event->received->view))
            call->identical++;
        call->durable_at_ms = call->now_ms + call->hold_ms;
    }
    if (event->kind == FAX_EVENT_FINISHED) {
        end->finished = true;
        end->result = event->result;
    }
}

static int get_page(void *user, uint32_t page, struct fax_page_view *out)
{
    const struct express_call *call = user;
    *out = adapted_pages_get(&call->adapted, text, page);
    return 0;
}

static void begin(struct express_call *call, uint32_t pages)
{
    call->now_ms = 1000;
    call->pages = pages;
    call->random = 7;
    for (int i = 0; i < 2; i++) {
        struct end *end = &call->end[i];
        struct fax_engine_config config = {
            .sender = i == SENDER,
            .local_ident = "+49 30 5550001",
            .max_rate = 14400,
            .ecm = i == SENDER || !call->without_ecm,
            .source = {.page_count = pages, .get = get_page, .user = call},
            .callbacks = {.send_ifp = send_ifp, .event = on_event, .user = end}};
        end->call = call;
        end->index = i;
        end->queue = calloc(QUEUE, sizeof *end->queue);
        assert_non_null(end->queue);
        assert_int_equal(udptl_sender_new(&end->sender, 3, 1400), 0);
        assert_int_equal(udptl_receiver_new(&end->receiver, NULL), 0);
        express_flow_begin(&end->flow, 0);
        assert_int_equal(fax_engine_new(&end->engine, &config), 0);
    }
}

static void finish(struct express_call *call)
{
    for (int i = 0; i < 2; i++) {
        fax_engine_free(call->end[i].engine);
        udptl_sender_free(call->end[i].sender);
        udptl_receiver_free(call->end[i].receiver);
        free(call->end[i].queue);
    }
    adapted_pages_free(&call->adapted);
}

static void on_ifp(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct end *end = user;
    (void)fax_engine_receive_ifp(end->engine, sequence, data, length);
}

static void take(struct end *end, const struct packet *p)
{
    if (express_flow_is_report(p->octets, p->length)) {
        if (!end->call->deaf_to_reports)
            (void)express_flow_take(&end->flow, p->octets, p->length);
        return;
    }
    uint16_t sequence = (uint16_t)(p->octets[0] << 8 | p->octets[1]);
    (void)udptl_receiver_push(end->receiver, p->octets, p->length, end->call->now_ms, on_ifp, end);
    express_flow_received(&end->flow, sequence,
                          (uint32_t)udptl_receiver_counters(end->receiver)->lost);
}

static void step(struct express_call *call)
{
    uint8_t report[EXPRESS_REPORT_OCTETS];
    for (int i = 0; i < 2; i++) {
        struct end *end = &call->end[i];
        for (unsigned n = 0; n < DRAINED_A_TICK && end->head != end->tail &&
                             end->queue[end->head % QUEUE].due_ms <= call->now_ms;
             n++)
            take(end, &end->queue[end->head++ % QUEUE]);
        udptl_receiver_flush(end->receiver, call->now_ms, on_ifp, end);
        fax_engine_tick(end->engine, call->now_ms);
        unsigned credit = express_flow_credit(&end->flow, call->now_ms);
        if (credit > 0)
            fax_engine_run_ahead(end->engine, credit);
        size_t n = express_flow_report(&end->flow, call->now_ms, report);
        if (n > 0)
            put(end, report, n);
    }
    if (call->durable_at_ms && call->durable_at_ms <= call->now_ms) {
        call->durable_at_ms = 0;
        assert_int_equal(fax_engine_page_durable(call->end[RECEIVER].engine), 0);
    }
    assert_int_equal(
        adapted_pages_give(&call->adapted, call->end[SENDER].engine, text, call->pages), 0);
    call->now_ms += TICK_MS;
}

static void run(struct express_call *call, uint32_t pages, unsigned limit_s)
{
    uint64_t began_ms = call->now_ms, until_ms = began_ms + limit_s * 1000u;
    while (call->now_ms < until_ms && !(call->end[0].finished && call->end[1].finished))
        step(call);
    print_message("   %u pages in %.3f s, results %d %d, most queued %u\n", pages,
                  (double)(call->now_ms - began_ms) / 1000, call->end[0].result,
                  call->end[1].result, call->end[1].most_queued);
    for (int i = 0; i < 2; i++) {
        assert_true(call->end[i].finished);
        assert_int_equal(call->end[i].result, 0);
        assert_int_equal(call->end[i].confirmed, pages);
    }
    assert_int_equal(call->identical, pages);
    assert_int_equal(call->received, pages);
}

static void ten_pages_take_a_hundredth_of_the_time(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 10};
    begin(&call, PAGES);
    run(&call, PAGES, 3); /* paced: about 300 s */
    assert_true(call.end[RECEIVER].most_queued <= EXPRESS_WINDOW_MAX * 3);
    assert_true(call.end[SENDER].flow.on);
    finish(&call);
}

static void distance_costs_a_window_a_round_trip(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 10, .delay_ms = 50};
    begin(&call, PAGES);
    run(&call, PAGES, 20);
    assert_true(call.end[SENDER].flow.on);
    finish(&call);
}

static void loss_is_made_good_and_narrows_the_window(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 10, .delay_ms = 5, .loss = 0.05};
    begin(&call, PAGES);
    run(&call, PAGES, 60);
    finish(&call);
}

/* T.30's waits between the pages go with the clock, their images do not. */
static void pages_without_error_correction_run_ahead(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 10, .without_ecm = true};
    begin(&call, PAGES);
    run(&call, PAGES, 60); /* paced: about 300 s */
    assert_true(call.end[SENDER].flow.on);
    assert_int_equal(call.adapted.coding, FAX_PAGE_T4_2D);
    finish(&call);
}

static void without_reports_it_goes_on_paced(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 10, .deaf_to_reports = true};
    begin(&call, 1);
    run(&call, 1, 120);
    assert_false(call.end[SENDER].flow.on);
    assert_true(call.now_ms > 15000);
    finish(&call);
}

/* Receiver-not-ready is a matter of seconds by the clock, however fast the pages are. */
static void a_page_that_is_long_in_storing_is_waited_for(void **state)
{
    (void)state;
    struct express_call call = {.hold_ms = 9000};
    begin(&call, 2);
    run(&call, 2, 60);
    assert_true(call.now_ms > 19000);
    finish(&call);
}

static void nothing_runs_ahead_without_credit(void **state)
{
    (void)state;
    struct express_call call = {0};
    begin(&call, 1);
    call.end[0].flow.on = call.end[1].flow.on = false;
    for (int i = 0; i < 400; i++)
        step(&call);
    assert_int_equal(call.end[SENDER].confirmed, 0);
    finish(&call);
}

static void the_flow_keeps_its_window(void **state)
{
    (void)state;
    struct express_flow out = {0}, in = {0};
    uint8_t report[EXPRESS_REPORT_OCTETS];
    express_flow_begin(&out, 65530); /* over the end of the numbers */
    express_flow_begin(&in, 0);
    for (uint16_t i = 0; i < EXPRESS_WINDOW_FIRST; i++) {
        assert_int_equal(express_flow_credit(&out, 0), EXPRESS_WINDOW_FIRST - i);
        express_flow_sent(&out);
    }
    assert_int_equal(express_flow_credit(&out, 0), 0);
    assert_int_equal(express_flow_report(&in, 0, report), 0);
    for (uint16_t i = 0; i < 20; i++)
        express_flow_received(&in, (uint16_t)(65530 + i), 0);
    assert_int_equal(express_flow_report(&in, 1, report), sizeof report);
    assert_int_equal(express_flow_report(&in, 2, report), 0); /* nothing new */
    assert_int_equal(express_flow_report(&in, 101, report), sizeof report);
    assert_int_equal(express_flow_take(&out, report, sizeof report), 0);
    assert_int_equal(express_flow_take(&out, report, sizeof report), FAX_ESTATE); /* replayed */
    unsigned credit = express_flow_credit(&out, 2);
    assert_true(credit >= 20 && credit <= EXPRESS_WINDOW_MAX);
    express_flow_received(&in, 20, 3);
    assert_int_equal(express_flow_report(&in, 300, report), sizeof report);
    assert_int_equal(express_flow_take(&out, report, sizeof report), 0);
    assert_true(out.window < EXPRESS_WINDOW_FIRST + 4); /* loss halved it */
    assert_true(out.window >= EXPRESS_WINDOW_MIN);
}

/* However it came to its width, it never has more on the way than receive buffers are sure to hold.
 */
static void the_window_has_its_limits(void **state)
{
    (void)state;
    struct express_flow out = {0}, in = {0};
    uint8_t report[EXPRESS_REPORT_OCTETS];
    uint32_t missed = 0;
    express_flow_begin(&out, 0);
    express_flow_begin(&in, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        express_flow_sent(&out);
        missed += i % 100 < 7 && i < 1500; /* all sorts of widths, then all is well */
        express_flow_received(&in, (uint16_t)i, missed);
        if (express_flow_report(&in, i, report) == 0)
            continue;
        assert_int_equal(express_flow_take(&out, report, sizeof report), 0);
        assert_in_range(out.window, EXPRESS_WINDOW_MIN, EXPRESS_WINDOW_MAX);
        assert_int_equal(express_flow_credit(&out, i), out.window);
    }
    assert_int_equal(out.window, EXPRESS_WINDOW_MAX);
}

static void impossible_reports_change_nothing(void **state)
{
    (void)state;
    struct express_flow out = {0}, in = {0}, off = {0};
    uint8_t report[EXPRESS_REPORT_OCTETS];
    express_flow_begin(&out, 100);
    express_flow_begin(&in, 0);
    for (int i = 0; i < 8; i++)
        express_flow_sent(&out);
    express_flow_received(&in, 200, 0); /* never sent */
    assert_int_equal(express_flow_report(&in, 500, report), sizeof report);
    assert_true(express_flow_is_report(report, sizeof report));
    assert_int_equal(express_flow_take(&out, report, sizeof report), FAX_ESTATE);
    assert_int_equal(out.seen, 100);
    for (size_t n = 0; n < sizeof report; n++)
        assert_int_equal(express_flow_take(&out, report, n), FAX_EFORMAT);
    report[6] = 2; /* another version */
    assert_true(express_flow_is_report(report, sizeof report));
    assert_int_equal(express_flow_take(&out, report, sizeof report), FAX_EFORMAT);
    report[6] = 1;
    assert_int_equal(express_flow_take(&off, report, sizeof report), FAX_ESTATE);
    assert_int_equal(express_flow_credit(&off, 0), 0);
    const uint8_t udptl[] = {0, 0, 1, 0x02, 0, 0};
    assert_false(express_flow_is_report(udptl, sizeof udptl));
}

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++)
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++)
        fax_page_wipe(&text[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_pages_take_a_hundredth_of_the_time),
        cmocka_unit_test(distance_costs_a_window_a_round_trip),
        cmocka_unit_test(loss_is_made_good_and_narrows_the_window),
        cmocka_unit_test(pages_without_error_correction_run_ahead),
        cmocka_unit_test(without_reports_it_goes_on_paced),
        cmocka_unit_test(a_page_that_is_long_in_storing_is_waited_for),
        cmocka_unit_test(nothing_runs_ahead_without_credit),
        cmocka_unit_test(the_flow_keeps_its_window),
        cmocka_unit_test(the_window_has_its_limits),
        cmocka_unit_test(impossible_reports_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
