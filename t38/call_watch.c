#include "t38/call_watch.h"

#include "t38/t30_result.h"

#include <string.h>

const struct call_watch_limits call_watch_default = {
    .phase_ms = {[CALL_PHASE_BEFORE] = 120000,
                 [CALL_PHASE_TRAINING] = 120000,
                 [CALL_PHASE_PAGE] = 1800000,
                 [CALL_PHASE_POST] = 1200000},
    .cpu_us_per_s = 20000,
    .cpu_us_free = 2000000,
};

void call_watch_begin(struct call_watch *w, const struct call_watch_limits *limits, uint64_t now_ms)
{
    memset(w, 0, sizeof *w);
    w->limits = limits ? *limits : call_watch_default;
    w->begun_ms = w->phase_since_ms = w->page_since_ms = now_ms;
}

static void enter(struct call_watch *w, enum call_phase phase, uint64_t now_ms)
{
    w->phase = phase;
    w->phase_since_ms = now_ms;
}

void call_watch_event(struct call_watch *w, enum fax_engine_event_kind kind, uint64_t now_ms)
{
    switch (kind) {
    case FAX_EVENT_DOCUMENT_BEGIN:
        /* A peer that repeats its DCS gains no time by that. */
        if (w->phase != CALL_PHASE_TRAINING)
            enter(w, CALL_PHASE_TRAINING, now_ms);
        break;
    case FAX_EVENT_TRAINED:
    case FAX_EVENT_PAGE_BEGIN:
        if (w->phase != CALL_PHASE_PAGE)
            enter(w, CALL_PHASE_PAGE, now_ms);
        break;
    case FAX_EVENT_PAGE_CONFIRMED:
        w->page_since_ms = now_ms;
        enter(w, CALL_PHASE_POST, now_ms);
        break;
    case FAX_EVENT_PAGE_RECEIVED:
    case FAX_EVENT_PAGE_PPS_SENT:
    case FAX_EVENT_PAGE_REJECTED:
        enter(w, CALL_PHASE_POST, now_ms);
        break;
    case FAX_EVENT_PEER_IDENT:
    case FAX_EVENT_PAGES_WANTED:
    case FAX_EVENT_FINISHED:
        break;
    }
}

void call_watch_charge(struct call_watch *w, uint64_t us)
{
    w->cpu_us += us;
    if (us > w->worst_us)
        w->worst_us = us;
}

static uint64_t after(uint64_t since_ms, uint64_t limit_ms)
{
    return limit_ms ? since_ms + limit_ms + 1 : UINT64_MAX;
}

/* Training and pages in turn without a page confirmed are no progress. */
static uint64_t progress_limit_ms(const struct call_watch *w)
{
    const uint64_t *ms = w->limits.phase_ms;
    uint64_t sum_ms = 0;
    for (int i = 0; i < CALL_PHASES; i++) {
        if (!ms[i])
            return 0;
        sum_ms += ms[i];
    }
    return sum_ms;
}

uint64_t call_watch_due_ms(const struct call_watch *w)
{
    uint64_t phase_ms = after(w->phase_since_ms, w->limits.phase_ms[w->phase]);
    uint64_t progress_ms = after(w->page_since_ms, progress_limit_ms(w));
    return phase_ms < progress_ms ? phase_ms : progress_ms;
}

int call_watch_judge(const struct call_watch *w, uint64_t now_ms)
{
    const struct call_watch_limits *l = &w->limits;
    if (call_watch_due_ms(w) <= now_ms)
        return T30_RESULT_PHASE_TIME;
    if (l->cpu_us_per_s && w->cpu_us > l->cpu_us_free &&
        w->cpu_us - l->cpu_us_free > (now_ms - w->begun_ms) * l->cpu_us_per_s / 1000)
        return T30_RESULT_CPU_TIME;
    return 0;
}

const char *call_phase_name(enum call_phase phase)
{
    static const char *const names[] = {"before training", "training", "page", "after a page"};
    return phase < CALL_PHASES ? names[phase] : "unknown";
}
