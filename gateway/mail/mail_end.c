#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_verdict.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"
#include "gateway/smtp/fax_address.h"

enum { REPORT_AGAIN_MS = 30000, NO_RELAY_MS = 3600000 };

/* What is to be done for a recipient: one at a time, so that nothing is told twice. */
struct mail_ending {
    struct mail_ending *next;
    struct mail_work *work;
    struct fax_id mail;
    uint32_t recipient;
    bool refused;       /* and the tables do not say so yet */
    bool active, again; /* again: it came once more while it was active */
    char status[12], reason[MAIL_REASON_TEXT];
    uint64_t due_ms;
    struct mail_report report; /* to is "" when none is due */
    char from_address[MAIL_ADDRESS_TEXT];
    bool automatic;
    bool proved; /* it is known who sent it */
    /* Of a message whose row does not say it yet. */
    bool has_facts, facts_automatic;
    struct mail_head facts_head;
};

static void finish(struct mail_ending *e)
{
    struct mail_work *w = e->work;
    struct mail_ending **at = &w->endings;
    const struct fax_id mail = e->mail;
    w->endings_active--;
    e->active = false;
    if (e->again) {
        e->again = false;
        e->due_ms = 0;
    } else {
        while (*at != e)
            at = &(*at)->next;
        *at = e->next;
        if (w->endings_end == &e->next)
            w->endings_end = at;
        free(e);
        mail_end_check(w, &mail);
    }
    mail_work_run(w);
}

static bool failed(struct mail_ending *e, int status, const char *what, uint64_t delay_ms)
{
    struct mail_work *w = e->work;
    bool stops = w->stopping || w->control->stopping;
    if (status >= 0 && !stops)
        return false;
    if (!stops)
        log_write(LOG_LEVEL_WARNING, "%s: %s; it is tried again", what, strerror(-status));
    w->endings_active--;
    e->active = false;
    e->due_ms = uv_now(&w->control->loop) + delay_ms;
    /* Not from here: that would go as deep as there are endings when all of them fail. */
    if (!stops && !uv_is_active((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, w->tick, MAIL_AGAIN_MS, 0);
    return true;
}

/* --- the report --- */

static void on_report_applied(void *user, int status, uint64_t index)
{
    struct mail_ending *e = user;
    (void)index;
    if (status == -ECANCELED || status == -ESHUTDOWN)
        failed(e, status, "a report could not be queued", REPORT_AGAIN_MS);
    else
        finish(e);
}

static void on_queued(void *user, int status)
{
    struct mail_ending *e = user;
    if (status == 0)
        status = mail_work_when_applied(e->work, on_report_applied, e);
    if (status < 0)
        failed(e, status, "a report could not be queued", REPORT_AGAIN_MS);
}

static void report(struct mail_ending *e)
{
    if (!e->report.to[0]) {
        finish(e);
        return;
    }
    int rc = mail_out_report(e->work->control, &e->report, on_queued, e);
    /* No mail goes out any more: it stays due until the settings have changed. */
    if (rc < 0)
        failed(e, rc, "a report could not be queued",
               rc == -ENOTSUP ? NO_RELAY_MS : REPORT_AGAIN_MS);
}

static void fill_report(struct mail_ending *e, const struct mail_recipient_row *row)
{
    struct mail_report *r = &e->report;
    r->recipient = e->recipient;
    r->mail = e->mail;
    r->has_fax = row->fax[0] && fax_id_parse(&r->fax, row->fax) == 0;
    snprintf(r->to, sizeof r->to, "%s", e->from_address);
    snprintf(r->address, sizeof r->address, "%s", row->address);
    snprintf(r->orcpt, sizeof r->orcpt, "%s", row->orcpt);
    r->pages = (uint32_t)row->fax_pages;
}

/* --- the record --- */

static void on_end_applied(void *user, int status, uint64_t index)
{
    struct mail_ending *e = user;
    (void)index;
    if (status == -ECANCELED || status == -ESHUTDOWN) {
        failed(e, status, "the end of a recipient could not be recorded", MAIL_AGAIN_MS);
        return;
    }
    e->refused = false;
    report(e);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_ending *e = user;
    if (status == 0)
        status = audit_when_applied(e->work->control->audit, index, on_end_applied, e);
    if (status < 0)
        failed(e, status, "the end of a recipient could not be recorded", MAIL_AGAIN_MS);
}

/* Mail to it would come back to us. */
static bool is_ours(const struct control *c, const char *address)
{
    const char *at = strrchr(address, '@');
    return at && fax_address_is_ours(c->config->mail.domains, at + 1);
}

/* NULL, or why a report that is wanted does not go out. */
static const char *not_reported(struct mail_ending *e)
{
    struct control *c = e->work->control;
    uint64_t now_ms = uv_now(&c->loop);
    uint32_t most = (uint32_t)c->config->mail.reports_per_hour;
    if (is_ours(c, e->from_address))
        return "the sender's address is one of the gateway's";
    if (mail_report_limit_take(e->work->reports, e->from_address, e->proved, most, now_ms,
                               &e->report.unreported))
        return NULL;
    stranger_log_note_again(&c->unreported, e->from_address, now_ms);
    return "too many reports to the sender";
}

static void record(struct mail_ending *e, const struct mail_recipient_row *row,
                   const struct mail_end_verdict *verdict)
{
    const struct config *config = e->work->control->config;
    struct event event;
    bool wanted =
        e->from_address[0] && !e->automatic && config->mail.out_relay[0] &&
        mail_verdict_wants_report(config->mail.reports, (uint8_t)row->notify, verdict->delivered);
    const char *unreported = wanted ? not_reported(e) : NULL;
    if (wanted && !unreported)
        fill_report(e, row);
    else
        e->report.to[0] = '\0';
    e->report.action = verdict->delivered ? MAIL_REPORT_DELIVERED : MAIL_REPORT_FAILED;
    snprintf(e->report.status, sizeof e->report.status, "%s", verdict->status);
    snprintf(e->report.verdict, sizeof e->report.verdict, "%s", verdict->sentence);
    event_begin(&event, "mail.recipient_ended", "system", &e->mail);
    event_outcome(&event, verdict->delivered ? "ok" : "failed");
    event_integer(&event, "recipient", e->recipient);
    event_text(&event, "state", verdict->state);
    event_text(&event, "status", verdict->status);
    event_text(&event, "reason", verdict->sentence);
    event_integer(&event, "pages", row->fax_pages);
    event_text(&event, "made", row->fax);
    event_text(&event, "report",
               !e->report.to[0]     ? ""
               : verdict->delivered ? "delivered"
                                    : "failed");
    if (unreported)
        event_text(&event, "unreported", unreported);
    int rc = event_append(&event, e->work->control->audit, on_recorded, e);
    if (rc < 0)
        on_recorded(e, rc, 0);
}

/* It has ended before, and only its report may be due. */
static void report_again(struct mail_ending *e, const struct mail_recipient_row *row)
{
    if (!row->report[0]) {
        finish(e);
        return;
    }
    fill_report(e, row);
    e->report.action =
        strcmp(row->report, "delivered") == 0 ? MAIL_REPORT_DELIVERED : MAIL_REPORT_FAILED;
    snprintf(e->report.status, sizeof e->report.status, "%s", row->status);
    snprintf(e->report.verdict, sizeof e->report.verdict, "%s", row->reason);
    report(e);
}

/* --- what the tables say of it --- */

static void on_recipient(void *user, int status, const struct db_result *result)
{
    struct mail_ending *e = user;
    struct mail_recipient_row row;
    struct mail_end_verdict verdict;
    if (failed(e, status, "a recipient could not be read", MAIL_AGAIN_MS))
        return;
    if (db_result_rows(result) == 0) {
        finish(e);
        return;
    }
    mail_recipient_row_read(result, 0, &row);
    e->refused = e->refused && !row.ended_ms && !row.fax[0];
    if (row.ended_ms)
        report_again(e, &row);
    else if (e->refused)
        record(e, &row, mail_verdict_refused(e->status, e->reason, &verdict));
    else if (mail_verdict_of_fax(row.fax_state, row.fax_reason, (uint32_t)row.fax_pages, &verdict))
        record(e, &row, &verdict);
    else
        finish(e);
}

/* What a report shows of the message's head. */
static void take_head(struct mail_ending *e, const struct mail_row *row)
{
    struct mail_head *head = &e->report.head;
    if (!row->identified && e->has_facts) {
        *head = e->facts_head;
        e->automatic = e->facts_automatic;
        return;
    }
    snprintf(head->author, sizeof head->author, "%s", row->author);
    snprintf(head->author_name, sizeof head->author_name, "%s", row->author_name);
    snprintf(head->subject, sizeof head->subject, "%s", row->subject);
    snprintf(head->message_id, sizeof head->message_id, "%s", row->message_id);
    snprintf(head->date, sizeof head->date, "%s", row->date);
    e->automatic = row->automatic != 0;
}

static void on_message(void *user, int status, const struct db_result *result)
{
    struct mail_ending *e = user;
    struct mail_row row;
    if (failed(e, status, "a message could not be read", MAIL_AGAIN_MS))
        return;
    if (db_result_rows(result) == 0) {
        finish(e);
        return;
    }
    mail_row_read(result, 0, &row);
    snprintf(e->from_address, sizeof e->from_address, "%s", row.from_address);
    snprintf(e->report.envid, sizeof e->report.envid, "%s", row.envid);
    take_head(e, &row);
    e->report.arrived_ms = row.accepted_ms;
    e->proved = row.login[0] || row.principal[0];
    status = mail_query_recipients(e->work->control->db, &e->mail, e->recipient, on_recipient, e);
    if (status < 0)
        failed(e, status, "a recipient could not be read", MAIL_AGAIN_MS);
}

static void on_tables(void *user, int status, uint64_t index)
{
    struct mail_ending *e = user;
    (void)index;
    if (status == -ECANCELED || status == -ESHUTDOWN) {
        failed(e, status, "a message could not be read", MAIL_AGAIN_MS);
        return;
    }
    int rc = mail_query_one(e->work->control->db, &e->mail, on_message, e);
    if (rc < 0)
        failed(e, rc, "a message could not be read", MAIL_AGAIN_MS);
}

static void begin(struct mail_ending *e)
{
    e->active = true;
    e->work->endings_active++;
    memset(&e->report, 0, sizeof e->report);
    int rc = mail_work_when_applied(e->work, on_tables, e);
    if (rc < 0)
        failed(e, rc, "a message could not be read", MAIL_AGAIN_MS);
}

void mail_end_run(struct mail_work *w)
{
    uint64_t now_ms = uv_now(&w->control->loop);
    struct mail_ending *e = w->endings;
    for (; e && w->endings_active < MAIL_ENDINGS_AT_ONCE; e = e->next)
        if (!e->active && e->due_ms <= now_ms)
            begin(e);
}

/* --- what is to be done --- */

static struct mail_ending *add(struct mail_work *w, const struct fax_id *mail, uint32_t recipient)
{
    struct mail_ending *e = w->endings;
    while (e && (e->recipient != recipient || !fax_id_equal(&e->mail, mail)))
        e = e->next;
    if (e) {
        e->again = e->active;
        return e;
    }
    e = w->stopping ? NULL : calloc(1, sizeof *e);
    if (!e)
        return NULL; /* the next start finds it */
    e->work = w;
    e->mail = *mail;
    e->recipient = recipient;
    *w->endings_end = e;
    w->endings_end = &e->next;
    return e;
}

static void run_soon(struct mail_work *w)
{
    if (w->started && !uv_is_closing((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, w->tick, 0, 0);
}

static struct mail_ending *refuse(struct mail_work *w, const struct fax_id *mail,
                                  uint32_t recipient, const char *status, const char *reason)
{
    struct mail_ending *e = add(w, mail, recipient);
    if (e) {
        e->refused = true;
        snprintf(e->status, sizeof e->status, "%s", status);
        snprintf(e->reason, sizeof e->reason, "%s", reason);
    }
    run_soon(w);
    return e;
}

void mail_end_refused(struct mail_work *w, const struct fax_id *mail, uint32_t recipient,
                      const char *status, const char *reason)
{
    (void)refuse(w, mail, recipient, status, reason);
}

void mail_end_refused_early(struct mail_work *w, const struct fax_id *mail, uint32_t recipient,
                            const char *reason, const struct message_facts *facts)
{
    struct mail_ending *e = refuse(w, mail, recipient, "5.7.1", reason);
    if (!e)
        return;
    struct mail_head *head = &e->facts_head;
    e->has_facts = true;
    e->facts_automatic = facts->automatic != 0;
    snprintf(head->author, sizeof head->author, "%s", facts->from);
    snprintf(head->author_name, sizeof head->author_name, "%s", facts->from_name);
    snprintf(head->subject, sizeof head->subject, "%s", facts->subject);
    snprintf(head->message_id, sizeof head->message_id, "%s", facts->message_id);
    snprintf(head->date, sizeof head->date, "%s", facts->date);
}

bool mail_end_refuses(const struct mail_work *w, const struct fax_id *mail)
{
    const struct mail_ending *e = w->endings;
    while (e && (!e->refused || !fax_id_equal(&e->mail, mail)))
        e = e->next;
    return e != NULL;
}

void mail_end_settle(struct mail_work *w, const struct fax_id *mail, uint32_t recipient)
{
    (void)add(w, mail, recipient);
    run_soon(w);
}

void mail_end_report(struct mail_work *w, const struct fax_id *mail, uint32_t recipient)
{
    (void)add(w, mail, recipient);
    run_soon(w);
}

void mail_end_free(struct mail_work *w)
{
    while (w->endings) {
        struct mail_ending *e = w->endings;
        w->endings = e->next;
        free(e);
    }
    mail_removals_free(w);
}
