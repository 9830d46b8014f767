/* audio_stream.h: both directions of a call's audio: G.711 in RTP, with a jitter buffer, 20 ms at a
 * time. Pure; nothing is allocated.
 */
#ifndef T38_AUDIO_STREAM_H
#define T38_AUDIO_STREAM_H

#include "t38/jitter_buffer.h"
#include "t38/rtp.h"

enum { AUDIO_STREAM_SAMPLES = 160, AUDIO_STREAM_PACKET = RTP_HEADER_OCTETS + AUDIO_STREAM_SAMPLES };

struct audio_stream {
    enum companding law;
    struct rtp_sender sender;
    struct rtp_source source;
    struct jitter_buffer buffer;
    uint32_t heard_ssrc;
    uint64_t refused; /* datagrams that were no packets of the peer's stream */
};

/* payload_type: as negotiated, both ways. The start values should be random (RFC 3550 §5.1). */
void audio_stream_init(struct audio_stream *s, enum companding law, uint8_t payload_type,
                       uint32_t ssrc, uint16_t sequence, uint32_t timestamp);

/* Writes 20 ms as an RTP packet. Returns its length. */
size_t audio_stream_say(struct audio_stream *s, const int16_t samples[AUDIO_STREAM_SAMPLES],
                        uint8_t out[AUDIO_STREAM_PACKET]);

/* Takes a datagram of the peer's address. Returns whether it was a packet of its stream; others
 * (another payload type, a replay, another source, no RTP) are counted. */
bool audio_stream_take(struct audio_stream *s, const uint8_t *data, size_t n, uint64_t now_ms);

/* Gives the next 20 ms. Returns how many of the samples are made up because they have not come. */
size_t audio_stream_hear(struct audio_stream *s, int16_t samples[AUDIO_STREAM_SAMPLES]);

#endif
