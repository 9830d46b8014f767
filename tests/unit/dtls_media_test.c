/* DTLS-UDPTL between two associations, over a link in memory that loses, repeats and alters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codecs/fax_error.h"
#include "t38/dtls_media.h"
#include "tests/doubles/allocation_count.h"

enum { QUEUE_MAX = 512, DATAGRAM_MAX = 2048 };

struct datagram {
    size_t length;
    uint8_t octets[DATAGRAM_MAX];
};

struct end {
    struct dtls_identity *identity;
    struct dtls_media *media;
    struct datagram out[QUEUE_MAX];
    size_t out_count;
    unsigned received;
    size_t largest_out;
    uint8_t last[DATAGRAM_MAX];
    size_t last_length;
};

struct link {
    struct end client, server;
};

static void send_cb(void *user, const uint8_t *data, size_t length)
{
    struct end *e = user;
    assert_true(e->out_count < QUEUE_MAX && length <= DATAGRAM_MAX);
    e->out[e->out_count].length = length;
    memcpy(e->out[e->out_count++].octets, data, length);
    if (length > e->largest_out)
        e->largest_out = length;
}

static void receive_cb(void *user, uint8_t *data, size_t length)
{
    struct end *e = user;
    e->received++;
    e->last_length = length;
    memcpy(e->last, data, length);
}

static void open_end(struct end *e, bool active, const uint8_t *fingerprint)
{
    const struct dtls_media_callbacks callbacks = {send_cb, receive_cb, e};
    assert_int_equal(dtls_media_new(e->identity, active, fingerprint, &callbacks, 0, &e->media), 0);
}

static int open_identities(void **state)
{
    struct link *l = calloc(1, sizeof *l);
    assert_non_null(l);
    assert_int_equal(dtls_identity_new(&l->client.identity), 0);
    assert_int_equal(dtls_identity_new(&l->server.identity), 0);
    *state = l;
    return 0;
}

static int open_link(void **state)
{
    open_identities(state);
    struct link *l = *state;
    open_end(&l->client, true, dtls_identity_fingerprint(l->server.identity));
    open_end(&l->server, false, dtls_identity_fingerprint(l->client.identity));
    return 0;
}

static int close_link(void **state)
{
    struct link *l = *state;
    dtls_media_free(l->client.media);
    dtls_media_free(l->server.media);
    dtls_identity_free(l->client.identity);
    dtls_identity_free(l->server.identity);
    free(l);
    return 0;
}

/* Delivers what one end has sent; returns how many. */
static size_t deliver(struct end *from, struct end *to)
{
    size_t count = from->out_count;
    struct datagram *taken = calloc(count + 1, sizeof *taken);
    assert_non_null(taken);
    memcpy(taken, from->out, count * sizeof *taken);
    from->out_count = 0;
    for (size_t i = 0; i < count; i++)
        (void)dtls_media_receive(to->media, taken[i].octets, taken[i].length);
    free(taken);
    return count;
}

static void exchange(struct link *l)
{
    for (int i = 0; i < 20; i++) {
        if (deliver(&l->client, &l->server) + deliver(&l->server, &l->client) == 0)
            return;
    }
    fail_msg("the two never stop");
}

static void connect_both(struct link *l)
{
    (void)dtls_media_start(l->server.media);
    (void)dtls_media_start(l->client.media);
    exchange(l);
    assert_int_equal(dtls_media_state(l->client.media), DTLS_MEDIA_OPEN);
    assert_int_equal(dtls_media_state(l->server.media), DTLS_MEDIA_OPEN);
}

static void packets_pass_both_ways(void **state)
{
    struct link *l = *state;
    uint8_t packet[1000] = {0};
    assert_int_equal(dtls_media_send(l->client.media, packet, 4), FAX_ESTATE);
    connect_both(l);
    assert_string_equal(dtls_media_text(l->client.media), "DTLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
    assert_string_equal(dtls_media_text(l->server.media), dtls_media_text(l->client.media));
    assert_true(l->client.largest_out <= DTLS_MEDIA_DATAGRAM_MAX);
    assert_true(l->server.largest_out <= DTLS_MEDIA_DATAGRAM_MAX);
    for (size_t n = 1; n <= sizeof packet; n += 37) {
        memset(packet, (int)n, n);
        assert_int_equal(dtls_media_send(l->client.media, packet, n), 0);
        assert_true(l->client.out[0].length <= n + DTLS_MEDIA_OVERHEAD);
        if (n > 30)
            assert_null(memmem(l->client.out[0].octets, l->client.out[0].length, packet, n));
        exchange(l);
        assert_int_equal(l->server.last_length, n);
        assert_memory_equal(l->server.last, packet, n);
    }
    assert_int_equal(dtls_media_send(l->server.media, packet, 20), 0);
    exchange(l);
    assert_int_equal(l->client.received, 1);
    dtls_media_close(l->client.media);
    exchange(l);
    assert_int_equal(dtls_media_state(l->server.media), DTLS_MEDIA_FAILED);
    assert_string_equal(dtls_media_text(l->server.media), "the peer closed the DTLS association");
}

/* Neither ours nor OpenSSL's, once an association has sent and heard some. */
static void packets_need_no_memory(void **state)
{
    struct link *l = *state;
    uint8_t packet[60] = {1};
    connect_both(l);
    for (int warm = 1; warm >= 0; warm--) {
        if (!warm && !allocation_count_begin())
            skip();
        for (int i = 0; i < 100; i++) {
            struct end *from = i % 2 ? &l->client : &l->server;
            struct end *to = i % 2 ? &l->server : &l->client;
            assert_int_equal(dtls_media_send(from->media, packet, sizeof packet), 0);
            (void)dtls_media_receive(to->media, from->out[0].octets, from->out[0].length);
            from->out_count = 0;
        }
    }
    struct allocation_count count = allocation_count_end();
    assert_int_equal(l->client.received + l->server.received, 200);
    assert_int_equal(count.small + count.large, 0);
}

static void replayed_and_altered_records_are_dropped(void **state)
{
    struct link *l = *state;
    struct datagram first, second;
    connect_both(l);
    assert_int_equal(dtls_media_send(l->client.media, (const uint8_t *)"first", 5), 0);
    assert_int_equal(dtls_media_send(l->client.media, (const uint8_t *)"other", 5), 0);
    first = l->client.out[0];
    second = l->client.out[1];
    l->client.out_count = 0;
    for (size_t i = 0; i < first.length; i++) {
        struct datagram altered = first;
        altered.octets[i] ^= 1;
        (void)dtls_media_receive(l->server.media, altered.octets, altered.length);
        (void)dtls_media_receive(l->server.media, first.octets, i);
    }
    assert_int_equal(l->server.received, 0);
    assert_int_equal(dtls_media_state(l->server.media), DTLS_MEDIA_OPEN);
    /* Out of order is fine, twice is not. */
    (void)dtls_media_receive(l->server.media, second.octets, second.length);
    (void)dtls_media_receive(l->server.media, first.octets, first.length);
    (void)dtls_media_receive(l->server.media, first.octets, first.length);
    (void)dtls_media_receive(l->server.media, second.octets, second.length);
    assert_int_equal(l->server.received, 2);
    assert_memory_equal(l->server.last, "first", 5);
    assert_true(dtls_media_dropped(l->server.media) > 2);
}

static void another_certificate_is_refused(void **state)
{
    struct link *l = *state;
    for (int wrong_server = 0; wrong_server < 2; wrong_server++) {
        uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS];
        struct end *judge = wrong_server ? &l->client : &l->server;
        const struct end *judged = wrong_server ? &l->server : &l->client;
        memcpy(fingerprint, dtls_identity_fingerprint(judged->identity), sizeof fingerprint);
        fingerprint[31] ^= 1;
        open_end(&l->client, true,
                 wrong_server ? fingerprint : dtls_identity_fingerprint(l->server.identity));
        open_end(&l->server, false,
                 wrong_server ? dtls_identity_fingerprint(l->client.identity) : fingerprint);
        (void)dtls_media_start(l->client.media);
        exchange(l);
        assert_int_equal(dtls_media_state(judge->media), DTLS_MEDIA_FAILED);
        assert_string_equal(dtls_media_text(judge->media),
                            "the peer's DTLS certificate is not the one that signalling named");
        assert_int_equal(dtls_media_state(judged->media), DTLS_MEDIA_FAILED);
        assert_int_equal(l->client.received + l->server.received, 0);
        dtls_media_free(l->client.media);
        dtls_media_free(l->server.media);
        l->client.media = l->server.media = NULL;
    }
}

static void plain_udptl_does_not_pass(void **state)
{
    struct link *l = *state;
    uint8_t packet[64];
    for (unsigned first = 0; first < 256; first++) {
        memset(packet, (int)first, sizeof packet);
        (void)dtls_media_receive(l->server.media, packet, sizeof packet);
        (void)dtls_media_receive(l->server.media, packet, first % sizeof packet);
    }
    assert_int_equal(l->server.received, 0);
    if (dtls_media_state(l->server.media) == DTLS_MEDIA_HANDSHAKE) {
        connect_both(l);
        memset(packet, 0, sizeof packet);
        (void)dtls_media_receive(l->server.media, packet, sizeof packet);
        assert_int_equal(l->server.received, 0);
    }
}

static void flood_before_the_handshake_ends_it(void **state)
{
    struct link *l = *state;
    uint8_t record[64] = {22, 254, 253};
    for (int i = 0; i <= DTLS_MEDIA_HANDSHAKE_DATAGRAMS; i++) {
        record[10] = (uint8_t)i;
        (void)dtls_media_receive(l->server.media, record, sizeof record);
    }
    assert_int_equal(dtls_media_state(l->server.media), DTLS_MEDIA_FAILED);
}

static void silence_ends_it(void **state)
{
    struct link *l = *state;
    (void)dtls_media_start(l->client.media);
    assert_int_equal(dtls_media_tick(l->client.media, DTLS_MEDIA_HANDSHAKE_MS - 1),
                     DTLS_MEDIA_HANDSHAKE);
    assert_int_equal(dtls_media_tick(l->client.media, DTLS_MEDIA_HANDSHAKE_MS), DTLS_MEDIA_FAILED);
    assert_string_equal(dtls_media_text(l->client.media), "the peer made no DTLS handshake");
}

/* By OpenSSL's clock the first repetition comes after a second. */
static void lost_flights_are_sent_again(void **state)
{
    struct link *l = *state;
    (void)dtls_media_start(l->client.media);
    assert_int_equal(l->client.out_count, 1);
    l->client.out_count = 0; /* lost */
    for (int i = 0; i < 100 && l->client.out_count == 0; i++) {
        (void)dtls_media_tick(l->client.media, 1);
        usleep(50000);
    }
    assert_int_equal(l->client.out_count, 1);
    exchange(l);
    assert_int_equal(dtls_media_state(l->server.media), DTLS_MEDIA_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packets_pass_both_ways, open_link, close_link),
        cmocka_unit_test_setup_teardown(packets_need_no_memory, open_link, close_link),
        cmocka_unit_test_setup_teardown(replayed_and_altered_records_are_dropped, open_link,
                                        close_link),
        cmocka_unit_test_setup_teardown(another_certificate_is_refused, open_identities,
                                        close_link),
        cmocka_unit_test_setup_teardown(plain_udptl_does_not_pass, open_link, close_link),
        cmocka_unit_test_setup_teardown(flood_before_the_handshake_ends_it, open_link, close_link),
        cmocka_unit_test_setup_teardown(silence_ends_it, open_link, close_link),
        cmocka_unit_test_setup_teardown(lost_flights_are_sent_again, open_link, close_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
