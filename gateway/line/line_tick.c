#include "gateway/line/line.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

#include "gateway/line/line_bridges.h"
#include "gateway/line/line_call.h"

enum {
    QUIET_STEP_MS = 15, /* between two ticks: half the time between two packets of T.38 */
    REST_STEP_MS = 120, /* when all calls rest: half the time between two looks at their sockets */
    AUDIO_STEP_MS = 10, /* the same for packets of audio, which leave each 20 ms */
    BUSY_US = 1000,     /* CPU that no turn should take */
    TURN_NS = 250000,   /* of own work, then other handles of the loop get their turn */
};

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

/* From one turn to the next, so what other handles of the loop did is counted, too. */
static void measure_turn(struct line_stall *stall)
{
    uint64_t cpu_us = thread_cpu_us();
    uint64_t busy_us = stall->last_cpu_us != 0 ? cpu_us - stall->last_cpu_us : 0;

    if (busy_us > stall->longest_cpu_us)
        stall->longest_cpu_us = busy_us;
    stall->busy_turns += busy_us >= BUSY_US;
    stall->last_cpu_us = cpu_us;
    stall->turns++;
}

static void measure_tick(struct line_stall *stall, uint64_t wall_us, uint64_t step_us)
{
    if (stall->last_wall_us != 0) {
        uint64_t gap_us = wall_us - stall->last_wall_us;
        uint64_t late_us = gap_us > step_us ? gap_us - step_us : 0;

        if (late_us > stall->longest_wall_us)
            stall->longest_wall_us = late_us;
    }
    stall->before_us = stall->last_wall_us != 0 ? stall->last_wall_us : wall_us;
    stall->last_wall_us = wall_us;
    stall->ticks++;
}

/* The clock was read for each call that was served. */
static bool turn_is_over(const struct line *line)
{
    return line->clock_ns - line->turn_ns > TURN_NS;
}

/* First a datagram of each is read, then each call gets its own: the processor keeps the code of
 * the kernel for the one and ours for the other. Meanwhile the memory of the calls is fetched: what
 * the read needs two calls ahead, the rest once that is there. No call is freed by another's. */
static void read_batch(struct line *line, const struct epoll_event *ready, int n)
{
    for (int i = 0; i < n; i++) {
        struct line_call *call = line->batch[i] = ready[i].data.ptr;

        if (i + 2 < n)
            line_call_prefetch_read(ready[i + 2].data.ptr);
        line->arrivals[i].length = media_transport_read(&call->media, line->arrivals[i].octets);
        line_call_prefetch_hear(call, &line->arrivals[i]);
    }
    line->batch_next = 0;
    line->batch_count = n > 0 ? (unsigned)n : 0;
    line->clock_ns = uv_hrtime(); /* no call is charged with the others' reading */
}

/* Some sessions take a third of a millisecond for a datagram: those that open their document. */
static void hear_batch(struct line *line, uint64_t now_ms)
{
    while (line->batch_next < line->batch_count && !turn_is_over(line)) {
        unsigned i = line->batch_next++;

        if (line->batch[i] != NULL)
            line_call_hear(line->batch[i], &line->arrivals[i], line->stall.ticks, now_ms);
    }
}

struct media_arrival *line_tick_unheard(struct line *line, const struct line_call *call)
{
    for (unsigned i = line->batch_next; i < line->batch_count; i++)
        if (line->batch[i] == call) {
            line->batch[i] = NULL;
            return line->arrivals[i].length >= 0 ? &line->arrivals[i] : NULL;
        }
    return NULL;
}

static bool is_drained(const struct line *line)
{
    return line->batches_left == 0 && line->batch_next == line->batch_count;
}

/* Nothing sleeps on the media sockets, so that arrivals cost no wake-ups. The set is level
 * triggered: what a call may not read now comes again with the next tick, behind the others. */
static void drain_sockets(struct line *line, uint64_t now_ms)
{
    struct epoll_event ready[LINE_READY_MAX];

    hear_batch(line, now_ms);
    while (line->batches_left > 0 && !turn_is_over(line)) {
        int n = epoll_wait(line->epoll_fd, ready, LINE_READY_MAX, 0);

        line->batches_left = n < LINE_READY_MAX ? 0 : line->batches_left - 1;
        read_batch(line, ready, n);
        hear_batch(line, now_ms);
    }
}

static bool visit_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms)
{
    line_call_visit((struct line_call *)(void *)((char *)entry - offsetof(struct line_call, wheel)),
                    now_ms);
    return !turn_is_over(user);
}

static void ahead_cb(const struct call_wheel_entry *entry)
{
    line_call_prefetch((const struct line_call *)(const void *)((const char *)entry -
                                                                offsetof(struct line_call, wheel)));
}

static unsigned step_ms(const struct line *line)
{
    if (line->hasty > 0)
        return CALL_WHEEL_STEP_MS;
    if (line->audio_calls > 0 || line_bridges_count(line->bridges) > 0)
        return AUDIO_STEP_MS;
    if (line->wheel.count != line->resting + line->pacing || line->wheel.count == 0 ||
        line->pacing > LINE_PACE_TOGETHER_MAX)
        return QUIET_STEP_MS;
    if (line->pacing == 0)
        return REST_STEP_MS;
    return (unsigned)(LINE_PACE_MS - uv_now(&line->loop) % LINE_PACE_MS); /* of loop time, too */
}

static void begin_turn(struct line *line)
{
    measure_turn(&line->stall);
    line->turn_ns = line->clock_ns = uv_hrtime();
    if (line->tick_unfinished)
        return;
    measure_tick(&line->stall, line->turn_ns / 1000u, line->tick_ms * UINT64_C(1000));
    line->batches_left = line->call_count / LINE_READY_MAX + 1;
    line->tick_unfinished = true;
}

/* One turn of a tick. */
static void run(struct line *line)
{
    uint64_t now_ms;

    begin_turn(line);
    now_ms = line->turn_ns / 1000000u;
    drain_sockets(line, now_ms);
    if (is_drained(line) && !turn_is_over(line)) {
        line_bridges_tick(line->bridges, now_ms);
        line->tick_unfinished = !call_wheel_advance(&line->wheel, now_ms, visit_cb, ahead_cb, line);
    }
}

/* What comes next: the rest of the tick, the next one, or, when no call is left on the wheel, none.
 * libuv would run a timer without delay again before it looks at anything else. */
static void plan(struct line *line)
{
    if (line->tick_unfinished) {
        uv_idle_start(&line->rest, line_rest_cb);
        return;
    }
    uv_idle_stop(&line->rest);
    if (line->wheel.count > 0 || line_bridges_wait(line->bridges)) {
        line->tick_ms = step_ms(line);
        uv_timer_start(&line->tick, line_tick_cb, line->tick_ms, 0);
        return;
    }
    line->ticking = false;
    line->stall.last_wall_us = line->stall.last_cpu_us = 0;
}

void line_tick_cb(uv_timer_t *timer)
{
    run(timer->data);
    plan(timer->data);
}

void line_rest_cb(uv_idle_t *idle)
{
    run(idle->data);
    plan(idle->data);
}

void line_tick_start(struct line *line)
{
    /* One that does not rest shall not wait for those that do. */
    if (line->ticking && (line->tick_unfinished || line->tick_ms < REST_STEP_MS))
        return;
    line->ticking = true;
    line->tick_ms = CALL_WHEEL_STEP_MS;
    uv_timer_start(&line->tick, line_tick_cb, CALL_WHEEL_STEP_MS, 0);
}
