#include "t38/rtp.h"

#include "codecs/fax_error.h"

#include <string.h>

enum {
    VERSION = 2,
    RTCP_FIRST = 64, /* with the marker: packet types 192 to 223 */
    RTCP_LAST = 95,
    JUMP = 3000, /* MAX_DROPOUT of RFC 3550 A.1 */
    WINDOW = 64, /* sequence numbers remembered */
    SOURCE_SILENT_MS = 200,
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

int rtp_read(const uint8_t *data, size_t n, struct rtp_packet *out)
{
    memset(out, 0, sizeof *out);
    if (n < RTP_HEADER_OCTETS || data[0] >> 6 != VERSION)
        return FAX_EFORMAT;
    uint8_t type = data[1] & 0x7F;
    size_t at = RTP_HEADER_OCTETS + 4 * (size_t)(data[0] & 0x0F);
    if (type >= RTCP_FIRST && type <= RTCP_LAST)
        return FAX_EFORMAT;
    if (data[0] & 0x10) { /* extension */
        if (at + 4 > n)
            return FAX_EFORMAT;
        at += 4 + 4 * (size_t)get16(data + at + 2);
    }
    size_t padding = data[0] & 0x20 ? data[n - 1] : 0;
    if ((data[0] & 0x20 && padding == 0) || at > n || padding > n - at)
        return FAX_EFORMAT;
    out->payload_type = type;
    out->marker = data[1] & 0x80;
    out->sequence = get16(data + 2);
    out->timestamp = get32(data + 4);
    out->ssrc = get32(data + 8);
    out->payload = data + at;
    out->payload_length = n - at - padding;
    return 0;
}

void rtp_sender_init(struct rtp_sender *s, uint8_t payload_type, uint32_t ssrc, uint16_t sequence,
                     uint32_t timestamp)
{
    *s = (struct rtp_sender){
        .payload_type = payload_type, .ssrc = ssrc, .sequence = sequence, .timestamp = timestamp};
}

size_t rtp_sender_write(struct rtp_sender *s, const uint8_t *payload, size_t n, uint8_t *out,
                        size_t capacity)
{
    if (capacity < RTP_HEADER_OCTETS || n > capacity - RTP_HEADER_OCTETS)
        return 0;
    out[0] = VERSION << 6;
    out[1] = (uint8_t)((s->started ? 0 : 0x80) | s->payload_type);
    put16(out + 2, s->sequence++);
    put32(out + 4, s->timestamp);
    put32(out + 8, s->ssrc);
    memcpy(out + RTP_HEADER_OCTETS, payload, n);
    s->timestamp += (uint32_t)n;
    s->started = true;
    s->packets++;
    s->octets += (uint32_t)n;
    return RTP_HEADER_OCTETS + n;
}

static void begin_source(struct rtp_source *s, const struct rtp_packet *p)
{
    uint32_t replays = s->replays, strangers = s->strangers;
    *s = (struct rtp_source){.ssrc = p->ssrc,
                             .valid = true,
                             .highest = p->sequence,
                             .base = p->sequence,
                             .had = 1,
                             .replays = replays,
                             .strangers = strangers};
}

/* Has this source, or this new start of it, shown two packets in sequence? */
static bool proves_itself(struct rtp_source *s, const struct rtp_packet *p)
{
    bool follows = s->any_candidate && s->candidate == p->ssrc && s->candidate_next == p->sequence;
    s->any_candidate = true;
    s->candidate = p->ssrc;
    s->candidate_next = (uint16_t)(p->sequence + 1);
    return follows;
}

static enum rtp_verdict judge_behind(struct rtp_source *s, uint16_t behind)
{
    if (behind >= WINDOW || s->had >> behind & 1) {
        s->replays++;
        return RTP_REPLAY;
    }
    s->had |= (uint64_t)1 << behind;
    return RTP_TAKE;
}

static enum rtp_verdict judge_sequence(struct rtp_source *s, const struct rtp_packet *p)
{
    uint16_t ahead = (uint16_t)(p->sequence - s->highest);
    uint16_t behind = (uint16_t)(s->highest - p->sequence);
    if (ahead > 0 && ahead < JUMP) {
        if (p->sequence < s->highest)
            s->cycles += 1u << 16;
        s->had = ahead < WINDOW ? s->had << ahead | 1 : 1;
        s->highest = p->sequence;
        s->any_candidate = false;
        return RTP_TAKE;
    }
    if (behind < JUMP)
        return judge_behind(s, behind);
    if (!proves_itself(s, p))
        return RTP_PROBATION;
    begin_source(s, p);
    return RTP_TAKE;
}

static void measure(struct rtp_source *s, const struct rtp_packet *p, uint64_t now_ms)
{
    uint32_t transit = (uint32_t)now_ms * (RTP_SAMPLE_RATE / 1000) - p->timestamp;
    int32_t d = (int32_t)(transit - s->transit);
    if (s->received > 0) {
        uint32_t distance = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
        s->jitter = s->jitter + distance - ((s->jitter + 8) >> 4);
    }
    s->transit = transit;
    s->received++;
    s->heard_ms = now_ms;
}

enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p, uint64_t now_ms)
{
    enum rtp_verdict verdict;
    if (s->valid && p->ssrc == s->ssrc) {
        verdict = judge_sequence(s, p);
    } else if (s->valid && now_ms < s->heard_ms + SOURCE_SILENT_MS) {
        s->strangers++;
        return RTP_STRANGER;
    } else if (proves_itself(s, p)) {
        begin_source(s, p);
        verdict = RTP_TAKE;
    } else {
        verdict = RTP_PROBATION;
    }
    if (verdict == RTP_TAKE)
        measure(s, p, now_ms);
    return verdict;
}

static uint32_t expected_of(const struct rtp_source *s)
{
    return s->cycles + s->highest - s->base + 1;
}

int32_t rtp_source_lost(const struct rtp_source *s)
{
    return s->valid ? (int32_t)(expected_of(s) - s->received) : 0;
}

uint8_t rtp_source_fraction_lost(struct rtp_source *s)
{
    if (!s->valid)
        return 0;
    uint32_t expected = expected_of(s);
    int64_t expected_now = (int64_t)(uint32_t)(expected - s->expected_prior);
    int64_t lost_now = expected_now - (int64_t)(uint32_t)(s->received - s->received_prior);
    s->expected_prior = expected;
    s->received_prior = s->received;
    if (expected_now <= 0 || lost_now <= 0)
        return 0;
    int64_t share = lost_now * 256 / expected_now;
    return (uint8_t)(share > 255 ? 255 : share);
}
