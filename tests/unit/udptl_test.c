/* udptl_test.c: datagrams of T.38 §9.1, their redundancy, their order and their limits. */
#include "codecs/fax_error.h"
#include "t38/udptl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOG = 64 };

struct log {
    unsigned count;
    uint16_t sequences[LOG];
    uint8_t first[LOG];
    size_t lengths[LOG];
};

static void note(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct log *log = user;
    assert_true(log->count < LOG);
    log->sequences[log->count] = sequence;
    log->first[log->count] = length ? data[0] : 0;
    log->lengths[log->count++] = length;
}

static void expect(struct log *log, unsigned count, const uint16_t *sequences)
{
    assert_int_equal(log->count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(log->sequences[i], sequences[i]);
    log->count = 0;
}

#define EXPECT(log, ...)                                                                           \
    expect(log, sizeof((const uint16_t[]){__VA_ARGS__}) / 2, (const uint16_t[]){__VA_ARGS__})

struct stream {
    struct udptl_sender *sender;
    struct udptl_receiver *receiver;
    struct log log;
    uint8_t datagrams[LOG][UDPTL_DATAGRAM_MAX];
    size_t lengths[LOG];
};

/* Makes LOG datagrams from `first` on, each IFP being its index plus one and 40 octets long. */
static void begin(struct stream *s, unsigned depth, uint16_t first,
                  const struct udptl_receiver_config *config)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(udptl_sender_new(&s->sender, depth, 400), 0);
    assert_int_equal(udptl_receiver_new(&s->receiver, config), 0);
    udptl_sender_set_sequence(s->sender, first);
    for (unsigned i = 0; i < LOG; i++) {
        uint8_t ifp[40];
        memset(ifp, (int)i + 1, sizeof ifp);
        assert_int_equal(udptl_sender_produce(s->sender, ifp, sizeof ifp, s->datagrams[i],
                                              UDPTL_DATAGRAM_MAX, &s->lengths[i]),
                         0);
    }
}

static void end(struct stream *s)
{
    udptl_sender_free(s->sender);
    udptl_receiver_free(s->receiver);
}

static int push(struct stream *s, unsigned i, uint64_t now_ms)
{
    return udptl_receiver_push(s->receiver, s->datagrams[i], s->lengths[i], now_ms, note, &s->log);
}

static void the_wire_format_is_that_of_t38(void **state)
{
    (void)state;
    struct udptl_sender *s;
    uint8_t out[64], long_ifp[200] = {7};
    size_t length;
    assert_int_equal(udptl_sender_new(&s, 2, 0), 0);
    assert_int_equal(udptl_sender_produce(s, (const uint8_t[]){0xA1}, 1, out, sizeof out, &length),
                     0);
    assert_int_equal(length, 6);
    assert_memory_equal(out, ((const uint8_t[]){0, 0, 1, 0xA1, 0, 0}), 6);
    assert_int_equal(
        udptl_sender_produce(s, (const uint8_t[]){0xB1, 0xB2}, 2, out, sizeof out, &length), 0);
    assert_memory_equal(out, ((const uint8_t[]){0, 1, 2, 0xB1, 0xB2, 0, 1, 1, 0xA1}), 9);
    assert_int_equal(udptl_sender_produce(s, (const uint8_t[]){0xC1}, 1, out, sizeof out, &length),
                     0);
    assert_int_equal(length, 11);
    assert_memory_equal(out, ((const uint8_t[]){0, 2, 1, 0xC1, 0, 2, 2, 0xB1, 0xB2, 1, 0xA1}), 11);
    assert_int_equal(udptl_sender_produce(s, long_ifp, 200, out, sizeof out, &length), FAX_ELIMIT);
    assert_int_equal(udptl_sender_produce(s, long_ifp, 0, out, sizeof out, &length), FAX_EINVAL);
    udptl_sender_free(s);
    assert_int_equal(udptl_sender_new(&s, UDPTL_DEPTH_MAX + 1, 0), FAX_EINVAL);
    assert_null(s);
}

static void redundancy_yields_to_the_peers_maximum(void **state)
{
    (void)state;
    struct udptl_sender *s;
    uint8_t out[UDPTL_DATAGRAM_MAX], ifp[UDPTL_IFP_MAX] = {0};
    size_t length;
    assert_int_equal(udptl_sender_new(&s, 3, 100), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(udptl_sender_produce(s, ifp, 30, out, sizeof out, &length), 0);
    assert_int_equal(length, 2 + 31 + 2 + 2 * 31); /* three would make 128 octets */
    assert_int_equal(out[2 + 31 + 1], 2);
    assert_int_equal(udptl_sender_produce(s, ifp, 90, out, sizeof out, &length), 0);
    assert_int_equal(out[2 + 91 + 1], 0);
    assert_int_equal(udptl_sender_produce(s, ifp, UDPTL_IFP_MAX, out, sizeof out, &length), 0);
    assert_int_equal(length, 2 + 2 + UDPTL_IFP_MAX + 2);
    /* What was too long to be kept interrupts the redundancy: nothing before it may be repeated. */
    assert_int_equal(udptl_sender_produce(s, ifp, 5, out, sizeof out, &length), 0);
    assert_int_equal(length, 2 + 6 + 2);
    udptl_sender_free(s);
}

static void packets_come_in_order_across_the_wrap(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 3, 65533, NULL);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(push(&s, i, i), 0);
    EXPECT(&s.log, 65533, 65534, 65535, 0, 1, 2);
    assert_int_equal(s.log.first[5], 6);
    end(&s);
}

static void lost_packets_come_out_of_redundancy(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 3, 65533, NULL);
    (void)push(&s, 0, 0);
    (void)push(&s, 4, 100); /* three lost, across the wrap */
    EXPECT(&s.log, 65533, 65534, 65535, 0, 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(s.log.first[i], i + 1);
    assert_int_equal(udptl_receiver_counters(s.receiver)->recovered, 3);
    assert_int_equal(udptl_receiver_counters(s.receiver)->lost, 0);
    (void)push(&s, 2, 120); /* one of them comes late */
    assert_int_equal(s.log.count, 0);
    assert_int_equal(udptl_receiver_counters(s.receiver)->duplicates, 1);
    end(&s);
}

static void a_late_packet_is_waited_for(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 0, 65534, NULL);
    (void)push(&s, 0, 0);
    (void)push(&s, 2, 30);
    (void)push(&s, 3, 60);
    EXPECT(&s.log, 65534);
    assert_int_equal(udptl_receiver_due_ms(s.receiver), 130);
    (void)push(&s, 1, 90);
    EXPECT(&s.log, 65535, 0, 1);
    assert_true(udptl_receiver_due_ms(s.receiver) == UINT64_MAX);
    assert_int_equal(udptl_receiver_counters(s.receiver)->reordered, 1);
    end(&s);
}

static void a_gap_is_given_up_after_its_time(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 0, 10, NULL);
    (void)push(&s, 0, 0);
    (void)push(&s, 2, 30); /* 11 is missing */
    (void)push(&s, 4, 90); /* and 13 */
    udptl_receiver_flush(s.receiver, 129, note, &s.log);
    EXPECT(&s.log, 10);
    udptl_receiver_flush(s.receiver, 130, note, &s.log);
    EXPECT(&s.log, 12);
    udptl_receiver_flush(s.receiver, 190, note, &s.log);
    EXPECT(&s.log, 14);
    assert_int_equal(udptl_receiver_counters(s.receiver)->lost, 2);
    (void)push(&s, 1, 200);
    assert_int_equal(s.log.count, 0);
    end(&s);
}

static void a_gap_is_given_up_after_its_packets(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 0, 0, &(struct udptl_receiver_config){.hold_packets = 2, .hold_ms = 1000});
    (void)push(&s, 0, 0);
    (void)push(&s, 2, 1);
    (void)push(&s, 3, 2);
    EXPECT(&s.log, 0);
    (void)push(&s, 4, 3); /* three beyond the gap */
    EXPECT(&s.log, 2, 3, 4);
    (void)push(&s, 20, 4); /* a burst was lost: only the last two may still come */
    (void)push(&s, 19, 5);
    (void)push(&s, 18, 6);
    EXPECT(&s.log, 18, 19, 20);
    end(&s);
}

static void without_a_buffer_nothing_is_held(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 0, 0, &(struct udptl_receiver_config){0});
    (void)push(&s, 0, 0);
    (void)push(&s, 2, 1);
    (void)push(&s, 1, 2);
    (void)push(&s, 3, 3);
    EXPECT(&s.log, 0, 2, 3);
    end(&s);
}

static void doubled_packets_are_delivered_once(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 2, 500, NULL);
    for (unsigned i = 0; i < 3; i++) {
        (void)push(&s, i, i);
        (void)push(&s, i, i);
    }
    EXPECT(&s.log, 500, 501, 502);
    end(&s);
}

static void a_stray_number_does_not_move_the_stream(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 0, 100, NULL);
    uint8_t stray[] = {0x50, 0x00, 1, 0xAA, 0, 0};
    (void)push(&s, 0, 0);
    assert_int_equal(udptl_receiver_push(s.receiver, stray, sizeof stray, 1, note, &s.log),
                     FAX_ELIMIT);
    assert_int_equal(udptl_receiver_push(s.receiver, stray, sizeof stray, 1, note, &s.log),
                     FAX_ELIMIT);
    (void)push(&s, 1, 2);
    EXPECT(&s.log, 100, 101);
    /* Three in a row are a new stream. */
    for (uint8_t i = 0; i < 4; i++) {
        stray[1] = i;
        (void)udptl_receiver_push(s.receiver, stray, sizeof stray, 3, note, &s.log);
    }
    EXPECT(&s.log, 0x5002, 0x5003);
    assert_int_equal(udptl_receiver_counters(s.receiver)->restarts, 1);
    end(&s);
}

static void malformed_datagrams_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint8_t octets[16];
    } cases[] = {
        {0, {0}},
        {1, {0}},
        {2, {0, 1}},
        {3, {0, 1, 1}},                      /* the primary is missing */
        {4, {0, 1, 1, 9}},                   /* error recovery is missing */
        {5, {0, 1, 1, 9, 0}},                /* its count too */
        {6, {0, 1, 1, 9, 1, 0}},             /* an unknown kind of it */
        {7, {0, 1, 1, 9, 0, 0, 0}},          /* an octet left over */
        {6, {0, 1, 1, 9, 0, 1}},             /* a secondary is missing */
        {8, {0, 1, 1, 9, 0, 1, 5, 1}},       /* and a truncated one */
        {6, {0, 1, 0x80, 1, 9, 0}},          /* long form, truncated */
        {6, {0, 1, 0xC1, 9, 0, 0}},          /* fragmented length */
        {7, {0, 1, 1, 9, 0x80, 1, 3}},       /* FEC without data */
        {9, {0, 1, 1, 9, 0x80, 0, 1, 1, 5}}, /* FEC without a span */
    };
    struct stream s;
    begin(&s, 0, 0, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *exact = malloc(cases[i].length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, cases[i].octets, cases[i].length); /* its end is the allocation's end */
        assert_int_equal(
            udptl_receiver_push(s.receiver, exact + 1, cases[i].length, 0, note, &s.log),
            FAX_EFORMAT);
        free(exact);
    }
    assert_int_equal(udptl_receiver_counters(s.receiver)->malformed,
                     sizeof cases / sizeof cases[0]);
    assert_int_equal(s.log.count, 0);
    end(&s);
}

static void fec_and_empty_packets_are_taken(void **state)
{
    (void)state;
    static const uint8_t fec[] = {0, 5, 1, 9, 0x80, 1, 3, 2, 1, 0xAA, 2, 0xBB, 0xCC};
    static const uint8_t empty[] = {0, 6, 0, 0, 0}, hollow[] = {0, 8, 1, 9, 0, 2, 0, 1, 7};
    struct stream s;
    begin(&s, 0, 0, NULL);
    assert_int_equal(udptl_receiver_push(s.receiver, fec, sizeof fec, 0, note, &s.log), 0);
    assert_int_equal(udptl_receiver_counters(s.receiver)->fec, 1);
    assert_int_equal(udptl_receiver_push(s.receiver, empty, sizeof empty, 0, note, &s.log), 0);
    assert_int_equal(s.log.lengths[1], 0);
    /* A secondary of no octets stands for one that is not repeated: 7 stays missing. */
    assert_int_equal(udptl_receiver_push(s.receiver, hollow, sizeof hollow, 0, note, &s.log), 0);
    EXPECT(&s.log, 5, 6);
    udptl_receiver_flush(s.receiver, 1000, note, &s.log);
    EXPECT(&s.log, 8);
    end(&s);
}

/* Whatever is lost, doubled or exchanged: in order, once each, and the right octets. */
static void any_disorder_gives_a_rising_sequence(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (unsigned round = 0; round < 300; round++) {
        struct stream s;
        begin(&s, round % 5, (uint16_t)(65536 - round % 60), NULL);
        unsigned order[2 * LOG], n = 0;
        for (unsigned i = 0; i < LOG; i++) {
            random = random * 1664525u + 1013904223u;
            for (unsigned copies = random >> 29; copies > 4; copies--)
                order[n++] = i;
            if (random >> 29 <= 4 && random >> 30)
                order[n++] = i;
        }
        for (unsigned i = 0; i + 1 < n; i++) {
            random = random * 1664525u + 1013904223u;
            unsigned j = i + (random >> 28) % 6, keep = order[i];
            if (j < n && (random & 1)) {
                order[i] = order[j];
                order[j] = keep;
            }
        }
        for (unsigned i = 0; i < n; i++) {
            (void)push(&s, order[i], (uint64_t)i * 20);
            udptl_receiver_flush(s.receiver, (uint64_t)i * 20, note, &s.log);
        }
        udptl_receiver_flush(s.receiver, 100000, note, &s.log);
        uint16_t first = (uint16_t)(65536 - round % 60);
        for (unsigned i = 0; i < s.log.count; i++) {
            assert_int_equal(s.log.first[i], (uint16_t)(s.log.sequences[i] - first) + 1);
            if (i)
                assert_true((int16_t)(uint16_t)(s.log.sequences[i] - s.log.sequences[i - 1]) > 0);
        }
        assert_int_equal(udptl_receiver_counters(s.receiver)->delivered, s.log.count);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wire_format_is_that_of_t38),
        cmocka_unit_test(redundancy_yields_to_the_peers_maximum),
        cmocka_unit_test(packets_come_in_order_across_the_wrap),
        cmocka_unit_test(lost_packets_come_out_of_redundancy),
        cmocka_unit_test(a_late_packet_is_waited_for),
        cmocka_unit_test(a_gap_is_given_up_after_its_time),
        cmocka_unit_test(a_gap_is_given_up_after_its_packets),
        cmocka_unit_test(without_a_buffer_nothing_is_held),
        cmocka_unit_test(doubled_packets_are_delivered_once),
        cmocka_unit_test(a_stray_number_does_not_move_the_stream),
        cmocka_unit_test(malformed_datagrams_are_refused),
        cmocka_unit_test(fec_and_empty_packets_are_taken),
        cmocka_unit_test(any_disorder_gives_a_rising_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
