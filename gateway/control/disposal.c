#include "gateway/control/disposal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_store.h"
#include "gateway/db/fax_queries.h"
#include "gateway/process/log.h"
#include "gateway/wall_clock.h"

struct due_fax {
    struct fax_id fax;
    char mailbox[POLICY_NAME_TEXT];
    char due[40];
    bool recorded; /* the event stands already */
};

struct disposal {
    struct control *control;
    char actor[POLICY_NAME_TEXT];
    bool own; /* the gateway's own, not a principal's */
    bool dry_run, more;
    struct due_fax *due;
    size_t count, at;
    json_t *disposed, *failed;
    uv_work_t work;
    int work_status;
    uint64_t last_index;
    disposal_done_cb *done;
    void *user;
};

static void next_fax(struct disposal *d);

static void end(struct disposal *d, int status)
{
    d->done(d->user, status, d->disposed, d->failed, d->more);
    free(d->due);
    free(d);
}

static struct due_fax *current(struct disposal *d)
{
    return &d->due[d->at];
}

static void fail_fax(struct disposal *d, int error, const char *what)
{
    struct event e;
    char id[FAX_ID_TEXT], reason[160];
    fax_id_text(&current(d)->fax, id);
    snprintf(reason, sizeof reason, "%s: %s", what, strerror(-error));
    event_begin(&e, "disposal.failed", d->actor, &current(d)->fax);
    event_outcome(&e, "failed");
    event_text(&e, "reason", reason);
    event_note(&e, d->control->audit);
    log_write(LOG_LEVEL_ERROR, "fax %s could not be disposed of: %s", id, reason);
    json_array_append_new(d->failed, json_pack("{s:s,s:s}", "id", id, "reason", reason));
    d->at++;
    next_fax(d);
}

static void on_applied(void *user, int status, uint64_t index)
{
    struct disposal *d = user;
    (void)status;
    (void)index;
    d->at++;
    next_fax(d);
}

static void on_key_event(void *user, int status, uint64_t index)
{
    struct disposal *d = user;
    char id[FAX_ID_TEXT];
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "a destroyed key could not be recorded: %s", strerror(-status));
    fax_id_text(&current(d)->fax, id);
    json_array_append_new(d->disposed, json_pack("{s:s,s:s,s:s}", "id", id, "mailbox",
                                                 current(d)->mailbox, "due", current(d)->due));
    if (status < 0 || audit_when_applied(d->control->audit, index, on_applied, d) < 0)
        on_applied(d, 0, 0);
}

static void remove_work(uv_work_t *work)
{
    struct disposal *d = work->data;
    d->work_status = fax_store_remove(d->control->context->paths->vault, &current(d)->fax, false);
}

static void on_removed(uv_work_t *work, int cancelled)
{
    struct disposal *d = work->data;
    struct event e;
    int rc = cancelled < 0 ? cancelled : d->work_status;
    if (rc < 0 && rc != -ENOENT) {
        fail_fax(d, rc, "the vault file could not be removed");
        return;
    }
    event_begin(&e, "key.destroyed", d->actor, &current(d)->fax);
    rc = event_append(&e, d->control->audit, on_key_event, d);
    if (rc < 0)
        on_key_event(d, rc, 0);
}

static void on_destroyed(void *user, int status, const struct msg_key_result *result)
{
    struct disposal *d = user;
    (void)result;
    if (status < 0 && status != -ENOENT) {
        fail_fax(d, status, "the key could not be destroyed");
        return;
    }
    d->work.data = d;
    int rc = uv_queue_work(&d->control->loop, &d->work, remove_work, on_removed);
    if (rc < 0)
        fail_fax(d, rc, "the vault file could not be removed");
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct disposal *d = user;
    (void)index;
    if (status == 0)
        status = keeper_destroy_key(d->control->keeper, &current(d)->fax, on_destroyed, d);
    if (status < 0)
        fail_fax(d, status, "the key could not be destroyed");
}

static void next_fax(struct disposal *d)
{
    struct event e;
    if (d->at >= d->count || d->control->stopping) {
        d->more = d->more || d->at < d->count;
        end(d, 0);
        return;
    }
    if (current(d)->recorded) {
        on_recorded(d, 0, 0);
        return;
    }
    event_begin(&e, "fax.disposed", d->actor, &current(d)->fax);
    event_text(&e, "reason", "retention");
    event_text(&e, "mailbox", current(d)->mailbox);
    event_text(&e, "due", current(d)->due);
    int rc = event_append(&e, d->control->audit, on_recorded, d);
    if (rc < 0)
        end(d, rc);
}

static bool may_dispose(struct disposal *d, const char *mailbox)
{
    struct policy_answer answer;
    if (d->own)
        return true;
    policy_cache_decide(d->control->policy, d->actor, POLICY_DISPOSE, NULL, NULL, mailbox, &answer);
    return answer.allowed;
}

static void take_row(struct disposal *d, const struct fax_row *row)
{
    struct due_fax *due = &d->due[d->count];
    if (!may_dispose(d, row->mailbox) || fax_id_parse(&due->fax, row->fax) < 0)
        return;
    snprintf(due->mailbox, sizeof due->mailbox, "%s", row->mailbox);
    wall_clock_text_seconds(row->disposal_ms / 1000, due->due);
    d->count++;
}

static void on_due(void *user, int status, const struct db_result *result)
{
    struct disposal *d = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    d->due = calloc((size_t)rows + 1, sizeof *d->due);
    if (status < 0 || !d->due) {
        end(d, status < 0 ? status : -ENOMEM);
        return;
    }
    for (int i = 0; i < rows; i++) {
        struct fax_row row;
        fax_row_read(result, i, &row);
        take_row(d, &row);
    }
    d->more = rows == DISPOSAL_BATCH;
    for (size_t i = 0; d->dry_run && i < d->count; i++) {
        char id[FAX_ID_TEXT];
        fax_id_text(&d->due[i].fax, id);
        json_array_append_new(d->disposed, json_pack("{s:s,s:s,s:s}", "id", id, "mailbox",
                                                     d->due[i].mailbox, "due", d->due[i].due));
    }
    if (d->dry_run)
        end(d, 0);
    else
        next_fax(d);
}

static struct disposal *new_disposal(struct control *control, const char *actor,
                                     disposal_done_cb *done, void *user)
{
    struct disposal *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->control = control;
    d->own = actor == NULL;
    snprintf(d->actor, sizeof d->actor, "%s", actor ? actor : "system");
    d->disposed = json_array();
    d->failed = json_array();
    d->done = done;
    d->user = user;
    return d;
}

int disposal_run(struct control *control, const char *actor, bool dry_run, disposal_done_cb *done,
                 void *user)
{
    struct disposal *d = new_disposal(control, actor, done, user);
    if (!d)
        return -ENOMEM;
    d->dry_run = dry_run;
    int rc = fax_query_due(control->db, control_now_ms(), DISPOSAL_BATCH, on_due, d);
    if (rc < 0) {
        json_decref(d->disposed);
        json_decref(d->failed);
        free(d);
    }
    return rc;
}

int disposal_finish(struct control *control, const struct fax_id *fax, disposal_done_cb *done,
                    void *user)
{
    struct disposal *d = new_disposal(control, NULL, done, user);
    if (d)
        d->due = calloc(1, sizeof *d->due);
    if (!d || !d->due) {
        free(d);
        return -ENOMEM;
    }
    d->due[0].fax = *fax;
    d->due[0].recorded = true;
    d->count = 1;
    int rc = keeper_destroy_key(control->keeper, fax, on_destroyed, d);
    if (rc < 0) {
        json_decref(d->disposed);
        json_decref(d->failed);
        free(d->due);
        free(d);
    }
    return rc;
}
