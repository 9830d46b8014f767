/* t30_result.h: the results of a T.30 session as stable names and text for people; what
 * they mean for the fax says gateway/trace/verdict.h.
 *
 * 0 to 55 are the engine's (spandsp's T30_ERR codes), 100 and more are ours. The numbers are stored
 * in records and never change their meaning.
 */
#ifndef T38_T30_RESULT_H
#define T38_T30_RESULT_H

enum t30_own_result {
    T30_RESULT_OK = 0,
    T30_RESULT_NO_ECM = 100,       /* the peer does not use error correction, and we insist */
    T30_RESULT_STORE_FAILED = 101, /* a received page could not be made safe */
    T30_RESULT_PAGE_INVALID = 102, /* a received page does not decode */
    T30_RESULT_ABORTED = 103,      /* ended from our side */
    T30_RESULT_HANGUP = 104,       /* the signalling ended the call before T.30 did */
    T30_RESULT_LIMIT = 105,        /* the peer exceeded a limit (page size, frames) */
    T30_RESULT_GUARD = 106,        /* the engine was about to break a promise and was stopped */
    T30_RESULT_SOURCE = 107,       /* a page to be sent could not be had */
    T30_RESULT_LINE_DIED = 108,    /* the process that ran the call ended unexpectedly */
    T30_RESULT_MEDIA_SILENT = 109, /* nothing came from the peer for too long */
    T30_RESULT_HOLD_EXPIRED = 110, /* storing took longer than the peer was willing to wait */
    T30_RESULT_PAGE_REJECTED =
        111,                   /* the peer answered that a page came badly (RTN), and took others */
    T30_RESULT_BAD_COPY = 112, /* a page came badly without ECM, and may be missing */
    T30_RESULT_PHASE_TIME = 113, /* a phase of the call took longer than it may */
    T30_RESULT_CPU_TIME = 114,   /* the call cost more computing time than it may */
};

struct t30_result {
    int code;
    const char *name; /* lower case with underscores: `no_ecm`, stable */
    const char *text; /* what happened */
};

/* Returns the entry of a code; for an unknown code the entry named `unknown`. Never NULL, static
 * storage. */
const struct t30_result *t30_result_get(int code);

/* The same entry's text. */
const char *t30_result_text(int code);

#endif
