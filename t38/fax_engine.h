/* fax_engine.h: one T.30 session over T.38 or over audio, sending or receiving: IFPs (or samples)
 * and the time in, IFPs (or samples) and events out.
 *
 * Behind it is spandsp 0.0.6 with our guard; no type of spandsp appears here, so that another
 * engine can follow. One session is used by one thread at a time. Nothing is read or written but
 * memory (memfds).
 *
 * Promises. A receiver lets the peer have its confirmation (MCF, RTP) of a page only after
 * fax_engine_page_durable() or fax_engine_page_judged(). A peer can neither crash the session, nor
 * make it loop, nor make it grow beyond its limits.
 *
 * Rule for callbacks: they run inside receive_ifp, receive_at, tick, page_durable, page_judged,
 * page_refused, pages_changed and abort. From a callback only fax_engine_page_durable,
 * fax_engine_page_judged, fax_engine_page_refused, fax_engine_abort and the functions that take a
 * const engine may be called; fax_engine_free and fax_engine_pages_changed may not.
 */
#ifndef T38_FAX_ENGINE_H
#define T38_FAX_ENGINE_H

#include "t38/fax_page.h"
#include "t38/t30_result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FAX_IDENT_MAX = 20,             /* characters of a station identity, T.30 §5.3.6.2.4 */
    FAX_ENGINE_IFP_MAX = 1400,      /* octets */
    FAX_ENGINE_PAGE_MAX = 16 << 20, /* octets of a coded page, received */
    FAX_ENGINE_PAGES_MAX = 1000,    /* of a document to send */
    FAX_ENGINE_SAMPLES = 160,       /* of audio in 20 ms, 8,000 a second */
    FAX_ENGINE_OCTETS = 1,          /* see fax_engine_receive_at */
};

enum fax_modem { FAX_MODEM_UNTRAINED, FAX_MODEM_V27TER, FAX_MODEM_V29, FAX_MODEM_V17 };

struct fax_statistics {
    uint32_t bit_rate; /* of the image, bit/s; 0 before training */
    enum fax_modem modem;
    bool ecm;
    enum fax_page_coding coding;
    uint32_t width; /* pels; 0 before the DCS */
    uint16_t x_dpi, y_dpi;
    uint32_t pages;                       /* confirmed: MCF received (sender) or sent (receiver) */
    uint32_t ecm_retransmissions;         /* PPR frames received or sent */
    uint32_t page_octets_minimum;         /* of the confirmed pages, coded; 0 when there are none */
    uint64_t page_octets;                 /* of all confirmed pages, coded */
    char remote_ident[FAX_IDENT_MAX + 1]; /* printable ASCII only; may be empty */
    uint64_t ifps_received, ifps_sent;
    uint64_t ifps_refused;   /* malformed IFPs that were not looked at further */
    uint64_t frames_refused; /* HDLC frames that the guard withheld from the engine */
};

enum fax_engine_event_kind {
    FAX_EVENT_PEER_IDENT,     /* CSI or TSI was received: remote_ident */
    FAX_EVENT_DOCUMENT_BEGIN, /* DCS sent or accepted: statistics have resolution, width, coding,
                                 ecm */
    FAX_EVENT_TRAINED,        /* CFR: bit_rate, modem. Again after each retraining */
    FAX_EVENT_PAGE_BEGIN,     /* image data of a page is about to flow: page */
    FAX_EVENT_PAGE_RECEIVED,  /* receiver: page, received; the peer waits for its confirmation */
    FAX_EVENT_PAGE_PPS_SENT,  /* sender: a post-page command left; the page is uncertain until
                                 answered */
    FAX_EVENT_PAGE_CONFIRMED, /* sender: MCF or RTP received; receiver: MCF or RTP sent */
    FAX_EVENT_PAGE_REJECTED,  /* sender: RTN received, the page is sent again; receiver: RTN sent,
                                 the next page will have the same number. Only without ECM */
    FAX_EVENT_PAGES_WANTED,   /* sender: the peer takes the pages otherwise: with less width or
                                 resolution, or in another coding, or both. It is not answered until
                                 fax_engine_pages_changed() */
    FAX_EVENT_FINISHED,       /* the last event: result, statistics */
};

struct fax_engine_event {
    enum fax_engine_event_kind kind;
    uint32_t page; /* from 0 */
    uint32_t bit_rate;
    enum fax_modem modem;
    const char *remote_ident;                /* valid during the callback */
    struct fax_page *received;               /* PAGE_RECEIVED: move it out, see below */
    uint32_t width;                          /* PAGES_WANTED: the most that the peer takes, in
                                                pels at 204 an inch: 1728, 2048 or 2432 */
    uint16_t x_dpi, y_dpi;                   /* likewise: 204 × 98, 196 or 391, or 408 × 391 */
    enum fax_page_coding coding;             /* likewise, what it takes best: T.4 1-D, 2-D or T.6 */
    int result;                              /* FINISHED: see t30_result.h; 0 is success */
    const struct fax_statistics *statistics; /* always; valid during the callback */
};

/* Where a sender's pages come from: header line included, in memory of the caller. All in one
 * coding: T.6 for a start, T.4 once PAGES_WANTED has asked for it (a peer that takes more takes it,
 * too); and pages in T.6, if there, in T.85 as well. A call uses one of both for the whole
 * document: T.85 when the peer takes it and the document is shorter so. T.4 as t4_encode makes it,
 * without fill, which is put in here where the line needs it. */
struct fax_page_source {
    uint32_t page_count; /* 1 to FAX_ENGINE_PAGES_MAX */
    /* Fills *out for a page counted from 0; the octets must stay as they are until fax_engine_free.
     * May be called again for the same page. Returns 0 or a negative FAX_E... code, which ends the
     * call. */
    int (*get)(void *user, uint32_t page, struct fax_page_view *out);
    /* The same page in T.85 (basic: stripes of 128 rows, three-line template). NULL: there is none.
     * May leave out->data NULL: then the document is not sent in T.85. Not asked for beside T.4.
     * Returns as get. */
    int (*get_t85)(void *user, uint32_t page, struct fax_page_view *out);
    void *user;
};

struct fax_engine_callbacks {
    /* An IFP to send, at once, in a datagram of its own; the same datagram `copies` times (1 or
     * more). */
    void (*send_ifp)(void *user, const uint8_t *ifp, size_t length, int copies);
    /* Something happened. With PAGE_RECEIVED the page's buffer moves if the callback takes it:
     * `struct fax_page mine = *event->received; event->received->buffer = NULL;`. The taker wipes
     * it (fax_page_wipe). What is not taken the engine wipes after the callback. */
    void (*event)(void *user, const struct fax_engine_event *event);
    void *user;
    /* Over audio, in place of send_ifp, once every 20 ms of the session's time, in this order: hear
     * fills in what has come from the peer and returns how many of the samples are made up because
     * they are lost (all of them: the modem bridges the gap itself); say gives what is to be sent.
     */
    size_t (*hear)(void *user, int16_t samples[FAX_ENGINE_SAMPLES]);
    void (*say)(void *user, const int16_t samples[FAX_ENGINE_SAMPLES]);
};

struct fax_engine_config {
    bool sender;             /* we called, or agreed to, send the document; else we receive it */
    const char *local_ident; /* CSI or TSI: up to FAX_IDENT_MAX of 0-9 + * # space; copied */
    bool audio;              /* T.30 over audio by modems; else over T.38 */
    bool hold_back;          /* sender: a DIS is not answered until fax_engine_proceed() */
    int t38_version;         /* as negotiated by SDP: 0 to 3 */
    /* bit/s, 2400 to 14400. A sender keeps to it exactly. A receiver can only offer kinds of
     * modems: 14400 V.17, 9600 V.29, 4800 V.27ter, 2400 V.27ter's slower rate; others are rounded
     * down. */
    uint32_t max_rate;
    bool ecm;  /* offer or use error correction; a receiver takes pages without it in any case */
    bool t85;  /* a receiver offers T.85; it goes with error correction only */
    bool wide; /* a receiver offers widths of 255 and 303 mm (B4, A3) and 408 × 391 pels an inch */
    uint64_t
        hold_rnr_ms; /* a receiver answers RNR when a page is not durable by then; 0 means 2000 */
    uint64_t hold_without_ecm_ms; /* without ECM the session ends then, unconfirmed; 0 means 2500 */
    struct fax_page_source source; /* sender only */
    struct fax_engine_callbacks callbacks;
    /* An HDLC frame was received whole, or is about to be sent (address, control, FCF, FIF; the bit
     * sent first is the lowest); those of a page's image (FCD, RCP) are not told. octets are valid
     * during the callback, whose user is that of callbacks. May be NULL. */
    void (*frame)(void *user, bool sent, const uint8_t *octets, size_t length);
};

/* What a page received without ECM is worth (T.30 §5.3.6.1.7). With ECM every page is good. */
enum fax_copy {
    FAX_COPY_GOOD, /* MCF */
    FAX_COPY_POOR, /* kept and confirmed, but the peer shall train again: RTP, or MCF after the last
                    */
    FAX_COPY_BAD,  /* not kept: RTN */
};

struct fax_engine;

/* Checks that the T.30 library present is the one this was written for. Call once at start, before
 * the sandbox. found (may be NULL) gets its version or what was wrong, always ended by NUL. Returns
 * 0, FAX_EUNSUPPORTED or FAX_ENOMEM. */
int fax_engine_library_check(char *found, size_t capacity) __attribute__((warn_unused_result));

/* Makes a session; the configuration and its strings are copied, the source's pages are not.
 * The time starts with the first tick. The caller owns *out; NULL on failure. Needs memfd_create
 * and open of /proc/self/fd/N, now and later. Returns 0; FAX_EINVAL (a field out of range),
 * FAX_EUNSUPPORTED, FAX_ENOMEM, FAX_EENGINE, or what source.get returned. */
int fax_engine_new(struct fax_engine **out, const struct fax_engine_config *config)
    __attribute__((warn_unused_result));

/* Ends the session without a further event and wipes what it holds of pages. */
void fax_engine_free(struct fax_engine *e);

/* Takes an IFP from the peer; sequence as in UDPTL, gaps mean loss. Malformed ones are counted and
 * dropped (FAX_EFORMAT), too many between two ticks as well (FAX_ELIMIT). Returns 0, one of
 * these, or FAX_ESTATE for a session over audio. */
int fax_engine_receive_ifp(struct fax_engine *e, uint16_t sequence, const uint8_t *ifp,
                           size_t length);

/* The same for an IFP that came at now_ms: lets the session's time run to then first, as
 * fax_engine_tick does. Returns FAX_ENGINE_OCTETS when it was nothing but octets of a frame whose
 * end is still to come: no timer and no answer depends on them, so nothing else happened, and
 * fax_engine_next_due_ms() is what it was. Most packets of a page are. */
int fax_engine_receive_at(struct fax_engine *e, uint64_t now_ms, uint16_t sequence,
                          const uint8_t *ifp, size_t length);

/* Lets the session's time run to now_ms; at most a second a call, the rest is forgotten. To be
 * called when fax_engine_next_due_ms() has come, and before anything else is told to the session,
 * so that its timers start from now. A call in between does no harm. */
void fax_engine_tick(struct fax_engine *e, uint64_t now_ms);

/* Express: a session that is transmitting goes on without waiting for its pace, until about
 * `packets` IFPs have left (a few more when they belong together). While it waits for the peer, or
 * a page is held, nothing happens: those times go with the clock. Only for a peer that agreed, see
 * express_flow.h; call it after tick and after receive_ifp. Returns how many IFPs have left. */
unsigned fax_engine_run_ahead(struct fax_engine *e, unsigned packets);

/* Asks the processor to fetch what a tick or an IFP will need of the session. Sessions are many and
 * each is used for some microseconds thirty times a second: without it most of that is waiting for
 * memory. To be called some microseconds before; changes nothing, and reads nothing of the session,
 * which would be waiting: sender is what its configuration said. */
void fax_engine_prefetch(const struct fax_engine *e, bool sender);

/* The same for the packets of which fax_engine_receive_at() says FAX_ENGINE_OCTETS: much less. */
void fax_engine_prefetch_octets(const struct fax_engine *e);

/* When tick has something to do next: a packet to send, a timer that expires, at the latest a
 * second from the last tick; UINT64_MAX when finished. Changes with every call into the session. */
uint64_t fax_engine_next_due_ms(struct fax_engine *e);

/* Whether nothing but a page's image goes over the line, and goes on for a while: a receiver will
 * hear its end (RCP, or another signal) a second before it is asked for anything, a sender waits
 * for no answer. What the peer says meanwhile may be heard some packets later. T.38 only. */
bool fax_engine_mid_page(const struct fax_engine *e);

/* The page of the last PAGE_RECEIVED is safe: confirm it. Returns 0, or FAX_ESTATE when none is
 * waiting (it was refused meanwhile or the session has ended). */
int fax_engine_page_durable(struct fax_engine *e);

/* The same for a page received without ECM, by its quality. FAX_COPY_GOOD and FAX_COPY_POOR say
 * that the page is safe; FAX_COPY_BAD that it is not kept, it is never confirmed and the session
 * goes on (ten times a call, then it ends with T30_RESULT_LIMIT). Returns 0, FAX_ESTATE, or
 * FAX_EINVAL for a bad copy with ECM. */
int fax_engine_page_judged(struct fax_engine *e, enum fax_copy copy);

/* The page could not be stored: never confirm it and end the session with FINISHED and `result`
 * (one of enum t30_own_result, usually T30_RESULT_STORE_FAILED). Returns 0 or FAX_ESTATE. */
int fax_engine_page_refused(struct fax_engine *e, int result);

/* Sender: after PAGES_WANTED the source now gives the same pages with at most that width and
 * resolution, in that coding; all are asked for again. What get() gave before must stay as well.
 * Within two seconds of the peer's DIS that is answered now, later its next one (it comes every
 * three seconds). Returns 0; FAX_ESTATE when sending has begun meanwhile, the old pages are used
 * then; else the session ends with T30_RESULT_SOURCE and the reason is returned. */
int fax_engine_pages_changed(struct fax_engine *e) __attribute__((warn_unused_result));

/* A session made with hold_back may go on: it answers the next DIS (peers repeat theirs every three
 * seconds). Otherwise, and later, it does nothing. */
void fax_engine_proceed(struct fax_engine *e);

/* Ends the session from our side with FINISHED and `result`; nothing more is sent. Safe when
 * finished. */
void fax_engine_abort(struct fax_engine *e, int result);

/* Says whether the session is over: its last event has been given. */
bool fax_engine_finished(const struct fax_engine *e);

/* Copies what is known of the session so far; also valid when it is over. */
void fax_engine_statistics(const struct fax_engine *e, struct fax_statistics *out);

/* A static name as people write it ("V.17"). */
const char *fax_modem_name(enum fax_modem modem);

#endif
