/* audio_engine_test.c: whole calls of two engines over G.711 in RTP, in virtual time. */
#include "tests/doubles/virtual_call.h"

#include "codecs/fax_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fax_page brief[3], text[2];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 10);
    for (uint32_t i = 0; i < 2; i++)
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
    return 0;
}

static int drop_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        fax_page_wipe(&brief[i]);
    for (uint32_t i = 0; i < 2; i++)
        fax_page_wipe(&text[i]);
    return 0;
}

static void show(const struct virtual_call *call)
{
    const struct jitter_statistics *j = &call->link.end[LOSSY_RECEIVER].audio.buffer.statistics;
    print_message("   %.1f s, results %d %d, %u pages, %u identical, %u retransmissions, %u bit/s; "
                  "missing %llu, late %llu, inserted %llu, deleted %llu\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical, call->end[1].statistics.ecm_retransmissions,
                  call->end[1].statistics.bit_rate, (unsigned long long)j->missing,
                  (unsigned long long)j->late, (unsigned long long)j->inserted,
                  (unsigned long long)j->deleted);
}

static void expect_success(struct virtual_call *call, unsigned limit_s)
{
    bool done = virtual_call_run(call, limit_s);
    uint32_t n = call->config.page_count;
    show(call);
    assert_true(done);
    assert_int_equal(call->end[LOSSY_SENDER].result, 0);
    assert_int_equal(call->end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call->received, n);
    assert_int_equal(call->identical, n);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call->end[i].confirmed, n);
        assert_int_equal(call->end[i].statistics.pages, n);
        assert_int_equal(call->end[i].begun, n);
    }
}

static void expect_a_fax(const struct virtual_call_config *config, unsigned limit_s)
{
    struct virtual_call call;
    virtual_call_begin(&call, config);
    expect_success(&call, limit_s);
    virtual_call_end(&call);
}

static void pages_arrive_with_ecm(void **state)
{
    (void)state;
    for (int law = COMPANDING_ULAW; law <= COMPANDING_ALAW; law++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = brief,
                                      .page_count = 3,
                                      .link = {.audio = true, .law = (enum companding)law}});
        expect_success(&call, 200);
        const struct fax_statistics *s = &call.end[LOSSY_RECEIVER].statistics;
        assert_int_equal(s->bit_rate, 14400);
        assert_int_equal(s->modem, FAX_MODEM_V17);
        assert_true(s->ecm);
        assert_string_equal(s->remote_ident, "+49 30 5550001");
        virtual_call_end(&call);
    }
}

static void pages_arrive_without_ecm(void **state)
{
    (void)state;
    expect_a_fax(
        &(struct virtual_call_config){
            .pages = brief, .page_count = 3, .receiver_without_ecm = true, .link = {.audio = true}},
        300);
}

static void a_page_of_text_arrives(void **state)
{
    (void)state;
    expect_a_fax(&(struct virtual_call_config){.pages = text,
                                               .page_count = 1,
                                               .link = {.audio = true, .delay_ms = 40}},
                 200);
}

static const struct test_rate {
    uint32_t rate;
    enum fax_modem modem;
} rates[] = {{9600, FAX_MODEM_V29}, {4800, FAX_MODEM_V27TER}};

static void each_modem_works(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (int ecm = 0; ecm < 2; ecm++) {
            struct virtual_call call;
            virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                    .page_count = 1,
                                                                    .max_rate = rates[i].rate,
                                                                    .sender_without_ecm = !ecm,
                                                                    .link = {.audio = true}});
            expect_success(&call, 200);
            assert_int_equal(call.end[LOSSY_RECEIVER].statistics.bit_rate, rates[i].rate);
            assert_int_equal(call.end[LOSSY_RECEIVER].statistics.modem, rates[i].modem);
            virtual_call_end(&call);
        }
}

static void confirmation_waits_for_durability(void **state)
{
    (void)state;
    static const uint64_t holds_ms[] = {20, 700, 1900, 2100, 4000, 10000};
    for (size_t i = 0; i < sizeof holds_ms / sizeof holds_ms[0]; i++) {
        struct virtual_call call;
        print_message("   held for %u ms:\n", (unsigned)holds_ms[i]);
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .hold_ms = holds_ms[i],
                                                                .link = {.audio = true}});
        for (int step = 0; !call.durable_at_ms && step < 5000; step++)
            virtual_call_step(&call);
        assert_true(call.durable_at_ms);
        while (call.durable_at_ms) {
            assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
            virtual_call_step(&call);
        }
        expect_success(&call, 400);
        virtual_call_end(&call);
    }
}

static void without_ecm_a_hold_is_short(void **state)
{
    (void)state;
    struct virtual_call_config config = {.pages = brief,
                                         .page_count = 2,
                                         .hold_ms = 1500,
                                         .sender_without_ecm = true,
                                         .link = {.audio = true}};
    expect_a_fax(&config, 300);
    struct virtual_call call;
    config.hold_ms = 60000;
    virtual_call_begin(&call, &config);
    assert_true(virtual_call_run(&call, 200));
    assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_HOLD_EXPIRED);
    assert_int_equal(call.end[LOSSY_SENDER].confirmed, 0);
    assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, 0);
    virtual_call_end(&call);
}

static void a_refused_page_is_never_confirmed(void **state)
{
    (void)state;
    for (int ecm = 0; ecm < 2; ecm++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                .page_count = 2,
                                                                .refuse_page = 2,
                                                                .sender_without_ecm = !ecm,
                                                                .link = {.audio = true}});
        assert_true(virtual_call_run(&call, 200));
        assert_int_equal(call.end[LOSSY_RECEIVER].result, T30_RESULT_STORE_FAILED);
        assert_int_equal(call.end[LOSSY_RECEIVER].confirmed, 1);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, 1);
        assert_int_not_equal(call.end[LOSSY_SENDER].result, 0);
        virtual_call_end(&call);
    }
}

static void a_bad_copy_is_sent_again(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                            .page_count = 2,
                                                            .sender_without_ecm = true,
                                                            .judge_page = 1,
                                                            .judge_as = FAX_COPY_BAD,
                                                            .link = {.audio = true}});
    assert_true(virtual_call_run(&call, 300));
    show(&call);
    assert_int_equal(call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(call.end[LOSSY_SENDER].rejected, 1);
    assert_int_equal(call.received, 2);
    assert_int_equal(call.identical, 2);
    virtual_call_end(&call);
}

/* G.711 has no redundancy: a lost packet costs a frame or a page's rows, in the wrong place a
 * command. */
static void loss_is_survived_mostly(void **state)
{
    (void)state;
    unsigned good = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct virtual_call call;
        bool heavy = seed >= 3;
        virtual_call_begin(
            &call, &(struct virtual_call_config){
                       .pages = brief,
                       .page_count = 2,
                       .link = {.audio = true, .loss = heavy ? 0.005 : 0.001, .seed = seed}});
        if (!heavy)
            expect_success(&call, 300);
        assert_true(virtual_call_run(&call, 900));
        show(&call);
        assert_true(call.end[LOSSY_SENDER].confirmed <= call.received);
        assert_int_equal(call.identical, call.received);
        good += call.end[LOSSY_SENDER].result == 0 && call.identical == 2;
        virtual_call_end(&call);
    }
    assert_true(good >= 6);
}

static void jitter_and_order_are_evened_out(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++)
        expect_a_fax(&(struct virtual_call_config){.pages = brief,
                                                   .page_count = 2,
                                                   .link = {.audio = true,
                                                            .reorder = 1.0,
                                                            .reorder_ms = 50,
                                                            .delay_ms = 20,
                                                            .duplicate = 0.05,
                                                            .seed = seed}},
                     300);
}

static void clocks_may_differ(void **state)
{
    (void)state;
    for (int ppm = -200; ppm <= 200; ppm += 400)
        expect_a_fax(&(struct virtual_call_config){.pages = text,
                                                   .page_count = 2,
                                                   .link = {.audio = true, .drift_ppm = ppm}},
                     300);
}

static void a_vanished_peer_ends_the_session(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++)
        for (uint64_t at_ms = 2000; at_ms < 26000; at_ms += 6000) {
            struct virtual_call call;
            virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                                    .page_count = 2,
                                                                    .link = {.audio = true}});
            while (call.link.now_ms < at_ms)
                virtual_call_step(&call);
            fax_engine_abort(call.link.end[gone].engine, T30_RESULT_LINE_DIED);
            assert_true(virtual_call_run(&call, 120));
            assert_int_not_equal(call.end[1 - gone].result, 0);
            virtual_call_end(&call);
        }
}

/* An end that hears no fax. */
struct listener {
    int kind;
    unsigned samples;
    uint32_t random;
    bool finished;
    int result;
};

static size_t hear_no_fax(void *user, int16_t *samples)
{
    struct listener *l = user;
    for (int i = 0; i < FAX_ENGINE_SAMPLES; i++) {
        l->random = l->random * 1664525u + 1013904223u;
        samples[i] = 0;
        if (l->kind == 1) /* as loud as speech */
            samples[i] = (int16_t)((int)(l->random >> 20) * 2 - 4096);
        else if (l->kind == 2) /* 500 Hz, for ever */
            samples[i] = (int16_t)(l->samples / 8 % 2 ? 4000 : -4000);
        l->samples++;
    }
    return l->kind == 3 ? FAX_ENGINE_SAMPLES : 0;
}

static void say_to_nobody(void *user, const int16_t *samples)
{
    (void)user;
    (void)samples;
}

static void on_listener_event(void *user, const struct fax_engine_event *event)
{
    struct listener *l = user;
    if (event->kind != FAX_EVENT_FINISHED)
        return;
    l->finished = true;
    l->result = event->result;
}

static int get_first(void *user, uint32_t page, struct fax_page_view *out)
{
    (void)user;
    (void)page;
    *out = brief[0].view;
    return 0;
}

/* Silence, noise, a tone, nothing at all: T.30 ends what is no fax, and within its own times: T0 is
 * 60 s for who calls, T1 35 s after the answer tone for who answers. */
static void what_is_no_fax_ends_in_time(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int who = 0; who < 3; who++) {
            struct listener l = {.kind = kind, .random = 1};
            struct fax_engine *engine;
            uint64_t now_ms = 1000;
            const struct fax_engine_config config = {
                .sender = who > 0,
                .hold_back = who == 2,
                .audio = true,
                .local_ident = "1",
                .max_rate = 14400,
                .ecm = true,
                .source = {.page_count = 1, .get = get_first, .user = &l},
                .callbacks = {.event = on_listener_event,
                              .hear = hear_no_fax,
                              .say = say_to_nobody,
                              .user = &l}};
            assert_int_equal(fax_engine_new(&engine, &config), 0);
            for (; !l.finished && now_ms < 700000; now_ms += 20)
                fax_engine_tick(engine, now_ms);
            assert_true(l.finished);
            assert_in_range(now_ms - 1000, who ? 55000 : 35000, who ? 65000 : 46000);
            assert_int_equal(l.result, who ? T30_ERR_T0_EXPIRED : T30_ERR_T1_EXPIRED);
            fax_engine_free(engine);
        }
}

/* Nothing but the image is heard for minutes. */
static void a_long_page_without_ecm_arrives(void **state)
{
    (void)state;
    expect_a_fax(&(struct virtual_call_config){.pages = text,
                                               .page_count = 1,
                                               .max_rate = 2400,
                                               .receiver_without_ecm = true,
                                               .link = {.audio = true}},
                 600);
}

static void an_audio_session_takes_no_packets(void **state)
{
    (void)state;
    struct virtual_call call;
    static const uint8_t ifp[] = {0x06};
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = brief, .page_count = 1, .link = {.audio = true}});
    assert_int_equal(
        fax_engine_receive_ifp(call.link.end[LOSSY_RECEIVER].engine, 0, ifp, sizeof ifp),
        FAX_ESTATE);
    virtual_call_end(&call);
}

/* While T.38 may still be agreed on, nothing but CNG is sent. */
static void a_sender_that_holds_back_proceeds_when_told(void **state)
{
    (void)state;
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = brief,
                                                            .page_count = 1,
                                                            .sender_holds_back = true,
                                                            .link = {.audio = true}});
    assert_false(virtual_call_run(&call, 10));
    assert_int_equal(call.end[LOSSY_SENDER].documents, 0);
    fax_engine_proceed(call.link.end[LOSSY_SENDER].engine);
    expect_success(&call, 100);
    virtual_call_end(&call);
}

/* For the eye only. */
static void figures(void **state)
{
    (void)state;
    double per_us = lossy_link_ticks_per_us();
    struct virtual_call call;
    virtual_call_begin(&call, &(struct virtual_call_config){
                                  .pages = text, .page_count = 1, .link = {.audio = true}});
    expect_success(&call, 200);
    double seconds = (double)call.link.now_ms / 1000;
    for (int i = 0; i < 2; i++)
        print_message("   %s: %.1f us CPU a call-second, longest %.2f ms\n",
                      i ? "receiver" : "sender",
                      (double)call.link.end[i].cpu_ticks / per_us / seconds,
                      (double)call.link.end[i].worst_ticks / per_us / 1000);
    virtual_call_end(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_arrive_with_ecm),
        cmocka_unit_test(pages_arrive_without_ecm),
        cmocka_unit_test(a_page_of_text_arrives),
        cmocka_unit_test(each_modem_works),
        cmocka_unit_test(confirmation_waits_for_durability),
        cmocka_unit_test(without_ecm_a_hold_is_short),
        cmocka_unit_test(a_refused_page_is_never_confirmed),
        cmocka_unit_test(a_bad_copy_is_sent_again),
        cmocka_unit_test(loss_is_survived_mostly),
        cmocka_unit_test(jitter_and_order_are_evened_out),
        cmocka_unit_test(clocks_may_differ),
        cmocka_unit_test(a_vanished_peer_ends_the_session),
        cmocka_unit_test(what_is_no_fax_ends_in_time),
        cmocka_unit_test(a_long_page_without_ecm_arrives),
        cmocka_unit_test(an_audio_session_takes_no_packets),
        cmocka_unit_test(a_sender_that_holds_back_proceeds_when_told),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, make_pages, drop_pages);
}
