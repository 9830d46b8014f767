#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/db/fax_queries.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/process/log.h"
#include "policy/secret.h"

/* --- its life --- */

static void attempt_free(struct mail_attempt *a)
{
    if (a->vault >= 0)
        close(a->vault);
    mail_content_clear(&a->content);
    secret_wipe(a, sizeof *a);
    free(a);
}

static void take_out(struct mail_attempt *a)
{
    struct mail_attempt **at = &a->box->attempts;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    a->box->attempt_count--;
}

bool mail_attempt_resume(struct mail_attempt *a)
{
    bool goes_on = !a->dropped;
    a->waiting = false;
    if (!goes_on)
        attempt_free(a);
    return goes_on;
}

void mail_attempt_forget(struct mail_attempt *a)
{
    struct mail_out *box = a->box;
    take_out(a);
    attempt_free(a);
    mail_out_soon(box);
}

void mail_attempt_put_back(struct mail_attempt *a, int64_t delay_ms)
{
    a->entry.next_ms = control_now_ms() + delay_ms;
    mail_out_put(a->box, &a->entry);
    mail_attempt_forget(a);
}

void mail_attempt_drop(struct mail_attempt *a)
{
    take_out(a);
    if (a->transfer)
        mail_relay_cancel(a->transfer);
    if (a->task)
        render_cancel(a->task);
    a->transfer = NULL;
    a->task = NULL;
    a->dropped = true;
    if (!a->waiting && !a->working)
        attempt_free(a);
}

/* --- sending --- */

void mail_attempt_origin(const struct mail_attempt *a, struct mail_origin *origin)
{
    *origin = (struct mail_origin){
        .host = a->box->host,
        .from = a->box->from,
        .to = a->to,
        .out = a->entry.out,
        .queued_ms = a->queued_ms,
    };
}

static void on_delivered(void *user, const struct mail_result *result)
{
    struct mail_attempt *a = user;
    a->transfer = NULL;
    a->result = *result;
    mail_content_clear(&a->content);
    mail_attempt_record(a);
}

void mail_attempt_send(struct mail_attempt *a)
{
    const struct mail_out *box = a->box;
    char path[MAIL_RETURN_TEXT] = ""; /* null for reports (RFC 3464 §2) */
    if (!a->is_report && (!box->has_return_key ||
                          mail_return_make(box->return_key, box->from, &a->entry.out, path) < 0))
        snprintf(path, sizeof path, "%s", box->from);
    const struct mail_delivery delivery = {
        .from = path,
        .to = a->to,
        .content = &a->content,
    };
    int rc = mail_relay_send(a->box->relay, &delivery, on_delivered, a, &a->transfer);
    if (rc == -EINVAL) {
        a->result.outcome = MAIL_REFUSED;
        snprintf(a->result.answer, sizeof a->result.answer, "the address cannot be used");
        mail_attempt_record(a);
    } else if (rc < 0) {
        mail_attempt_fail_here(a, "the mail could not be handed to the relay", rc);
    }
}

/* --- reports --- */

/* Of the head of the message what the record of the report kept: the message itself may have been
 * destroyed by now. */
static void returned_head(const struct mail_report *report, struct mail_text *out)
{
    const struct mail_head *head = &report->head;
    if (head->date[0])
        mail_text_field(out, "Date", head->date);
    if (head->author[0])
        mail_text_address_field(out, "From", head->author_name, head->author);
    mail_text_address_field(out, "To", "", report->address);
    mail_text_field(out, "Subject", head->subject);
    if (head->message_id[0])
        mail_text_field(out, "Message-ID", head->message_id);
}

static void send_report(struct mail_attempt *a, int64_t sip_code, int64_t t30_result,
                        const char *text)
{
    struct mail_report_facts facts;
    struct mail_text head = {0};
    memset(&facts, 0, sizeof facts);
    returned_head(&a->report, &head);
    facts.head = head.octets;
    facts.head_length = head.length;
    mail_attempt_origin(a, &facts.origin);
    facts.report = &a->report;
    if (a->report.action != MAIL_REPORT_DELIVERED && t30_result > 0) {
        facts.diagnostic_type = "X-T30";
        snprintf(facts.diagnostic, sizeof facts.diagnostic, "%d %.150s", (int)t30_result, text);
    } else if (sip_code >= 300) {
        facts.diagnostic_type = "X-SIP";
        snprintf(facts.diagnostic, sizeof facts.diagnostic, "%d %.150s", (int)sip_code, text);
    }
    int rc = mail_compose_report(&facts, &a->content.frame.head);
    mail_text_clear(&head);
    if (rc < 0)
        mail_attempt_fail_here(a, "the report could not be written", rc);
    else
        mail_attempt_send(a);
}

static void on_calls(void *user, int status, const struct db_result *result)
{
    struct mail_attempt *a = user;
    struct fax_attempt_row row = {0};
    if (!mail_attempt_resume(a))
        return;
    if (status < 0) {
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
        return;
    }
    int last = db_result_rows(result) - 1;
    if (last >= 0)
        fax_attempt_row_read(result, last, &row);
    if (last >= 0)
        send_report(a, row.sip_code, row.t30_result, row.text);
    else
        send_report(a, 0, 0, "");
}

static void load_report(struct mail_attempt *a)
{
    if (!a->report.has_fax) {
        send_report(a, 0, 0, "");
        return;
    }
    a->waiting = true;
    if (fax_query_attempts(a->box->control->db, &a->report.fax, on_calls, a) < 0) {
        a->waiting = false;
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
    }
}

static void take_report(struct mail_attempt *a, const struct mail_out_row *row)
{
    struct mail_report *r = &a->report;
    r->mail = a->entry.about;
    r->recipient = (uint32_t)row->recipient;
    r->has_fax = row->fax[0] && fax_id_parse(&r->fax, row->fax) == 0;
    r->action = strcmp(row->action, "delivered") == 0 ? MAIL_REPORT_DELIVERED
                : strcmp(row->action, "delayed") == 0 ? MAIL_REPORT_DELAYED
                                                      : MAIL_REPORT_FAILED;
    snprintf(r->to, sizeof r->to, "%s", row->to);
    snprintf(r->address, sizeof r->address, "%s", row->address);
    snprintf(r->orcpt, sizeof r->orcpt, "%s", row->orcpt);
    snprintf(r->envid, sizeof r->envid, "%s", row->envid);
    snprintf(r->status, sizeof r->status, "%s", row->status);
    snprintf(r->verdict, sizeof r->verdict, "%s", row->verdict);
    snprintf(r->head.author, sizeof r->head.author, "%s", row->author);
    snprintf(r->head.author_name, sizeof r->head.author_name, "%s", row->author_name);
    snprintf(r->head.subject, sizeof r->head.subject, "%s", row->subject);
    snprintf(r->head.message_id, sizeof r->head.message_id, "%s", row->message_id);
    snprintf(r->head.date, sizeof r->head.date, "%s", row->date);
    r->arrived_ms = row->arrived_ms;
    r->pages = (uint32_t)row->pages;
    r->unreported = (uint32_t)row->unreported;
}

/* --- what the record says --- */

static void take_row(struct mail_attempt *a, const struct mail_out_row *row)
{
    a->is_report = strcmp(row->kind, "report") == 0;
    a->entry.tries = (uint32_t)row->tries;
    a->queued_ms = row->queued_ms;
    a->expires_ms = row->expires_ms;
    snprintf(a->to, sizeof a->to, "%s", row->to);
    if (a->box->schedule.down && control_now_ms() >= a->expires_ms) {
        mail_attempt_fail_here(a, "the mail relay could not be reached in time", -ETIMEDOUT);
    } else if (a->is_report) {
        take_report(a, row);
        load_report(a);
    } else if (mail_form_parse(row->form, &a->form) < 0 || fax_id_parse(&a->fax, row->fax) < 0) {
        mail_attempt_fail_here(a, "the record of the mail cannot be read", -EBADMSG);
    } else {
        mail_attempt_load_fax(a);
    }
}

static void on_row(void *user, int status, const struct db_result *result)
{
    struct mail_attempt *a = user;
    struct mail_out_row row;
    if (!mail_attempt_resume(a))
        return;
    if (status < 0 || db_result_rows(result) == 0) {
        /* The database is away, or the record is still on its way there. */
        mail_attempt_put_back(a, status < 0 ? MAIL_LOCAL_AGAIN_MS : MAIL_NOT_APPLIED_MS);
        return;
    }
    mail_out_row_read(result, 0, &row);
    if (strcmp(row.state, "queued") == 0)
        take_row(a, &row);
    else
        mail_attempt_forget(a); /* dropped meanwhile */
}

void mail_attempt_begin(struct mail_out *box, const struct mail_entry *entry)
{
    struct mail_attempt *a = calloc(1, sizeof *a);
    struct mail_entry later = *entry;
    later.next_ms = control_now_ms() + MAIL_LOCAL_AGAIN_MS;
    if (!a) {
        mail_out_put(box, &later);
        return;
    }
    a->box = box;
    a->entry = *entry;
    a->vault = -1;
    a->content.document = -1;
    a->next = box->attempts;
    box->attempts = a;
    box->attempt_count++;
    a->waiting = true;
    if (mail_query_out(box->control->db, &entry->out, on_row, a) < 0) {
        take_out(a);
        attempt_free(a);
        mail_out_put(box, &later);
    }
}
