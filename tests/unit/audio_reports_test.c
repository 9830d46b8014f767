/* The streams that a line begins: audio that comes late to who has turned to T.38 is no UDPTL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/audio_reports.h"

enum { STREAMS = 500, PACKETS = 3000, STEP = 150 };

/* Reads a datagram as UDPTL (T.38 §9.1), trusting it: does the primary IFP fit into it? */
static bool passes_for_udptl(const uint8_t *data, size_t length)
{
    size_t at = 2, octets = data[at++];

    if (octets & 0x80) {
        if (octets & 0x40)
            return false; /* fragments, which nobody takes */
        octets = (octets & 0x3F) << 8 | data[at++];
    }
    return at + octets < length;
}

static void late_audio_is_no_udptl(void **state)
{
    const struct msg_call_media media = {.transport = MEDIA_TRANSPORT_RTP, .audio_payload = 8};
    static const uint8_t payload[160] = {0};
    static struct audio_stream stream;
    uint16_t first = 0;
    unsigned others = 0;

    (void)state;
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(audio_begin(&stream, &media), 0);
        if (i == 0)
            first = stream.sender.sequence;
        others += stream.sender.sequence != first;
        for (unsigned n = 0; n < PACKETS; n += STEP) {
            uint8_t packet[200];
            size_t length =
                rtp_sender_write(&stream.sender, payload, sizeof payload, packet, sizeof packet);

            assert_true(length > sizeof payload);
            assert_false(passes_for_udptl(packet, length));
            stream.sender.sequence = (uint16_t)(stream.sender.sequence + STEP - 1);
        }
    }
    assert_true(others > STREAMS / 2); /* and it is not to be guessed */
}

static void protected_streams_begin_anywhere(void **state)
{
    const struct msg_call_media media = {.transport = MEDIA_TRANSPORT_SRTP, .audio_payload = 8};
    static struct audio_stream stream;
    unsigned low = 0;

    (void)state;
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(audio_begin(&stream, &media), 0);
        low += stream.sender.sequence < 0x8000;
    }
    assert_in_range(low, STREAMS / 4, 3 * STREAMS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_audio_is_no_udptl),
        cmocka_unit_test(protected_streams_begin_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
