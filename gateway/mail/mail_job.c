#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

void mail_job_free(struct mail_job *job)
{
    if (job->scan)
        malware_scan_cancel(job->scan);
    if (job->message >= 0)
        close(job->message);
    if (job->pages >= 0)
        close(job->pages);
    free(job->targets);
    free(job->facts);
    mail_addressed_free(&job->addressed);
    free(job->keys);
    free(job);
}

void mail_job_end(struct mail_job *job, int64_t delay_ms)
{
    struct mail_work *w = job->work;
    struct mail_job **at = &w->jobs;
    const struct fax_id mail = job->mail;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    w->job_count--;
    mail_job_free(job);
    if (delay_ms >= 0)
        mail_work_again(w, &mail, (uint64_t)delay_ms);
    else
        mail_work_run(w);
}

bool mail_job_failed(struct mail_job *job, int status, const char *what)
{
    bool stops = job->work->stopping || job->control->stopping;
    if (status >= 0 && !stops)
        return false;
    if (!stops)
        log_write(LOG_LEVEL_WARNING, "%s: %s; it is tried again", what, strerror(-status));
    mail_job_end(job, stops ? -1 : MAIL_AGAIN_MS);
    return true;
}

/* --- loading --- */

static void take_message(struct mail_message *m, const struct mail_row *row)
{
    snprintf(m->login, sizeof m->login, "%s", row->login);
    snprintf(m->principal, sizeof m->principal, "%s", row->principal);
    snprintf(m->from_address, sizeof m->from_address, "%s", row->from_address);
    snprintf(m->author_name, sizeof m->author_name, "%s", row->author_name);
    snprintf(m->subject, sizeof m->subject, "%s", row->subject);
    snprintf(m->date, sizeof m->date, "%s", row->date);
    snprintf(m->refusal, sizeof m->refusal, "%s", row->refusal);
    snprintf(m->options.class_name, sizeof m->options.class_name, "%s", row->class_name);
    snprintf(m->options.from, sizeof m->options.from, "%s", row->from_number);
    m->options.y_dpi = (uint16_t)row->y_dpi;
    m->options.cover = (uint8_t)row->cover;
    m->options.priority = (uint8_t)row->priority;
    m->options.not_before = row->not_before_s;
    m->relay = row->relay != 0;
    m->identified = row->identified != 0;
    m->automatic = row->automatic != 0;
    m->signed_by_somebody = row->signature[0] != '\0';
    m->accepted_ms = row->accepted_ms;
}

static void take_target(struct mail_target *t, const struct mail_recipient_row *row)
{
    t->recipient = (uint32_t)row->recipient;
    snprintf(t->number, sizeof t->number, "%s", row->number);
    snprintf(t->name, sizeof t->name, "%s", row->name);
    snprintf(t->options.class_name, sizeof t->options.class_name, "%s", row->class_name);
    snprintf(t->options.from, sizeof t->options.from, "%s", row->from_number);
    t->options.y_dpi = (uint16_t)row->y_dpi;
    t->options.cover = (uint8_t)row->cover;
    t->options.priority = (uint8_t)row->priority;
    t->options.not_before = row->not_before_s;
}

static bool is_under_way(const char *state)
{
    return strcmp(state, "queued") == 0 || strcmp(state, "sending") == 0;
}

/* Those without a fax are to be given one; a fax that ended while nobody looked is told now. */
static int take_recipients(struct mail_job *job, const struct db_result *result)
{
    int rows = db_result_rows(result);
    free(job->targets);
    job->target_count = job->at = job->faxes = 0;
    job->targets = calloc((size_t)rows + 1, sizeof *job->targets);
    if (!job->targets)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct mail_recipient_row row;
        mail_recipient_row_read(result, i, &row);
        if (row.ended_ms)
            continue;
        if (!row.fax[0])
            take_target(&job->targets[job->target_count++], &row);
        else if (is_under_way(row.fax_state))
            job->faxes++;
        else
            mail_end_settle(job->work, &job->mail, (uint32_t)row.recipient);
    }
    return 0;
}

static void go_on(struct mail_job *job)
{
    if (job->row.refusal[0]) {
        for (size_t i = 0; i < job->target_count; i++)
            mail_end_refused(job->work, &job->mail, job->targets[i].recipient, "5.7.1",
                             job->row.refusal);
        mail_job_end(job, -1);
    } else if (job->row.identified) {
        mail_job_faxes(job);
    } else {
        mail_job_read(job);
    }
}

static void on_opened(void *user, int status, int message, uint64_t octets)
{
    struct mail_job *job = user;
    if (status == -ENOENT || status == -EBADMSG) {
        for (size_t i = 0; i < job->target_count; i++)
            mail_end_refused(job->work, &job->mail, job->targets[i].recipient, "5.3.0",
                             "The sealed message cannot be read any more.");
        mail_job_end(job, -1);
        return;
    }
    job->message = message;
    job->octets = octets;
    if (!mail_job_failed(job, status, "a message could not be opened"))
        go_on(job);
}

static void on_recipients(void *user, int status, const struct db_result *result)
{
    struct mail_job *job = user;
    if (status == 0)
        status = take_recipients(job, result);
    if (mail_job_failed(job, status, "the recipients of a message could not be read"))
        return;
    if (job->target_count == 0) {
        struct mail_work *w = job->work;
        const struct fax_id mail = job->mail;
        mail_job_end(job, -1);
        mail_end_check(w, &mail);
    } else if (job->message >= 0) {
        go_on(job);
    } else {
        status = mail_store_open(job->control->mail_store, &job->mail, on_opened, job);
        if (status < 0)
            mail_job_failed(job, status, "a message could not be opened");
    }
}

static void on_row(void *user, int status, const struct db_result *result)
{
    struct mail_job *job = user;
    struct mail_row row;
    if (mail_job_failed(job, status, "a message could not be read"))
        return;
    if (db_result_rows(result) == 0) {
        mail_job_end(job, -1); /* its record was refused: audit_state says so */
        return;
    }
    mail_row_read(result, 0, &row);
    take_message(&job->row, &row);
    if (row.destroyed_ms || row.ended_ms) {
        struct mail_work *w = job->work;
        const struct fax_id mail = job->mail;
        mail_job_end(job, -1);
        if (!row.destroyed_ms)
            mail_end_remove(w, &mail, true);
        return;
    }
    if (mail_end_refuses(job->work, &job->mail)) {
        mail_job_end(job, MAIL_REFUSALS_MS);
        return;
    }
    status = mail_query_recipients(job->control->db, &job->mail, 0, on_recipients, job);
    if (status < 0)
        mail_job_failed(job, status, "the recipients of a message could not be read");
}

void mail_job_load(struct mail_job *job)
{
    int rc = mail_query_one(job->control->db, &job->mail, on_row, job);
    if (rc < 0)
        mail_job_failed(job, rc, "a message could not be read");
}

int mail_job_start(struct mail_work *w, const struct fax_id *mail)
{
    struct mail_job *job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    job->work = w;
    job->control = w->control;
    job->mail = *mail;
    job->message = job->pages = -1;
    int rc = mail_query_one(job->control->db, &job->mail, on_row, job);
    if (rc < 0) {
        mail_job_free(job);
        return rc;
    }
    job->next = w->jobs;
    w->jobs = job;
    w->job_count++;
    return 0;
}
