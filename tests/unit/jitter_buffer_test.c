#include "t38/jitter_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N = 160, LOUD = 0x00, QUIET = 0xFF };

static struct jitter_buffer b;
static int16_t out[N];

static void put(uint32_t timestamp, uint8_t octet)
{
    uint8_t payload[N];
    memset(payload, octet, sizeof payload);
    jitter_buffer_put(&b, timestamp, payload, N);
}

static size_t get(void)
{
    return jitter_buffer_get(&b, out, N);
}

static void time_is_kept(void **state)
{
    (void)state;
    jitter_buffer_init(&b, COMPANDING_ULAW, 60);
    assert_int_equal(get(), N); /* nothing came yet */
    uint32_t t = 0xFFFFFF00;    /* wraps soon */
    for (unsigned i = 0; i < 200; i++, t += N) {
        if (i != 50)
            put(t, LOUD);
        size_t missing = get();
        bool gap = i < 3 || i == 53;
        assert_int_equal(missing, gap ? N : 0);
        assert_int_equal(out[7], gap ? 0 : -32124);
    }
    assert_int_equal(b.statistics.late, 0);
    assert_int_equal(b.statistics.inserted + b.statistics.deleted + b.statistics.restarts, 0);
}

static void order_and_copies_do_not_matter(void **state)
{
    (void)state;
    jitter_buffer_init(&b, COMPANDING_ULAW, 60);
    put(0, 0x81), put(320, 0x83), put(160, 0x82), put(160, 0x00), put(0, 0x00);
    assert_int_equal(b.statistics.duplicate, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(get(), N);
    static const uint8_t octets[] = {0x81, 0x82, 0x83};
    for (unsigned i = 0; i < 3; i++) {
        int16_t expected;
        companding_decode(COMPANDING_ULAW, &octets[i], 1, &expected);
        assert_int_equal(get(), 0);
        assert_int_equal(out[0], expected);
        assert_int_equal(out[N - 1], expected);
    }
}

static void packets_of_any_length_fit(void **state)
{
    (void)state;
    uint8_t payload[240];
    memset(payload, LOUD, sizeof payload);
    jitter_buffer_init(&b, COMPANDING_ULAW, 60);
    for (uint32_t t = 0; t < 960; t += 240)
        jitter_buffer_put(&b, t, payload, 240);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(get(), N);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(get(), 0);
    assert_int_equal(get(), N);
}

/* In sound the delay stays as it is, whatever comes late; it grows in the next silence. */
static void the_delay_grows_in_silence(void **state)
{
    (void)state;
    jitter_buffer_init(&b, COMPANDING_ULAW, 40);
    uint32_t t = 0;
    for (unsigned i = 0; i < 100; i++, t += N) {
        if (i != 60)
            put(t, LOUD);
        if (i == 64)
            put(60 * N, LOUD); /* 80 ms late */
        (void)get();
    }
    assert_int_equal(b.statistics.late, 1);
    assert_int_equal(b.statistics.inserted, 0);
    assert_true(b.delay > (uint64_t)40 * 8);
    for (unsigned i = 0; i < 100; i++, t += N) {
        put(t, QUIET);
        (void)get();
    }
    assert_true(b.statistics.inserted >= (uint64_t)40 * 8);
    uint32_t delay = b.delay;
    for (unsigned i = 0; i < 3000; i++, t += N) {
        put(t, QUIET);
        (void)get();
    }
    assert_int_equal(b.delay, delay);
    assert_int_equal(b.statistics.deleted, 0);
}

static void a_path_that_changed_is_followed(void **state)
{
    (void)state;
    jitter_buffer_init(&b, COMPANDING_ULAW, 40);
    uint32_t t = 0;
    for (unsigned i = 0; i < 50; i++, t += N)
        put(t, LOUD), (void)get();
    for (unsigned i = 0; i < 20; i++)
        (void)get(); /* 400 ms nothing, and from now on all is so late */
    unsigned missing = 0;
    for (unsigned i = 0; i < 50; i++, t += N)
        put(t, LOUD), missing += get() > 0;
    assert_int_equal(b.statistics.restarts, 1);
    assert_true(missing < 12);
}

static void a_jump_of_time_is_a_new_start(void **state)
{
    (void)state;
    jitter_buffer_init(&b, COMPANDING_ULAW, 40);
    put(0, LOUD);
    put(1u << 20, LOUD);
    assert_int_equal(b.statistics.restarts, 1);
    (void)get(), (void)get();
    assert_int_equal(get(), 0);
    put((1u << 20) - 100000, LOUD);
    assert_int_equal(b.statistics.restarts, 2);
}

/* The peer's clock is 0.1 % fast or slow; its stream is silence now and then. */
/* Half of all timestamps are ahead, half behind; the ends of both are no time to reckon with. */
static void the_farthest_jumps_are_new_starts(void **state)
{
    (void)state;
    static const uint32_t far[] = {0x7FFFFFFF, 0x7FFFFFFF - N / 2, 0x80000000, 0x80000001};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        jitter_buffer_init(&b, COMPANDING_ULAW, 60);
        put(1000, LOUD);
        uint32_t delay = b.delay;
        put(b.play + far[i], LOUD);
        assert_int_equal(b.statistics.restarts, 1);
        assert_int_equal(b.statistics.late, 0);
        assert_int_equal(b.statistics.packets, 2);
        assert_int_equal(b.delay, delay);
    }
}

static void clocks_are_followed(void **state)
{
    (void)state;
    for (int fast = -1; fast <= 1; fast += 2) {
        jitter_buffer_init(&b, COMPANDING_ALAW, 60);
        uint64_t missing = 0;
        uint32_t t = 0;
        for (unsigned i = 1; i < 50000; i++) {
            if (i % 1000 != 0 || fast > 0)
                put(t, i % 500 < 20 ? COMPANDING_ALAW_SILENCE : 0x2A), t += N;
            if (i % 1000 == 0 && fast > 0)
                put(t, 0x2A), t += N;
            missing += get();
        }
        assert_true(missing == (uint64_t)3 * N);
        assert_true((fast > 0 ? b.statistics.deleted : b.statistics.inserted) >= (uint64_t)45 * N);
        assert_true((fast > 0 ? b.statistics.inserted : b.statistics.deleted) < (uint64_t)10 * N);
    }
}

static void nonsense_is_ignored(void **state)
{
    (void)state;
    uint8_t payload[4000] = {0};
    jitter_buffer_init(&b, COMPANDING_ULAW, 100000);
    assert_int_equal(b.delay, JITTER_DELAY_MAX_MS * 8);
    jitter_buffer_put(&b, 0, payload, 0);
    jitter_buffer_put(&b, 0, payload, sizeof payload);
    assert_false(b.started);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_kept),
        cmocka_unit_test(order_and_copies_do_not_matter),
        cmocka_unit_test(packets_of_any_length_fit),
        cmocka_unit_test(the_delay_grows_in_silence),
        cmocka_unit_test(a_path_that_changed_is_followed),
        cmocka_unit_test(a_jump_of_time_is_a_new_start),
        cmocka_unit_test(the_farthest_jumps_are_new_starts),
        cmocka_unit_test(clocks_are_followed),
        cmocka_unit_test(nonsense_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
