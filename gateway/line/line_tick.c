#include "gateway/line/line.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

#include "gateway/line/line_bridges.h"
#include "gateway/line/line_call.h"

enum { TICK_US = CALL_WHEEL_STEP_MS * 1000 };

uint64_t line_now_ms(void)
{
    return uv_hrtime() / 1000000u;
}

static uint64_t thread_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void measure_stall(struct line_stall *stall)
{
    uint64_t wall_us = uv_hrtime() / 1000u, cpu_us = thread_cpu_us();

    if (stall->last_wall_us != 0) {
        uint64_t gap_us = wall_us - stall->last_wall_us, busy_us = cpu_us - stall->last_cpu_us;
        uint64_t late_us = gap_us > TICK_US ? gap_us - TICK_US : 0;

        if (late_us > stall->longest_wall_us)
            stall->longest_wall_us = late_us;
        if (busy_us > stall->longest_cpu_us)
            stall->longest_cpu_us = busy_us;
    }
    stall->before_us = stall->last_wall_us != 0 ? stall->last_wall_us : wall_us;
    stall->last_wall_us = wall_us;
    stall->last_cpu_us = cpu_us;
    stall->ticks++;
}

/* Nothing sleeps on the media sockets, so that arrivals cost no wake-ups. The set is level
 * triggered: what a call may not read now comes again with the next tick, behind the others. */
static void drain_sockets(struct line *line, uint64_t now_ms)
{
    struct epoll_event ready[LINE_READY_MAX];
    unsigned rounds = line->call_count / LINE_READY_MAX + 1;
    uint64_t tick = line->stall.ticks;
    int n;

    do {
        n = epoll_wait(line->epoll_fd, ready, LINE_READY_MAX, 0);
        for (int i = 0; i < n; i++) {
            struct line_call *call = ready[i].data.ptr;

            if (i + 2 < n)
                __builtin_prefetch(ready[i + 2].data.ptr);
            if (i + 1 < n)
                line_call_prefetch(ready[i + 1].data.ptr);
            line_call_hear(call, tick, now_ms);
            line_call_settle(call);
        }
    } while (n == LINE_READY_MAX && --rounds > 0);
}

static void visit_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms)
{
    (void)user;
    line_call_visit((struct line_call *)(void *)((char *)entry - offsetof(struct line_call, wheel)),
                    now_ms);
}

static void ahead_cb(const struct call_wheel_entry *entry)
{
    line_call_prefetch((const struct line_call *)(const void *)((const char *)entry -
                                                                offsetof(struct line_call, wheel)));
}

void line_tick_cb(uv_timer_t *timer)
{
    struct line *line = timer->data;
    uint64_t now_ms = line_now_ms();

    measure_stall(&line->stall);
    drain_sockets(line, now_ms);
    call_wheel_advance(&line->wheel, now_ms, visit_cb, ahead_cb, NULL);
    line_bridges_tick(line->bridges, now_ms);
    if (line->wheel.count == 0 && !line_bridges_wait(line->bridges)) {
        uv_timer_stop(timer);
        line->ticking = false;
        line->stall.last_wall_us = 0;
    }
}

void line_tick_start(struct line *line)
{
    if (line->ticking)
        return;
    line->ticking = true;
    uv_timer_start(&line->tick, line_tick_cb, CALL_WHEEL_STEP_MS, CALL_WHEEL_STEP_MS);
}
