#include "codecs/fax_error.h"
#include "t38/rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static size_t write_one(struct rtp_sender *s, uint8_t *out)
{
    static const uint8_t payload[160] = {1, 2, 3};
    return rtp_sender_write(s, payload, sizeof payload, out, RTP_PACKET_MAX);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct rtp_sender s;
    struct rtp_packet p;
    uint8_t out[RTP_PACKET_MAX];
    rtp_sender_init(&s, RTP_PAYLOAD_PCMA, 0x12345678, 65535, 0xFFFFFFF0);
    assert_int_equal(write_one(&s, out), 172);
    assert_int_equal(rtp_read(out, 172, &p), 0);
    assert_true(p.marker);
    assert_int_equal(p.payload_type, RTP_PAYLOAD_PCMA);
    assert_int_equal(p.sequence, 65535);
    assert_int_equal(p.timestamp, 0xFFFFFFF0);
    assert_int_equal(p.ssrc, 0x12345678);
    assert_int_equal(p.payload_length, 160);
    assert_int_equal(p.payload[2], 3);
    assert_int_equal(write_one(&s, out), 172);
    assert_int_equal(rtp_read(out, 172, &p), 0);
    assert_false(p.marker);
    assert_int_equal(p.sequence, 0);
    assert_int_equal(p.timestamp, 0x90);
    uint8_t small[100];
    assert_int_equal(rtp_sender_write(&s, out, 160, small, sizeof small), 0);
}

static void lengths_are_checked(void **state)
{
    (void)state;
    uint8_t p[40] = {0x80, 0};
    struct rtp_packet out;
    for (size_t n = 0; n < 12; n++)
        assert_int_equal(rtp_read(p, n, &out), FAX_EFORMAT);
    assert_int_equal(rtp_read(p, 12, &out), 0);
    assert_int_equal(out.payload_length, 0);
    p[0] = 0x40; /* version 1 */
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
    p[0] = 0x88; /* eight sources: 44 octets */
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
    p[0] = 0x87;
    assert_int_equal(rtp_read(p, 40, &out), 0);
    assert_int_equal(out.payload_length, 0);
    p[0] = 0x90, p[15] = 7; /* an extension of 28 octets: too long by 4 */
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
    assert_int_equal(rtp_read(p, 15, &out), FAX_EFORMAT);
    p[15] = 5;
    assert_int_equal(rtp_read(p, 40, &out), 0);
    assert_int_equal(out.payload_length, 4);
    p[0] = 0xA0, p[39] = 0;
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
    p[39] = 29;
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
    p[39] = 28;
    assert_int_equal(rtp_read(p, 40, &out), 0);
    assert_int_equal(out.payload_length, 0);
    p[0] = 0x80, p[1] = 200; /* RTCP */
    assert_int_equal(rtp_read(p, 40, &out), FAX_EFORMAT);
}

static enum rtp_verdict judge(struct rtp_source *s, uint32_t ssrc, unsigned sequence,
                              uint64_t now_ms)
{
    struct rtp_packet p = {
        .ssrc = ssrc, .sequence = (uint16_t)sequence, .timestamp = sequence * 160};
    return rtp_source_judge(s, &p, now_ms);
}

static void a_source_proves_itself(void **state)
{
    (void)state;
    struct rtp_source s = {0};
    assert_int_equal(judge(&s, 1, 65534, 0), RTP_PROBATION);
    assert_int_equal(judge(&s, 2, 65535, 1), RTP_PROBATION);
    assert_int_equal(judge(&s, 1, 100, 2), RTP_PROBATION);
    assert_int_equal(judge(&s, 1, 65535, 20), RTP_PROBATION);
    assert_int_equal(judge(&s, 1, 65536, 40), RTP_TAKE);
    assert_int_equal(judge(&s, 1, 65538, 60), RTP_TAKE);
    assert_int_equal(judge(&s, 1, 65537, 61), RTP_TAKE);   /* late */
    assert_int_equal(judge(&s, 1, 65537, 62), RTP_REPLAY); /* twice */
    assert_int_equal(judge(&s, 1, 65700, 80), RTP_TAKE);
    assert_int_equal(judge(&s, 1, 65538, 81), RTP_REPLAY); /* too far behind */
    assert_int_equal(s.replays, 2);
    assert_int_equal(rtp_source_lost(&s), 165 - 4);
}

static void strangers_are_kept_out(void **state)
{
    (void)state;
    struct rtp_source s = {0};
    (void)judge(&s, 1, 1, 0);
    assert_int_equal(judge(&s, 1, 2, 20), RTP_TAKE);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(judge(&s, 9, i, 30 + i), RTP_STRANGER);
    assert_int_equal(s.strangers, 5);
    /* the peer has moved to another stream */
    assert_int_equal(judge(&s, 9, 5, 500), RTP_PROBATION);
    assert_int_equal(judge(&s, 9, 6, 520), RTP_TAKE);
    assert_int_equal(s.ssrc, 9);
    assert_int_equal(judge(&s, 1, 3, 530), RTP_STRANGER);
}

static void a_jump_of_the_sequence_is_a_new_start(void **state)
{
    (void)state;
    struct rtp_source s = {0};
    (void)judge(&s, 1, 1, 0);
    (void)judge(&s, 1, 2, 20);
    assert_int_equal(judge(&s, 1, 30000, 40), RTP_PROBATION);
    assert_int_equal(judge(&s, 1, 3, 60), RTP_TAKE);
    assert_int_equal(judge(&s, 1, 30001, 80), RTP_PROBATION);
    assert_int_equal(judge(&s, 1, 30002, 100), RTP_TAKE);
    assert_int_equal(s.base, 30002);
}

static void wraps_are_counted(void **state)
{
    (void)state;
    struct rtp_source s = {0};
    for (unsigned i = 0; i < 140000; i++)
        (void)judge(&s, 7, i, (uint64_t)i * 20);
    assert_int_equal(s.received, 139999);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_int_equal(s.cycles, 2u << 16);
    assert_true(s.jitter < 16);
}

static void reports_travel(void **state)
{
    (void)state;
    struct rtp_sender s;
    struct rtp_source heard = {0};
    struct rtcp_seen seen;
    uint8_t out[RTCP_PACKET_MAX];
    rtp_sender_init(&s, 0, 0xAABBCCDD, 1, 1);
    struct rtcp_report r = {.sender = &s, .source = &heard, .cname = "abc", .ntp = 5};
    size_t n = rtcp_write(&r, out, sizeof out);
    assert_int_equal(n, 8 + 16); /* an empty RR; SDES */
    assert_true(rtcp_is(out, n));
    assert_int_equal(rtcp_read(out, n, 1, &seen), 0);
    assert_false(seen.sender_report || seen.about_us || seen.bye);
    uint8_t packet[RTP_PACKET_MAX];
    (void)write_one(&s, packet);
    for (unsigned i = 0; i < 20; i++)
        if (i != 9 && i != 10)
            (void)judge(&heard, 0x11223344, i, (uint64_t)i * 20);
    r.ntp = 0x1111222233334444;
    r.last_sr = 77;
    r.since_last_sr = 88;
    r.bye = true;
    n = rtcp_write(&r, out, sizeof out);
    assert_int_equal(n, 28 + 24 + 16 + 8);
    assert_int_equal(rtcp_read(out, n, 0x11223344, &seen), 0);
    assert_true(seen.sender_report && seen.about_us && seen.bye);
    assert_int_equal(seen.ssrc, 0xAABBCCDD);
    assert_int_equal(seen.last_sr, 0x22223333);
    assert_int_equal(seen.lost, 2);
    assert_int_equal(seen.fraction_lost, 2 * 256 / 19);
    assert_int_equal(seen.echo_last_sr, 77);
    assert_int_equal(seen.echo_delay, 88);
    assert_int_equal(rtcp_read(out, n, 5, &seen), 0);
    assert_false(seen.about_us);
    for (size_t cut = 1; cut < n; cut++) { /* whole packets may be missing at the end */
        int rc = rtcp_read(out, cut, 5, &seen);
        assert_int_equal(rc, cut == 52 || cut == 68 ? 0 : FAX_EFORMAT);
    }
    for (size_t capacity = 0; capacity < n; capacity++)
        assert_int_equal(rtcp_write(&r, out, capacity), 0);
}

static void false_counts_are_refused(void **state)
{
    (void)state;
    struct rtcp_seen seen;
    uint8_t sr[28] = {0x81, 200, 0, 6}; /* one block, but no room for it */
    assert_int_equal(rtcp_read(sr, sizeof sr, 0, &seen), FAX_EFORMAT);
    uint8_t bye[8] = {0x82, 203, 0, 1};
    assert_int_equal(rtcp_read(bye, sizeof bye, 0, &seen), FAX_EFORMAT);
    bye[0] = 0x81;
    assert_int_equal(rtcp_read(bye, sizeof bye, 0, &seen), 0);
    assert_true(seen.bye);
}

static void intervals_are_spread(void **state)
{
    (void)state;
    assert_int_equal(rtcp_interval_ms(0, false), 2500);
    assert_int_equal(rtcp_interval_ms(UINT32_MAX, false), 7500);
    assert_int_equal(rtcp_interval_ms(0, true), 1250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(a_source_proves_itself),
        cmocka_unit_test(strangers_are_kept_out),
        cmocka_unit_test(a_jump_of_the_sequence_is_a_new_start),
        cmocka_unit_test(wraps_are_counted),
        cmocka_unit_test(reports_travel),
        cmocka_unit_test(false_counts_are_refused),
        cmocka_unit_test(intervals_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
