/* call_watch.h: the time that a call may take: wall time per phase, computing time in all.
 *
 * T.30 has timers, but a peer that always says something just in time can keep a call going for
 * ever, and one that finds an expensive path can take the processor from the others. Pure: the
 * engine's events, the clock and the measured time go in, a verdict comes out. It knows nothing of
 * the engine, so that T.30 over audio is watched the same way.
 */
#ifndef T38_CALL_WATCH_H
#define T38_CALL_WATCH_H

#include "t38/fax_engine.h"

enum call_phase {                      /* of T.30 §5.1 */
                  CALL_PHASE_BEFORE,   /* until DCS was sent or taken (phases A and B) */
                  CALL_PHASE_TRAINING, /* DCS to CFR, again with each retraining */
                  CALL_PHASE_PAGE,     /* CFR to the post-page command of a page */
                  CALL_PHASE_POST,     /* until the answer, and to the next page or the end */
                  CALL_PHASES,
};

struct call_watch_limits {
    uint64_t phase_ms[CALL_PHASES]; /* 0: no limit */
    uint64_t cpu_us_per_s;          /* of computing a second of the call; 0: no limit */
    uint64_t cpu_us_free;           /* that a call may take beside it at any time */
};

/* 2, 2, 30, 20 minutes; 20 ms of computing a second and 2 s beside it. A block of 64 kB takes 220 s
 * at 2,400 bit/s, and may be asked for four times after its page was. */
extern const struct call_watch_limits call_watch_default;

struct call_watch {
    struct call_watch_limits limits;
    enum call_phase phase;
    uint64_t begun_ms, phase_since_ms;
    uint64_t page_since_ms; /* the last page was confirmed then; or the beginning */
    uint64_t cpu_us;        /* charged so far */
    uint64_t worst_us;      /* the longest single charge */
};

/* Begins in CALL_PHASE_BEFORE. limits NULL: call_watch_default. */
void call_watch_begin(struct call_watch *w, const struct call_watch_limits *limits,
                      uint64_t now_ms);

/* Takes an event of the session. */
void call_watch_event(struct call_watch *w, enum fax_engine_event_kind kind, uint64_t now_ms);

/* The session took that much computing time. */
void call_watch_charge(struct call_watch *w, uint64_t us);

/* Returns 0 while all is well, else T30_RESULT_PHASE_TIME or T30_RESULT_CPU_TIME: the call is to be
 * ended with it. */
int call_watch_judge(const struct call_watch *w, uint64_t now_ms);

/* When the phase will have taken too long; UINT64_MAX: it may go on for ever. */
uint64_t call_watch_due_ms(const struct call_watch *w);

/* A static name of a phase for people ("before training"). */
const char *call_phase_name(enum call_phase phase);

#endif
