#include "gateway/mail/mail_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/handover.h"
#include "gateway/mail/mail_intake.h"
#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

enum {
    TICK_MS = 500,
    CROWD = 16,            /* messages that wait for their 250 together */
    FLOOD_PER_S = 50,      /* messages taken in */
    BACKLOG_MOST = 10000,  /* messages that wait to be worked off */
    BETWEEN_JOBS_MS = 100, /* in a flood */
};

static void on_tick(uv_timer_t *timer)
{
    mail_work_run(timer->data);
}

int mail_work_new(struct control *control, struct mail_work **out)
{
    struct mail_work *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->control = control;
    w->end = &w->first;
    w->endings_end = &w->endings;
    int64_t now_ms = control_now_ms();
    for (int i = 0; i < 6; i++) /* as in an id (RFC 9562 §5.7) */
        w->newest.octets[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    int rc = mail_report_limit_new(&w->reports);
    if (rc < 0) {
        free(w);
        return rc;
    }
    uv_timer_init(&control->loop, &w->timer);
    w->timer.data = w;
    w->tick = on_tick;
    *out = w;
    return 0;
}

size_t mail_work_busy(const struct mail_work *w)
{
    return w ? w->job_count + w->endings_active : 0;
}

void mail_work_stop(struct mail_work *w)
{
    if (!w || w->stopping)
        return;
    w->stopping = true;
    for (struct mail_job *job = w->jobs; job; job = job->next) {
        if (job->scan)
            malware_scan_cancel(job->scan);
        job->scan = NULL;
    }
    uv_close((uv_handle_t *)&w->timer, NULL);
}

void mail_work_free(struct mail_work *w)
{
    if (!w)
        return;
    while (w->jobs) {
        struct mail_job *job = w->jobs;
        w->jobs = job->next;
        mail_job_free(job);
    }
    while (w->first) {
        struct mail_waiting *waiting = w->first;
        w->first = waiting->next;
        free(waiting);
    }
    for (size_t i = 0; i < MAIL_FAX_SLOTS; i++)
        while (w->awaited[i]) {
            struct mail_awaited *awaited = w->awaited[i];
            w->awaited[i] = awaited->next;
            free(awaited);
        }
    mail_end_free(w);
    mail_report_limit_free(w->reports);
    free(w);
}

/* --- the queue --- */

bool mail_work_holds(const struct mail_work *w, const struct fax_id *mail)
{
    for (const struct mail_job *job = w->jobs; job; job = job->next)
        if (fax_id_equal(&job->mail, mail))
            return true;
    for (const struct mail_waiting *waiting = w->first; waiting; waiting = waiting->next)
        if (fax_id_equal(&waiting->mail, mail))
            return true;
    return false;
}

static void enqueue(struct mail_work *w, const struct fax_id *mail, uint64_t index,
                    uint64_t delay_ms)
{
    struct mail_waiting *waiting = w->stopping ? NULL : malloc(sizeof *waiting);
    if (!waiting)
        return; /* the next start finds it */
    *waiting = (struct mail_waiting){NULL, *mail, index, uv_now(&w->control->loop) + delay_ms};
    *w->end = waiting;
    w->end = &waiting->next;
    w->waiting_count++;
}

void mail_work_again(struct mail_work *w, const struct fax_id *mail, uint64_t delay_ms)
{
    if (mail_work_holds(w, mail))
        return;
    enqueue(w, mail, 0, delay_ms);
    mail_work_run(w);
}

static void count_taken(struct mail_work *w)
{
    uint64_t second = uv_now(&w->control->loop) / 1000;
    int crowd = 0;
    for (const struct mail_intake *m = w->control->mail_intakes; m && crowd < CROWD; crowd++)
        m = mail_intake_next(m);
    if (crowd == CROWD)
        w->crowded_second = second;
    if (second != w->second) {
        w->taken_before = second == w->second + 1 ? w->taken : 0;
        w->taken = 0;
        w->second = second;
    }
    w->taken++;
}

void mail_work_take(struct mail_work *w, const struct fax_id *mail, uint64_t index)
{
    count_taken(w);
    enqueue(w, mail, index, 0);
    mail_work_run(w);
}

/* early: there is one whose row is still on its way. */
static struct mail_waiting *take_due(struct mail_work *w, uint64_t now_ms, uint64_t applied,
                                     bool *early)
{
    for (struct mail_waiting **at = &w->first; *at; at = &(*at)->next) {
        struct mail_waiting *waiting = *at;
        if (waiting->due_ms > now_ms)
            continue;
        *early = waiting->index >= applied && waiting->index > 0;
        if (*early)
            return NULL; /* those behind it are later still */
        *at = waiting->next;
        if (w->end == &waiting->next)
            w->end = at;
        w->waiting_count--;
        return waiting;
    }
    return NULL;
}

static void on_applied(void *user, int status, uint64_t index)
{
    struct mail_work *w = user;
    (void)index;
    w->waits_for_tables = false;
    if (status != -ECANCELED && status != -ESHUTDOWN)
        mail_work_run(w);
}

/* The first message's row is on its way. */
static void wait_for_tables(struct mail_work *w)
{
    if (w->waits_for_tables)
        return;
    w->waits_for_tables = mail_work_when_applied(w, on_applied, w) == 0;
}

/* More is being brought than can be taken in at once. */
static bool is_flood(const struct mail_work *w)
{
    uint64_t second = uv_now(&w->control->loop) / 1000;
    return w->crowded_second + 1 >= second && w->second + 1 >= second &&
           (w->taken >= FLOOD_PER_S || w->taken_before >= FLOOD_PER_S) &&
           w->waiting_count < BACKLOG_MOST;
}

/* Who waits for an answer comes first: in a flood one message at a time is worked off, ten a second
 * at most, until so many wait that more would only wait longer. */
static bool may_start(const struct mail_work *w)
{
    if (!is_flood(w))
        return w->job_count < (size_t)w->control->config->mail.messages_at_once;
    return w->job_count == 0 && uv_now(&w->control->loop) >= w->started_ms + BETWEEN_JOBS_MS;
}

void mail_work_run(struct mail_work *w)
{
    struct audit_state state;
    bool early = false;
    if (!w->started || w->stopping || w->control->stopping)
        return;
    mail_end_run(w);
    audit_state_get(w->control->audit, &state);
    while (w->first && may_start(w)) {
        struct mail_waiting *waiting =
            take_due(w, uv_now(&w->control->loop), state.applied, &early);
        if (!waiting)
            break;
        w->started_ms = uv_now(&w->control->loop);
        int rc = mail_job_start(w, &waiting->mail);
        if (rc < 0)
            enqueue(w, &waiting->mail, 0, MAIL_AGAIN_MS);
        free(waiting);
        if (rc < 0)
            break;
    }
    if (early)
        wait_for_tables(w);
    if ((w->first || w->endings) && !uv_is_active((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, on_tick, TICK_MS, 0);
}

int mail_work_when_applied(struct mail_work *w, audit_done_cb *cb, void *user)
{
    struct audit_state state;
    if (!w->control->audit)
        return -ESHUTDOWN;
    audit_state_get(w->control->audit, &state);
    return audit_when_applied(w->control->audit, state.size > 0 ? state.size - 1 : 0, cb, user);
}

/* --- faxes that are waited for --- */

static struct mail_awaited **slot_of(struct mail_work *w, const struct fax_id *fax)
{
    /* The last octets are random. */
    const uint8_t *end = fax->octets + FAX_ID_OCTETS - 2;
    struct mail_awaited **at = &w->awaited[(end[0] << 8 | end[1]) % MAIL_FAX_SLOTS];
    while (*at && !fax_id_equal(&(*at)->fax, fax))
        at = &(*at)->next;
    return at;
}

void mail_work_await(struct mail_work *w, const struct fax_id *fax, const struct fax_id *mail,
                     uint32_t recipient)
{
    struct mail_awaited **at = slot_of(w, fax);
    if (*at)
        return;
    *at = malloc(sizeof **at);
    if (*at)
        **at = (struct mail_awaited){NULL, *fax, *mail, recipient};
    else
        log_write(LOG_LEVEL_ERROR, "out of memory: the end of a fax is told at the next start");
}

void mail_work_fax_ended(struct mail_work *w, const struct fax_end *end)
{
    if (!w || !end->outbound)
        return;
    struct mail_awaited **at = slot_of(w, &end->fax), *found = *at;
    if (!found)
        return;
    *at = found->next;
    mail_end_settle(w, &found->mail, found->recipient);
    free(found);
}

/* --- the start --- */

static void start_work(struct mail_work *w)
{
    w->started = true;
    mail_work_run(w);
}

static void start_again(struct mail_work *w, int status);

static void on_reports(void *user, int status, const struct db_result *result)
{
    struct mail_work *w = user;
    struct fax_id mail;
    for (int i = 0; status == 0 && i < db_result_rows(result); i++)
        if (fax_id_parse(&mail, db_result_text(result, i, 0)) == 0)
            mail_end_report(w, &mail, (uint32_t)db_result_integer(result, i, 1, 0));
    if (status < 0)
        start_again(w, status);
    else
        start_work(w);
}

static void on_faxes(void *user, int status, const struct db_result *result)
{
    struct mail_work *w = user;
    struct fax_id fax, mail;
    for (int i = 0; status == 0 && i < db_result_rows(result); i++)
        if (fax_id_parse(&fax, db_result_text(result, i, 0)) == 0 &&
            fax_id_parse(&mail, db_result_text(result, i, 1)) == 0)
            mail_work_await(w, &fax, &mail, (uint32_t)db_result_integer(result, i, 2, 0));
    if (status == 0)
        status = mail_query_reports(w->control->db, on_reports, w);
    if (status < 0)
        start_again(w, status);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct fax_id));
}

struct open_ids {
    struct mail_work *work;
    struct fax_id *ids;
    size_t count;
};

/* A message that was sealed and never recorded: nobody was told that it was taken. */
static void on_file(void *user, const struct fax_id *mail)
{
    const struct open_ids *open = user;
    struct mail_work *w = open->work;
    if (bsearch(mail, open->ids, open->count, sizeof *mail, compare_ids))
        return;
    if (memcmp(mail, &w->newest, sizeof *mail) >= 0)
        return; /* it is being taken in */
    log_write(LOG_LEVEL_NOTICE, "removing a message that was never recorded");
    mail_end_remove(w, mail, false);
}

static void on_open(void *user, int status, const struct db_result *result)
{
    struct mail_work *w = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    struct open_ids open = {w, calloc((size_t)rows + 1, sizeof *open.ids), 0};
    if (!open.ids)
        status = -ENOMEM;
    for (int i = 0; status == 0 && i < rows; i++)
        if (fax_id_parse(&open.ids[open.count], db_result_text(result, i, 0)) == 0)
            open.count++;
    if (status == 0)
        status = mail_store_list(w->control->mail_store, on_file, &open);
    for (size_t i = 0; status == 0 && i < open.count; i++)
        if (!mail_work_holds(w, &open.ids[i]))
            enqueue(w, &open.ids[i], 0, 0);
    if (status == 0 && open.count > 0)
        log_write(LOG_LEVEL_NOTICE, "%zu messages are not worked off", open.count);
    free(open.ids);
    if (status == 0)
        status = mail_query_faxes(w->control->db, on_faxes, w);
    if (status < 0)
        start_again(w, status);
}

static void on_ready(void *user, int status, uint64_t index)
{
    struct mail_work *w = user;
    (void)index;
    if (status == -ECANCELED || status == -ESHUTDOWN || w->stopping)
        return;
    int rc = mail_query_open(w->control->db, on_open, w);
    if (rc < 0)
        start_again(w, rc);
}

static void on_start_timer(uv_timer_t *timer)
{
    mail_work_start(timer->data);
}

static void start_again(struct mail_work *w, int status)
{
    if (w->stopping || status == -ECANCELED)
        return;
    log_write(LOG_LEVEL_WARNING, "messages are not worked off yet: %s", strerror(-status));
    uv_timer_start(&w->timer, on_start_timer, MAIL_AGAIN_MS, 0);
}

void mail_work_start(struct mail_work *w)
{
    int rc = mail_work_when_applied(w, on_ready, w);
    if (rc < 0)
        start_again(w, rc);
}
