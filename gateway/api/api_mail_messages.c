/* Messages that came by mail. What they say is for nobody here: a subject is shown to those in
 * whose name it was sent. */
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/mail_queries.h"

enum { LIST_LIMIT = 50 };

/* Whoever runs the gateway sees that there are messages; others see their own. */
static bool sees_all(const struct api_request *r)
{
    struct policy_answer answer;
    policy_cache_decide(r->control->policy, r->principal, POLICY_STATUS, NULL, NULL, NULL, &answer);
    return answer.allowed;
}

static bool is_own(const struct api_request *r, const struct mail_row *row)
{
    return strcmp(row->principal, r->principal) == 0 || strcmp(row->login, r->principal) == 0;
}

static const char *state_of(const struct mail_row *row)
{
    if (row->destroyed_ms || row->ended_ms)
        return "ended";
    return row->refusal[0] ? "refused" : row->identified ? "sending" : "accepted";
}

static json_t *mail_json(const struct api_request *r, const struct mail_row *row)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:o,s:s}", "id", row->mail,
                     "state", state_of(row), "from", row->from_address, "author", row->author,
                     "principal", row->principal, "login", row->login, "identified_by",
                     row->identified_by, "subject", is_own(r, row) ? row->subject : "", "octets",
                     (json_int_t)row->octets, "recipients", (json_int_t)row->recipients, "accepted",
                     api_time(row->accepted_ms), "ended", api_time(row->ended_ms), "destroyed",
                     api_time(row->destroyed_ms), "refusal", row->refusal);
}

/* --- list --- */

static void on_list(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    const char *last = NULL;
    if (!api_rows(r, status, "the messages could not be read"))
        return;
    json_t *list = json_array();
    int rows = db_result_rows(result);
    for (int i = 0; i < rows; i++) {
        struct mail_row row;
        mail_row_read(result, i, &row);
        json_array_append_new(list, mail_json(r, &row));
        last = row.mail;
    }
    json_t *next = rows == LIST_LIMIT ? json_string(last) : json_null();
    api_answer_json(r, 200, json_pack("{s:o,s:o}", "messages", list, "next", next));
}

static void list_recorded(struct api_request *r)
{
    struct fax_id before;
    const char *text = http_request_query(r->http, "before");
    if (text && fax_id_parse(&before, text) < 0) {
        api_answer_problem(r, 400, "request", "The filter is not valid",
                           "before must be the id of a message");
        return;
    }
    int rc = mail_query_list(r->control->db, text ? &before : NULL,
                             sees_all(r) ? NULL : r->principal, LIST_LIMIT, on_list, r);
    if (rc < 0)
        api_answer_error(r, rc, "the messages could not be read");
}

void api_get_mail_messages(struct http_request *http, void *user)
{
    static const char *const known[] = {"before", NULL};
    struct event e;
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    event_begin(&e, "mail.listed", r->principal, NULL);
    api_record(r, &e, list_recorded);
}

/* --- one --- */

static json_t *recipient_json(const struct mail_recipient_row *row)
{
    const char *state = row->state[0] ? row->state : row->fax[0] ? row->fax_state : "waiting";
    return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:o}", "recipient",
                     (json_int_t)row->recipient, "address", row->address, "number", row->number,
                     "state", state, "status", row->status, "reason", row->reason, "pages",
                     (json_int_t)row->pages, "fax", row->fax, "report_due", row->report, "ended",
                     api_time(row->ended_ms));
}

static void on_recipients(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the recipients could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct mail_recipient_row row;
        mail_recipient_row_read(result, i, &row);
        json_array_append_new(list, recipient_json(&row));
    }
    json_object_set_new(r->body, "recipient_list", list);
    json_t *body = r->body;
    r->body = NULL;
    api_answer_json(r, 200, body);
}

static void show_recorded(struct api_request *r)
{
    struct fax_id mail;
    int rc = fax_id_parse(&mail, json_string_value(json_object_get(r->body, "id")));
    if (rc == 0)
        rc = mail_query_recipients(r->control->db, &mail, 0, on_recipients, r);
    if (rc < 0)
        api_answer_error(r, rc, "the recipients could not be read");
}

static void on_message(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct mail_row row;
    struct fax_id mail;
    struct event e;
    if (!api_rows(r, status, "the message could not be read"))
        return;
    mail_row_read(result, 0, &row); /* all "" when there is none */
    if ((!is_own(r, &row) && !sees_all(r)) || fax_id_parse(&mail, row.mail) < 0) {
        api_answer_problem(r, 404, "unknown", "There is no such message", NULL);
        return;
    }
    r->body = mail_json(r, &row);
    event_begin(&e, "mail.listed", r->principal, &mail);
    api_record(r, &e, show_recorded);
}

void api_get_mail_message(struct http_request *http, void *user)
{
    struct fax_id mail;
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (fax_id_parse(&mail, http_request_param(http, "id")) < 0) {
        api_answer_problem(r, 404, "unknown", "There is no such message", NULL);
        return;
    }
    int rc = mail_query_one(r->control->db, &mail, on_message, r);
    if (rc < 0)
        api_answer_error(r, rc, "the message could not be read");
}
