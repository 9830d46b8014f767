/* line_call.h: one fax call on a line, from MSG_CALL_START to MSG_CALL_DONE. Private to
 * gateway/line/.
 *
 * PREPARING (sender: pages are loaded on the pool) -> READY -> RUNNING (media) -> ENDING (waits for
 * a job on the pool and for room in the channel) -> MSG_CALL_DONE, freed. */
#ifndef GATEWAY_LINE_LINE_CALL_H
#define GATEWAY_LINE_LINE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/line/call_wheel.h"
#include "gateway/line/document_adapt.h"
#include "gateway/line/document_load.h"
#include "gateway/line/line.h"
#include "gateway/line/media_protect.h"
#include "gateway/line/media_transport.h"
#include "gateway/line/received_page.h"
#include "gateway/process/messages.h"
#include "t38/audio_stream.h"
#include "t38/call_watch.h"
#include "t38/express_flow.h"
#include "t38/fax_engine.h"
#include "t38/udptl.h"

enum {
    LINE_CALL_T85_MAX = 500, /* calls of a line from which on new ones go without T.85: its coder
                                takes 7 ms of CPU a page, five times that of T.6 */
    LINE_CALL_DATAGRAMS_PER_TICK = 8, /* of 15 ms, a call: sixteen times what T.38 needs */
    LINE_CALL_DATAGRAMS_EXPRESS = 48, /* the same for a call ahead of the clock */
    LINE_CALL_DATAGRAMS_AT_STOP = 64, /* what may still wait in the socket when a call ends */
    LINE_PACE_MS = 30,                /* between two packets of a page */
    LINE_PACE_TOGETHER_MAX = 500,     /* calls of a line whose packets leave in one tick: more would
                                         be a burst of its own, and gain nothing */
    LINE_CALL_REST_MS = 240,          /* between two looks at a socket in the middle of a page */
    LINE_CALL_RETRY_MS = 20,          /* when control's channel was full */
    LINE_CALL_SENDER_SILENCE_MS = 600000, /* a page of one block at 2,400 bit/s takes 220 s */
};

enum line_call_state {
    LINE_CALL_PREPARING,
    LINE_CALL_READY,
    LINE_CALL_RUNNING,
    LINE_CALL_ENDING,
};

struct ahead_packet;
struct line_ahead;

/* A job on the pool: the loading of a document, its adapting, or the storing of a received page. */
struct line_job {
    uv_work_t work;
    bool running;
    struct fax_page page;          /* received page; the job owns it */
    struct msg_page_sealed sealed; /* its outcome */
    enum fax_copy copy;
    struct loaded_document adapted; /* outcome of adapting */
    struct document_form form;      /* what the peer takes */
    bool outdated;                  /* nobody waits for what is being adapted */
    bool again;                     /* something else is wanted instead: */
    struct document_form next;
    int status; /* outcome of loading or adapting */
    char reason[MSG_REASON_MAX];
};

struct line_call {
    /* What every visit and datagram needs stands together, the rest behind it. */
    struct call_wheel_entry wheel;
    struct fax_engine *engine;
    struct udptl_receiver *udptl_in;
    struct udptl_sender *udptl_out;
    struct ahead_packet *ahead_next; /* sender: made, and waits for its time; NULL: none does */
    enum line_call_state state;
    bool finished; /* the engine's last event came, or the call ended without an engine */
    bool watched;  /* its socket is in the line's epoll set */
    bool resting;  /* it is not, but read each 240 ms (line_rest.c) */
    bool sender;   /* as in its start */
    bool express;  /* agreed with the peer: both may run ahead of the clock */
    bool hasty;    /* counted in the line's */
    bool noted_sent, noted_heard; /* in its trace: the first packet each way, of this media */
    bool stirred; /* by its latest datagram: something may be due earlier than planned */
    struct line *line;
    uint64_t heard_ms;     /* latest valid datagram */
    uint64_t heard_tick;   /* latest tick that found something in the socket */
    uint64_t due_ms;       /* when something is due, as found at the last settling */
    uint64_t read_ms;      /* resting: the latest look at the socket */
    uint64_t crowded_tick; /* latest tick that found more than a fax sends */
    uint32_t media_seen;
    uint32_t silence_ms; /* the call ends when it hears nothing for so long; 0: never */
    struct media_transport media;
    struct line_audio *audio;       /* NULL: T.38 */
    struct media_protection shield; /* while it is shaking, the session waits */
    struct line_call *chain;
    struct msg_call_start start; /* the data key is wiped as soon as it is not needed */
    int vault_fd;
    struct line_job job;
    struct received_pages vault;     /* receiver */
    struct loaded_document document; /* sender */
    struct loaded_document adapted;  /* the same as the peer takes it, once that is needed */
    struct line_ahead *ahead;        /* the row that ahead_next stands in; NULL: none yet */
    struct express_flow flow;
    uint32_t page_asked;     /* receiver: MSG_PAGE_SEALED sent for it, answer awaited; else 0 */
    enum fax_copy page_copy; /* what that page is worth */
    uint64_t page_since_us;  /* its end may have come as early as this */
    uint64_t started_ms;     /* of media, as they are now */
    struct call_watch watch;
    bool watch_now;            /* computing time ran out: judge at the next step */
    uint64_t foreign_reported; /* datagrams of other addresses that control knows of */
    uint64_t foreign_since_ms; /* the last report */
    int result;
    uint32_t page_pending;
    uint64_t ended_ms;
    struct fax_statistics statistics;
    char text[MSG_REASON_MAX];
    bool trace_counted, trace_told; /* its last counts are in it; control has it */
    uint64_t held_since_ms;
    struct call_trace trace;
};

/* Takes a call: descriptors 0 (UDP socket) and 1 (vault file) of the message are taken over. A call
 * that cannot start still gets its MSG_CALL_READY (with the status) and MSG_CALL_DONE, except one
 * whose number is in use, which is only logged. */
void line_call_start(struct line *line, struct ipc_message *message);

/* Media is negotiated (or the peer's address changed). */
void line_call_media(struct line_call *call, const struct msg_call_media *media);

/* line_protect.c. protect: puts in place what the media is to be protected by; 0 or a negative
 * errno. move: media that runs is told this, with other keys of SRTP perhaps; false: it may not be,
 * and the call is to end. shake: while a handshake is under way,
 * takes its next step and returns true: nothing else is to be done (the call may be freed).
 * begin_session: the handshake is over. */
int line_call_protect(struct line_call *call, const struct msg_call_media *media)
    __attribute__((warn_unused_result));
bool line_call_move(struct line_call *call, const struct msg_call_media *media)
    __attribute__((warn_unused_result));
bool line_call_shake(struct line_call *call, uint64_t now_ms);
void line_call_begin_session(struct line_call *call, uint64_t now_ms);

/* Control's answer for a sealed page. */
void line_call_journaled(struct line_call *call, const struct msg_page_journaled *answer);

/* Control ends the call: what waits in the socket is still heard, then the session is aborted. */
void line_call_stop(struct line_call *call, const struct msg_call_stop *stop);

/* Ends the call with a result of our own; `text` NULL: the result's text. The call may be freed
 * before return. */
void line_call_abort(struct line_call *call, int result, const char *text);

/* To be called last, after anything that may have ended the session: sends MSG_CALL_DONE and frees
 * the call if nothing of it is left to wait for. */
void line_call_settle(struct line_call *call);

/* ---- line_rest.c: whether the socket is watched ---- */

/* Puts the socket into the line's epoll set. Returns 0 or a negative errno. */
int line_call_watch(struct line_call *call) __attribute__((warn_unused_result));

/* Takes it out for good. */
void line_call_unwatch(struct line_call *call);

/* For a running call, last in line_call_settle: the next visit is for whatever comes first, the
 * next look at a socket that is not watched included. */
void line_call_plan(struct line_call *call);

/* The next visit of a running call, as planned: for what is due, for the first packet of the row,
 * for a look at a socket that is not watched. */
void line_call_want(struct line_call *call);

/* The earliest moment of these but for the packet. */
uint64_t line_call_looks_ms(const struct line_call *call);

/* Hears what has come so far, and has the socket watched again: before something is changed from
 * outside, such as the peer's address. The session may be over afterwards. */
void line_call_wake(struct line_call *call, uint64_t now_ms);

/* First in a visit: looks at a socket that is not watched. Returns whether the visit is over. */
bool line_call_rest(struct line_call *call, uint64_t now_ms);

/* ---- line_ahead.c: packets of a page, made before their time ---- */

/* First in a visit: sends those whose time has come. Returns whether the visit is over. */
bool line_ahead_visit(struct line_call *call, uint64_t now_ms);

/* When the first of them is to leave; UINT64_MAX: there are none. */
uint64_t line_ahead_due_ms(const struct line_call *call);

/* For a sender whose socket rests and whose packets have left: lets the session run ahead for a
 * quarter of a second, not beyond the page. What it sends goes by line_ahead_room and _keep.
 * Without memory nothing happens. */
void line_ahead_make(struct line_call *call, uint64_t now_ms);

/* Where the datagram of a packet is to be written, MEDIA_DATAGRAM_MAX octets; NULL: it is to be
 * sent at once, and what waited has left. keep: it was written there, and that often it is to be
 * sent; returns when. */
uint8_t *line_ahead_room(struct line_call *call);
uint64_t line_ahead_keep(struct line_call *call, size_t length, int copies);

/* For a call with a packet that waits: asks for the memory that line_ahead_visit will need. */
void line_ahead_prefetch(const struct line_call *call);

/* Drops and wipes what waits, and frees the row; safe to repeat. */
void line_ahead_drop(struct line_call *call);

/* Reads at most `limit` datagrams into the session. Returns their number. */
unsigned line_call_drain(struct line_call *call, unsigned limit, uint64_t now_ms);

/* The socket had something at this tick (a number that counts up): one datagram, which was read
 * into *arrival. When there was something at the tick before too, what else may be read in a tick
 * is read. The call may be freed before return. */
void line_call_hear(struct line_call *call, struct media_arrival *arrival, uint64_t tick,
                    uint64_t now_ms);

/* Asks for the memory that reading from the call's socket, and then line_call_hear, will need; the
 * second wants the first to have come. */
void line_call_prefetch_read(const struct line_call *call);
void line_call_prefetch_hear(const struct line_call *call, const struct media_arrival *arrival);

/* Sets how long the call may hear nothing; to be called when its media begins and when the first
 * datagram of the peer was counted. */
void line_call_limit_silence(struct line_call *call);

/* When the running call next has something to do by itself. */
uint64_t line_call_due_ms(const struct line_call *call);

/* Asks for the memory that one of the two above or below will need, some microseconds before. */
void line_call_prefetch(const struct line_call *call);

/* Visit of the wheel, when that moment has come or earlier. The call may be freed before return. */
void line_call_visit(struct line_call *call, uint64_t now_ms);

/* ---- line_watch.c: what a call may take ---- */

/* Media begins: limits as the call's start says. */
void line_watch_begin(struct line_call *call, uint64_t now_ms);

/* Charges the call with the time since the last charge of any call, or since the turn began, as
 * computing time. */
void line_watch_charge(struct line_call *call);

/* Tells control of datagrams of others: at once, then once a minute with the exact count. Ends a
 * call that takes too long or too much: returns false then, and the call may be freed. */
bool line_watch_visit(struct line_call *call, uint64_t now_ms);

/* When line_watch_visit has something to do. */
uint64_t line_watch_due_ms(const struct line_call *call);

/* The T.30 engine's callbacks; user is the call. They never free it. */
void line_call_event(void *user, const struct fax_engine_event *event);
void line_call_send_ifp(void *user, const uint8_t *ifp, size_t length, int copies);

/* The transport's callback for a T.38 session: a UDPTL datagram of the peer. user is the call. */
void line_call_udptl_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms);

/* Express calls (nothing happens for others). take_report: takes a datagram that is a report of the
 * peer's and says so. note_datagram: counts a good UDPTL datagram. run_ahead: lets the session send
 * what its window allows and reports what came; to be called when something has come or time has
 * passed. */
bool line_call_take_report(struct line_call *call, const uint8_t *data, size_t length);
void line_call_note_datagram(struct line_call *call, const uint8_t *data);
void line_call_run_ahead(struct line_call *call, uint64_t now_ms);

/* ---- line_trace.c: the flight recorder ---- */

/* Notes an entry at this moment. */
void line_trace_note(struct line_call *call, enum trace_kind kind, enum trace_direction direction,
                     unsigned code, uint32_t value, uint32_t detail);

/* Media begins, with at most that rate; and the first packet of it, each way. */
void line_trace_media(struct line_call *call, const struct msg_call_media *media, uint32_t rate);
void line_trace_first(struct line_call *call, enum trace_direction direction);

/* The engine's callback for control frames; user is the call. */
void line_trace_frame(void *user, bool sent, const uint8_t *octets, size_t length);

/* An event of the engine. */
void line_trace_event(struct line_call *call, const struct fax_engine_event *event);

/* The call is over: notes its counts and sends the trace to control, once. Returns as line_send().
 */
int line_trace_send(struct line_call *call, const struct msg_call_done *done)
    __attribute__((warn_unused_result));

/* Tells control of something that needs no more than its kind. */
void line_call_progress(struct line_call *call, enum call_progress kind);

/* line_audio.c: makes the stream of a call over audio. Returns 0 or a negative FAX_E... code;
 * line_audio_close is right after either. */
int line_audio_open(struct line_call *call, const struct msg_call_media *media)
    __attribute__((warn_unused_result));
void line_audio_close(struct line_call *call);

/* Every 20 ms: the reports of RTCP that are due. */
void line_audio_tick(struct line_call *call, uint64_t now_ms);

/* The call ends: says so by RTCP. */
void line_audio_bye(struct line_call *call);

/* The T.30 engine's callbacks over audio; user is the call. */
size_t line_audio_hear(void *user, int16_t *samples);
void line_audio_say(void *user, const int16_t *samples);

enum line_audio_change {
    LINE_AUDIO_KEEP,     /* the session goes on */
    LINE_AUDIO_REPLACE,  /* T.38 takes its place */
    LINE_AUDIO_TOO_LATE, /* T.38, but pages are under way */
};

/* New media for a running call. */
enum line_audio_change line_audio_update(struct line_call *call,
                                         const struct msg_call_media *media);

/* Fills in the packets of a call over audio. */
void line_audio_count(const struct line_call *call, struct msg_call_done *done);

/* Queues the storing of a received page, which is moved out of *page. */
void line_call_store_page(struct line_call *call, struct fax_page *page, uint32_t number);

/* A count or number of pages of this call as one of the document: first_page has 1 in the call. */
uint32_t line_call_page(const struct line_call *call, uint32_t page);

/* Queues the making of a document that the peer takes; the engine gets it then. */
void line_call_adapt_document(struct line_call *call, const struct document_form *form);

/* The session that wanted them is gone: drops pages that were adapted, and those that are about to
 * be. */
void line_call_forget_adapted(struct line_call *call);

/* Queues the loading of a sender's document. Returns 0 or a negative errno. */
int line_call_load_document(struct line_call *call) __attribute__((warn_unused_result));

/* Tells control that the call can get media (status 0), or why not, which also ends the call: it
 * may be freed before return. */
void line_call_report_ready(struct line_call *call, int status, const char *reason);

#endif
