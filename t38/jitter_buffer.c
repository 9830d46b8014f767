#include "t38/jitter_buffer.h"

#include <string.h>

enum {
    PER_MS = 8,
    PAYLOAD_MAX = 250 * PER_MS,
    GET_MAX = 320,
    LATE_IN_ROW = 5,     /* then the path has changed, and waiting for silence helps nobody */
    SILENT_BELOW = 100,  /* of a sample: about -50 dBm0 */
    ADJUST_MAX = 40,     /* samples a block of silence */
    ADJUST_FROM = 24,    /* 3 ms off: leave small differences alone */
    LEVEL_PACKETS = 100, /* until the average means something */
    LEVEL_SHIFT = 6,     /* the average follows in 64 packets */
    BITS = 64,
    RING_MASK = JITTER_SAMPLES - 1,
};

void jitter_buffer_init(struct jitter_buffer *b, enum companding law, uint32_t delay_ms)
{
    memset(b, 0, sizeof *b);
    b->law = law;
    if (delay_ms > JITTER_DELAY_MAX_MS)
        delay_ms = JITTER_DELAY_MAX_MS;
    b->delay = PER_MS * (delay_ms ? delay_ms : JITTER_DELAY_MS);
}

void jitter_buffer_restart(struct jitter_buffer *b)
{
    b->started = false;
    b->late_in_row = 0;
    memset(b->had, 0, sizeof b->had);
}

static bool had(const struct jitter_buffer *b, uint32_t at)
{
    uint32_t i = at & RING_MASK;
    return b->had[i / BITS] >> i % BITS & 1;
}

static void set_had(struct jitter_buffer *b, uint32_t at, bool value)
{
    uint32_t i = at & RING_MASK;
    uint64_t bit = (uint64_t)1 << i % BITS;
    b->had[i / BITS] = value ? b->had[i / BITS] | bit : b->had[i / BITS] & ~bit;
}

static void start(struct jitter_buffer *b, uint32_t timestamp)
{
    memset(b->had, 0, sizeof b->had);
    b->started = true;
    b->play = timestamp - b->delay;
    b->newest = timestamp;
    b->level_count = b->late_in_row = 0;
}

static void measure_level(struct jitter_buffer *b, int32_t ahead)
{
    int64_t level = (int64_t)ahead * 256;
    if (b->level_count < LEVEL_PACKETS)
        b->level_count++;
    if (b->level_count == 1)
        b->level = level;
    else
        b->level += (level - b->level) / (1 << LEVEL_SHIFT);
}

/* A packet whose time is over. When that goes on, the path has changed. */
static void take_late(struct jitter_buffer *b, uint32_t timestamp, int32_t late)
{
    b->statistics.late++;
    if (b->late_in_row == 0 || late > b->late_by)
        b->late_by = late;
    if (++b->late_in_row < LATE_IN_ROW)
        return;
    b->statistics.restarts++;
    start(b, timestamp);
}

/* A packet came in time after some that did not: with more delay they would have. */
static void learn_delay(struct jitter_buffer *b)
{
    const uint32_t most = JITTER_DELAY_MAX_MS * PER_MS;
    uint32_t wanted = b->delay + (uint32_t)b->late_by;
    b->delay = wanted > most ? most : wanted;
    b->late_in_row = 0;
}

void jitter_buffer_put(struct jitter_buffer *b, uint32_t timestamp, const uint8_t *payload,
                       size_t n)
{
    if (n == 0 || n > PAYLOAD_MAX)
        return;
    if (!b->started)
        start(b, timestamp);
    int32_t ahead = (int32_t)(timestamp - b->play);
    if (ahead <= -(int32_t)n && ahead > -JITTER_SAMPLES) {
        take_late(b, timestamp, -ahead);
        if (b->late_in_row > 0)
            return;
    } else if (ahead <= -JITTER_SAMPLES || ahead > JITTER_SAMPLES - PAYLOAD_MAX) {
        b->statistics.restarts++;
        start(b, timestamp);
    }
    if (b->late_in_row > 0)
        learn_delay(b);
    ahead = (int32_t)(timestamp - b->play);
    measure_level(b, ahead);
    bool fresh = false;
    for (size_t i = ahead < 0 ? (size_t)-ahead : 0; i < n; i++) {
        uint32_t at = timestamp + (uint32_t)i;
        if (had(b, at))
            continue;
        b->octets[at & RING_MASK] = payload[i];
        set_had(b, at, true);
        fresh = true;
    }
    if ((int32_t)(timestamp + (uint32_t)n - b->newest) > 0)
        b->newest = timestamp + (uint32_t)n;
    if (fresh)
        b->statistics.packets++;
    else
        b->statistics.duplicate++;
}

static uint8_t silence_of(const struct jitter_buffer *b)
{
    return b->law == COMPANDING_ALAW ? COMPANDING_ALAW_SILENCE : COMPANDING_ULAW_SILENCE;
}

static bool is_silent(const int16_t *samples, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (samples[i] > SILENT_BELOW || samples[i] < -SILENT_BELOW)
            return false;
    return true;
}

/* In a silent block: brings the delay nearer to what is wanted, by moving the time of what is
 * played next. */
static void adjust(struct jitter_buffer *b)
{
    if (b->level_count < LEVEL_PACKETS / 2)
        return;
    int64_t off = (int64_t)b->delay - b->level / 256; /* more is wanted */
    if (off > -ADJUST_FROM && off < ADJUST_FROM)
        return;
    if (off > ADJUST_MAX)
        off = ADJUST_MAX;
    if (off < -ADJUST_MAX)
        off = -ADJUST_MAX;
    if (off > 0) {
        b->statistics.inserted += (uint64_t)off;
        b->play -= (uint32_t)off;
        for (int64_t i = 0; i < off; i++) {
            b->octets[(b->play + (uint32_t)i) & RING_MASK] = silence_of(b);
            set_had(b, b->play + (uint32_t)i, true);
        }
    } else {
        b->statistics.deleted += (uint64_t)-off;
        for (int64_t i = 0; i < -off; i++)
            set_had(b, b->play + (uint32_t)i, false);
        b->play += (uint32_t)-off;
    }
    b->level += off * 256;
}

size_t jitter_buffer_get(struct jitter_buffer *b, int16_t *samples, size_t n)
{
    uint8_t octets[GET_MAX];
    size_t missing = 0;
    if (n > GET_MAX)
        n = GET_MAX;
    memset(samples, 0, n * sizeof *samples);
    if (!b->started) {
        b->statistics.missing += n;
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t at = b->play + (uint32_t)i;
        bool here = had(b, at);
        octets[i] = here ? b->octets[at & RING_MASK] : silence_of(b);
        missing += !here;
        set_had(b, at, false);
    }
    companding_decode(b->law, octets, n, samples);
    b->play += (uint32_t)n;
    b->statistics.missing += missing;
    b->statistics.delay_ms =
        b->level_count ? (uint32_t)(b->level > 0 ? b->level / 256 / PER_MS : 0) : b->delay / PER_MS;
    if (missing == 0 && is_silent(samples, n))
        adjust(b);
    return missing;
}
