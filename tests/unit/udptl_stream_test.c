/* udptl_stream_test.c: what else comes to a T.38 port: the audio from before, replays, and streams
 * that begin their numbers anew.
 */
#include "codecs/fax_error.h"
#include "t38/udptl.h"
#include "t38/udptl_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 12 };

struct stream {
    struct udptl_receiver *receiver;
    unsigned count;
    uint16_t last;
    uint8_t mark; /* of the last packet */
};

static void note(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct stream *s = user;
    assert_int_equal(length, LENGTH);
    s->count++;
    s->last = sequence;
    s->mark = data[0];
}

static void begin(struct stream *s)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(udptl_receiver_new(&s->receiver, NULL), 0);
}

/* A packet without redundancy, its contents by number and mark. */
static int push(struct stream *s, uint16_t sequence, uint8_t mark)
{
    uint8_t d[3 + LENGTH + 2] = {(uint8_t)(sequence >> 8), (uint8_t)sequence, LENGTH};
    for (size_t i = 0; i < LENGTH; i++)
        d[3 + i] = (uint8_t)(mark + i * sequence);
    return udptl_receiver_push(s->receiver, d, sizeof d, 30u * sequence, note, s);
}

static const struct udptl_counters *counters(const struct stream *s)
{
    return udptl_receiver_counters(s->receiver);
}

static void late_audio_is_counted_as_what_it_is(void **state)
{
    (void)state;
    static const struct {
        bool rtp;
        size_t n;
        uint8_t octets[12];
    } cases[] = {
        {true, 172, {0x80, 8, 0x12, 0x34}},   /* PCMA, 20 ms */
        {true, 92, {0x80, 0x80, 0, 1}},       /* PCMU with the marker bit */
        {true, 16, {0x90, 101, 0, 1}},        /* telephone-event, extension */
        {true, 52, {0x80, 200, 0, 12}},       /* RTCP sender report */
        {true, 12, {0x80, 13, 0, 9}},         /* comfort noise without octets */
        {false, 11, {0x80, 8, 0x12, 0x34}},   /* shorter than a header */
        {false, 172, {0x40, 8, 0x12, 0x34}},  /* version 1 */
        {false, 172, {0x80, 72, 0x12, 0x34}}, /* no type of audio */
        {false, 14, {0x8F, 8, 0x12, 0x34}},   /* sources are missing */
        {false, 20, {0x80, 200, 1, 0}},       /* RTCP longer than it is */
    };
    struct stream s;
    uint64_t rtp = 0, malformed = 0;
    begin(&s);
    assert_int_equal(push(&s, 0, 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *exact = malloc(cases[i].n);
        assert_non_null(exact);
        memset(exact, 0xD5, cases[i].n);
        memcpy(exact, cases[i].octets, cases[i].n < 4 ? cases[i].n : 4);
        assert_int_equal(udptl_packet_is_rtp(exact, cases[i].n), cases[i].rtp);
        assert_int_equal(udptl_receiver_push(s.receiver, exact, cases[i].n, 0, note, &s),
                         cases[i].rtp ? FAX_EUNSUPPORTED : FAX_EFORMAT);
        rtp += cases[i].rtp;
        malformed += !cases[i].rtp;
        assert_int_equal(counters(&s)->rtp, rtp);
        assert_int_equal(counters(&s)->malformed, malformed);
        free(exact);
    }
    assert_int_equal(push(&s, 1, 1), 0);
    assert_int_equal(s.count, 2);
    udptl_receiver_free(s.receiver);
}

/* Numbers begin anew at 0 while the stream is at `at`; after that it must go on. */
static void restart_at(uint16_t at)
{
    struct stream s;
    begin(&s);
    for (uint16_t i = 0; i < at; i++)
        (void)push(&s, i, 1);
    assert_int_equal(s.count, at);
    for (uint16_t i = 0; i < 60; i++)
        (void)push(&s, i, 100);
    assert_int_equal(counters(&s)->restarts, 1);
    assert_true(s.count >= at + 60u - 8u);
    assert_int_equal(s.last, 59);
    assert_int_equal(s.mark, 100);
    udptl_receiver_free(s.receiver);
}

static void a_stream_may_begin_its_numbers_anew(void **state)
{
    (void)state;
    restart_at(60);
    restart_at(300);
    restart_at(512);
    restart_at(513);
    restart_at(5000);
}

static void a_replay_is_no_new_stream(void **state)
{
    (void)state;
    struct stream s;
    begin(&s);
    for (uint16_t i = 0; i < 400; i++)
        (void)push(&s, i, 1);
    for (unsigned round = 0; round < 3; round++)
        for (uint16_t i = 0; i < 400; i++)
            assert_int_equal(push(&s, i, 1), 0);
    assert_int_equal(s.count, 400);
    assert_int_equal(counters(&s)->restarts, 0);
    assert_int_equal(counters(&s)->duplicates, 1200);
    (void)push(&s, 400, 1);
    assert_int_equal(s.count, 401);
    udptl_receiver_free(s.receiver);
}

/* A burst that took another way and comes two seconds late is lost, and no new stream. */
static void what_comes_seconds_late_is_no_new_stream(void **state)
{
    (void)state;
    struct stream s;
    begin(&s);
    for (uint16_t i = 0; i < 400; i++)
        if (i < 200 || i >= 230)
            (void)push(&s, i, 1);
    for (uint16_t i = 200; i < 230; i++)
        assert_int_equal(push(&s, i, 1), 0);
    assert_int_equal(counters(&s)->restarts, 0);
    (void)push(&s, 400, 1);
    assert_int_equal(s.last, 400);
    assert_int_equal(s.count, 371);
    udptl_receiver_free(s.receiver);
}

/* Strays that do not continue each other, whatever their number, move nothing. */
static void scattered_numbers_move_nothing(void **state)
{
    (void)state;
    struct stream s;
    uint32_t random = 3;
    begin(&s);
    for (uint16_t i = 0; i < 1000; i++) {
        (void)push(&s, i, 1);
        for (unsigned k = 0; k < 3; k++) {
            random = random * 1664525u + 1013904223u;
            uint16_t stray = (uint16_t)(random >> 16);
            if ((uint16_t)(stray - i + 600) > 1200) /* near ones are packets like others */
                assert_int_equal(push(&s, stray, 9), FAX_ELIMIT);
        }
    }
    assert_int_equal(s.count, 1000);
    assert_int_equal(counters(&s)->restarts, 0);
    udptl_receiver_free(s.receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_audio_is_counted_as_what_it_is),
        cmocka_unit_test(a_stream_may_begin_its_numbers_anew),
        cmocka_unit_test(a_replay_is_no_new_stream),
        cmocka_unit_test(what_comes_seconds_late_is_no_new_stream),
        cmocka_unit_test(scattered_numbers_move_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
