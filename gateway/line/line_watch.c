/* Watches what a call takes: wall time per phase, computing time, datagrams of strangers. */
#include "gateway/line/line_call.h"

#include <stdio.h>
#include <time.h>

#include "t38/t30_result.h"

enum {
    FOREIGN_PERIOD_MS = 60000,
    LONG_US = 1000, /* below that a charge is taken as it is measured */
};

void line_watch_begin(struct line_call *call, uint64_t now_ms)
{
    struct call_watch_limits limits = call_watch_default;

    for (int i = 0; i < CALL_PHASES; i++)
        limits.phase_ms[i] = call->start.phase_limit_ms[i];
    limits.cpu_us_per_s = call->start.cpu_limit_us_per_s;
    call_watch_begin(&call->watch, &limits, now_ms);
}

/* The clock costs nothing to read, but it counts also when another process runs. The thread's own
 * clock does not, and is read at each turn anyway: no call took more than all since then. */
static uint64_t at_most_the_turns_time(const struct line *line, uint64_t us)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    uint64_t now_us = (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
    uint64_t turn_us = now_us - line->stall.last_cpu_us;
    return turn_us < us ? turn_us : us;
}

uint64_t line_watch_us(struct line *line)
{
    uint64_t us = (uv_hrtime() - line->clock_ns) / 1000u;

    line->clock_ns += us * 1000u; /* the rest is charged to the next */
    return us >= LONG_US ? at_most_the_turns_time(line, us) : us;
}

void line_watch_charge(struct line_call *call)
{
    call_watch_charge(&call->watch, line_watch_us(call->line));
    if (call->watch.limits.cpu_us_per_s != 0 && call->watch.cpu_us > call->watch.limits.cpu_us_free)
        call->watch_now = true;
}

static void report_foreign(struct line_call *call, uint64_t now_ms)
{
    uint64_t more = call->media.socket.foreign - call->foreign_reported;
    struct msg_call_progress progress = {
        .call = call->start.call,
        .kind = PROGRESS_FOREIGN,
        .page = more > UINT32_MAX ? UINT32_MAX : (uint32_t)more,
    };

    if (more == 0 ||
        (call->foreign_reported != 0 && now_ms - call->foreign_since_ms < FOREIGN_PERIOD_MS))
        return;
    if (line_send(call->line, MSG_CALL_PROGRESS, &progress, sizeof progress) != 0)
        return; /* the next one says it */
    call->foreign_reported = call->media.socket.foreign;
    call->foreign_since_ms = now_ms;
}

uint64_t line_watch_due_ms(const struct line_call *call)
{
    return call->watch_now ? 0 : call_watch_due_ms(&call->watch);
}

bool line_watch_visit(struct line_call *call, uint64_t now_ms)
{
    char text[MSG_REASON_MAX];
    int result = call_watch_judge(&call->watch, now_ms);

    call->watch_now = false;
    report_foreign(call, now_ms);
    if (result == 0 || call->finished)
        return true;
    snprintf(text, sizeof text, "%s (%s, %llu s, %llu ms of computing)", t30_result_text(result),
             call_phase_name(call->watch.phase),
             (unsigned long long)(now_ms - call->watch.phase_since_ms) / 1000,
             (unsigned long long)call->watch.cpu_us / 1000);
    line_call_abort(call, result, text);
    return false;
}
