/* bridge_leg.h: one leg of a bridged call: its transport, what protects it, and UDPTL or G.711 over
 * it. What comes in clear goes to callbacks, what is given leaves. Private to gateway/line/.
 */
#ifndef GATEWAY_LINE_BRIDGE_LEG_H
#define GATEWAY_LINE_BRIDGE_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/line/audio_reports.h"
#include "gateway/line/media_protect.h"
#include "gateway/line/media_transport.h"
#include "gateway/process/messages.h"
#include "t38/audio_stream.h"
#include "t38/tone_watch.h"
#include "t38/udptl.h"

enum {
    BRIDGE_LEG_DATAGRAMS_PER_TICK = 8,
    BRIDGE_LEG_DATAGRAMS_AT_STOP = 64,
    BRIDGE_LEG_SILENCE_MS = 600000, /* of a T.38 leg that was heard: it may receive a long page */
};

enum bridge_leg_kind {
    BRIDGE_LEG_NONE, /* no media yet */
    BRIDGE_LEG_T38,
    BRIDGE_LEG_AUDIO,
};

struct line_bridge;

struct bridge_leg {
    struct line_bridge *bridge;
    unsigned index;
    enum bridge_leg_kind kind;
    bool watched; /* its socket is in the epoll set of bridges */
    struct media_transport media;
    struct media_protection shield; /* while it is shaking nothing passes */
    uint64_t heard_ms, heard_tick;
    uint32_t media_seen; /* of these media, as they are now */
    bool told_seen;      /* control knows that the leg was heard */
    uint32_t packets_sent;
    bool noted_heard, noted_sent;  /* the first packet of these media, for the trace */
    uint64_t lost, recovered, bad; /* of streams that were replaced */
    uint64_t foreign_reported, foreign_since_ms;
    char protection[MSG_PROTECTION_MAX];
    /* T.38 */
    int version;
    struct udptl_receiver *udptl_in;
    struct udptl_sender *udptl_out;
    /* audio */
    struct audio_stream *stream;
    struct audio_reports reports;
    struct tone_watch *tones; /* NULL: what they could tell is known */
};

/* Takes over the bound socket, also on failure. Returns 0 or a negative errno. */
int bridge_leg_open(struct bridge_leg *leg, struct line_bridge *bridge, unsigned index, int fd)
    __attribute__((warn_unused_result));

/* Media as negotiated, new or changed. *fresh: the stream began anew, and its kind may be another
 * one; else only the address is. Returns 0; -EPERM when the protection of running media was to
 * change; another negative errno. */
int bridge_leg_media(struct bridge_leg *leg, const struct msg_call_media *media, bool *fresh)
    __attribute__((warn_unused_result));

/* Whether media can pass. */
bool bridge_leg_is_ready(const struct bridge_leg *leg);

/* Reads at most `limit` datagrams. */
void bridge_leg_drain(struct bridge_leg *leg, unsigned limit, uint64_t now_ms);

/* Handshake, gaps and repetitions of UDPTL, reports of RTCP. Returns why the leg cannot go on, or
 * NULL. */
const char *bridge_leg_tick(struct bridge_leg *leg, uint64_t now_ms);

/* When bridge_leg_tick has something to do. */
uint64_t bridge_leg_due_ms(const struct bridge_leg *leg);

/* When the leg has heard nothing for too long; UINT64_MAX: never. */
uint64_t bridge_leg_silent_ms(const struct bridge_leg *leg, uint32_t no_media_timeout_ms);

/* Sends an IFP in a datagram of its own, so often. */
void bridge_leg_send_ifp(struct bridge_leg *leg, const uint8_t *ifp, size_t length, int copies,
                         uint64_t now_ms);

/* 20 ms of audio: what has come (returns how many samples are made up), and what is to be sent. */
size_t bridge_leg_hear(struct bridge_leg *leg, int16_t samples[AUDIO_STREAM_SAMPLES]);
void bridge_leg_say(struct bridge_leg *leg, const int16_t samples[AUDIO_STREAM_SAMPLES]);

void bridge_leg_count(const struct bridge_leg *leg, struct msg_bridge_leg *out);

/* Says goodbye by RTCP, closes socket and streams; the counters stay. Safe to repeat. */
void bridge_leg_close(struct bridge_leg *leg);

#endif
