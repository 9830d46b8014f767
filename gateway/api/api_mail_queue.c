/* The mails that the gateway sends: those that wait, and what became of the others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/mail_out_queries.h"
#include "gateway/mail/mail_out.h"

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *mail_json(const struct mail_out_row *row)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:s,s:s,s:I,s:s,s:o,s:o,s:o,s:o,s:o}", "id",
                     row->out, "kind", row->kind, "state", row->state, "to", row->to, "fax",
                     text_or_null(row->fax), "about", row->about, "recipient",
                     (json_int_t)row->recipient, "action", row->action, "form", row->form, "tries",
                     (json_int_t)row->tries, "answer", row->answer, "queued",
                     api_time(row->queued_ms), "next", api_time(row->next_ms), "expires",
                     api_time(row->expires_ms), "ended", api_time(row->ended_ms), "bounced",
                     api_time(row->bounced_ms));
}

static void on_list(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the mails could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct mail_out_row row;
        mail_out_row_read(result, i, &row);
        json_array_append_new(list, mail_json(&row));
    }
    api_answer_json(
        r, 200,
        json_pack("{s:o,s:I}", "mails", list, "waiting", (json_int_t)mail_out_waiting(r->control)));
}

static bool is_state(const char *state)
{
    static const char *const states[] = {"queued", "sent", "failed", "dropped", NULL};
    for (size_t i = 0; states[i]; i++)
        if (strcmp(states[i], state) == 0)
            return true;
    return false;
}

void api_get_mail_queue(struct http_request *http, void *user)
{
    static const char *const known[] = {"state", NULL};
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    const char *state = http_request_query(http, "state");
    if (state && !is_state(state)) {
        api_answer_problem(r, 400, "request", "The state is not known",
                           "state must be queued, sent, failed or dropped");
        return;
    }
    int rc = mail_query_outbox(r->control->db, state, MAIL_LIST_LIMIT_MAX, on_list, r);
    if (rc < 0)
        api_answer_error(r, rc, "the mails could not be read");
}

/* --- one mail --- */

struct mail_state {
    struct mail_out_change change;
    bool retry, drop; /* neither: it is shown */
};

static void changed(struct api_request *r)
{
    const struct mail_state *s = r->state;
    mail_out_changed(r->control, &s->change);
    api_answer_json(r, 204, NULL);
}

static void record_change(struct api_request *r, const struct mail_out_row *row)
{
    struct event e;
    struct mail_state *s = r->state;
    int64_t now_ms = control_now_ms();
    s->change.next_ms = s->retry ? now_ms : 0;
    event_begin(&e, s->retry ? "mail.retried" : "mail.dropped", r->principal, &s->change.about);
    event_text(&e, "out", row->out);
    event_personal(&e, "to", row->to);
    if (s->retry)
        event_integer(&e, "expires", now_ms / 1000 + r->control->config->mail.out_lifetime_s);
    api_record(r, &e, changed);
}

static void on_mail(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct mail_state *s = r->state;
    struct mail_out_row row;
    if (!api_rows(r, status, "the mail could not be read"))
        return;
    if (db_result_rows(result) == 0) {
        api_answer_problem(r, 404, "unknown", "There is no such mail", NULL);
        return;
    }
    mail_out_row_read(result, 0, &row);
    bool queued = strcmp(row.state, "queued") == 0, sent = strcmp(row.state, "sent") == 0;
    if (fax_id_parse(&s->change.about, row.about) < 0)
        api_answer_problem(r, 500, "damaged", "The record of the mail cannot be read", NULL);
    else if (!s->retry && !s->drop)
        api_answer_json(r, 200, mail_json(&row));
    else if (strcmp(row.node, r->control->config->node) != 0)
        api_answer_problem(r, 409, "elsewhere", "The mail is sent by another gateway", row.node);
    else if (s->drop ? !queued : sent)
        api_answer_problem(r, 409, "ended", "The mail does not wait to be sent", row.state);
    else
        record_change(r, &row);
}

static void find_mail(struct api_request *r, bool retry, bool drop)
{
    struct mail_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the mail could not be read");
        return;
    }
    r->state = s;
    r->state_free = free;
    s->retry = retry;
    s->drop = drop;
    if (fax_id_parse(&s->change.out, http_request_param(r->http, "id")) < 0) {
        api_answer_problem(r, 404, "unknown", "There is no such mail", NULL);
        return;
    }
    int rc = mail_query_out(r->control->db, &s->change.out, on_mail, r);
    if (rc < 0)
        api_answer_error(r, rc, "the mail could not be read");
}

static void begin(struct http_request *http, void *user, bool retry, bool drop)
{
    struct api_request *r = api_begin(http, user);
    if (r && api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        find_mail(r, retry, drop);
}

void api_get_queued_mail(struct http_request *http, void *user)
{
    begin(http, user, false, false);
}

void api_retry_queued_mail(struct http_request *http, void *user)
{
    begin(http, user, true, false);
}

void api_drop_queued_mail(struct http_request *http, void *user)
{
    begin(http, user, false, true);
}
