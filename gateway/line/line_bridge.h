/* line_bridge.h: a bridged call on a line: two legs with media of their own, and between them a
 * conversion (T.38 to audio), a judged relay (T.38 to T.38), or audio put in time again. Private to
 * gateway/line/.
 *
 * Nothing is confirmed or repeated here: the machines at both ends do T.30. Media begin when both
 * legs can carry them; until then one leg is held, and what it sends is dropped.
 */
#ifndef GATEWAY_LINE_LINE_BRIDGE_H
#define GATEWAY_LINE_LINE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/line/bridge_capture.h"
#include "gateway/line/bridge_leg.h"
#include "gateway/line/call_wheel.h"
#include "gateway/line/line.h"
#include "gateway/trace/call_trace.h"
#include "t38/call_watch.h"
#include "t38/fax_bridge.h"
#include "t38/fax_observer.h"
#include "t38/fax_relay.h"

enum {
    LINE_BRIDGE_FAREWELL_MS = 2500, /* a goodbye takes so long in audio, when a leg has left */
    LINE_BRIDGE_AFTER_DCN_MS = 2000,
};

enum line_bridge_mode {
    LINE_BRIDGE_HELD, /* a leg is not ready */
    LINE_BRIDGE_CONVERT,
    LINE_BRIDGE_RELAY,
    LINE_BRIDGE_AUDIO,
};

struct line_bridge {
    struct call_wheel_entry wheel;
    struct line *line;
    struct line_bridge *next;
    struct msg_bridge_start start; /* without the key */
    struct bridge_leg leg[BRIDGE_LEGS];
    enum line_bridge_mode mode;
    bool running;  /* media of a leg came */
    bool finished; /* only MSG_BRIDGE_DONE is missing, or a page that is being sealed */
    bool is_fax;   /* tones of a machine that answers were heard */
    bool blind;    /* all that passes is audio of a fax: its phases are not seen */
    bool leaving;  /* control ends the call; a goodbye may still be on its way */
    unsigned t38;  /* CONVERT: the leg of T.38 */
    struct fax_bridge *converter;
    uint16_t sequence_in, sequence_out;  /* CONVERT: of T.38's packets, for the observer */
    struct fax_relay relay[BRIDGE_LEGS]; /* RELAY: by the leg that packets come from */
    uint64_t audio_due_ms;               /* AUDIO */
    struct fax_observer *observer;
    struct fax_observer_statistics seen; /* what control and the watch have been told */
    struct bridge_capture capture;
    struct call_watch watch;
    struct call_trace trace;
    bool trace_counted, trace_told;
    uint64_t refused[BRIDGE_LEGS]; /* of converters that were replaced */
    uint64_t started_ms, ended_ms, dcn_ms, leave_ms;
    int result;
    char text[MSG_REASON_MAX];
};

/* Control's messages, and the line's loop: what waits in a leg's socket; a visit. After each the
 * call may be freed, but not by line_bridge_hear. */
void line_bridge_start(struct line *line, struct ipc_message *message);
void line_bridge_media(struct line_bridge *b, const struct msg_bridge_media *media);
void line_bridge_stop(struct line_bridge *b, const struct msg_call_stop *stop);
void line_bridge_abort(struct line_bridge *b);
void line_bridge_hear(struct bridge_leg *leg, uint64_t tick, uint64_t now_ms);
void line_bridge_visit(struct line_bridge *b, uint64_t now_ms);

/* For legs and capture: progress for control; a packet of a T.38 leg; a leg may have become ready;
 * what the line has one of; last of all, once something may have ended the call (which may be freed
 * before return). */
void line_bridge_progress(struct line_bridge *b, enum bridge_progress kind, unsigned leg,
                          uint32_t value);
void line_bridge_take_ifp(struct line_bridge *b, unsigned leg, uint16_t sequence,
                          const uint8_t *ifp, size_t length);
void line_bridge_join(struct line_bridge *b);
int line_bridge_epoll(const struct line_bridge *b);
struct dtls_identity *line_bridge_identity(const struct line_bridge *b);
uint8_t *line_bridge_scratch(const struct line_bridge *b);
uint8_t *line_bridge_leaving(const struct line_bridge *b);
void line_bridge_settle(struct line_bridge *b);

/* line_bridge_trace.c: what is noted for the trace: media of a leg that begin, its first packet
 * each way, tones, frames that the observer sees (its callback), what the observer counts. send:
 * the trace, once; -ENOBUFS when control is to be told later. */
void line_bridge_trace_media(struct line_bridge *b, unsigned leg,
                             const struct msg_call_media *media);
void line_bridge_trace_note(struct line_bridge *b, enum trace_kind kind, unsigned direction,
                            unsigned leg, uint32_t value);
void line_bridge_trace_frame(void *user, unsigned side, const uint8_t *octets, size_t length);
int line_bridge_trace_send(struct line_bridge *b, const struct msg_bridge_done *done);

/* line_bridge_media.c: tones of a fax machine were heard. */
void line_bridge_tones(struct line_bridge *b, unsigned leg);
/* Frees what is between the legs. */
void line_bridge_part(struct line_bridge *b);
/* Media for 20 ms and more: conversion or audio. */
void line_bridge_run(struct line_bridge *b, uint64_t now_ms);
uint64_t line_bridge_run_due_ms(const struct line_bridge *b);
/* Tells control and the watch of what has passed since the last time. */
void line_bridge_note(struct line_bridge *b, uint64_t now_ms);
/* Fills in what has passed in all. */
void line_bridge_count(const struct line_bridge *b, struct msg_bridge_done *done);

#endif
