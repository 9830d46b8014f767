#include "gateway/control/fax_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/bridge_call.h"
#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/handover.h"
#include "gateway/process/log.h"
#include "policy/retention.h"

enum { CLASS_HIGH, CLASS_USUAL, CLASS_LOW, CLASSES };
enum { RETRY_MS = 1000, STARTS_PER_TURN = 64, ROOM_MS = 500, CLOSED_MS = 20000 };

struct queued_fax {
    struct queued_fax *next;
    struct outbound_fax fax;
    uint64_t due_ms; /* of the loop's clock, which does not step */
    /* A fax that ends without another attempt waits here until its end is recorded. */
    const char *end_state, *end_reason; /* NULL: it is to be sent */
    char end_actor[POLICY_NAME_TEXT];
    const char *plan; /* what is to come of it then (handover.h) */
    bool recording;
};

struct fax_queue {
    struct control *control;
    uv_timer_t timer;
    /* One list, those of a class behind those before it: ends[class] is where one of it comes. */
    struct queued_fax *first, **ends[CLASSES];
    size_t length;
    bool closing;
    void (*done)(void *user);
    void *done_user;
};

int fax_queue_new(struct control *control, struct fax_queue **out)
{
    struct fax_queue *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->control = control;
    for (int i = 0; i < CLASSES; i++)
        q->ends[i] = &q->first;
    uv_timer_init(&control->loop, &q->timer);
    q->timer.data = q;
    *out = q;
    return 0;
}

static void remove_at(struct fax_queue *q, struct queued_fax **at)
{
    struct queued_fax *gone = *at;
    *at = gone->next;
    for (int i = 0; i < CLASSES; i++)
        if (q->ends[i] == &gone->next)
            q->ends[i] = at;
    q->length--;
    free(gone);
}

static void on_closed(uv_handle_t *handle)
{
    struct fax_queue *q = handle->data;
    while (q->first)
        remove_at(q, &q->first);
    if (q->done)
        q->done(q->done_user);
    free(q);
}

void fax_queue_close(struct fax_queue *q, void (*done)(void *user), void *user)
{
    if (!q)
        return;
    q->closing = true;
    q->done = done;
    q->done_user = user;
    uv_close((uv_handle_t *)&q->timer, on_closed);
}

static void on_call_done(void *user, const struct outbound_fax *again)
{
    struct fax_queue *q = user;
    if (again && fax_queue_add(q, again) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a queued fax waits for the next start");
    if (!q->closing)
        fax_queue_run(q);
}

/* --- ends without an attempt --- */

static void on_timer(uv_timer_t *timer)
{
    fax_queue_run(timer->data);
}

static struct fax_end end_of(const struct queued_fax *entry)
{
    return (struct fax_end){
        .fax = entry->fax.fax,
        .outbound = true,
        .trunk = "",
        .principal = entry->fax.principal,
        .mailbox = entry->fax.mailbox,
        .from = entry->fax.from,
        .to = entry->fax.to,
        .state = entry->end_state,
        .reason = entry->end_reason,
        .pages = entry->fax.pages,
    };
}

struct recorded_end {
    struct fax_queue *queue;
    struct control *control;
    struct fax_id fax;
};

static void on_end_recorded(void *user, int status, uint64_t index)
{
    struct recorded_end *end = user;
    struct fax_queue *q = end->queue;
    (void)index;
    /* In a stop the queue may be gone; the next start finds what was not recorded. */
    struct queued_fax **at = status == -ESHUTDOWN || end->control->stopping ? NULL : &q->first;
    while (at && *at && !fax_id_equal(&(*at)->fax.fax, &end->fax))
        at = &(*at)->next;
    free(end);
    if (!at || !*at)
        return;
    struct queued_fax *entry = *at;
    entry->recording = false; /* when it failed, the next turn tries again */
    if (status < 0)
        return;
    fax_watchers_tell(q->control->watchers, &entry->fax.fax, "ended", entry->end_state,
                      json_pack("{s:s}", "text", entry->end_reason), true);
    const struct fax_end ended = end_of(entry);
    handover_begin(q->control, &ended, entry->plan);
    remove_at(q, at);
}

static void record_end(struct fax_queue *q, struct queued_fax *entry)
{
    struct event e;
    int64_t disposal_us = RETENTION_NEVER;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(q->control->policy), entry->fax.mailbox);
    if (mailbox &&
        retention_disposal_time(control_now_ms() * 1000, mailbox->retention_days, &disposal_us) < 0)
        disposal_us = RETENTION_NEVER;
    struct recorded_end *end = calloc(1, sizeof *end);
    if (!end)
        return; /* the next turn tries again */
    *end = (struct recorded_end){q, q->control, entry->fax.fax};
    event_begin(&e, "fax.completed", entry->end_actor, &entry->fax.fax);
    event_outcome(&e, "failed");
    event_text(&e, "state", entry->end_state);
    event_integer(&e, "pages", 0);
    event_text(&e, "reason", entry->end_reason);
    event_integer(&e, "disposal", disposal_us == RETENTION_NEVER ? 0 : disposal_us / 1000000);
    const struct fax_end ended = end_of(entry);
    entry->plan = handover_plan(q->control, &ended);
    event_text(&e, "forward", entry->plan);
    entry->recording = true;
    int rc = event_append(&e, q->control->audit, on_end_recorded, end);
    if (rc < 0)
        on_end_recorded(end, rc, 0);
}

static void end_fax(struct fax_queue *q, struct queued_fax *entry, const char *state,
                    const char *actor, const char *reason)
{
    entry->end_state = state;
    entry->end_reason = reason;
    snprintf(entry->end_actor, sizeof entry->end_actor, "%s", actor);
    record_end(q, entry);
    if (!uv_is_active((uv_handle_t *)&q->timer))
        uv_timer_start(&q->timer, on_timer, RETRY_MS, 0);
}

/* --- starting --- */

/* Returns true when the fax has left the queue; one without room waits. */
static bool start(struct fax_queue *q, struct queued_fax *entry, const struct trunk_routes *routes)
{
    int rc = fax_call_out(q->control, &entry->fax, routes, on_call_done, q);
    if (rc == 0)
        return true;
    log_write(LOG_LEVEL_WARNING, "a fax cannot be started yet: %s", strerror(-rc));
    return false;
}

/* Moves the first trunk that has room to the front. */
static bool choose_trunk(struct control *c, struct trunk_routes *routes)
{
    for (size_t i = 0; i < routes->count; i++) {
        char name[POLICY_NAME_TEXT];
        const struct trunk_info *trunk = policy_cache_trunk(c->policy, routes->trunks[i]);
        if (!trunk || !trunk_routes_has_room(c, trunk, true))
            continue;
        memcpy(name, routes->trunks[i], sizeof name);
        memmove(routes->trunks[1], routes->trunks[0], i * sizeof routes->trunks[0]);
        memcpy(routes->trunks[0], name, sizeof name);
        return true;
    }
    return false;
}

/* Returns false when it waits, or is ended: there is no way to its number. */
static bool find_routes(struct fax_queue *q, struct queued_fax *entry, struct trunk_routes *routes)
{
    struct control *c = q->control;
    char why[TRUNK_ROUTES_TEXT];
    switch (trunk_routes_find(c, entry->fax.to, entry->fax.class_name, entry->fax.avoid,
                              control_now_ms(), routes, why)) {
    case TRUNK_ROUTES_FOUND:
        if (choose_trunk(c, routes))
            return true;
        entry->due_ms = uv_now(&c->loop) + ROOM_MS;
        break;
    case TRUNK_ROUTES_CLOSED:
        entry->due_ms = uv_now(&c->loop) + CLOSED_MS;
        break;
    case TRUNK_ROUTES_NONE:
        end_fax(q, entry, "failed", entry->fax.principal, "no trunk leads to the number");
        break;
    case TRUNK_ROUTES_DENIED:
        end_fax(q, entry, "failed", entry->fax.principal, "the number is denied");
        break;
    }
    return false;
}

/* Since the fax was taken, which its identifier says (RFC 9562 §5.7), or was to be sent. */
static int64_t age_ms(const struct queued_fax *entry)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | entry->fax.fax.octets[i];
    if (entry->fax.attempt <= 1 && entry->fax.not_before_ms > ms)
        ms = entry->fax.not_before_ms;
    return control_now_ms() - ms;
}

/* Whether a fax for a device can be sent now: it is there and free, and may be sent this. One that
 * has waited too long, or may not, gets its end. */
static bool device_is_free(struct fax_queue *q, struct queued_fax *entry, const char *name)
{
    struct control *c = q->control;
    struct policy_answer answer;
    char target[POLICY_NAME_TEXT + 8];
    snprintf(target, sizeof target, DEVICE_PREFIX "%s", name);
    policy_cache_decide(c->policy, target, POLICY_RECEIVE, NULL, entry->fax.to, NULL, &answer);
    if (!answer.allowed) {
        end_fax(q, entry, "failed", "system",
                "the device may not be sent what comes for its number");
        return false;
    }
    if (age_ms(entry) > c->config->devices.wait_ms)
        end_fax(q, entry, "failed", "system", "the device was off or busy for too long");
    return !entry->end_state && device_is_reachable(c, name) && !fax_call_with(c, target) &&
           bridge_calls_over(c, target) == 0;
}

/* Where a fax goes: over trunks, or to the device whose number it is. False: not now, or never
 * (then its end is under way). */
static bool find_way(struct fax_queue *q, struct queued_fax *entry, struct trunk_routes *routes)
{
    const struct device_info *device = policy_cache_device_of(q->control->policy, entry->fax.to);
    if (!device)
        return find_routes(q, entry, routes);
    routes->count = 1;
    snprintf(routes->trunks[0], sizeof routes->trunks[0], DEVICE_PREFIX "%.50s", device->name);
    return device_is_free(q, entry, device->name);
}

void fax_queue_wake(struct fax_queue *q, const char *to)
{
    for (struct queued_fax *entry = q->first; entry; entry = entry->next)
        if (strcmp(entry->fax.to, to) == 0)
            entry->due_ms = 0;
    fax_queue_run(q);
}

void fax_queue_run(struct fax_queue *q)
{
    struct control *c = q->control;
    if (q->closing || !c->ready || c->stopping || !policy_cache_set(c->policy) ||
        !keeper_client_ready(c->keeper))
        return;
    /* Half of the room is kept for calls that come in. */
    size_t room = (line_pool_room(c->lines) + 1) / 2;
    int turns = 0;
    for (struct queued_fax **at = &q->first; *at && room > 0 && turns < STARTS_PER_TURN;) {
        if ((*at)->due_ms > uv_now(&c->loop)) {
            at = &(*at)->next;
            continue;
        }
        if ((*at)->end_state) {
            if (!(*at)->recording)
                record_end(q, *at);
            at = &(*at)->next;
            continue;
        }
        struct trunk_routes routes;
        if (!find_way(q, *at, &routes)) {
            at = &(*at)->next;
            continue;
        }
        if (!start(q, *at, &routes))
            break;
        remove_at(q, at);
        turns++;
        room--;
    }
    if (q->first)
        uv_timer_start(&q->timer, on_timer, RETRY_MS, 0);
}

/* How long it has to wait. However the clock was set in between, never longer than the longest wait
 * between two attempts, or for the first one what a sender may ask for. */
static uint64_t wait_ms(const struct fax_queue *q, const struct outbound_fax *fax)
{
    int64_t longest_ms =
        fax->attempt > 1 ? q->control->config->retry.max_delay_ms : FAX_QUEUE_WAIT_MS;
    int64_t left_ms = fax->not_before_ms - control_now_ms();
    if (fax->not_before_ms == 0 || left_ms < 0)
        return 0;
    return (uint64_t)(left_ms < longest_ms ? left_ms : longest_ms);
}

static int class_of(const struct outbound_fax *fax)
{
    if (fax->priority == FAX_PRIORITY_HIGH)
        return CLASS_HIGH;
    return fax->priority == FAX_PRIORITY_LOW ? CLASS_LOW : CLASS_USUAL;
}

static void insert(struct fax_queue *q, struct queued_fax *entry)
{
    struct queued_fax **at = q->ends[class_of(&entry->fax)];
    entry->next = *at;
    *at = entry;
    for (int i = class_of(&entry->fax); i < CLASSES && q->ends[i] == at; i++)
        q->ends[i] = &entry->next;
    q->length++;
}

int fax_queue_add(struct fax_queue *q, const struct outbound_fax *fax)
{
    struct queued_fax *entry = calloc(1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    entry->fax = *fax;
    entry->due_ms = uv_now(&q->control->loop) + wait_ms(q, fax);
    insert(q, entry);
    return 0;
}

bool fax_queue_cancel(struct fax_queue *q, const struct fax_id *fax, const char *actor)
{
    for (struct queued_fax **at = &q->first; *at; at = &(*at)->next) {
        if (!fax_id_equal(&(*at)->fax.fax, fax))
            continue;
        if (!(*at)->end_state)
            end_fax(q, *at, "cancelled", actor, "cancelled");
        return true;
    }
    return false;
}

bool fax_queue_holds(const struct fax_queue *q, const struct fax_id *fax)
{
    for (const struct queued_fax *entry = q->first; entry; entry = entry->next)
        if (fax_id_equal(&entry->fax.fax, fax))
            return true;
    return false;
}

size_t fax_queue_length(const struct fax_queue *q)
{
    return q->length;
}
