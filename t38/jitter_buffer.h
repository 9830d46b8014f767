/* jitter_buffer.h: puts the samples of RTP packets back on their time, for modems.
 *
 * A modem bears the loss of 20 ms better than a shift of one sample. So time is kept exactly: what
 * has not come by its time is told as missing, and what comes later is thrown away. The delay grows
 * when packets come late, and follows the peer's clock, but only in silence, where no modem
 * listens; only a path whose delay has changed for good is followed at once. It never shrinks by
 * itself but with the peer's clock. Pure; nothing is allocated.
 */
#ifndef T38_JITTER_BUFFER_H
#define T38_JITTER_BUFFER_H

#include "t38/companding.h"

#include <stdbool.h>

enum {
    JITTER_SAMPLES = 8192, /* a second */
    JITTER_DELAY_MS = 60,
    JITTER_DELAY_MAX_MS = 400,
};

struct jitter_statistics {
    uint64_t packets;           /* that brought at least one sample */
    uint64_t late, duplicate;   /* packets of no use */
    uint64_t missing;           /* samples played without having come */
    uint64_t inserted, deleted; /* samples, in silence */
    uint32_t restarts;          /* the stream's time jumped */
    uint32_t delay_ms;          /* as it is */
};

struct jitter_buffer {
    enum companding law;
    bool started;
    uint32_t play;   /* timestamp of the next sample to give */
    uint32_t newest; /* timestamp behind the last one had */
    uint32_t delay;  /* wanted, samples */
    int64_t level;   /* average of samples ahead at arrival, << 8 */
    unsigned level_count;
    unsigned late_in_row;
    int late_by; /* the most lateness of that row, samples */
    struct jitter_statistics statistics;
    uint8_t octets[JITTER_SAMPLES];
    uint64_t had[JITTER_SAMPLES / 64]; /* a bit for each sample */
};

/* delay_ms: 0 means JITTER_DELAY_MS; at most JITTER_DELAY_MAX_MS. */
void jitter_buffer_init(struct jitter_buffer *b, enum companding law, uint32_t delay_ms);

/* Takes the payload of a packet (n samples from timestamp on). More than a quarter of a second, or
 * none, is ignored. */
void jitter_buffer_put(struct jitter_buffer *b, uint32_t timestamp, const uint8_t *payload,
                       size_t n);

/* Gives the next n samples (at most 320), silence where none have come. Returns how many of them
 * have not come; all before the first packet. */
size_t jitter_buffer_get(struct jitter_buffer *b, int16_t *samples, size_t n);

/* The peer's stream begins anew (other SSRC): forget times, keep the delay learnt. */
void jitter_buffer_restart(struct jitter_buffer *b);

#endif
