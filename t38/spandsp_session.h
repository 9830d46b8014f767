/* spandsp_session.h: the session behind fax_engine.h. Private to t38/spandsp_*.c, the only files
 * that know spandsp, and in particular the private structures of its version 0.0.6.
 *
 * How a session runs: every entry (tick, receive_ifp, ...) counts `depth` up, lets spandsp work,
 * and settles on the way out: what a callback asked for meanwhile (stop, release of a page) happens
 * then, never inside spandsp.
 */
#ifndef T38_SPANDSP_SESSION_H
#define T38_SPANDSP_SESSION_H

#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#include <spandsp.h>
#include <spandsp/expose.h>
#include <spandsp/version.h>
#pragma GCC diagnostic pop

#include "codecs/t4_fill.h"
#include "t38/fax_engine.h"
#include "t38/guard_frame.h"
#include "t38/guard_page.h"

_Static_assert(SPANDSP_RELEASE_DATE == 20110122, "the session depends on the structures of 0.0.6");

enum { /* states and phases of spandsp's t30.c, which its headers do not name */
       STATE_D = 4,
       STATE_D_TCF = 5,
       STATE_D_POST_TCF = 6,
       STATE_F_TCF = 7,
       STATE_F_DOC_NON_ECM = 10,
       STATE_F_POST_DOC_NON_ECM = 11,
       STATE_F_DOC_ECM = 12,
       STATE_F_POST_DOC_ECM = 13,
       STATE_F_POST_RCP_MCF = 14,
       STATE_F_POST_RCP_PPR = 15,
       STATE_F_POST_RCP_RNR = 16,
       STATE_R = 17,
       STATE_I = 19,
       OPERATION_T4_RX = 1,
       OPERATION_T4_TX = 2,
       OPERATION_POST_T4_TX = 4,
       SESSION_STEP_MS = 20, /* of a session that waits, and for its limits */
       SAMPLES_PER_MS = 8,
       SESSION_STEP_SAMPLES = SESSION_STEP_MS * SAMPLES_PER_MS,
};

/* Receiving: what the guard keeps beside spandsp. */
struct spandsp_receive {
    struct guard_dcs dcs; /* as the peer sent it; spandsp sees T.6, without ECM T.4 1-D */
    struct guard_page page;
    uint32_t pages_begun;    /* PAGE_BEGIN events */
    uint32_t pages_complete; /* PAGE_RECEIVED events */
    uint32_t pages_durable;  /* spandsp may confirm so many */
    size_t page_octets;      /* of the page that waits */
    uint8_t fcd_number;      /* of the FCD frame that spandsp was shown last */
    int16_t fcd_octets;      /* and what it carried */
    uint8_t last_pps[3];     /* of the last complete block: post-page code, page, block */
    bool any_pps;
    bool carrier_seen;                   /* without ECM: an image was sent since the last answer */
    uint32_t packets_kept, packets_lost; /* without ECM: of the page in progress */
    uint32_t pages_rejected;             /* RTN: page not kept, or not come */
    bool rejecting;                      /* an RTN for it has not left yet */
    bool rejected_last;                  /* the last answer was RTN */
    int refusal;                         /* why the last DCS is refused, 0: it is not */
    bool holding;                        /* the last PPS, or the post-page command, waits in held */
    bool not_ready;                      /* the PPS was passed with receiver-not-ready armed */
    bool confirming;                     /* a durable page's MCF has not left yet */
    bool release_wanted;                 /* page_durable was called from a callback */
    enum fax_copy copy;                  /* what it said */
    uint64_t hold_since_ms;
    uint8_t held[GUARD_FRAME_MAX];
    int held_length, held_type;
};

/* Sending: the coded pages that go past spandsp. */
struct spandsp_send {
    struct fax_page_view *pages;     /* in one coding */
    enum fax_page_coding coding;     /* of these: T.4 1-D, T.4 2-D or T.6 */
    struct fax_page_view *t85_pages; /* the same in T.85 */
    bool t85_loaded;                 /* all of them are there, and shorter than those in T.6 */
    bool t85_taken;                  /* the peer's DIS says so */
    bool t85;                        /* the call uses it, since the last phase B */
    uint32_t page_count;
    struct fax_page_source source;
    struct guard_shape wanted; /* PAGES_WANTED was reported with it; all 0: was not */
    enum fax_page_coding wanted_coding;
    uint8_t dis[GUARD_DCS_MAX]; /* not answered yet, as the pages do not suit it */
    size_t dis_length;          /* 0: there is none */
    uint64_t dis_ms;            /* when it came */
    int dis_state;              /* spandsp's, then */
    uint32_t pages_hidden;      /* while spandsp opens the document: all but the first, 0: none */
    bool buffer_used;           /* pages of ours stood in spandsp's ecm_data */
    int page, block;            /* what spandsp takes its ecm_data for; -1: its dummy */
    uint32_t pages_begun;       /* PAGE_BEGIN events: pages below this had one */
    bool begin_untold;       /* the last of them is reported when the call into spandsp is over */
    uint32_t pages_asked;    /* PAGE_PPS_SENT events, likewise */
    uint32_t pages_answered; /* pages that spandsp counted as taken */
    bool rejected_last;      /* the last answer to a page was RTN */
};

/* Sending without ECM: the image that spandsp is about to take octets of. */
struct spandsp_stream {
    bool open;
    int page;
    struct t4_fill fill;
};

/* Over audio: what stands in the place of the T.38 core. */
struct spandsp_audio {
    t30_set_handler_t *next_receiver; /* spandsp's choice of a modem */
    void *next_receiver_user;
    bool has_spoken;     /* the peer: a good frame came */
    bool image_receiver; /* the modem chosen is that of an image without ECM, or TCF */
    uint8_t octet, bits; /* of such an image, the first bit highest */
    uint8_t octets[128]; /* whole ones of this step */
    size_t octet_count;
    uint32_t lost_steps; /* in a row: steps with samples that had not come */
    int held_status;     /* the last change of the carrier while a frame is held, 0: none */
};

struct fax_engine {
    /* Ours, so that it can be wiped. Both begin with the T.30 state, so terminal.t30 is right for
     * either; terminal.t38_fe is there without `audio` only. */
    union {
        t38_terminal_state_t terminal;
        fax_state_t fax;
    };
    bool audio, hold_back;
    struct spandsp_audio sound;
    struct fax_engine_callbacks callbacks;
    void (*tell_frame)(void *user, bool sent, const uint8_t *octets, size_t length);
    bool sender;
    int t38_version;
    bool ecm, t85, wide;
    uint32_t max_rate;
    uint64_t hold_rnr_ms, hold_without_ecm_ms;
    int document_fd; /* memfd: the sender's document or the receiver's file that stays empty */

    unsigned depth;
    bool ended;    /* spandsp has ended the call */
    bool finished; /* FINISHED was reported */
    int end_code;  /* spandsp's */
    int stop_code; /* ours, 0: none */

    bool started;
    int waits_state; /* spandsp_timer.c: the state in which T2 was lengthened, */
    unsigned waits;  /* and how often */

    t38_rx_data_handler_t *next_data;
    t38_rx_indicator_handler_t *next_indicator;
    t38_rx_missing_handler_t *next_missing;
    t30_send_hdlc_handler_t *next_frame;
    void *next_frame_user;

    struct fax_statistics statistics;
    /* What the octets of a frame need stands behind the statistics' counters. */
    uint64_t clock_ms, heard_ms;
    uint64_t quiet_until_ms; /* until then nothing is due, as next_due_ms found; 0: not known */
    unsigned sent_in_step, received_in_tick;
    uint64_t bound_ms; /* until then received_in_tick is counted */
    struct spandsp_receive in;
    struct spandsp_send out;
    struct spandsp_stream stream;
};

/* ---- spandsp_engine.c ---- */

/* Reports an event; page counted from 0. */
void spandsp_report(struct fax_engine *e, enum fax_engine_event_kind kind, uint32_t page);

/* Tells of a control frame; those of an image are passed over. */
void spandsp_tell_frame(struct fax_engine *e, bool sent, const uint8_t *frame, int length);

/* Ends the session with our own result as soon as spandsp has returned. The first reason stays. */
void spandsp_stop(struct fax_engine *e, int result);

static inline bool spandsp_stopping(const struct fax_engine *e)
{
    return e->stop_code || e->ended;
}

/* Lets the session's own time run on by so many samples of 1/8000 s. */
void spandsp_advance(struct fax_engine *e, int samples);

/* Puts the rate and modem that spandsp has agreed on into the statistics. */
void spandsp_note_rate(struct fax_engine *e);

/* Sender, in phase B: lowers the rate that spandsp has chosen to the one configured; spandsp itself
 * knows kinds of modems only. */
void spandsp_limit_rate(struct fax_engine *e);

/* What spandsp gives its packets to. */
int spandsp_on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length,
                      int copies);

/* Sets the handlers of phases B, D and E. */
void spandsp_handlers_install(struct fax_engine *e);

/* ---- spandsp_timer.c ---- */

/* Before a step of so many samples: lengthens a timer that would expire in it too soon. */
void spandsp_timer_mend(struct fax_engine *e, int samples);

/* The part of it that holds over audio as well, where quiet is no loss. */
void spandsp_timer_keep_asking(struct fax_engine *e, int samples);

/* ---- spandsp_audio.c: modems in the place of the T.38 core ---- */

/* Sets the hooks on a new session over audio. */
void spandsp_audio_install(struct fax_engine *e);

/* Twenty milliseconds of both directions. */
void spandsp_audio_step(struct fax_engine *e);

/* Gives spandsp the held frame, and what became of its carrier meanwhile. */
void spandsp_audio_pass_held(struct fax_engine *e);

/* ---- spandsp_octets.c ---- */

/* Takes an IFP that came at now_ms if it is but octets of a frame in progress, and nothing is due
 * by then; false: nothing happened. */
bool spandsp_take_octets(struct fax_engine *e, uint64_t now_ms, uint16_t sequence,
                         const uint8_t *ifp, size_t length);

/* Whether the session may be told of one more packet before its next step. */
bool spandsp_count_packet(struct fax_engine *e);

/* ---- spandsp_receive.c: everything a peer says comes through here ---- */

/* Sets the guard's hooks of a receiver on a new session. */
void spandsp_receive_install(struct fax_engine *e);

/* Judges a whole frame; may alter and shorten it. data_type: as T.38 numbers modems. Returns
 * false to drop it. */
bool spandsp_receive_frame(struct fax_engine *e, int data_type, uint8_t *frame, int *n);

/* After spandsp has seen a frame of that type: what it means. */
void spandsp_receive_after(struct fax_engine *e, uint8_t type);

/* After each call into spandsp: terminate if it counted a page that is not durable. */
void spandsp_receive_check(struct fax_engine *e);

/* Withholds the frame that ends a page, and reports the page. */
void spandsp_receive_hold(struct fax_engine *e, int data_type, const uint8_t *frame, int n,
                          uint32_t lost_permille);

/* Passes the held frame on, so that spandsp answers it as in.copy says. */
void spandsp_receive_release(struct fax_engine *e);

/* Lets spandsp answer the held PPS with receiver-not-ready until the page is durable. */
void spandsp_receive_not_ready(struct fax_engine *e);

/* spandsp is about to send MCF or RTP. Returns false when it must not. */
bool spandsp_receive_may_confirm(struct fax_engine *e);

/* spandsp is about to send RTN. */
void spandsp_receive_rejects(struct fax_engine *e);

/* ---- spandsp_non_ecm.c: receiving without error correction ---- */

/* The signal of an image, or a gap in the peer's packets, was met. */
void spandsp_non_ecm_carrier(struct fax_engine *e);
void spandsp_non_ecm_gap(struct fax_engine *e, uint32_t packets);

/* Keeps octets of an image. Returns false when they are none (TCF): then spandsp gets them. */
bool spandsp_non_ecm_image(struct fax_engine *e, const uint8_t *data, int length);

/* A new DCS: what was kept no longer counts. */
void spandsp_non_ecm_restart(struct fax_engine *e);

/* A post-page command. Returns false when spandsp must not see it now; may alter it. */
bool spandsp_non_ecm_command(struct fax_engine *e, int data_type, uint8_t *frame, int n);

/* Before the held command is passed on: makes spandsp answer it so. */
void spandsp_non_ecm_answer(struct fax_engine *e, enum fax_copy copy);

/* ---- spandsp_send.c: everything we say comes through here ---- */

/* Sets the guard's hooks of a sender on a new session. */
void spandsp_send_install(struct fax_engine *e);

/* ---- spandsp_pages.c ---- */

/* Asks the source for all pages, and writes the dummy document. Returns 0 or a negative FAX_E...
 * code. */
int spandsp_send_load(struct fax_engine *e) __attribute__((warn_unused_result));

/* The width of a page as at 204 pels an inch, and its resolution. */
struct guard_shape spandsp_page_shape(const struct fax_page_view *page);

/* A DIS. Returns false when it must not be answered yet: some pages are wider or have more
 * resolution than the peer takes, or are in a coding that it does not take. */
bool spandsp_send_fits(struct fax_engine *e, const uint8_t *dis, size_t n);

/* Other pages were loaded: answers the DIS for which they were wanted, unless it is too late. */
void spandsp_send_answer(struct fax_engine *e);

/* ---- spandsp_stream.c: sending without error correction ---- */

/* After each call into spandsp: lets it have the next octets of the page whose image it sends, and
 * otherwise none. */
void spandsp_stream_check(struct fax_engine *e);

/* Whether the image of page `number` has been taken whole, nothing else in its place. */
bool spandsp_stream_is_sent(const struct fax_engine *e, int number);

/* Wipes what spandsp has of an image; before it frees its memory. */
void spandsp_stream_wipe(struct fax_engine *e);

/* ---- spandsp_send.c again ---- */

/* The peer answered RTN (or PIN). */
void spandsp_send_rejected(struct fax_engine *e);

/* After the DIS: lets spandsp say the coding of our pages. Returns a T30_ERR code. */
int spandsp_send_choose(struct fax_engine *e);

/* After each call into spandsp: reports pages that were answered or begun. */
void spandsp_send_check(struct fax_engine *e);

/* Reports a page begun: spandsp goes on to the next page while it still handles the answer to the
 * last one, whose event has to come first. */
void spandsp_send_tell(struct fax_engine *e);

_Static_assert(offsetof(t38_terminal_state_t, t30) == 0 && offsetof(fax_state_t, t30) == 0,
               "both kinds of session begin with their T.30 state");

#endif
