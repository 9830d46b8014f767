#include "gateway/line/audio_reports.h"

#include <stdio.h>

#include <openssl/rand.h>
#include <uv.h>

#include "codecs/fax_error.h"

static const uint64_t ntp_epoch_s = 2208988800; /* from 1900 to 1970 */

bool audio_is_wanted(const struct msg_call_media *media)
{
    return media->transport == MEDIA_TRANSPORT_RTP || media->transport == MEDIA_TRANSPORT_SRTP;
}

/* Who has turned to T.38 on hearing of it may take audio that is still on its way for UDPTL, whose
 * length then stands where RTP has its sequence number. From here on it is a length that no packet
 * has, for ten minutes; a small one would pass, and what it says would upset the other's modems. */
enum { SEQUENCE_OF_NO_UDPTL = 0x8100, SEQUENCE_SPREAD = 0x0EFF };

/* What a peer could guess of the stream, it could forge (RFC 3550 §5.1). */
int audio_begin(struct audio_stream *stream, const struct msg_call_media *media)
{
    struct {
        uint32_t ssrc, timestamp;
        uint16_t sequence;
    } start;

    if (RAND_bytes((unsigned char *)&start, sizeof start) != 1)
        return FAX_EENGINE;
    if (media->transport == MEDIA_TRANSPORT_RTP)
        start.sequence = (uint16_t)(SEQUENCE_OF_NO_UDPTL + start.sequence % SEQUENCE_SPREAD);
    audio_stream_init(stream,
                      media->audio_flags & MEDIA_AUDIO_A_LAW ? COMPANDING_ALAW : COMPANDING_ULAW,
                      media->audio_payload & 0x7F, start.ssrc, start.sequence, start.timestamp);
    return 0;
}

static uint32_t random_bits(void)
{
    uint32_t bits = 0;

    (void)RAND_bytes((unsigned char *)&bits, sizeof bits); /* only spreads the reports */
    return bits;
}

static uint64_t ntp_now(void)
{
    uv_timeval64_t now;

    if (uv_gettimeofday(&now) != 0)
        return 0;
    return ((uint64_t)now.tv_sec + ntp_epoch_s) << 32 |
           ((uint64_t)(uint32_t)now.tv_usec << 32) / 1000000u;
}

static void send_report(struct audio_reports *r, struct audio_stream *stream,
                        struct media_transport *media, bool bye, uint64_t now_ms)
{
    uint8_t packet[RTCP_PACKET_MAX];
    const struct rtcp_report report = {
        .sender = &stream->sender,
        .source = &stream->source,
        .cname = r->cname,
        .ntp = ntp_now(),
        .last_sr = r->last_sr,
        .since_last_sr = (uint32_t)((now_ms - r->sr_heard_ms) * 65536u / 1000u),
        .bye = bye,
    };
    size_t octets = rtcp_write(&report, packet, sizeof packet);

    if (octets > 0)
        media_transport_send(media, packet, octets);
}

void audio_reports_begin(struct audio_reports *r, const struct msg_call_media *media,
                         uint64_t now_ms)
{
    /* The shield of SRTP knows RTP alone. */
    r->on = media->transport == MEDIA_TRANSPORT_RTP && (media->audio_flags & MEDIA_AUDIO_RTCP) != 0;
    r->due_ms = now_ms + rtcp_interval_ms(random_bits(), true);
    snprintf(r->cname, sizeof r->cname, "%08x%08x%08x", random_bits(), random_bits(),
             random_bits());
}

void audio_reports_take(struct audio_reports *r, const struct audio_stream *stream,
                        const uint8_t *data, size_t length, uint64_t now_ms)
{
    struct rtcp_seen seen;

    if (rtcp_read(data, length, stream->sender.ssrc, &seen) != 0 || !seen.sender_report)
        return;
    r->last_sr = seen.last_sr;
    r->sr_heard_ms = now_ms;
}

void audio_reports_tick(struct audio_reports *r, struct audio_stream *stream,
                        struct media_transport *media, uint64_t now_ms)
{
    if (!r->on || now_ms < r->due_ms)
        return;
    r->due_ms = now_ms + rtcp_interval_ms(random_bits(), false);
    send_report(r, stream, media, false, now_ms);
}

void audio_reports_bye(struct audio_reports *r, struct audio_stream *stream,
                       struct media_transport *media, uint64_t now_ms)
{
    if (r->on)
        send_report(r, stream, media, true, now_ms);
}
