/* A call over audio: G.711 in RTP between the socket and the modems, until T.38 takes its place or
 * for good (T.30 over audio when the peer has no T.38). */
#include "gateway/line/line_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "codecs/fax_error.h"
#include "t38/rtcp.h"
#include "t38/tone_watch.h"

static const uint64_t ntp_epoch_s = 2208988800; /* from 1900 to 1970 */

/* Reports travel on the same port, where that was agreed. */
struct audio_reports {
    bool on;
    uint64_t due_ms, sr_heard_ms;
    uint32_t last_sr;
    char cname[RTCP_CNAME_MAX + 1]; /* random for each call, RFC 7022 */
};

struct line_audio {
    struct audio_stream stream;
    struct tone_watch *tones; /* NULL: what they could tell is known */
    struct audio_reports reports;
};

bool line_audio_is_wanted(const struct msg_call_media *media)
{
    return media->transport == MEDIA_TRANSPORT_RTP || media->transport == MEDIA_TRANSPORT_SRTP;
}

/* What a peer could guess of the stream, it could forge (RFC 3550 §5.1). */
static int init_stream(struct audio_stream *stream, const struct msg_call_media *media)
{
    struct {
        uint32_t ssrc, timestamp;
        uint16_t sequence;
    } start;

    if (RAND_bytes((unsigned char *)&start, sizeof start) != 1)
        return FAX_EENGINE;
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

static void send_report(struct line_call *call, bool bye, uint64_t now_ms)
{
    struct line_audio *audio = call->audio;
    uint8_t packet[RTCP_PACKET_MAX];
    const struct rtcp_report report = {
        .sender = &audio->stream.sender,
        .source = &audio->stream.source,
        .cname = audio->reports.cname,
        .ntp = ntp_now(),
        .last_sr = audio->reports.last_sr,
        .since_last_sr = (uint32_t)((now_ms - audio->reports.sr_heard_ms) * 65536u / 1000u),
        .bye = bye,
    };
    size_t octets = rtcp_write(&report, packet, sizeof packet);

    if (octets > 0)
        media_transport_send(&call->media, packet, octets);
}

static void begin_reports(struct line_audio *audio, const struct msg_call_media *media)
{
    /* The shield of SRTP knows RTP alone. */
    audio->reports.on =
        media->transport == MEDIA_TRANSPORT_RTP && (media->audio_flags & MEDIA_AUDIO_RTCP) != 0;
    audio->reports.due_ms = line_now_ms() + rtcp_interval_ms(random_bits(), true);
    snprintf(audio->reports.cname, sizeof audio->reports.cname, "%08x%08x%08x", random_bits(),
             random_bits(), random_bits());
}

static void take_report(struct line_audio *audio, const uint8_t *data, size_t length,
                        uint64_t now_ms)
{
    struct rtcp_seen seen;

    if (rtcp_read(data, length, audio->stream.sender.ssrc, &seen) != 0 || !seen.sender_report)
        return;
    audio->reports.last_sr = seen.last_sr;
    audio->reports.sr_heard_ms = now_ms;
}

void line_audio_tick(struct line_call *call, uint64_t now_ms)
{
    struct audio_reports *reports = call->audio != NULL ? &call->audio->reports : NULL;

    if (reports == NULL || !reports->on || now_ms < reports->due_ms)
        return;
    reports->due_ms = now_ms + rtcp_interval_ms(random_bits(), false);
    send_report(call, false, now_ms);
}

void line_audio_bye(struct line_call *call)
{
    if (call->audio != NULL && call->audio->reports.on)
        send_report(call, true, line_now_ms());
}

static void take_datagram_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct line_call *call = user;

    if (call->finished || call->audio == NULL)
        return;
    if (rtcp_is(data, length)) {
        take_report(call->audio, data, length, now_ms);
        return;
    }
    if (!audio_stream_take(&call->audio->stream, data, length, now_ms))
        return;
    call->heard_ms = now_ms;
    if (!call->noted_heard)
        line_trace_first(call, TRACE_RECEIVED);
    if (call->media_seen++ == 0) {
        line_call_limit_silence(call);
        line_call_progress(call, PROGRESS_MEDIA_SEEN);
    }
}

int line_audio_open(struct line_call *call, const struct msg_call_media *media)
{
    struct line_audio *audio = calloc(1, sizeof *audio);
    int error;

    if (audio == NULL)
        return FAX_ENOMEM;
    call->audio = audio;
    begin_reports(audio, media);
    error = init_stream(&audio->stream, media);
    if (error == 0)
        error = tone_watch_new(&audio->tones);
    if (error == 0)
        media_transport_on_datagram(&call->media, take_datagram_cb, call);
    return error;
}

void line_audio_close(struct line_call *call)
{
    if (call->audio == NULL)
        return;
    tone_watch_free(call->audio->tones);
    explicit_bzero(call->audio, sizeof *call->audio);
    free(call->audio);
    call->audio = NULL;
}

static void watch_tones(struct line_call *call, const int16_t *samples)
{
    struct line_audio *audio = call->audio;
    /* A machine that sends has CNG; one that receives has CED, and its DIS. */
    unsigned wanted = call->start.sender ? TONE_CED | TONE_PREAMBLE : TONE_CNG;

    if (audio->tones == NULL ||
        (tone_watch_hear(audio->tones, samples, AUDIO_STREAM_SAMPLES) & wanted) == 0)
        return;
    tone_watch_free(audio->tones);
    audio->tones = NULL;
    line_call_progress(call, PROGRESS_FAX_TONES);
}

size_t line_audio_hear(void *user, int16_t *samples)
{
    struct line_call *call = user;
    size_t lost = audio_stream_hear(&call->audio->stream, samples);

    watch_tones(call, samples);
    return lost;
}

void line_audio_say(void *user, const int16_t *samples)
{
    struct line_call *call = user;
    uint8_t packet[AUDIO_STREAM_PACKET];
    size_t octets = audio_stream_say(&call->audio->stream, samples, packet);

    media_transport_send(&call->media, packet, octets);
    explicit_bzero(packet, sizeof packet);
}

/* Nothing of a page may have happened: then it could get lost, or arrive twice. */
static bool has_pages(const struct line_call *call)
{
    struct fax_statistics statistics;

    fax_engine_statistics(call->engine, &statistics);
    return statistics.pages > 0 || call->page_pending > 0 || call->page_asked > 0 ||
           call->job.running;
}

enum line_audio_change line_audio_update(struct line_call *call, const struct msg_call_media *media)
{
    if (call->audio == NULL)
        return LINE_AUDIO_KEEP; /* once on T.38 a call stays there */
    if (!line_audio_is_wanted(media))
        return has_pages(call) ? LINE_AUDIO_TOO_LATE : LINE_AUDIO_REPLACE;
    if ((media->audio_flags & MEDIA_AUDIO_HOLD_BACK) == 0)
        fax_engine_proceed(call->engine);
    return LINE_AUDIO_KEEP;
}

void line_audio_count(const struct line_call *call, struct msg_call_done *done)
{
    const struct jitter_statistics *statistics = &call->audio->stream.buffer.statistics;
    int32_t lost = rtp_source_lost(&call->audio->stream.source);

    done->packets_lost = lost > 0 ? (uint32_t)lost : 0;
    done->packets_recovered = 0;
    done->packets_bad = (uint32_t)(call->audio->stream.refused + statistics->late);
}
