#include "t38/audio_stream.h"

#include <string.h>

void audio_stream_init(struct audio_stream *s, enum companding law, uint8_t payload_type,
                       uint32_t ssrc, uint16_t sequence, uint32_t timestamp)
{
    memset(s, 0, sizeof *s);
    s->law = law;
    jitter_buffer_init(&s->buffer, law, 0);
    rtp_sender_init(&s->sender, payload_type, ssrc, sequence, timestamp);
}

size_t audio_stream_say(struct audio_stream *s, const int16_t samples[AUDIO_STREAM_SAMPLES],
                        uint8_t out[AUDIO_STREAM_PACKET])
{
    uint8_t octets[AUDIO_STREAM_SAMPLES];
    companding_encode(s->law, samples, AUDIO_STREAM_SAMPLES, octets);
    size_t n = rtp_sender_write(&s->sender, octets, AUDIO_STREAM_SAMPLES, out, AUDIO_STREAM_PACKET);
    explicit_bzero(octets, sizeof octets);
    return n;
}

bool audio_stream_take(struct audio_stream *s, const uint8_t *data, size_t n, uint64_t now_ms)
{
    struct rtp_packet packet;
    if (rtp_read(data, n, &packet) || packet.payload_type != s->sender.payload_type ||
        rtp_source_judge(&s->source, &packet, now_ms) != RTP_TAKE) {
        s->refused++;
        return false;
    }
    if (packet.ssrc != s->heard_ssrc) {
        s->heard_ssrc = packet.ssrc;
        jitter_buffer_restart(&s->buffer);
    }
    jitter_buffer_put(&s->buffer, packet.timestamp, packet.payload, packet.payload_length);
    return true;
}

size_t audio_stream_hear(struct audio_stream *s, int16_t samples[AUDIO_STREAM_SAMPLES])
{
    return jitter_buffer_get(&s->buffer, samples, AUDIO_STREAM_SAMPLES);
}
