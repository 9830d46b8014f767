#include "gateway/control/line_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/process/log.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 10000, STABLE_MS = 30000, SLOTS_FIRST = 16 };

struct call_slot {
    uint32_t call; /* 0: free */
    struct line_call_handlers handlers;
};

struct pool_line {
    struct line_pool *pool;
    uv_timer_t retry;
    struct ipc_channel *channel;
    uint64_t tag;
    int pid;
    bool spawned, ready;
    uint64_t started_ms, backoff_ms;
    struct call_slot *slots;
    size_t slot_count;
    uint32_t calls, calls_lost; /* calls_lost: by the present death */
};

struct line_pool {
    uv_loop_t *loop;
    struct supervisor_client *supervisor;
    struct line_pool_config config;
    uint32_t next_call;
    bool closing;
    size_t open_timers;
    void (*done)(void *user);
    void *done_user;
    struct pool_line *lines;
};

static void start_line(struct pool_line *line);

static void on_retry(uv_timer_t *timer)
{
    start_line(timer->data);
}

static void retry_later(struct pool_line *line)
{
    if (line->pool->closing)
        return;
    if (uv_now(line->pool->loop) - line->started_ms >= STABLE_MS)
        line->backoff_ms = BACKOFF_FIRST_MS;
    uv_timer_start(&line->retry, on_retry, line->backoff_ms, 0);
    line->backoff_ms *= 2;
    if (line->backoff_ms > BACKOFF_MAX_MS)
        line->backoff_ms = BACKOFF_MAX_MS;
}

/* The calls of a dead line. A handler may attach its call to another line meanwhile. */
static void lose_calls(struct pool_line *line)
{
    struct call_slot *slots = line->slots;
    size_t count = line->slot_count;
    line->calls_lost += line->calls;
    line->slots = NULL;
    line->slot_count = 0;
    line->calls = 0;
    for (size_t i = 0; i < count; i++)
        if (slots[i].call)
            slots[i].handlers.lost(slots[i].handlers.user);
    free(slots);
}

static struct call_slot *find_slot(struct pool_line *line, uint32_t call)
{
    for (size_t i = 0; i < line->slot_count; i++)
        if (line->slots[i].call == call)
            return &line->slots[i];
    return NULL;
}

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *m)
{
    struct pool_line *line = user;
    (void)channel;
    if (ipc_message_body(m, MSG_LINE_HELLO, 0)) {
        line->ready = true;
        if (line->pool->config.ready)
            line->pool->config.ready(line->pool->config.user);
        return;
    }
    /* Every other message of a line begins with the number of its call. */
    uint32_t call = 0;
    if (m->header.length >= sizeof call)
        memcpy(&call, m->body, sizeof call);
    struct call_slot *slot = call ? find_slot(line, call) : NULL;
    if (slot)
        slot->handlers.message(slot->handlers.user, m);
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    struct pool_line *line = user;
    (void)status;
    line->channel = NULL;
    line->ready = false;
    ipc_channel_close(channel);
    if (line->spawned)
        supervisor_kill(line->pool->supervisor, line->tag);
    lose_calls(line);
}

static void on_started(void *user, int status, int pid, int descriptor)
{
    struct pool_line *line = user;
    if (status < 0) {
        log_write(LOG_LEVEL_ERROR, "a line cannot be started: %s", strerror(-status));
        line->spawned = false;
        retry_later(line);
        return;
    }
    line->pid = pid;
    const struct ipc_handlers handlers = {on_message, on_gone, line};
    if (ipc_channel_open(line->pool->loop, descriptor, &handlers, &line->channel) < 0)
        supervisor_kill(line->pool->supervisor, line->tag);
}

static void on_ended(void *user, int wait_status)
{
    struct pool_line *line = user;
    line->spawned = false;
    line->ready = false;
    ipc_channel_close(line->channel);
    line->channel = NULL;
    lose_calls(line);
    if (line->pool->config.died)
        line->pool->config.died(line->pool->config.user, line->pid, wait_status, line->calls_lost);
    line->calls_lost = 0;
    line->pid = 0;
    retry_later(line);
}

static void start_line(struct pool_line *line)
{
    struct line_pool *pool = line->pool;
    const struct child_handlers handlers = {on_started, on_ended, line};
    line->started_ms = uv_now(pool->loop);
    if (supervisor_spawn(pool->supervisor, CHILD_LINE, &handlers, &line->tag) < 0)
        retry_later(line);
    else
        line->spawned = true;
}

int line_pool_new(uv_loop_t *loop, struct supervisor_client *supervisor,
                  const struct line_pool_config *config, struct line_pool **out)
{
    struct line_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return -ENOMEM;
    pool->lines = calloc(config->count, sizeof *pool->lines);
    if (!pool->lines) {
        free(pool);
        return -ENOMEM;
    }
    pool->loop = loop;
    pool->supervisor = supervisor;
    pool->config = *config;
    pool->next_call = 1;
    for (uint32_t i = 0; i < config->count; i++) {
        struct pool_line *line = &pool->lines[i];
        line->pool = pool;
        line->backoff_ms = BACKOFF_FIRST_MS;
        uv_timer_init(loop, &line->retry);
        line->retry.data = line;
        pool->open_timers++;
        start_line(line);
    }
    *out = pool;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pool_line *line = handle->data;
    struct line_pool *pool = line->pool;
    if (--pool->open_timers > 0)
        return;
    if (pool->done)
        pool->done(pool->done_user);
    free(pool->lines);
    free(pool);
}

void line_pool_close(struct line_pool *pool, void (*done)(void *user), void *user)
{
    if (!pool)
        return;
    pool->closing = true;
    pool->done = done;
    pool->done_user = user;
    for (uint32_t i = 0; i < pool->config.count; i++) {
        struct pool_line *line = &pool->lines[i];
        if (line->spawned)
            supervisor_abandon(pool->supervisor, line->tag);
        ipc_channel_close(line->channel);
        line->channel = NULL;
        free(line->slots);
        line->slots = NULL;
        uv_close((uv_handle_t *)&line->retry, on_timer_closed);
    }
}

static struct call_slot *free_slot(struct pool_line *line)
{
    struct call_slot *slot = line->slot_count ? find_slot(line, 0) : NULL;
    if (slot)
        return slot;
    size_t count = line->slot_count ? line->slot_count * 2 : SLOTS_FIRST;
    struct call_slot *more = realloc(line->slots, count * sizeof *more);
    if (!more)
        return NULL;
    memset(more + line->slot_count, 0, (count - line->slot_count) * sizeof *more);
    line->slots = more;
    slot = &more[line->slot_count];
    line->slot_count = count;
    return slot;
}

int line_pool_attach(struct line_pool *pool, const struct line_call_handlers *handlers,
                     struct pool_line **line, uint32_t *call)
{
    struct pool_line *best = NULL;
    for (uint32_t i = 0; i < pool->config.count; i++) {
        struct pool_line *l = &pool->lines[i];
        if (l->ready && l->calls < pool->config.max_calls && (!best || l->calls < best->calls))
            best = l;
    }
    if (!best || pool->closing)
        return -EAGAIN;
    struct call_slot *slot = free_slot(best);
    if (!slot)
        return -ENOMEM;
    slot->call = pool->next_call++;
    if (pool->next_call == 0)
        pool->next_call = 1;
    slot->handlers = *handlers;
    best->calls++;
    *line = best;
    *call = slot->call;
    return 0;
}

void line_pool_detach(struct pool_line *line, uint32_t call)
{
    struct call_slot *slot = line && call ? find_slot(line, call) : NULL;
    if (!slot)
        return;
    memset(slot, 0, sizeof *slot);
    line->calls--;
}

int line_pool_send(struct pool_line *line, uint16_t type, const void *body, size_t length,
                   const int *descriptors, int descriptor_count)
{
    if (!line->channel)
        return -EPIPE;
    return ipc_channel_send(line->channel, type, 0, body, length, descriptors, descriptor_count);
}

size_t line_pool_count(const struct line_pool *pool)
{
    return pool->config.count;
}

uint32_t line_pool_calls(const struct line_pool *pool)
{
    uint32_t calls = 0;
    for (uint32_t i = 0; i < pool->config.count; i++)
        calls += pool->lines[i].calls;
    return calls;
}

uint32_t line_pool_room(const struct line_pool *pool)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < pool->config.count; i++)
        if (pool->lines[i].ready)
            room += pool->config.max_calls - pool->lines[i].calls;
    return room;
}

void line_pool_describe(const struct line_pool *pool, size_t index, int *pid, uint32_t *calls)
{
    *pid = pool->lines[index].pid;
    *calls = pool->lines[index].calls;
}
