/* bridge_call_private.h: for the files bridge_call*.c alone. */
#ifndef GATEWAY_CONTROL_BRIDGE_CALL_PRIVATE_H
#define GATEWAY_CONTROL_BRIDGE_CALL_PRIVATE_H

#include "gateway/control/bridge_call.h"
#include "gateway/control/call_recorder.h"
#include "gateway/control/event.h"
#include "gateway/control/media_offer.h"
#include "gateway/control/media_strays.h"
#include "gateway/process/messages.h"
#include "policy/kek_id.h"
#include "policy/number.h"

enum {
    BRIDGE_PREPARE_MS = 60000,
    BRIDGE_LINE_GRACE_MS = 4000, /* a goodbye in audio is waited for by the line */
    BRIDGE_RECORD_AGAIN_MS = 1000,
    BRIDGE_CALLER = 0,
    BRIDGE_CALLED = 1,
    BRIDGE_ATTEMPT = 1, /* a copy has no other */
};

enum bridge_media { BRIDGE_NO_MEDIA, BRIDGE_T38, BRIDGE_AUDIO };

struct bridge_call;

/* One leg: its session and its media. */
struct bridge_side {
    struct bridge_call *call;
    unsigned index;
    struct sip_session *session; /* NULL: not yet or no more */
    struct call_target target;   /* called: from dialling on; caller: its terms */
    struct sdp_session offer;    /* caller: of the INVITE */
    char call_id[128];
    char caller[NUMBER_REWRITE_TEXT]; /* called: the number that it is shown; "": anonymous */
    char signalling[SIP_SIGNALLING_TEXT];
    bool has_offer, answered, reinviting;
    bool offered_t38, audio_only; /* called: in the INVITE; it was refused there */
    bool rang;                    /* called: then no other place is tried */
    bool t38_refused;             /* there will be no T.38 */
    struct media_local local;
    struct media_t38 t38;
    struct media_audio audio;
    enum bridge_media media;    /* as agreed by signalling */
    enum bridge_media recorded; /* that the log has, and the line */
    bool recording;             /* bridge.media is being recorded */
    bool changed;               /* meanwhile */
    int fd;
    struct media_strays strays;
    uv_timer_t timer; /* until T.38 is asked for */
};

struct bridge_call {
    struct bridge_call *next;
    struct control *control;
    struct fax_id id; /* of the bridge, and of the copy */
    char principal[POLICY_NAME_TEXT];
    char from[NUMBER_TEXT], to[NUMBER_TEXT];
    bool wants_privacy; /* the caller; its number is not shown */
    bool from_is_known; /* who calls: a machine of ours, or as a trunk that is believed says */
    uint8_t hops_made;  /* by the call, with the one from here: so a ring comes to an end */
    char via[CALL_TARGET_NAME];
    struct trunk_routes routes; /* none: via stays */
    size_t route;               /* of routes, that via is */
    bool has_place;             /* among the calls that the trunk takes at a time */
    char mailbox[POLICY_NAME_TEXT], class_name[KEK_CLASS_TEXT];
    uint32_t retention_days;
    struct bridge_side side[BRIDGE_LEGS];
    struct call_recorder *recorder;
    struct pool_line *line;
    uint32_t line_call; /* 0: not attached */
    bool line_ready;
    bool media_told; /* the line has media of a leg */
    bool line_done, line_lost;
    bool trained; /* media change their kind no more */
    bool is_fax;  /* tones were heard, or T.38 was agreed */
    struct msg_bridge_done done;
    uv_timer_t timer;
    void (*on_timeout)(struct bridge_call *call);
    unsigned handles; /* timers not closed yet */
    bool recorded_start, ending, legs_ended, recording, record_failed, uncertain;
    unsigned pending; /* callbacks that still refer to the call */
    int sip_code;     /* of the refusal, for the record */
    int refuse_code;  /* for the caller; 0: 500 */
    int64_t started_ms;
    char reason[MSG_REASON_MAX];
    struct verdict verdict;
    char outcome[TRACE_SENTENCE + MSG_REASON_MAX + 4]; /* verdict and reason, for the record */
    struct bridge_copy {
        bool wanted;     /* the mailbox says so */
        bool offered;    /* fax.offered is in the log */
        bool failed;     /* a page could not be recorded, or the copy not begun */
        bool trace_only; /* the call is over, and its trace is to be kept */
        void (*then)(struct bridge_call *call); /* once key, record and file are there, or not */
        uint32_t pages;                         /* recorded */
        int vault_fd;
        uint8_t data_key[MSG_KEY_OCTETS];
        char kek_id[KEK_ID_TEXT];
        char why[MSG_REASON_MAX];
        const char *mail_due; /* what is to come of it by mail (mail_out.h); NULL: nothing */
    } copy;
};

/* bridge_call.c: one that stands in the list; NULL: out of memory. */
struct bridge_call *bridge_call_new(struct control *control);
void bridge_call_timer(struct bridge_call *call, uint64_t ms,
                       void (*on_timeout)(struct bridge_call *call));
/* Ends the call for this reason (the first one stands); safe in every state and more than once. */
void bridge_call_end(struct bridge_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* To be called at the end of every callback that was counted in pending. */
void bridge_call_release(struct bridge_call *call);
/* The line has said how it was, or is gone: what is left of a call that ends. */
void bridge_call_line_over(struct bridge_call *call);
/* Frees a call that has nothing to record. */
void bridge_call_discard(struct bridge_call *call);

/* bridge_call_line.c: opens both ports, attaches a line and sends MSG_BRIDGE_START, with the copy's
 * key and file if there are any. Returns 0 or a negative errno. */
int bridge_call_start_line(struct bridge_call *call) __attribute__((warn_unused_result));
/* Gives the line a leg's media as they are agreed. */
void bridge_call_tell_media(struct bridge_side *side);

/* bridge_call_start.c: the line is ready: calls the other leg; where via leads; again, at its next
 * address or with audio. */
void bridge_call_find(struct bridge_call *call);
void bridge_call_find_target(struct bridge_call *call);
void bridge_call_dial(struct bridge_call *call);

/* bridge_call_failover.c. next_route: the next trunk with room is called; false: there is none.
 * next: what the end of the unanswered other leg says of its target, and whether another address or
 * trunk is called. watch: an address that says nothing is given up. */
bool bridge_call_try_next_route(struct bridge_call *call, const char *cause);
bool bridge_call_try_next(struct bridge_call *call, const struct sip_event *event, bool heard);
void bridge_call_watch_target(struct bridge_call *call);

/* bridge_call_media.c: what a leg's description means. take: agrees with it, T.38 or audio; returns
 * 0 or -ENOTSUP. */
int bridge_side_take(struct bridge_side *side, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));
/* It is a fax for sure: legs over audio are asked for T.38. */
void bridge_call_is_fax(struct bridge_call *call);
void bridge_side_ask_t38(struct bridge_side *side);
/* Answers the peer's re-INVITE. */
void bridge_side_reinvited(struct bridge_side *side, const struct sdp_session *offer);
/* "t38", "audio" or "". */
const char *bridge_media_name(enum bridge_media media);
/* "caller" or "called". */
const char *bridge_side_name(const struct bridge_side *side);

/* bridge_call_signalling.c; user is the struct bridge_side. */
sip_event_cb bridge_call_sip_event;

/* bridge_call_copy.c: the copy of a fax that passes. prepare: makes key, record and file, then
 * calls bridge_call_go_on() in any case. page: the line has sealed one. end: its last records. */
void bridge_copy_prepare(struct bridge_call *call);
/* A copy is wanted, and there will be T.38 on no leg: then nothing can be seen of the pages. */
bool bridge_copy_is_impossible(const struct bridge_call *call);
void bridge_copy_page(struct bridge_call *call, const struct msg_page_sealed *m);
void bridge_copy_end(struct bridge_call *call);
/* Of a call that has ended without a copy: makes a fax without pages for its trace, seals it there
 * and frees the call. */
void bridge_copy_keep_trace(struct bridge_call *call);
void bridge_call_go_on(struct bridge_call *call);

/* bridge_call_trace.c: notes what a leg did; judges a call that has ended; seals its trace behind
 * the pages of its copy. */
void bridge_trace_note(struct bridge_side *side, enum trace_kind kind, unsigned direction,
                       unsigned code, uint32_t value);
void bridge_trace_progress(struct bridge_call *call, const struct msg_bridge_progress *m);
void bridge_trace_judge(struct bridge_call *call);
void bridge_trace_seal(struct bridge_call *call);

/* bridge_call_record.c: records the end and frees the call. */
void bridge_call_record_end(struct bridge_call *call);
const char *bridge_call_state(const struct bridge_call *call);

#endif
