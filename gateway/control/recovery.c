#include "gateway/control/recovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/bridge_unfinished.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/handover.h"
#include "gateway/control/unfinished.h"
#include "gateway/db/fax_queries.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"

enum { WAIT_MS = 20, AGAIN_MS = 1000, INCOMING_MAX = 10000 };

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

static void on_settled(void *user, int status)
{
    struct recovery *r = user;
    if (status == 0) {
        finish(r, 0);
    } else if (!lost(r, status)) {
        /* No space for the log, most likely; what was recorded is not settled again. */
        log_write(LOG_LEVEL_ERROR, "unfinished faxes cannot be settled yet: %s", strerror(-status));
        uv_timer_start(&r->timer, on_wait, AGAIN_MS, WAIT_MS);
    }
}

static void on_bridges_settled(void *user, int status)
{
    struct recovery *r = user;
    int rc = status == 0 ? unfinished_settle(r->control, on_settled, r) : status;
    if (rc < 0)
        on_settled(r, rc);
}

static void on_handovers(void *user, int status)
{
    struct recovery *r = user;
    int rc = status < 0 ? status : bridge_unfinished_settle(r->control, on_bridges_settled, r);
    if (rc < 0 && !lost(r, rc))
        finish(r, rc);
}

static void on_mails(void *user, int status)
{
    struct recovery *r = user;
    int rc = status < 0 ? status : handovers_read(r->control, on_handovers, r);
    if (rc < 0 && !lost(r, rc))
        finish(r, rc);
}

/* What is still to be done of faxes that ended is read before more of them end here. */
static void step_unfinished(struct recovery *r)
{
    int rc = mail_out_read(r->control, on_mails, r);
    if (rc < 0)
        finish(r, rc);
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
