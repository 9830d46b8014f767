#include "gateway/line/bridge_leg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/line/line_bridge.h"
#include "gateway/line/media_udptl.h"

int bridge_leg_open(struct bridge_leg *leg, struct line_bridge *bridge, unsigned index, int fd)
{
    leg->bridge = bridge;
    leg->index = index;
    return media_transport_open(&leg->media, fd);
}

static uint32_t bounded(uint64_t count)
{
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/* What was counted by the streams that end here. */
static void keep_counts(struct bridge_leg *leg)
{
    if (leg->udptl_in != NULL) {
        const struct udptl_counters *counters = udptl_receiver_counters(leg->udptl_in);

        leg->lost += counters->lost;
        leg->recovered += counters->recovered;
        leg->bad += counters->malformed + counters->ignored;
    }
    if (leg->stream != NULL) {
        int32_t lost = rtp_source_lost(&leg->stream->source);

        leg->lost += lost > 0 ? (uint64_t)lost : 0;
        leg->bad += leg->stream->refused + leg->stream->buffer.statistics.late;
    }
}

static void close_stream(struct bridge_leg *leg)
{
    media_transport_on_datagram(&leg->media, NULL, NULL);
    keep_counts(leg);
    udptl_receiver_free(leg->udptl_in);
    udptl_sender_free(leg->udptl_out);
    tone_watch_free(leg->tones);
    if (leg->stream != NULL)
        explicit_bzero(leg->stream, sizeof *leg->stream);
    free(leg->stream);
    leg->udptl_in = NULL;
    leg->udptl_out = NULL;
    leg->tones = NULL;
    leg->stream = NULL;
    leg->kind = BRIDGE_LEG_NONE;
}

static void heard(struct bridge_leg *leg, uint64_t now_ms)
{
    leg->heard_ms = now_ms;
    if (!leg->noted_heard)
        line_bridge_trace_note(leg->bridge, TRACE_MEDIA_FIRST, TRACE_RECEIVED, leg->index, 0);
    leg->noted_heard = true;
    leg->media_seen++;
    if (!leg->told_seen)
        line_bridge_progress(leg->bridge, BRIDGE_MEDIA_SEEN, leg->index, 0);
    leg->told_seen = true;
}

static void ifp_cb(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct bridge_leg *leg = user;

    if (length > 0)
        line_bridge_take_ifp(leg->bridge, leg->index, sequence, data, length);
}

static void udptl_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct bridge_leg *leg = user;

    if (udptl_receiver_push(leg->udptl_in, data, length, now_ms, ifp_cb, leg) == 0)
        heard(leg, now_ms);
}

static void audio_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct bridge_leg *leg = user;

    if (rtcp_is(data, length))
        audio_reports_take(&leg->reports, leg->stream, data, length, now_ms);
    else if (audio_stream_take(leg->stream, data, length, now_ms))
        heard(leg, now_ms);
}

static void sent(struct bridge_leg *leg)
{
    if (!leg->noted_sent)
        line_bridge_trace_note(leg->bridge, TRACE_MEDIA_FIRST, TRACE_SENT, leg->index, 0);
    leg->noted_sent = true;
    leg->packets_sent++;
}

static int open_t38(struct bridge_leg *leg, const struct msg_call_media *media)
{
    if (media_udptl_open(media, &leg->udptl_out, &leg->udptl_in) != 0)
        return -ENOMEM;
    leg->version = media->t38_version;
    leg->kind = BRIDGE_LEG_T38;
    media_transport_on_datagram(&leg->media, udptl_cb, leg);
    return 0;
}

static int open_audio(struct bridge_leg *leg, const struct msg_call_media *media)
{
    leg->stream = calloc(1, sizeof *leg->stream);
    if (leg->stream == NULL || audio_begin(leg->stream, media) != 0 ||
        tone_watch_new(&leg->tones) != 0)
        return -ENOMEM;
    audio_reports_begin(&leg->reports, media, line_now_ms());
    leg->kind = BRIDGE_LEG_AUDIO;
    media_transport_on_datagram(&leg->media, audio_cb, leg);
    return 0;
}

static int watch(struct bridge_leg *leg)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = leg};

    if (leg->watched)
        return 0;
    if (epoll_ctl(line_bridge_epoll(leg->bridge), EPOLL_CTL_ADD, leg->media.socket.fd, &event) < 0)
        return -errno;
    leg->watched = true;
    return 0;
}

static bool same_kind(const struct bridge_leg *leg, const struct msg_call_media *media)
{
    if (audio_is_wanted(media))
        return leg->kind == BRIDGE_LEG_AUDIO &&
               leg->stream->sender.payload_type == media->audio_payload;
    return leg->kind == BRIDGE_LEG_T38;
}

int bridge_leg_media(struct bridge_leg *leg, const struct msg_call_media *media, bool *fresh)
{
    int error = media_transport_reach(&leg->media, media);

    *fresh = false;
    if (error != 0)
        return error;
    leg->heard_ms = line_now_ms();
    if (same_kind(leg, media))
        return media_protect_move(&leg->media, &leg->shield, media) ? 0 : -EPERM;
    close_stream(leg);
    error = audio_is_wanted(media) ? open_audio(leg, media) : open_t38(leg, media);
    if (error == 0)
        error = media_protect(&leg->media, line_bridge_identity(leg->bridge), media, line_now_ms(),
                              &leg->shield);
    if (error == 0)
        error = watch(leg);
    snprintf(leg->protection, sizeof leg->protection, "%s", leg->shield.text);
    *fresh = error == 0;
    leg->noted_heard = leg->noted_sent = false;
    leg->media_seen = 0; /* what came as audio does not show that T.38 comes */
    return error;
}

bool bridge_leg_is_ready(const struct bridge_leg *leg)
{
    return leg->kind != BRIDGE_LEG_NONE && !leg->shield.shaking;
}

void bridge_leg_drain(struct bridge_leg *leg, unsigned limit, uint64_t now_ms)
{
    if (leg->kind != BRIDGE_LEG_NONE)
        (void)media_transport_receive(&leg->media, line_bridge_scratch(leg->bridge), limit, now_ms);
}

static const char *shake(struct bridge_leg *leg, uint64_t now_ms)
{
    const char *failure = media_dtls_failure(leg->shield.dtls);

    if (failure == NULL && !media_dtls_is_shaking(leg->shield.dtls)) {
        leg->shield.shaking = false;
        leg->heard_ms = now_ms;
        snprintf(leg->protection, sizeof leg->protection, "%s",
                 media_dtls_protection(leg->shield.dtls));
        line_bridge_join(leg->bridge);
    }
    return failure;
}

const char *bridge_leg_tick(struct bridge_leg *leg, uint64_t now_ms)
{
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets = 0;

    if (leg->kind == BRIDGE_LEG_NONE)
        return NULL;
    media_transport_tick(&leg->media, now_ms);
    if (leg->shield.shaking)
        return shake(leg, now_ms);
    if (leg->kind == BRIDGE_LEG_AUDIO) {
        audio_reports_tick(&leg->reports, leg->stream, &leg->media, now_ms);
        return NULL;
    }
    if (udptl_sender_repeat(leg->udptl_out, now_ms, datagram, &octets)) {
        media_transport_send(&leg->media, datagram, octets);
        explicit_bzero(datagram, octets);
    }
    if (udptl_receiver_due_ms(leg->udptl_in) <= now_ms)
        udptl_receiver_flush(leg->udptl_in, now_ms, ifp_cb, leg);
    return NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t bridge_leg_due_ms(const struct bridge_leg *leg)
{
    uint64_t due_ms = media_transport_due_ms(&leg->media);

    if (leg->kind == BRIDGE_LEG_AUDIO)
        return leg->reports.on ? earlier(due_ms, leg->reports.due_ms) : due_ms;
    if (leg->kind == BRIDGE_LEG_NONE)
        return UINT64_MAX;
    due_ms = earlier(due_ms, udptl_receiver_due_ms(leg->udptl_in));
    return earlier(due_ms, udptl_sender_due_ms(leg->udptl_out));
}

uint64_t bridge_leg_silent_ms(const struct bridge_leg *leg, uint32_t no_media_timeout_ms)
{
    if (leg->kind == BRIDGE_LEG_NONE || no_media_timeout_ms == 0)
        return UINT64_MAX;
    if (leg->kind == BRIDGE_LEG_T38 && leg->media_seen > 0)
        return leg->heard_ms + BRIDGE_LEG_SILENCE_MS;
    return leg->heard_ms + no_media_timeout_ms;
}

void bridge_leg_send_ifp(struct bridge_leg *leg, const uint8_t *ifp, size_t length, int copies,
                         uint64_t now_ms)
{
    uint8_t *datagram = line_bridge_leaving(leg->bridge);
    size_t octets = 0;

    if (leg->kind != BRIDGE_LEG_T38 || leg->shield.shaking ||
        udptl_sender_produce(leg->udptl_out, ifp, length, datagram, MEDIA_DATAGRAM_MAX, &octets) !=
            0)
        return;
    for (int i = 0; i < copies; i++)
        media_transport_send(&leg->media, datagram, octets);
    sent(leg);
    explicit_bzero(datagram, octets);
    udptl_sender_sent(leg->udptl_out, now_ms);
}

static void watch_tones(struct bridge_leg *leg, const int16_t *samples)
{
    const unsigned wanted = TONE_CED | TONE_PREAMBLE;

    if (leg->tones == NULL ||
        (tone_watch_hear(leg->tones, samples, AUDIO_STREAM_SAMPLES) & wanted) == 0)
        return;
    tone_watch_free(leg->tones);
    leg->tones = NULL;
    line_bridge_tones(leg->bridge, leg->index);
}

size_t bridge_leg_hear(struct bridge_leg *leg, int16_t samples[AUDIO_STREAM_SAMPLES])
{
    size_t lost = audio_stream_hear(leg->stream, samples);

    watch_tones(leg, samples);
    return lost;
}

void bridge_leg_say(struct bridge_leg *leg, const int16_t samples[AUDIO_STREAM_SAMPLES])
{
    uint8_t packet[AUDIO_STREAM_PACKET];
    size_t octets = audio_stream_say(leg->stream, samples, packet);

    media_transport_send(&leg->media, packet, octets);
    sent(leg);
    explicit_bzero(packet, sizeof packet);
}

void bridge_leg_count(const struct bridge_leg *leg, struct msg_bridge_leg *out)
{
    struct bridge_leg sum = *leg;

    keep_counts(&sum);
    out->media_seen = leg->media_seen;
    out->packets_sent = leg->packets_sent;
    out->packets_lost = bounded(sum.lost);
    out->packets_recovered = bounded(sum.recovered);
    out->packets_bad = bounded(sum.bad);
    out->packets_foreign = bounded(leg->media.socket.foreign);
    snprintf(out->protection, sizeof out->protection, "%s", leg->protection);
}

void bridge_leg_close(struct bridge_leg *leg)
{
    if (leg->bridge == NULL)
        return;
    if (leg->kind == BRIDGE_LEG_AUDIO && !leg->shield.shaking)
        audio_reports_bye(&leg->reports, leg->stream, &leg->media, line_now_ms());
    /* Control still holds the same socket: closing ours alone would leave it in the epoll set. */
    if (leg->watched)
        (void)epoll_ctl(line_bridge_epoll(leg->bridge), EPOLL_CTL_DEL, leg->media.socket.fd, NULL);
    leg->watched = false;
    close_stream(leg);
    media_transport_close(&leg->media);
    leg->shield.dtls = NULL;
}
