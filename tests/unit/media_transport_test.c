/* The seam between a call and its peer, over real sockets: with and without a shield. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/media_transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { MARK = 0x5A };

struct ends {
    struct media_transport transport;
    int peer; /* connected to it */
    uint8_t scratch[MEDIA_DATAGRAM_MAX];
    uint8_t last[MEDIA_DATAGRAM_MAX];
    size_t length;
    unsigned count;
};

/* Turns all octets round and marks the first; opens only what has its mark. */
struct turning {
    unsigned refused, ticks, freed;
    uint64_t due_ms;
};

static void turn_receive(void *shield, struct media_transport *transport, uint8_t *data,
                         size_t length, uint64_t now_ms)
{
    struct turning *turning = shield;

    if (length < 1 || data[0] != MARK) {
        turning->refused++;
        return;
    }
    for (size_t i = 1; i < length; i++)
        data[i] ^= 0xFF;
    media_transport_deliver(transport, data + 1, length - 1, now_ms);
}

static void turn_send(void *shield, struct media_transport *transport, const uint8_t *data,
                      size_t length)
{
    uint8_t wire[MEDIA_DATAGRAM_MAX] = {MARK};

    (void)shield;
    for (size_t i = 0; i < length; i++)
        wire[i + 1] = data[i] ^ 0xFF;
    media_transport_send_wire(transport, wire, length + 1);
}

static uint64_t turn_due_ms(const void *shield)
{
    return ((const struct turning *)shield)->due_ms;
}

static void turn_tick(void *shield, struct media_transport *transport, uint64_t now_ms)
{
    struct turning *turning = shield;

    (void)transport;
    turning->ticks++;
    turning->due_ms = now_ms + 100;
}

static void turn_free(void *shield)
{
    ((struct turning *)shield)->freed++;
}

static const struct media_shield_ops turning_ops = {turn_receive, turn_send, turn_due_ms, turn_tick,
                                                    turn_free};

static void take_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct ends *ends = user;

    assert_int_equal(now_ms, 77);
    memcpy(ends->last, data, length);
    ends->length = length;
    ends->count++;
}

static int bound(struct sockaddr_storage *address)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static void open_ends(struct ends *ends)
{
    struct sockaddr_storage ours, theirs;
    int fd = bound(&ours);

    memset(ends, 0, sizeof *ends);
    ends->peer = bound(&theirs);
    assert_int_equal(connect(ends->peer, (struct sockaddr *)&ours, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(media_transport_open(&ends->transport, fd), 0);
    assert_int_equal(media_transport_connect(&ends->transport, &theirs), 0);
    media_transport_on_datagram(&ends->transport, take_cb, ends);
}

static void close_ends(struct ends *ends)
{
    media_transport_close(&ends->transport);
    media_transport_close(&ends->transport);
    close(ends->peer);
}

static void say(const struct ends *ends, const char *text)
{
    assert_int_equal(send(ends->peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void passes_datagrams_as_they_are(void **state)
{
    struct ends ends;
    char text[16];

    (void)state;
    open_ends(&ends);
    assert_true(media_transport_due_ms(&ends.transport) == UINT64_MAX);
    media_transport_tick(&ends.transport, 1000);
    say(&ends, "one");
    say(&ends, "two");
    say(&ends, "three");
    assert_int_equal(media_transport_receive(&ends.transport, ends.scratch, 2, 77), 2);
    assert_int_equal(ends.count, 2);
    assert_memory_equal(ends.last, "two", 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ends.scratch[i], 0);
    assert_int_equal(media_transport_receive(&ends.transport, ends.scratch, 8, 77), 1);
    assert_int_equal(ends.length, 5);
    media_transport_send(&ends.transport, (const uint8_t *)"four", 4);
    assert_int_equal(recv(ends.peer, text, sizeof text, MSG_DONTWAIT), 4);
    close_ends(&ends);
}

static void drops_what_nobody_wants(void **state)
{
    struct ends ends;

    (void)state;
    open_ends(&ends);
    media_transport_on_datagram(&ends.transport, NULL, NULL);
    say(&ends, "one");
    assert_int_equal(media_transport_receive(&ends.transport, ends.scratch, 8, 77), 1);
    assert_int_equal(ends.count, 0);
    close_ends(&ends);
}

static void puts_a_shield_between(void **state)
{
    struct turning turning = {.due_ms = 50}, other = {.due_ms = UINT64_MAX};
    struct ends ends;
    uint8_t wire[16];

    (void)state;
    open_ends(&ends);
    media_transport_shield(&ends.transport, &turning_ops, &turning);
    say(&ends, "clear");
    assert_int_equal(media_transport_receive(&ends.transport, ends.scratch, 8, 77), 1);
    assert_int_equal(turning.refused, 1);
    assert_int_equal(ends.count, 0);
    media_transport_send(&ends.transport, (const uint8_t *)"abc", 3);
    assert_int_equal(recv(ends.peer, wire, sizeof wire, MSG_DONTWAIT), 4);
    assert_int_equal(wire[0], MARK);
    assert_int_equal(wire[1], 'a' ^ 0xFF);
    assert_int_equal(send(ends.peer, wire, 4, 0), 4);
    assert_int_equal(media_transport_receive(&ends.transport, ends.scratch, 8, 77), 1);
    assert_int_equal(ends.length, 3);
    assert_memory_equal(ends.last, "abc", 3);
    media_transport_tick(&ends.transport, 49);
    assert_int_equal(turning.ticks, 0);
    media_transport_tick(&ends.transport, 50);
    assert_int_equal(turning.ticks, 1);
    assert_int_equal(media_transport_due_ms(&ends.transport), 150);
    media_transport_shield(&ends.transport, &turning_ops, &other);
    assert_int_equal(turning.freed, 1);
    close_ends(&ends);
    assert_int_equal(other.freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_datagrams_as_they_are),
        cmocka_unit_test(drops_what_nobody_wants),
        cmocka_unit_test(puts_a_shield_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
