/* A call over audio: G.711 in RTP between the socket and the modems, until T.38 takes its place or
 * for good (T.30 over audio when the peer has no T.38). */
#include "gateway/line/line_call.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/line/audio_reports.h"
#include "t38/tone_watch.h"

struct line_audio {
    struct audio_stream stream;
    struct tone_watch *tones; /* NULL: what they could tell is known */
    struct audio_reports reports;
};

void line_audio_tick(struct line_call *call, uint64_t now_ms)
{
    if (call->audio != NULL)
        audio_reports_tick(&call->audio->reports, &call->audio->stream, &call->media, now_ms);
}

void line_audio_bye(struct line_call *call)
{
    if (call->audio != NULL)
        audio_reports_bye(&call->audio->reports, &call->audio->stream, &call->media, line_now_ms());
}

static void take_datagram_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct line_call *call = user;

    if (call->finished || call->audio == NULL)
        return;
    if (rtcp_is(data, length)) {
        audio_reports_take(&call->audio->reports, &call->audio->stream, data, length, now_ms);
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
    call->line->audio_calls++;
    audio_reports_begin(&audio->reports, media, line_now_ms());
    error = audio_begin(&audio->stream, media);
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
    call->line->audio_calls--;
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

/* Nothing of a page may have happened: then it could get lost, or arrive twice. Pages that are
 * being adapted have not been sent. */
static bool has_pages(const struct line_call *call)
{
    struct fax_statistics statistics;

    fax_engine_statistics(call->engine, &statistics);
    return statistics.pages > 0 || call->page_pending > 0 || call->page_asked > 0 ||
           (call->job.running && !call->start.sender);
}

enum line_audio_change line_audio_update(struct line_call *call, const struct msg_call_media *media)
{
    if (call->audio == NULL)
        return LINE_AUDIO_KEEP; /* once on T.38 a call stays there */
    if (!audio_is_wanted(media))
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
