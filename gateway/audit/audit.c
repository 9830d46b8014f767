#include "gateway/audit/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/audit/audit_private.h"
#include "gateway/audit/audit_recover.h"

/* An append on its way. */
struct pending {
    struct audit *audit;
    audit_done_cb *done;
    void *user;
    char type[RECORD_EVENT_TEXT];
};

static void on_durable(void *user, int status, uint64_t index)
{
    struct pending *pending = user;
    struct audit *audit = pending->audit;
    audit->appending--;
    if (status == 0) {
        audit_checkpoint_note_durable(audit, pending->type, index);
        if (audit->drain)
            drain_wake(audit->drain, journal_size(audit->journal));
    }
    if (pending->done)
        pending->done(pending->user, status, index);
    free(pending);
    audit_close_step(audit);
}

int audit_append_now(struct audit *audit, const struct audit_event *event, audit_done_cb *done,
                     void *user)
{
    int error = journal_failed(audit->journal);
    if (error)
        return error;
    if (audit->appending >= AUDIT_QUEUE_MAX)
        return -ENOBUFS;
    struct audit_built built;
    error = audit_event_build(audit, event, &built);
    if (error)
        return error;
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending)
        return -ENOMEM;
    *pending = (struct pending){.audit = audit, .done = done, .user = user};
    snprintf(pending->type, sizeof(pending->type), "%s", event->type);
    struct journal_entry entry = {
        .index = journal_next_index(audit->journal),
        .record = built.record,
        .record_length = built.length,
        .sides = built.sides,
        .side_count = built.side_count,
    };
    error = journal_append(audit->journal, &entry, on_durable, pending);
    if (error)
        free(pending);
    else
        audit->appending++;
    return error;
}

int audit_append(struct audit *audit, const struct audit_event *event, audit_done_cb *done,
                 void *user)
{
    return audit->closing ? -ESHUTDOWN : audit_append_now(audit, event, done, user);
}

int audit_when_applied(struct audit *audit, uint64_t index, audit_done_cb *cb, void *user)
{
    if (audit->closing)
        return -ESHUTDOWN;
    if (index >= journal_size(audit->journal))
        return -EINVAL;
    int error = audit_waiters_add(&audit->waiters, index, cb, user);
    if (!error && index < audit->applied)
        uv_timer_start(&audit->soon, audit->soon.timer_cb, 0, 0);
    return error;
}

static void on_applied(void *user, uint64_t applied, bool refused)
{
    struct audit *audit = user;
    audit->applied = applied;
    audit_waiters_call(&audit->waiters, refused ? applied - 1 : applied, 0);
    if (refused)
        audit_waiters_call(&audit->waiters, applied, -EBADMSG);
    audit_close_step(audit);
}

void audit_db_state(struct audit *audit, enum db_state state)
{
    audit->db_up = state == DB_UP;
    if (audit->drain)
        drain_db_state(audit->drain, audit->db_up);
    audit_close_step(audit);
}

void audit_state_get(const struct audit *audit, struct audit_state *out)
{
    *out = (struct audit_state){
        .size = journal_size(audit->journal),
        .failed = journal_failed(audit->journal),
        .low_space = journal_low_space(audit->journal),
        .db_up = audit->db_up,
        .checkpoint_size = audit->checkpoints.covered,
        .checkpoint_ms = audit->checkpoints.covered ? audit->checkpoints.time_ms : 0,
    };
    snprintf(out->damage, sizeof(out->damage), "%s", audit->damage);
    if (audit->drain) {
        struct drain_state drain;
        drain_state_get(audit->drain, &drain);
        out->applied = drain.applied;
        out->conflict = drain.conflict;
        out->refused = drain.refused;
        out->refused_index = drain.refused ? drain.refused_index : drain.applied;
        snprintf(out->refused_reason, sizeof(out->refused_reason), "%s", drain.reason);
    }
    out->lag = out->size > out->applied ? out->size - out->applied : 0;
}

static void on_interval(uv_timer_t *timer)
{
    struct audit *audit = timer->data;
    const struct audit_checkpoints *state = &audit->checkpoints;
    bool stale = state->asked && !state->storing &&
                 uv_now(audit->loop) - state->asked_at_ms >= state->interval_ms;
    if (audit_checkpoint_needed(audit) && (!state->asked || stale))
        audit_checkpoint_ask(audit);
}

/* A segment goes when the database has it, a checkpoint covers it and it is old enough. */
static void on_removal(uv_timer_t *timer)
{
    struct audit *audit = timer->data;
    struct drain_state drain = {0};
    if (!audit->drain)
        return;
    drain_state_get(audit->drain, &drain);
    uint64_t index =
        drain.applied < audit->checkpoints.covered ? drain.applied : audit->checkpoints.covered;
    if (!drain.located || drain.refused)
        return;
    int64_t before = (int64_t)time(NULL) - (int64_t)audit->retention_days * 86400;
    int removed = journal_remove_before(audit->journal, index, before);
    if (removed < 0)
        fprintf(stderr, "audit: an old segment of the journal cannot be removed: %s\n",
                strerror(-removed));
}

static void on_soon(uv_timer_t *timer)
{
    struct audit *audit = timer->data;
    if (audit->closing) {
        audit->step_over = true;
        audit_close_step(audit);
        return;
    }
    audit_waiters_call(&audit->waiters, audit->applied, 0);
    audit_waiters_call(&audit->checkpoints.waiters, audit->checkpoints.covered, 0);
    if (!audit->checkpoints.asked)
        audit_waiters_call(&audit->checkpoints.waiters, UINT64_MAX, -EIO);
}

static void audit_free(struct audit *audit)
{
    free(audit->directory);
    free(audit);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct audit *audit = handle->data;
    if (--audit->open_timers > 0)
        return;
    audit_closed_cb *closed_cb = audit->closed_cb;
    void *user = audit->closed_user;
    audit_free(audit);
    if (closed_cb)
        closed_cb(user);
}

static void on_journal_closed(void *user)
{
    struct audit *audit = user;
    uv_close((uv_handle_t *)&audit->timer, on_timer_closed);
    uv_close((uv_handle_t *)&audit->removal, on_timer_closed);
    uv_close((uv_handle_t *)&audit->soon, on_timer_closed);
}

static void on_history_closed(void *user)
{
    struct audit *audit = user;
    journal_close(audit->journal, on_journal_closed, audit);
}

static void on_drain_closed(void *user)
{
    struct audit *audit = user;
    audit->drain = NULL;
    audit_waiters_call(&audit->checkpoints.waiters, UINT64_MAX, -ECANCELED);
    audit_waiters_call(&audit->waiters, UINT64_MAX, -ECANCELED);
    journal_history_close(audit->history, on_history_closed, audit);
}

static void next_step(struct audit *audit)
{
    audit->closing++;
    audit->step_over = false;
    uv_timer_start(&audit->soon, on_soon, AUDIT_CLOSE_STEP_MS, 0);
}

/* Each step waits for its condition or for its time to be over. What is on its way to the disk is
 * always waited for. */
void audit_close_step(struct audit *audit)
{
    if (audit->closing == AUDIT_OPEN || audit->closing == AUDIT_ENDING)
        return;
    if (audit->closing == AUDIT_FLUSHING && audit->appending == 0) {
        next_step(audit);
        if (audit_checkpoint_needed(audit) && !audit->checkpoints.asked)
            audit_checkpoint_ask(audit);
    }
    bool busy = audit->appending > 0 || audit->checkpoints.storing;
    bool is_signed = !audit_checkpoint_needed(audit) || !audit->checkpoints.asked;
    if (audit->closing == AUDIT_SIGNING && !busy && (is_signed || audit->step_over))
        next_step(audit);
    bool drained = !audit->drain || !audit->db_up || audit->applied >= journal_size(audit->journal);
    if (audit->closing == AUDIT_DRAINING && (drained || audit->step_over)) {
        audit->closing = AUDIT_ENDING;
        uv_timer_stop(&audit->soon);
        drain_close(audit->drain, on_drain_closed, audit);
    }
}

void audit_close(struct audit *audit, audit_closed_cb *done, void *user)
{
    if (!audit) {
        if (done)
            done(user);
        return;
    }
    audit->closing = AUDIT_FLUSHING;
    audit->closed_cb = done;
    audit->closed_user = user;
    uv_timer_stop(&audit->timer);
    uv_timer_stop(&audit->removal);
    uv_timer_start(&audit->soon, on_soon, AUDIT_CLOSE_STEP_MS, 0);
    audit_close_step(audit);
}

/* The gateway goes on: what is damaged is in the database too, and 'audit verify' compares them. */
static void on_history(void *user, int status, uint64_t records, const char *message)
{
    struct audit *audit = user;
    (void)records;
    if (status == 0)
        return;
    fprintf(stderr, "audit: the old part of the journal is damaged: %s\n", message);
    snprintf(audit->damage, sizeof(audit->damage), "%s", message);
    const struct audit_field where = {.key = "where", .kind = AUDIT_TEXT, .text = audit->damage};
    const struct audit_event event = {.type = "journal.damaged",
                                      .actor = "system:audit",
                                      .outcome = "failed",
                                      .fields = &where,
                                      .count = 1};
    if (audit_append(audit, &event, NULL, NULL) != 0)
        fprintf(stderr, "audit: the damage could not be recorded\n");
}

static int start_history(struct audit *audit, const struct audit_config *config,
                         const struct audit_recovery *recovery)
{
    const struct journal_history_config history = {
        .directory = audit->directory,
        .node = audit->node,
        .end = recovery->begun,
        .delay_ms = config->history_delay_ms ? config->history_delay_ms : AUDIT_HISTORY_DELAY_MS,
        .pause_factor = AUDIT_HISTORY_PAUSE};
    if (recovery->begun <= recovery->first_index)
        return 0;
    return journal_history_start(audit->loop, &history, on_history, audit, &audit->history);
}

static int start(struct audit *audit, const struct audit_config *config)
{
    struct audit_checkpoints *state = &audit->checkpoints;
    state->sign = config->sign;
    state->sign_user = config->sign_user;
    state->every_records = config->checkpoint_records ? config->checkpoint_records : 10000;
    state->interval_ms = config->checkpoint_interval_ms ? config->checkpoint_interval_ms : 60000;
    audit->retention_days = config->retention_days ? config->retention_days : 400;
    audit->open_timers = 3;
    uv_timer_init(audit->loop, &audit->timer);
    uv_timer_init(audit->loop, &audit->removal);
    uv_timer_init(audit->loop, &audit->soon);
    audit->timer.data = audit->removal.data = audit->soon.data = audit;
    uv_timer_start(&audit->timer, on_interval, state->interval_ms, state->interval_ms);
    uv_timer_start(&audit->removal, on_removal, AUDIT_REMOVAL_MS / 60, AUDIT_REMOVAL_MS);
    uv_timer_start(&audit->soon, on_soon, 0, 0);
    if (!config->db)
        return 0;
    struct drain_config drain = {.directory = audit->directory,
                                 .node = audit->node,
                                 .db = config->db,
                                 .size = journal_size(audit->journal)};
    int error = drain_open(audit->loop, &drain, on_applied, audit, &audit->drain);
    if (error)
        return error;
    drain_wake(audit->drain, journal_size(audit->journal));
    if (db_is_up(config->db))
        audit_db_state(audit, DB_UP);
    return 0;
}

int audit_open(uv_loop_t *loop, const struct audit_config *config, struct audit_recovery *recovery,
               struct audit **out)
{
    struct audit_recovery unused;
    recovery = recovery ? recovery : &unused;
    *recovery = (struct audit_recovery){0};
    struct audit *audit = calloc(1, sizeof(*audit));
    if (!audit)
        return -ENOMEM;
    audit->loop = loop;
    audit->directory = strdup(config->directory);
    char origin[CHECKPOINT_ORIGIN_TEXT];
    int error = audit->directory ? 0 : -ENOMEM;
    if (!error && checkpoint_origin_make(config->node, origin) != 0)
        error = -EINVAL;
    if (error)
        goto fail;
    snprintf(audit->node, sizeof(audit->node), "%s", config->node);
    error = audit_recover(audit, config, recovery);
    if (error)
        goto fail;
    error = start(audit, config);
    if (!error)
        error = start_history(audit, config, recovery);
    if (error) {
        /* Its timers are closed on the loop; nobody is told. */
        audit_close(audit, NULL, NULL);
        return error;
    }
    *out = audit;
    return 0;
fail:
    audit_free(audit);
    return error;
}
