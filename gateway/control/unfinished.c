#include "gateway/control/unfinished.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/handover.h"
#include "gateway/control/retry.h"
#include "gateway/db/fax_queries.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"
#include "policy/retention.h"

static const char stopped[] = "the gateway stopped during the call";

struct known_attempt {
    struct fax_id fax;
    int64_t attempt;
    bool media, ended;
};

struct unfinished {
    struct control *control;
    unfinished_done_cb *done;
    void *user;
    struct known_attempt *attempts;
    size_t count, at;
    bool again;     /* some may be in the queue already */
    size_t pending; /* records that are not durable yet */
    bool has_ended; /* the last attempt of the fax that is looked at */
    bool judged;    /* all faxes have been looked at */
    int status;
};

static void finish_if_over(struct unfinished *u)
{
    if (!u->judged || u->pending > 0)
        return;
    u->done(u->user, u->status);
    free(u->attempts);
    free(u);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct unfinished *u = user;
    (void)index;
    if (status < 0 && u->status == 0)
        u->status = status;
    u->pending--;
    finish_if_over(u);
}

static void record(struct unfinished *u, const struct event *e, audit_done_cb *done, void *user)
{
    u->pending++;
    int rc = event_append(e, u->control->audit, done, user);
    if (rc < 0)
        done(user, rc, 0);
}

/* The faxes come in the order of the attempts. */
static const struct known_attempt *find_attempt(struct unfinished *u, const struct fax_id *fax,
                                                int64_t attempt)
{
    const struct known_attempt *found = NULL;
    int order = 0;
    for (; u->at < u->count && order <= 0; u->at += order <= 0) {
        const struct known_attempt *known = &u->attempts[u->at];
        order = memcmp(known->fax.octets, fax->octets, sizeof fax->octets);
        if (order == 0 && known->attempt == attempt)
            found = known;
    }
    return found;
}

/* --- ends --- */

static int64_t disposal_of(const struct unfinished *u, const char *mailbox_name)
{
    int64_t disposal_us;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(u->control->policy), mailbox_name);
    if (!mailbox ||
        retention_disposal_time(control_now_ms() * 1000, mailbox->retention_days, &disposal_us) <
            0 ||
        disposal_us == RETENTION_NEVER)
        return 0;
    return disposal_us / 1000000;
}

/* Its end may have been recorded, and not what was to come of it. */
static void end_attempt(struct unfinished *u, const struct fax_row *row, const struct fax_id *fax,
                        const char *text)
{
    struct event e;
    if (u->has_ended)
        return;
    event_begin(&e, "attempt.ended", "system", fax);
    event_outcome(&e, "failed");
    event_integer(&e, "attempt", row->attempts > 0 ? row->attempts : 1);
    event_integer(&e, "t30_result", -1);
    event_text(&e, "text", text);
    event_integer(&e, "pages", row->pages_confirmed);
    record(u, &e, on_recorded, u);
}

struct ended {
    struct unfinished *unfinished;
    struct fax_end end;
    const char *plan, *mail_due, *state;
    char trunk[POLICY_NAME_TEXT], principal[POLICY_NAME_TEXT], mailbox[POLICY_NAME_TEXT];
    char from[NUMBER_TEXT], to[NUMBER_TEXT], reason[MSG_REASON_MAX];
};

static void on_ended(void *user, int status, uint64_t index)
{
    struct ended *ended = user;
    struct unfinished *u = ended->unfinished;
    if (status == 0)
        handover_begin(u->control, &ended->end, ended->plan);
    if (status == 0)
        mail_out_fax(u->control, &ended->end.fax, ended->mailbox, ended->mail_due);
    free(ended);
    on_recorded(u, status, index);
}

/* The rows are gone when the end is durable. */
static struct ended *copy_end(struct unfinished *u, const struct fax_row *row,
                              const struct fax_id *fax, const char *state, const char *reason)
{
    struct ended *ended = calloc(1, sizeof *ended);
    if (!ended)
        return NULL;
    snprintf(ended->trunk, sizeof ended->trunk, "%s", row->trunk);
    snprintf(ended->principal, sizeof ended->principal, "%s", row->principal);
    snprintf(ended->mailbox, sizeof ended->mailbox, "%s", row->mailbox);
    snprintf(ended->from, sizeof ended->from, "%s", row->from_number);
    snprintf(ended->to, sizeof ended->to, "%s", row->to_number);
    snprintf(ended->reason, sizeof ended->reason, "%s", reason);
    ended->unfinished = u;
    ended->end = (struct fax_end){
        .fax = *fax,
        .outbound = strcmp(row->direction, "out") == 0,
        .trunk = ended->trunk,
        .principal = ended->principal,
        .mailbox = ended->mailbox,
        .from = ended->from,
        .to = ended->to,
        .state = state,
        .reason = ended->reason,
        .pages = (uint32_t)row->pages,
    };
    ended->plan = handover_plan(u->control, &ended->end);
    ended->mail_due = mail_out_plan(u->control, &ended->end);
    return ended;
}

static int end_fax(struct unfinished *u, const struct fax_row *row, const struct fax_id *fax,
                   const char *state, const char *reason)
{
    struct event e;
    struct ended *ended = copy_end(u, row, fax, state, reason);
    if (!ended)
        return -ENOMEM;
    end_attempt(u, row, fax, reason);
    event_begin(&e, "fax.completed", "system", fax);
    event_outcome(&e, strcmp(state, "delivered") == 0 ? "ok" : "failed");
    event_text(&e, "state", state);
    event_integer(&e, "pages",
                  strcmp(row->direction, "in") == 0 ? row->pages : row->pages_confirmed);
    event_text(&e, "reason", reason);
    event_integer(&e, "disposal", disposal_of(u, row->mailbox));
    event_text(&e, "forward", ended->plan);
    event_text(&e, "mail_due", ended->mail_due);
    record(u, &e, on_ended, ended);
    return 0;
}

/* --- another attempt --- */

static void fill(const struct fax_row *row, const struct fax_id *id, struct outbound_fax *fax)
{
    memset(fax, 0, sizeof *fax);
    fax->fax = *id;
    if (row->source[0] && fax_id_parse(&fax->source, row->source) == 0)
        fax->source_attempt = (uint16_t)row->source_attempt;
    fax->pages = (uint32_t)row->pages;
    fax->first_page = (uint32_t)row->pages_confirmed + 1;
    fax->attempt = (uint16_t)(row->attempts + 1);
    fax->max_rate = (uint32_t)row->next_max_rate;
    fax->no_ecm = row->next_ecm == 0;
    fax->not_before_ms = row->next_attempt_ms;
    fax->priority = (uint8_t)row->priority;
    snprintf(fax->from, sizeof fax->from, "%s", row->from_number);
    snprintf(fax->to, sizeof fax->to, "%s", row->to_number);
    snprintf(fax->principal, sizeof fax->principal, "%s", row->principal);
    snprintf(fax->mailbox, sizeof fax->mailbox, "%s", row->mailbox);
    snprintf(fax->class_name, sizeof fax->class_name, "%s", row->class_name);
}

static void queue(struct unfinished *u, const struct outbound_fax *fax)
{
    if (fax_queue_add(u->control->queue, fax) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a queued fax waits for the next start");
}

struct requeued {
    struct unfinished *unfinished;
    struct outbound_fax fax;
};

static void on_requeued(void *user, int status, uint64_t index)
{
    struct requeued *again = user;
    struct unfinished *u = again->unfinished;
    if (status == 0)
        queue(u, &again->fax);
    free(again);
    on_recorded(u, status, index);
}

/* An attempt that ended with the gateway counts, and the next one waits, as after any other fault
 * of ours; else a fax that brings the gateway down would do so for ever. */
static int try_again(struct unfinished *u, const struct fax_row *row, const struct fax_id *fax)
{
    struct event e;
    const struct config *config = u->control->config;
    const struct retry_limits limits = retry_limits_of(config);
    const struct retry_attempt attempt = {
        .attempt = (uint32_t)row->attempts,
        .state = row->pages_confirmed > 0 ? "partial" : "failed",
        .t30_result = -1,
        .local_fault = true,
        .rate =
            row->next_max_rate > 0 ? (uint32_t)row->next_max_rate : (uint32_t)config->fax.max_rate,
        .ecm = config->fax.ecm && row->next_ecm != 0,
    };
    struct retry_plan plan;
    retry_plan_make(&limits, &attempt, &plan);
    if (!plan.again) {
        return end_fax(u, row, fax, attempt.state, stopped);
    }
    struct requeued *again = calloc(1, sizeof *again);
    if (!again)
        return -ENOMEM;
    again->unfinished = u;
    fill(row, fax, &again->fax);
    again->fax.max_rate = plan.max_rate;
    again->fax.no_ecm = !plan.ecm;
    again->fax.not_before_ms = control_now_ms() + (int64_t)plan.delay_ms;
    end_attempt(u, row, fax, stopped);
    event_begin(&e, "fax.requeued", "system", fax);
    event_integer(&e, "attempt", again->fax.attempt);
    event_integer(&e, "first_page", again->fax.first_page);
    event_integer(&e, "max_rate", again->fax.max_rate);
    event_integer(&e, "ecm", !again->fax.no_ecm);
    event_integer(&e, "next_attempt", (again->fax.not_before_ms + 999) / 1000);
    event_text(&e, "cause", plan.why);
    event_text(&e, "reason", stopped);
    record(u, &e, on_requeued, again);
    return 0;
}

/* --- what is found --- */

static int settle(struct unfinished *u, const struct fax_row *row, const struct fax_id *fax)
{
    const struct known_attempt *last = find_attempt(u, fax, row->attempts > 0 ? row->attempts : 1);
    struct outbound_fax next;
    u->has_ended = last && last->ended;
    /* One that was settled before the database went away. */
    if (u->again && fax_queue_holds(u->control->queue, fax))
        return 0;
    if (strcmp(row->state, "queued") == 0) {
        fill(row, fax, &next);
        queue(u, &next);
    } else if (strcmp(row->state, "receiving") == 0) {
        return end_fax(u, row, fax, row->pages > 0 ? "partial" : "failed", stopped);
    } else if (row->pages > 0 && row->pages_confirmed >= row->pages) {
        return end_fax(u, row, fax, "delivered", "");
    } else if (last && last->media) {
        return end_fax(u, row, fax, "uncertain", stopped);
    } else {
        return try_again(u, row, fax);
    }
    return 0;
}

static void on_faxes(void *user, int status, const struct db_result *result)
{
    struct unfinished *u = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    u->pending++; /* so that it is not over before all have been looked at */
    for (int i = 0; i < rows && status == 0; i++) {
        struct fax_row row;
        struct fax_id fax;
        fax_row_read(result, i, &row);
        if (fax_id_parse(&fax, row.fax) == 0)
            status = settle(u, &row, &fax);
    }
    if (rows > 0)
        log_write(LOG_LEVEL_NOTICE, "%d unfinished faxes found", rows);
    u->judged = true;
    on_recorded(u, status, 0);
}

static void on_attempts(void *user, int status, const struct db_result *result)
{
    struct unfinished *u = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    u->attempts = calloc((size_t)rows + 1, sizeof *u->attempts);
    for (int i = 0; u->attempts && i < rows; i++) {
        struct fax_attempt_row row;
        fax_attempt_row_read(result, i, &row);
        struct known_attempt *known = &u->attempts[u->count];
        if (fax_id_parse(&known->fax, row.fax) < 0)
            continue;
        known->attempt = row.attempt;
        known->media = row.media_started_ms != 0;
        known->ended = row.ended_ms != 0;
        u->count++;
    }
    if (status == 0)
        status = u->attempts ? fax_query_unfinished(u->control->db, on_faxes, u) : -ENOMEM;
    if (status < 0) {
        u->status = status;
        u->judged = true;
        finish_if_over(u);
    }
}

int unfinished_settle(struct control *control, unfinished_done_cb *done, void *user)
{
    struct unfinished *u = calloc(1, sizeof *u);
    if (!u)
        return -ENOMEM;
    u->control = control;
    u->done = done;
    u->user = user;
    u->again = fax_queue_length(control->queue) > 0;
    int rc = fax_query_attempts(control->db, NULL, on_attempts, u);
    if (rc < 0)
        free(u);
    return rc;
}
