#include "tests/doubles/audio_end.h"

#include <string.h>

enum { SAMPLES = 160 };

void audio_end_init(struct audio_end *end, enum companding law, uint32_t seed)
{
    memset(end, 0, sizeof *end);
    end->law = law;
    jitter_buffer_init(&end->buffer, law, 0);
    rtp_sender_init(&end->sender, law == COMPANDING_ALAW ? RTP_PAYLOAD_PCMA : RTP_PAYLOAD_PCMU,
                    0xC0FFEE00u + seed, (uint16_t)(65500 + seed), 0xFFFFF000u + seed);
}

size_t audio_end_say(struct audio_end *end, const int16_t *samples, uint8_t *out, size_t capacity)
{
    uint8_t octets[SAMPLES];
    companding_encode(end->law, samples, SAMPLES, octets);
    return rtp_sender_write(&end->sender, octets, SAMPLES, out, capacity);
}

void audio_end_receive(struct audio_end *end, const uint8_t *data, size_t n, uint64_t now_ms)
{
    struct rtp_packet packet;
    if (rtp_read(data, n, &packet) == 0 &&
        rtp_source_judge(&end->source, &packet, now_ms) == RTP_TAKE)
        jitter_buffer_put(&end->buffer, packet.timestamp, packet.payload, packet.payload_length);
}
