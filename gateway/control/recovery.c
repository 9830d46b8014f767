#include "gateway/control/recovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_store.h"
#include "gateway/db/fax_queries.h"
#include "gateway/process/log.h"
#include "policy/retention.h"

enum { WAIT_MS = 20, INCOMING_MAX = 10000 };

static const struct db_statement initial_admin = {
    "recovery_initial_admin", "SELECT principal, local_uid FROM initial_admin", 0};

struct recovery {
    struct control *control;
    uv_timer_t timer;
    recovery_done_cb *done;
    void *user;
    int status;
    struct fax_id *ids; /* of the present step */
    size_t count, at;
    size_t settled; /* of them are no longer in incoming/ */
    bool again;     /* some are queued already */
};

static void step_policy(struct recovery *r);
static void step_incoming(struct recovery *r);
static void step_unfinished(struct recovery *r);

static void on_closed(uv_handle_t *handle)
{
    struct recovery *r = handle->data;
    r->done(r->user, r->status);
    free(r->ids);
    free(r);
}

static void finish(struct recovery *r, int status)
{
    r->status = status;
    if (status < 0 && status != -ECANCELED && status != -EBADMSG)
        log_write(LOG_LEVEL_ERROR, "the gateway cannot start: %s", strerror(-status));
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

/* --- wait for database, keeper, and the log to be applied --- */

static void on_wait(uv_timer_t *timer)
{
    struct recovery *r = timer->data;
    struct audit_state state;
    /* Then the log may be closed already. */
    if (r->control->stopping) {
        uv_timer_stop(timer);
        finish(r, -ECANCELED);
        return;
    }
    audit_state_get(r->control->audit, &state);
    if (state.conflict) {
        uv_timer_stop(timer);
        log_write(LOG_LEVEL_ERROR, "journal and database do not belong together: %s",
                  state.refused_reason);
        log_write(LOG_LEVEL_ERROR,
                  "nothing was changed in the database; put back the directory %s as it was when "
                  "the gateway ran last, or the database that belongs to it",
                  r->control->context->paths->journal);
        finish(r, -EBADMSG);
        return;
    }
    if (db_is_up(r->control->db) && keeper_client_ready(r->control->keeper) && state.lag == 0) {
        uv_timer_stop(timer);
        step_policy(r);
    }
}

static void wait_again(struct recovery *r)
{
    uv_timer_start(&r->timer, on_wait, WAIT_MS, WAIT_MS);
}

/* A step that failed because the database went away starts over. */
static bool lost(struct recovery *r, int status)
{
    if (status != -ECONNRESET && status != -ETIMEDOUT && status != -ECANCELED)
        return false;
    wait_again(r);
    return true;
}

/* --- policy, and the first administrator --- */

static void on_policy_again(void *user, int status)
{
    struct recovery *r = user;
    if (status == 0)
        step_incoming(r);
    else if (!lost(r, status))
        finish(r, status);
}

static void on_admin_applied(void *user, int status, uint64_t index)
{
    struct recovery *r = user;
    (void)index;
    if (status == 0)
        status = policy_cache_reload(r->control->policy, on_policy_again, r);
    if (status < 0)
        finish(r, status);
}

static void on_admin_recorded(void *user, int status, uint64_t index)
{
    struct recovery *r = user;
    if (status == 0)
        status = audit_when_applied(r->control->audit, index, on_admin_applied, r);
    if (status < 0)
        finish(r, status);
}

static void on_initial_admin(void *user, int status, const struct db_result *result)
{
    struct recovery *r = user;
    struct event e;
    if (status < 0) {
        if (!lost(r, status))
            finish(r, status);
        return;
    }
    if (db_result_rows(result) == 0) {
        log_write(LOG_LEVEL_WARNING, "there is no administrator: run 'sealfax init'");
        step_incoming(r);
        return;
    }
    event_begin(&e, "admin.initialised", "system", NULL);
    event_text(&e, "principal", db_result_text(result, 0, 0));
    event_integer(&e, "local_uid", db_result_integer(result, 0, 1, -1));
    int rc = event_append(&e, r->control->audit, on_admin_recorded, r);
    if (rc < 0)
        finish(r, rc);
}

static void on_policy(void *user, int status)
{
    struct recovery *r = user;
    int rc = status;
    if (rc == 0 && policy_cache_has_administrator(r->control->policy)) {
        step_incoming(r);
        return;
    }
    if (rc == 0)
        rc = db_query(r->control->db, &initial_admin, NULL, on_initial_admin, r);
    if (rc < 0 && !lost(r, rc))
        finish(r, rc);
}

static void step_policy(struct recovery *r)
{
    int rc = policy_cache_reload(r->control->policy, on_policy, r);
    if (rc < 0)
        finish(r, rc);
}

/* --- files of submissions that may not have been recorded --- */

static void found_incoming(void *user, const struct fax_id *fax)
{
    struct recovery *r = user;
    if (r->count < INCOMING_MAX)
        r->ids[r->count++] = *fax;
}

static void next_incoming(struct recovery *r);

static void on_orphan_key(void *user, int status, const struct msg_key_result *result)
{
    struct recovery *r = user;
    (void)result;
    if (status < 0 && status != -ENOENT)
        log_write(LOG_LEVEL_WARNING, "an orphaned key could not be destroyed: %s",
                  strerror(-status));
    int rc = fax_store_remove(r->control->context->paths->vault, &r->ids[r->at], true);
    if (rc < 0)
        log_write(LOG_LEVEL_WARNING, "an orphaned file could not be removed: %s", strerror(-rc));
    r->settled += rc == 0;
    r->at++;
    next_incoming(r);
}

static void on_incoming_row(void *user, int status, const struct db_result *result)
{
    struct recovery *r = user;
    const struct fax_id *fax = &r->ids[r->at];
    if (status < 0) {
        if (!lost(r, status))
            finish(r, status);
        return;
    }
    if (db_result_rows(result) > 0) {
        int rc = fax_store_admit(r->control->context->paths->vault, fax);
        if (rc < 0)
            log_write(LOG_LEVEL_ERROR, "a recorded fax could not be admitted: %s", strerror(-rc));
        r->settled += rc == 0;
        r->at++;
        next_incoming(r);
        return;
    }
    log_write(LOG_LEVEL_NOTICE, "removing a submission that was never recorded");
    int rc = keeper_destroy_key(r->control->keeper, fax, on_orphan_key, r);
    if (rc < 0)
        finish(r, rc);
}

static void next_incoming(struct recovery *r)
{
    if (r->at >= r->count && r->count == INCOMING_MAX && r->settled > 0) {
        step_incoming(r); /* there may be more */
        return;
    }
    if (r->at >= r->count) {
        step_unfinished(r);
        return;
    }
    int rc = fax_query_one(r->control->db, &r->ids[r->at], on_incoming_row, r);
    if (rc < 0)
        finish(r, rc);
}

static void step_incoming(struct recovery *r)
{
    r->count = r->at = r->settled = 0;
    int rc = fax_store_list_incoming(r->control->context->paths->vault, found_incoming, r);
    if (rc < 0)
        finish(r, rc);
    else
        next_incoming(r);
}

/* --- faxes that were under way --- */

static int64_t disposal_of(struct recovery *r, const char *mailbox_name)
{
    int64_t disposal_us;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(r->control->policy), mailbox_name);
    if (!mailbox ||
        retention_disposal_time(control_now_ms() * 1000, mailbox->retention_days, &disposal_us) <
            0 ||
        disposal_us == RETENTION_NEVER)
        return 0;
    return disposal_us / 1000000;
}

static void end_attempt(struct recovery *r, const struct fax_row *row, const struct fax_id *fax,
                        const char *text)
{
    struct event e;
    event_begin(&e, "attempt.ended", "system", fax);
    event_outcome(&e, "failed");
    event_integer(&e, "attempt", row->attempts > 0 ? row->attempts : 1);
    event_integer(&e, "t30_result", -1);
    event_text(&e, "text", text);
    event_integer(&e, "pages", row->pages_confirmed);
    event_note(&e, r->control->audit);
}

static void end_fax(struct recovery *r, const struct fax_row *row, const struct fax_id *fax,
                    const char *state, const char *reason)
{
    struct event e;
    end_attempt(r, row, fax, reason);
    event_begin(&e, "fax.completed", "system", fax);
    event_outcome(&e, strcmp(state, "delivered") == 0 ? "ok" : "failed");
    event_text(&e, "state", state);
    event_integer(&e, "pages",
                  strcmp(row->direction, "in") == 0 ? row->pages : row->pages_confirmed);
    event_text(&e, "reason", reason);
    event_integer(&e, "disposal", disposal_of(r, row->mailbox));
    event_note(&e, r->control->audit);
}

static void queue_fax(struct recovery *r, const struct fax_row *row, const struct fax_id *id)
{
    struct outbound_fax fax;
    /* A step that starts over for the database's sake must not queue a fax twice. */
    if (r->again && fax_queue_holds(r->control->queue, id))
        return;
    memset(&fax, 0, sizeof fax);
    fax.fax = *id;
    fax.pages = (uint32_t)row->pages;
    fax.first_page = (uint32_t)row->pages_confirmed + 1;
    fax.attempt = (uint16_t)(row->attempts + 1);
    fax.max_rate = (uint32_t)row->next_max_rate;
    fax.no_ecm = row->next_ecm == 0;
    fax.not_before_ms = row->next_attempt_ms;
    snprintf(fax.from, sizeof fax.from, "%s", row->from_number);
    snprintf(fax.to, sizeof fax.to, "%s", row->to_number);
    snprintf(fax.principal, sizeof fax.principal, "%s", row->principal);
    snprintf(fax.mailbox, sizeof fax.mailbox, "%s", row->mailbox);
    if (fax_queue_add(r->control->queue, &fax) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a queued fax waits for the next start");
}

/* media: media of its last attempt had started. */
static void settle(struct recovery *r, const struct fax_row *row, const struct fax_id *fax,
                   bool media)
{
    static const char stopped[] = "the gateway stopped during the call";
    if (strcmp(row->state, "queued") == 0) {
        queue_fax(r, row, fax);
    } else if (strcmp(row->state, "receiving") == 0) {
        end_fax(r, row, fax, row->pages > 0 ? "partial" : "failed", stopped);
    } else if (row->pages > 0 && row->pages_confirmed >= row->pages) {
        end_fax(r, row, fax, "delivered", "");
    } else if (media) {
        end_fax(r, row, fax, "uncertain", stopped);
    } else {
        end_attempt(r, row, fax, stopped);
        queue_fax(r, row, fax);
    }
}

struct media_attempt {
    struct fax_id fax;
    int64_t attempt;
};

struct unfinished {
    struct recovery *recovery;
    struct media_attempt *media; /* attempts whose media had started, by fax and attempt */
    size_t count, at;
};

/* The faxes come in the order of the attempts. */
static bool media_had_started(struct unfinished *u, const struct fax_id *fax, int64_t attempt)
{
    bool started = false;
    int order = 0;
    for (; u->at < u->count && order <= 0; u->at += order <= 0) {
        const struct media_attempt *m = &u->media[u->at];
        order = memcmp(m->fax.octets, fax->octets, sizeof fax->octets);
        started = started || (order == 0 && m->attempt >= attempt);
    }
    return started;
}

static void on_unfinished(void *user, int status, const struct db_result *result)
{
    struct unfinished *u = user;
    struct recovery *r = u->recovery;
    int rows = status < 0 ? 0 : db_result_rows(result);
    for (int i = 0; i < rows; i++) {
        struct fax_row row;
        struct fax_id fax;
        fax_row_read(result, i, &row);
        if (fax_id_parse(&fax, row.fax) == 0)
            settle(r, &row, &fax, media_had_started(u, &fax, row.attempts));
    }
    if (rows > 0)
        log_write(LOG_LEVEL_NOTICE, "%d unfinished faxes found and settled", rows);
    free(u->media);
    free(u);
    if (status == 0)
        finish(r, 0);
    else if (!lost(r, status))
        finish(r, status);
}

static void on_attempts(void *user, int status, const struct db_result *result)
{
    struct unfinished *u = user;
    struct recovery *r = u->recovery;
    int rows = status < 0 ? 0 : db_result_rows(result);
    u->media = calloc((size_t)rows + 1, sizeof *u->media);
    for (int i = 0; u->media && i < rows; i++) {
        struct fax_attempt_row row;
        fax_attempt_row_read(result, i, &row);
        struct media_attempt *m = &u->media[u->count];
        if (row.media_started_ms && fax_id_parse(&m->fax, row.fax) == 0) {
            m->attempt = row.attempt;
            u->count++;
        }
    }
    if (status == 0)
        status = u->media ? fax_query_unfinished(r->control->db, on_unfinished, u) : -ENOMEM;
    if (status < 0) {
        free(u->media);
        free(u);
        if (!lost(r, status))
            finish(r, status);
    }
}

static void step_unfinished(struct recovery *r)
{
    struct unfinished *u = calloc(1, sizeof *u);
    int rc = -ENOMEM;
    if (u) {
        u->recovery = r;
        r->again = fax_queue_length(r->control->queue) > 0;
        rc = fax_query_attempts(r->control->db, NULL, on_attempts, u);
    }
    if (rc < 0) {
        free(u);
        finish(r, rc);
    }
}

int recovery_start(struct control *control, recovery_done_cb *done, void *user)
{
    struct recovery *r = calloc(1, sizeof *r);
    if (r)
        r->ids = calloc(INCOMING_MAX, sizeof *r->ids);
    if (!r || !r->ids) {
        free(r);
        return -ENOMEM;
    }
    r->control = control;
    r->done = done;
    r->user = user;
    uv_timer_init(&control->loop, &r->timer);
    r->timer.data = r;
    wait_again(r);
    return 0;
}
