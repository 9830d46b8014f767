/* audio_end.h: one end of an audio call in virtual time: G.711 in RTP, with a jitter buffer. */
#ifndef TESTS_DOUBLES_AUDIO_END_H
#define TESTS_DOUBLES_AUDIO_END_H

#include "t38/jitter_buffer.h"
#include "t38/rtp.h"

struct audio_end {
    enum companding law;
    struct rtp_sender sender;
    struct rtp_source source;
    struct jitter_buffer buffer;
};

void audio_end_init(struct audio_end *end, enum companding law, uint32_t seed);

/* Writes 20 ms as a packet; returns its length. */
size_t audio_end_say(struct audio_end *end, const int16_t *samples, uint8_t *out, size_t capacity);

/* Takes a packet. */
void audio_end_receive(struct audio_end *end, const uint8_t *data, size_t n, uint64_t now_ms);

#endif
