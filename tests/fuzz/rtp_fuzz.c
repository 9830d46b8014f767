/* rtp_fuzz.c: RTP and RTCP packets of a peer, one after another, with a jitter buffer behind. */
#include "t38/jitter_buffer.h"
#include "t38/rtcp.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLES = 160 };

static void take(struct rtp_source *source, struct jitter_buffer *buffer, const uint8_t *packet,
                 size_t n, uint64_t now_ms)
{
    struct rtp_packet p;
    struct rtcp_seen seen;
    if (rtcp_read(packet, n, 1, &seen) == 0 && !rtcp_is(packet, n))
        abort();
    if (rtp_read(packet, n, &p) == 0 && rtp_source_judge(source, &p, now_ms) == RTP_TAKE)
        jitter_buffer_put(buffer, p.timestamp, p.payload, p.payload_length);
}

/* Each packet: two octets of length, one of how much time passes; then its octets, in memory of
 * their own so that reading beyond shows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtp_source source = {0};
    struct rtp_sender sender;
    static struct jitter_buffer buffer;
    uint64_t now_ms = 0;
    int16_t samples[SAMPLES];
    uint8_t report[RTCP_PACKET_MAX];
    jitter_buffer_init(&buffer, size & 1 ? COMPANDING_ALAW : COMPANDING_ULAW, 0);
    rtp_sender_init(&sender, 0, 1, 0, 0);
    while (size >= 3) {
        size_t n = (size_t)data[0] << 8 | data[1];
        unsigned steps = data[2] & 7;
        data += 3;
        size -= 3;
        if (n > size)
            n = size;
        uint8_t *copy = malloc(n + 1);
        if (!copy)
            return 0;
        memcpy(copy, data, n);
        take(&source, &buffer, copy, n, now_ms);
        free(copy);
        data += n;
        size -= n;
        for (; steps > 0; steps--, now_ms += 20)
            if (jitter_buffer_get(&buffer, samples, SAMPLES) > SAMPLES)
                abort();
    }
    struct rtcp_report r = {.sender = &sender, .source = &source, .cname = "x"};
    if (rtcp_write(&r, report, sizeof report) == 0)
        abort();
    return 0;
}
