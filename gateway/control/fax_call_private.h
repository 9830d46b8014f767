/* fax_call_private.h: for the files fax_call*.c alone. */
#ifndef GATEWAY_CONTROL_FAX_CALL_PRIVATE_H
#define GATEWAY_CONTROL_FAX_CALL_PRIVATE_H

#include "gateway/audit/audit.h"
#include "gateway/control/call_recorder.h"
#include "gateway/control/call_target.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/media_offer.h"
#include "gateway/control/media_strays.h"
#include "gateway/control/trunk_routes.h"
#include "policy/kek_id.h"

enum {
    CALL_STOP_GRACE_MS = 2000,
    CALL_PREPARE_MS = 60000,
    CALL_NEGOTIATE_MS = 32000,
    CALL_TONES_MS = 3000, /* that a machine which was heard has to ask for T.38 itself */
};
enum { CALL_RECORD_AGAIN_MS = 1000, FAX_CALL_DEMAND_TEXT = 80 };

struct fax_call {
    struct fax_call *next;
    struct control *control;
    bool outbound;
    struct fax_id fax, source; /* source: of the pages, when source_attempt is not 0 */
    uint16_t attempt, source_attempt;
    uint8_t priority;                 /* enum fax_priority */
    char principal[POLICY_NAME_TEXT]; /* the actor of its events: submitter or "trunk:NAME" */
    char from[NUMBER_TEXT], to[NUMBER_TEXT];
    char mailbox[POLICY_NAME_TEXT], class_name[KEK_CLASS_TEXT], trunk[POLICY_NAME_TEXT];
    char kek_id[KEK_ID_TEXT];
    char diverted_from[NUMBER_TEXT]; /* inbound: the number first called, "": it was ours */
    bool wants_privacy;              /* inbound: the caller asks for it; its number is marked so */
    char call_id[128];
    uint32_t retention_days;
    uint32_t pages; /* outbound: of the document */
    uint32_t first_page, max_rate;
    bool ecm, local_fault;

    struct call_target target;  /* outbound: from dialling on; inbound: the terms of its trunk */
    struct trunk_routes routes; /* outbound: trunks to try, target that of routes.trunks[route] */
    size_t route;
    bool rang;                   /* a response beyond 100 came from the target */
    struct sip_session *session; /* NULL: not yet or no more */
    struct sdp_session offer;    /* inbound: of the INVITE */
    bool has_offer, answered, offered_t38, audio_only, reinviting;
    int sip_code;
    uint32_t retry_after_s;               /* that the peer asked for; 0: none */
    char signalling[SIP_SIGNALLING_TEXT]; /* how the call was signalled, for its record */

    struct pool_line *line;
    uint32_t line_call; /* 0: not attached */
    int media_fd, vault_fd;
    uint8_t data_key[MSG_KEY_OCTETS];
    struct media_local local;
    struct media_t38 t38;
    struct media_audio audio;
    bool audio_running; /* the line has it, or will as soon as the start is recorded */
    bool audio_settled; /* there will be no T.38 */
    bool media_recording, limited;
    bool t38_agreed, media_started, line_done, line_lost, page_refused;
    bool line_mute; /* it did not say what became of the call, and may still work on it */
    struct msg_call_done done;
    struct call_recorder *recorder;                    /* NULL: there was no memory for one */
    struct verdict verdict;                            /* when the call is over */
    char outcome[TRACE_SENTENCE + MSG_REASON_MAX + 4]; /* its sentence, and the reason */
    struct media_strays strays;
    bool page_asked;          /* inbound: a page waits for the journal */
    uint32_t pages_stored;    /* inbound: sealed and journalled */
    uint32_t pages_confirmed; /* as the line has told so far */
    uint32_t pages_recorded;  /* of these, how many the log has as confirmed */
    bool confirming;          /* the next one is being recorded */
    uint32_t page_pending;    /* outbound: a post-page command for it is unanswered */

    uv_timer_t timer;
    void (*on_timeout)(struct fax_call *call);
    bool recorded_start; /* attempt.started or fax.offered is in the log */
    bool cancelled, ending, recording, record_failed;
    unsigned pending; /* callbacks that still refer to the call */
    int64_t started_ms;
    char reason[MSG_REASON_MAX];
    struct outbound_fax next_attempt; /* when recorded as requeued */
    bool requeued, completed;
    const char *plan;     /* completed: what is to come of it (handover.h) */
    const char *mail_due; /* and of it by mail (mail_out.h) */
    fax_call_done_cb *done_cb;
    void *done_user;
};

/* fax_call.c */
struct fax_call *fax_call_new(struct control *control, bool outbound);
void fax_call_timer(struct fax_call *call, uint64_t ms, void (*on_timeout)(struct fax_call *call));
/* Ends the attempt for this reason (the first one stands); safe in every state and more than once.
 */
void fax_call_end(struct fax_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* To be called at the end of every callback that was counted in pending. */
void fax_call_release(struct fax_call *call);
/* Frees a call that has recorded nothing and has nothing to record. */
void fax_call_discard(struct fax_call *call);

/* fax_call_line.c: attaches a line, opens the media socket and sends MSG_CALL_START with the data
 * key, which is wiped. Returns 0 or a negative errno. */
int fax_call_start_line(struct fax_call *call) __attribute__((warn_unused_result));
/* Records that datagrams of another address came to its media: so many more. */
void fax_call_record_foreign(struct fax_call *call, uint32_t packets);
/* Records that a page was confirmed (page.sent, page.confirmed). Returns as event_append(). */
int fax_call_record_confirmed(struct fax_call *call, uint32_t page, audit_done_cb *done, void *user)
    __attribute__((warn_unused_result));
/* Tells the line that T.38 is agreed (or that the peer has moved). */
void fax_call_media(struct fax_call *call);
/* Tells the line of media as they are agreed now, when their start is recorded. */
void fax_call_media_update(struct fax_call *call);
/* The line's pages are ready: dial or answer. Defined by direction. */
void fax_call_out_dial(struct fax_call *call);
void fax_call_in_answer(struct fax_call *call);

/* fax_call_in.c: records why a call is not taken (call.refused), then refuses it. */
void fax_call_refuse(struct control *control, struct sip_session *session,
                     const struct sip_request_info *info, const char *actor, int code,
                     const char *reason);

/* fax_call_line.c: as media.error_correction names it. */
enum media_recovery fax_call_recovery(const struct control *control);

/* fax_call_failover.c: the INVITE is out: if its target stays mute, the next one is called. */
void fax_call_watch_target(struct fax_call *call);
/* Goes on to the next address or trunk when that may help; false when not: the attempt ends. heard:
 * there was a provisional response. */
bool fax_call_try_next(struct fax_call *call, const struct sip_event *event, bool heard);
/* The trunk cannot be used for this call: the next one. */
bool fax_call_try_next_route(struct fax_call *call, const char *cause);

/* fax_call_signalling.c */
sip_event_cb fax_call_sip_event;
void fax_call_reinvite(struct fax_call *call); /* on_timeout */

/* fax_call_audio.c: may T.30 go over audio when there is no T.38? */
bool fax_call_audio_allowed(const struct fax_call *call);
/* The peer has agreed to audio: the line may start with it. sdp may be NULL. */
void fax_call_audio(struct fax_call *call, const struct sdp_session *sdp);
void fax_call_audio_fill(const struct fax_call *call, struct msg_call_media *media);
/* T.38 cannot be had: goes on over audio, recorded with the cause. Returns false when it cannot. */
bool fax_call_fall_back(struct fax_call *call, const char *cause);
/* The line heard a fax machine: CNG of who calls, CED or V.21 of who answers. */
void fax_call_tones(struct fax_call *call);
/* The line trained with one. */
void fax_call_trained(struct fax_call *call);
/* fax_call_t38.c: why T.38 is not asked for on this call, for people; NULL: it is. */
const char *fax_call_t38_refused_before(const struct fax_call *call);
/* The peer does not take it: remembered, with an event when that is news. */
void fax_call_t38_refused(struct fax_call *call, const char *cause);
/* The peer does: what was remembered is forgotten. */
void fax_call_t38_works(const struct fax_call *call);
/* T.38 was agreed and not one packet of it came; so nothing of a page was sent either. */
bool fax_call_t38_was_mute(const struct fax_call *call);

/* "t38", "audio", or "" when no media started. */
const char *fax_call_media_name(const struct fax_call *call);

/* fax_call_protect.c: does a call with this peer, of a fax of this class, demand protected media?
 * Returns who demands it, for people, or NULL. */
const char *fax_call_demands(const struct control *control, const struct call_target *target,
                             const char *class_name, char text[FAX_CALL_DEMAND_TEXT]);
/* Whether such a call can have it: signalling must be TLS. */
bool fax_call_is_tls(const struct call_target *target);
/* Writes to call->signalling how it is signalled. */
void fax_call_note_signalling(struct fax_call *call);

/* fax_call_record.c: records the end and frees the call. */
void fax_call_record_end(struct fax_call *call);
const char *fax_call_state(const struct fax_call *call);

/* Who brings a fax: a trunk, or a device that has signed in. */
struct fax_caller {
    char actor[POLICY_NAME_TEXT]; /* "trunk:NAME", "device:NAME" */
    const char *from, *to;        /* a device calls as its own number, whatever it says */
    struct call_target target;    /* whose name is that of the trunk, or the actor */
    const struct policy_mailbox *mailbox;
    const char
        *through; /* trunk, or "device:NAME", to which the call is taken through; NULL: none */
    const struct trunk_routes *routes; /* of which through is one; NULL: no other way */
    bool from_is_known;                /* not only what somebody says */
};

/* fax_call_in.c: takes a call that brings a fax; each failure refuses it. */
void fax_call_take(struct control *control, struct sip_session *session,
                   const struct sip_request_info *info, const struct fax_caller *caller);

#endif
