/* verdict.h: what became of a call, in one sentence: what happened, which side to look at, and
 * whether trying again makes sense. Pure. The retries of gateway/control/retry.h are decided by the
 * same tables. */
#ifndef GATEWAY_TRACE_VERDICT_H
#define GATEWAY_TRACE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/trace/call_trace.h"

/* Why an attempt failed, as far as it matters for the next one. */
enum retry_cause {
    RETRY_NEVER,    /* a further attempt would be wrong or useless */
    RETRY_BUSY,     /* the other end will be free, or able, some time */
    RETRY_NO_REPLY, /* nobody answers */
    RETRY_NETWORK,  /* the call or its media was lost */
    RETRY_TRAINING, /* the modems did not agree: slower, then without error correction */
    RETRY_AUDIO,    /* T.38 was agreed, but never came: at once, and over audio */
};

/* Where to look. The numbers stand in sealed traces. */
enum verdict_side {
    VERDICT_NOBODY = 0, /* nothing is wrong */
    VERDICT_PEER,       /* the other fax machine, or who uses it */
    VERDICT_NETWORK,    /* trunk, firewall, the way between */
    VERDICT_GATEWAY,    /* here */
    VERDICT_NUMBER,     /* the number dialled, or what may be sent to it */
};

struct verdict_entry {
    int code;
    enum retry_cause cause;
    enum verdict_side side;
    const char *sentence; /* ends with a full stop */
};

/* The entry of a final SIP status (300 to 699; RFC 3261 §21 and the registry of IANA). A code that
 * is not registered gets that of its class (RFC 3261 §8.1.3.2). NULL for others. */
const struct verdict_entry *verdict_of_sip(int status);

/* The entry of a cause of ITU-T Q.850; NULL when there is none. */
const struct verdict_entry *verdict_of_q850(int cause);

/* The entry of a result of t38/t30_result.h above 0; NULL for 0, and for codes that are unknown. */
const struct verdict_entry *verdict_of_t30(int result);

/* The entry at position in each table; NULL behind the last. For tests. */
const struct verdict_entry *verdict_sip_at(unsigned position);
const struct verdict_entry *verdict_q850_at(unsigned position);

/* What is known of a call when it is over. */
struct verdict_facts {
    bool outbound;
    const char *state; /* of the fax after this attempt: "delivered", "failed", … */
    int sip_code;      /* of a refusal; 0 or 200: none */
    int q850;          /* cause of a Reason header, 0: none */
    int t30_result;    /* negative: T.30 did not run */
    bool local_fault;
    bool t38_was_mute; /* T.38 was agreed and never came, and audio may be tried */
    uint32_t media;    /* enum trace_media that ran */
    uint32_t packets;  /* of the peer's media that were valid */
    uint32_t lost;     /* that did not come */
    uint32_t page_pending;
    uint32_t pages_confirmed;
    uint32_t retrains; /* sender: DCS sent */
    bool silent;       /* nothing of the peer's came since the latest media began */
    bool heard_t30;    /* a T.30 frame of the peer */
    bool dcs_answered; /* by CFR or FTT */
};

/* Takes what the traces know: frames, training. line may be NULL. */
void verdict_facts_trace(struct verdict_facts *facts, const struct call_trace *own,
                         const struct call_trace *line);

struct verdict {
    enum verdict_side side;
    enum retry_cause cause;
    enum trace_retry retry; /* does trying again make sense? */
    char sentence[TRACE_SENTENCE];
};

/* An empty sentence: nothing is known beyond the reason that ended the call. */
void verdict_make(const struct verdict_facts *facts, struct verdict *out);

/* Whether trying again makes sense. */
enum trace_retry verdict_retry(enum retry_cause cause);

/* What a refusal means: of a cause of Q.850 (0: none) more than of the status that stands for it.
 * NULL when there was none. */
const struct verdict_entry *verdict_of_refusal(int status, int q850);

/* Whether and why the fax may be tried again: RETRY_NEVER unless its state is failed or partial. */
enum retry_cause verdict_cause(const struct verdict_facts *facts);

/* ---- verdict_bridge.c: a call that was taken through ---- */

/* What is known of a bridged call when it is over. Legs: 0 the caller, 1 the called side. */
struct verdict_bridge_facts {
    const char *state; /* "completed", "unobserved", "partial", "failed", "refused", … */
    int sip_code;      /* of the called side's refusal; 0: it was not asked */
    int q850;          /* cause of its Reason header; 0: none */
    int t30_result;    /* of the line; negative: it ran no media, or did not say */
    uint32_t pages, rejected;
    bool trained;
    struct {
        uint32_t media;         /* enum trace_media, as it was last */
        uint32_t packets, lost; /* of the leg */
        uint32_t frames;        /* T.30 frames that came from it */
    } leg[2];
};

/* Fills in all of *out; retry is what the machine that called may do. An empty sentence: nothing is
 * known beyond the reason. */
void verdict_make_bridge(const struct verdict_bridge_facts *facts, struct verdict *out);

/* "nobody", "peer", "network", "gateway", "number"; static. */
const char *verdict_side_text(enum verdict_side side);

#endif
