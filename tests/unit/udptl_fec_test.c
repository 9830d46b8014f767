/* udptl_fec_test.c: parity FEC of T.38 §9.1.4.2 in both directions: its octets on the wire, what it
 * recovers, and what a peer that lies gets out of it.
 */
#include "codecs/fax_error.h"
#include "t38/ifp.h"
#include "t38/udptl.h"
#include "t38/udptl_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PACKETS = 200, IFP_ROOM = 80 };

/* A stream of lawful IFPs of different lengths, their datagrams, and which of them were delivered.
 */
struct stream {
    struct udptl_sender *sender;
    struct udptl_receiver *receiver;
    uint16_t first;
    uint8_t ifps[PACKETS][IFP_ROOM];
    size_t ifp_lengths[PACKETS];
    uint8_t datagrams[PACKETS][UDPTL_DATAGRAM_MAX];
    size_t lengths[PACKETS];
    bool delivered[PACKETS];
    unsigned count;
};

/* Version 0: image octets of a length that differs, or an indicator; many end in zeros. */
static size_t make_ifp(unsigned i, uint8_t *ifp)
{
    if (i % 7 == 3) {
        ifp[0] = (uint8_t)(i % 4 << 1);
        return 1;
    }
    size_t n = 1 + i * 13 % 60;
    const uint8_t head[] = {0xD0, 1, 0xE0, 0, (uint8_t)(n - 1)};
    memcpy(ifp, head, sizeof head);
    for (size_t k = 0; k < n; k++)
        ifp[sizeof head + k] = k + 3 > n ? 0 : (uint8_t)(i * 31 + k);
    return sizeof head + n;
}

static void begin(struct stream *s, unsigned packets, unsigned fields, size_t max_datagram,
                  uint16_t first)
{
    memset(s, 0, sizeof *s);
    s->first = first;
    assert_int_equal(udptl_sender_new_fec(&s->sender, packets, fields, max_datagram), 0);
    assert_int_equal(udptl_receiver_new(&s->receiver, NULL), 0);
    udptl_sender_set_sequence(s->sender, first);
    for (unsigned i = 0; i < PACKETS; i++) {
        s->ifp_lengths[i] = make_ifp(i, s->ifps[i]);
        assert_int_equal(ifp_check(s->ifps[i], s->ifp_lengths[i], 0, NULL), 0);
        assert_int_equal(udptl_sender_produce(s->sender, s->ifps[i], s->ifp_lengths[i],
                                              s->datagrams[i], UDPTL_DATAGRAM_MAX, &s->lengths[i]),
                         0);
        assert_true(s->lengths[i] <= max_datagram || max_datagram < 80);
    }
}

static void end(struct stream *s)
{
    udptl_sender_free(s->sender);
    udptl_receiver_free(s->receiver);
}

/* Every delivered IFP must be the one that was sent, octet for octet, and in order. */
static void note(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct stream *s = user;
    unsigned i = (uint16_t)(sequence - s->first);
    assert_true(i < PACKETS);
    for (unsigned k = i; k < PACKETS; k++)
        assert_false(s->delivered[k]);
    assert_int_equal(length, s->ifp_lengths[i]);
    assert_memory_equal(data, s->ifps[i], length);
    s->delivered[i] = true;
    s->count++;
}

static void push(struct stream *s, unsigned i)
{
    assert_int_equal(
        udptl_receiver_push(s->receiver, s->datagrams[i], s->lengths[i], 30u * i, note, s), 0);
    udptl_receiver_flush(s->receiver, 30u * i, note, s);
}

static const struct udptl_counters *counters(const struct stream *s)
{
    return udptl_receiver_counters(s->receiver);
}

static void the_wire_format_is_that_of_t38(void **state)
{
    (void)state;
    static const struct {
        uint8_t ifp[3];
        size_t n;
        uint8_t wire[20];
        size_t length;
    } steps[] = {
        {{0xA1}, 1, {0, 0, 1, 0xA1, 0x80, 1, 0, 0}, 8},
        {{0xB1, 0xB2}, 2, {0, 1, 2, 0xB1, 0xB2, 0x80, 1, 1, 1, 1, 0xA1}, 11},
        {{0xC1}, 1, {0, 2, 1, 0xC1, 0x80, 1, 2, 1, 2, 0xA1 ^ 0xB1, 0xB2}, 11},
        {{0xD1}, 1, {0, 3, 1, 0xD1, 0x80, 1, 2, 1, 2, 0xB1 ^ 0xC1, 0xB2}, 11},
        /* Two fields: the first joins the 1st and 3rd of the four before, the second the others. */
        {{0xE1}, 1, {0, 4, 1, 0xE1, 0x80, 1, 2, 2, 1, 0xA1 ^ 0xC1, 2, 0xB1 ^ 0xD1, 0xB2}, 13},
    };
    struct udptl_sender *s;
    uint8_t out[64];
    size_t length;
    assert_int_equal(udptl_sender_new_fec(&s, 2, 2, 400), 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(
            udptl_sender_produce(s, steps[i].ifp, steps[i].n, out, sizeof out, &length), 0);
        assert_int_equal(length, steps[i].length);
        assert_memory_equal(out, steps[i].wire, length);
    }
    udptl_sender_free(s);
    assert_int_equal(udptl_sender_new_fec(&s, 0, 1, 400), FAX_EINVAL);
    assert_int_equal(udptl_sender_new_fec(&s, 1, UDPTL_FEC_FIELDS_MAX + 1, 400), FAX_EINVAL);
    assert_null(s);
}

/* Any one burst no longer than the number of fields comes back whole. */
static void a_burst_as_long_as_the_fields_is_recovered(void **state)
{
    (void)state;
    for (unsigned fields = 1; fields <= 4; fields++) {
        for (unsigned packets = 1; packets <= 4; packets++) {
            struct stream s;
            begin(&s, packets, fields, 1400, 65500);
            for (unsigned i = 0; i < PACKETS; i++)
                if (i < 60 || i >= 60 + fields)
                    push(&s, i);
            assert_int_equal(s.count, PACKETS);
            assert_int_equal(counters(&s)->recovered, fields);
            assert_int_equal(counters(&s)->fec_recovered, fields);
            assert_int_equal(counters(&s)->lost, 0);
            assert_int_equal(counters(&s)->fec_refused, 0);
            end(&s);
        }
    }
}

/* What a matrix over GF(2) says can be known must be known: nothing that parity allows is left. */
struct algebra {
    uint64_t rows[PACKETS * UDPTL_FEC_FIELDS_MAX][PACKETS / 64 + 1];
    unsigned count;
    bool known[PACKETS];
};

static void one_unknown_at_a_time(struct algebra *a)
{
    for (bool again = true; again;) {
        again = false;
        for (unsigned r = 0; r < a->count; r++) {
            unsigned unknown = 0, last = 0;
            for (unsigned i = 0; i < PACKETS; i++)
                if ((a->rows[r][i / 64] >> i % 64 & 1) && !a->known[i]) {
                    unknown++;
                    last = i;
                }
            if (unknown == 1) {
                a->known[last] = true;
                again = true;
            }
        }
    }
}

static void random_loss_is_recovered_as_far_as_parity_allows(void **state)
{
    (void)state;
    uint32_t random = 7;
    unsigned lost = 0, recovered = 0;
    for (unsigned round = 0; round < 150; round++) {
        static struct algebra a;
        unsigned packets = 1 + round % 4, fields = 1 + round / 4 % 4;
        struct stream s;
        begin(&s, packets, fields, 1400, (uint16_t)(65400 + round));
        memset(&a, 0, sizeof a);
        for (unsigned i = 0; i < PACKETS; i++) {
            random = random * 1664525u + 1013904223u;
            /* the stream must begin, and end with all it knows */
            if (i > 0 && i < PACKETS - 40 && random >> 24 < 26) {
                lost++;
                continue;
            }
            push(&s, i);
            a.known[i] = true;
            struct udptl_packet p;
            assert_int_equal(udptl_packet_read(&p, s.datagrams[i], s.lengths[i]), 0);
            for (unsigned m = 0; m < p.count; m++, a.count++)
                for (unsigned k = 0; k < p.fec_packets; k++) {
                    unsigned j = i + m - p.fec_packets * p.count + k * p.count;
                    a.rows[a.count][j / 64] |= UINT64_C(1) << j % 64;
                }
        }
        one_unknown_at_a_time(&a);
        unsigned knowable = 0;
        for (unsigned i = 0; i < PACKETS; i++)
            knowable += a.known[i];
        /* A chain may also go back beyond what is held: then the packet is known too late. */
        assert_true(s.count <= knowable);
        assert_true(s.count + counters(&s)->fec_recovered >= knowable);
        assert_int_equal(s.count + counters(&s)->lost, PACKETS);
        recovered += (unsigned)counters(&s)->recovered;
        end(&s);
    }
    print_message("   10 %% loss, 16 kinds of parity: %u lost, %u recovered\n", lost, recovered);
    assert_true(recovered > lost * 8 / 10);
}

static void a_small_maximum_gets_fewer_fields(void **state)
{
    (void)state;
    static const size_t maxima[] = {72, 100, 130, 160, 250, 400};
    unsigned last = 0;
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        struct stream s;
        struct udptl_packet p;
        unsigned total = 0;
        begin(&s, 3, 3, maxima[i], 0);
        for (unsigned k = 0; k < PACKETS; k++) {
            assert_int_equal(udptl_packet_read(&p, s.datagrams[k], s.lengths[k]), 0);
            total += p.count;
            if (k % 9 != 8)
                push(&s, k);
        }
        assert_true(total >= last);
        last = total;
        end(&s);
    }
}

static void numbers_wrap_and_packets_come_late(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 3, 3, 400, 65530);
    push(&s, 0);
    for (unsigned i = 1; i + 1 < PACKETS; i += 2) { /* each pair the other way round, one lost */
        push(&s, i + 1);
        if (i != 51)
            push(&s, i);
    }
    push(&s, PACKETS - 1);
    assert_int_equal(s.count, PACKETS);
    assert_int_equal(counters(&s)->lost, 0);
    assert_true(counters(&s)->fec_recovered >= 1);
    end(&s);
}

static int push_octets(struct udptl_receiver *r, const uint8_t *octets, size_t n, udptl_ifp_cb cb,
                       void *user)
{
    uint8_t *exact = malloc(n); /* the sanitizer sees what is read beyond its end */
    assert_non_null(exact);
    memcpy(exact, octets, n);
    int rc = udptl_receiver_push(r, exact, n, 0, cb, user);
    free(exact);
    return rc;
}

static void count(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    unsigned *n = user;
    (void)sequence;
    (void)data;
    (void)length;
    ++*n;
}

static void malformed_parity_is_refused(void **state)
{
    (void)state;
    static const struct {
        int rc;
        bool fec_refused;
        size_t n;
        uint8_t octets[24];
    } cases[] = {
        {FAX_EFORMAT, false, 6, {0, 1, 1, 6, 0x80, 1}},       /* no packets */
        {FAX_EFORMAT, false, 8, {0, 1, 1, 6, 0x80, 0, 0, 0}}, /* an integer of no octets */
        {FAX_EFORMAT, false, 11, {0, 1, 1, 6, 0x80, 3, 0, 0, 1, 1, 6}}, /* and of three */
        {FAX_EFORMAT, false, 8, {0, 1, 1, 6, 0x80, 1, 3, 2}},           /* fields are missing */
        {FAX_EFORMAT, false, 10, {0, 1, 1, 6, 0x80, 1, 3, 1, 5, 1}},    /* one is cut */
        {FAX_EFORMAT, false, 9, {0, 1, 1, 6, 0x80, 1, 3, 0, 0}},        /* an octet left over */
        {FAX_EFORMAT, false, 10, {0, 1, 1, 6, 0x80, 1, 3, 0xC1, 1, 0}}, /* fragments */
        {0, true, 10, {0, 1, 1, 6, 0x80, 1, 0, 1, 1, 6}},               /* a field of no packets */
        {0, true, 10, {0, 2, 1, 6, 0x80, 1, 65, 1, 1, 6}},              /* of too many */
        {0, true, 10, {0, 3, 1, 6, 0x80, 1, 0xFF, 1, 1, 6}},            /* -1 */
        {0, true, 12, {0, 4, 1, 6, 0x80, 2, 0x7F, 0xFF, 1, 2, 6, 6}},
        {0, true, 13, {0, 5, 1, 6, 0x80, 1, 33, 2, 1, 6, 2, 6, 6}}, /* 66 packets in all */
    };
    struct udptl_receiver *r;
    unsigned delivered = 0, refused = 0;
    assert_int_equal(udptl_receiver_new(&r, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(push_octets(r, cases[i].octets, cases[i].n, count, &delivered),
                         cases[i].rc);
        refused += cases[i].fec_refused;
        assert_int_equal(udptl_receiver_counters(r)->fec_refused, refused);
    }
    assert_int_equal(delivered, 5); /* the packets themselves are as good as any */
    assert_int_equal(udptl_receiver_counters(r)->malformed, 7);
    udptl_receiver_free(r);
}

/* Parity that does not fit what is known, and parity whose packet is no IFP, give nothing. */
static void untrue_parity_gives_nothing(void **state)
{
    (void)state;
    static const uint8_t first[] = {0, 0, 1, 6, 0x80, 1, 0, 0};
    static const uint8_t untrue[] = {0, 1, 1, 6, 0x80, 1, 1, 1, 1, 7};
    static const uint8_t longer[] = {0, 2, 3, 0xC0, 1, 0x20, 0x80, 1, 1, 1, 0}; /* shorter field */
    static const uint8_t no_ifp[] = {0, 4, 1, 6, 0x80, 1, 1, 1, 3, 0xFF, 0xFF, 0xFF};
    static const uint8_t filled[] = {0, 6, 1, 6, 0x80, 1, 1, 1, 3, 6, 0, 1}; /* not with zeros */
    static const uint8_t good[] = {0, 8, 1, 6, 0x80, 1, 1, 1, 3, 6, 0, 0};
    static const struct {
        const uint8_t *octets;
        size_t n;
        unsigned delivered, refused;
    } steps[] = {
        {first, sizeof first, 1, 0},   {untrue, sizeof untrue, 2, 1}, {longer, sizeof longer, 3, 2},
        {no_ifp, sizeof no_ifp, 3, 3}, {filled, sizeof filled, 3, 4}, {good, sizeof good, 3, 4},
    };
    struct udptl_receiver *r;
    unsigned delivered = 0;
    assert_int_equal(udptl_receiver_new(&r, NULL), 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(push_octets(r, steps[i].octets, steps[i].n, count, &delivered), 0);
        assert_int_equal(delivered, steps[i].delivered);
        assert_int_equal(udptl_receiver_counters(r)->fec_refused, steps[i].refused);
    }
    udptl_receiver_flush(r, 100000, count, &delivered);
    assert_int_equal(delivered, 7); /* 4, 6, 7, 8: only 7 came out of parity */
    assert_int_equal(udptl_receiver_counters(r)->fec_recovered, 1);
    assert_int_equal(udptl_receiver_counters(r)->lost, 2);
    udptl_receiver_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wire_format_is_that_of_t38),
        cmocka_unit_test(a_burst_as_long_as_the_fields_is_recovered),
        cmocka_unit_test(random_loss_is_recovered_as_far_as_parity_allows),
        cmocka_unit_test(a_small_maximum_gets_fewer_fields),
        cmocka_unit_test(numbers_wrap_and_packets_come_late),
        cmocka_unit_test(malformed_parity_is_refused),
        cmocka_unit_test(untrue_parity_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
