#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_watchers.h"

/* --- list --- */

enum { LIST_DEFAULT = 50 };

static void on_list(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the faxes could not be read"))
        return;
    json_t *faxes = json_array();
    const char *last = NULL;
    struct fax_row row;
    int rows = db_result_rows(result), limit = r->http_status;
    for (int i = 0; i < rows; i++) {
        fax_row_read(result, i, &row);
        json_array_append_new(faxes, api_fax_json(&row));
        last = row.fax;
    }
    json_t *next = rows == limit && last ? json_string(last) : json_null();
    api_answer_json(r, 200, json_pack("{s:o,s:o}", "faxes", faxes, "next", next));
}

static bool one_of(const char *text, const char *const *allowed)
{
    for (; *allowed; allowed++)
        if (strcmp(text, *allowed) == 0)
            return true;
    return false;
}

static bool read_filter(struct api_request *r, struct fax_filter *filter, struct fax_id *before)
{
    static const char *const directions[] = {"in", "out", NULL};
    static const char *const states[] = {"queued",    "sending", "receiving", "delivered",
                                         "received",  "partial", "failed",    "uncertain",
                                         "cancelled", "bridged", NULL};
    const char *text = http_request_query(r->http, "before");
    filter->direction = http_request_query(r->http, "direction");
    filter->state = http_request_query(r->http, "state");
    filter->mailbox = http_request_query(r->http, "mailbox");
    const char *wrong = NULL;
    if (filter->direction && !one_of(filter->direction, directions))
        wrong = "direction must be 'in' or 'out'";
    else if (filter->state && !one_of(filter->state, states))
        wrong = "state must be one of queued, sending, receiving, delivered, received, partial, "
                "failed, uncertain, cancelled, bridged";
    else if (text && fax_id_parse(before, text) < 0)
        wrong = "before must be the id of a fax";
    filter->before = text ? before : NULL;
    if (wrong)
        api_answer_problem(r, 400, "request", "The filter is not valid", wrong);
    return !wrong;
}

static void list_recorded(struct api_request *r)
{
    struct fax_filter filter;
    struct fax_id before;
    size_t count = 0;
    memset(&filter, 0, sizeof filter);
    if (!read_filter(r, &filter, &before))
        return;
    filter.limit = (unsigned)r->http_status;
    const char **mailboxes = api_visible_mailboxes(r, &count);
    filter.mailboxes = mailboxes;
    filter.mailbox_count = count;
    int rc = mailboxes ? fax_query_list(r->control->db, &filter, on_list, r) : -ENOMEM;
    free(mailboxes);
    if (rc < 0)
        api_answer_error(r, rc, "the faxes could not be read");
}

void api_get_faxes(struct http_request *http, void *user)
{
    static const char *const known[] = {"direction", "state", "mailbox", "limit", "before", NULL};
    int64_t limit;
    size_t count = 0;
    struct event e;
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0 ||
        http_request_query_number(http, "limit", 1, FAX_LIST_LIMIT_MAX, LIST_DEFAULT, &limit) < 0) {
        api_end(r);
        return;
    }
    const char **mailboxes = api_visible_mailboxes(r, &count);
    free(mailboxes);
    const char *mailbox = http_request_query(http, "mailbox");
    if ((count == 0 || mailbox) && !api_allow(r, POLICY_LIST, mailbox ? mailbox : "*"))
        return;
    r->http_status = (int)limit;
    event_begin(&e, "fax.listed", r->principal, NULL);
    event_integer(&e, "mailboxes", (int64_t)count);
    api_record(r, &e, list_recorded);
}

/* --- one fax --- */

static const char *coding_name(int64_t coding)
{
    static const char *const names[] = {"", "MH", "MR", "MMR", "JBIG"};
    return coding >= 1 && coding <= 4 ? names[coding] : "";
}

static void on_pages(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the pages could not be read"))
        return;
    json_t *pages = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct fax_page_row p;
        fax_page_row_read(result, i, &p);
        json_array_append_new(
            pages, json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:o}", "page", (json_int_t)p.page,
                             "width", (json_int_t)p.width, "rows", (json_int_t)p.rows, "x_dpi",
                             (json_int_t)p.x_dpi, "y_dpi", (json_int_t)p.y_dpi, "coding",
                             coding_name(p.coding), "octets", (json_int_t)p.octets, "digest",
                             p.digest, "confirmed", api_time(p.confirmed_ms)));
    }
    json_object_set_new(r->body, "page_list", pages);
    json_t *body = r->body;
    r->body = NULL;
    api_answer_json(r, 200, body);
}

static void on_attempts(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct fax_id fax;
    if (!api_rows(r, status, "the attempts could not be read"))
        return;
    json_t *attempts = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct fax_attempt_row a;
        fax_attempt_row_read(result, i, &a);
        json_array_append_new(
            attempts,
            json_pack(
                "{s:I,s:o,s:o,s:s,s:s,s:I,s:I,s:s,s:I,s:s,s:s,s:b,s:I,s:s,s:I,s:I,s:s,s:s,s:b}",
                "attempt", (json_int_t)a.attempt, "started", api_time(a.started_ms), "ended",
                api_time(a.ended_ms), "trunk", a.trunk, "outcome", a.outcome, "sip_code",
                (json_int_t)a.sip_code, "t30_result", (json_int_t)a.t30_result, "text", a.text,
                "rate", (json_int_t)a.rate, "modem", a.modem, "media", a.media, "ecm", a.ecm != 0,
                "retransmissions", (json_int_t)a.retransmissions, "peer_ident", a.peer_ident,
                "pages", (json_int_t)a.pages, "seconds", (json_int_t)a.seconds, "signalling",
                a.signalling, "protection", a.protection, "express", a.express != 0));
    }
    json_object_set_new(r->body, "attempts", attempts);
    int rc = fax_id_parse(&fax, json_string_value(json_object_get(r->body, "id")));
    if (rc == 0)
        rc = fax_query_pages(r->control->db, &fax, on_pages, r);
    if (rc < 0)
        api_answer_error(r, rc, "the pages could not be read");
}

static void show_recorded(struct api_request *r)
{
    struct fax_id fax;
    int rc = fax_id_parse(&fax, json_string_value(json_object_get(r->body, "id")));
    if (rc == 0)
        rc = fax_query_attempts(r->control->db, &fax, on_attempts, r);
    if (rc < 0)
        api_answer_error(r, rc, "the attempts could not be read");
}

static void found_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                      const struct db_result *result)
{
    struct event e;
    (void)result;
    r->body = api_fax_json(row);
    json_object_set_new(r->body, "class", json_string(row->class_name));
    json_object_set_new(r->body, "principal", json_string(row->principal));
    json_object_set_new(r->body, "disposed", api_time(row->disposed_ms));
    json_object_set_new(r->body, "key", json_pack("{s:s}", "kek_id", row->kek));
    event_begin(&e, "fax.listed", r->principal, fax);
    api_record(r, &e, show_recorded);
}

void api_get_fax(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (r)
        api_find_fax(r, POLICY_LIST, found_fax);
}

/* --- watch --- */

static bool is_final(const char *state)
{
    return strcmp(state, "queued") != 0 && strcmp(state, "sending") != 0 &&
           strcmp(state, "receiving") != 0;
}

static void watch_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                      const struct db_result *result);

static void on_tables_current(void *user, int status, uint64_t index)
{
    struct api_request *r = user;
    (void)index;
    if (status < 0)
        api_answer_error(r, status, "the fax could not be read");
    else
        api_find_fax(r, POLICY_LIST, watch_fax);
}

static bool is_live(const struct api_request *r, const struct fax_id *fax)
{
    return fax_call_exists(r->control, fax) || fax_queue_holds(r->control->queue, fax);
}

static void watch_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                      const struct db_result *result)
{
    (void)result;
    if (!is_final(row->state) && !is_live(r, fax) && r->http_status == 0) {
        /* It has just ended, and the tables are behind the log: once more when they are not. */
        struct audit_state audit;
        audit_state_get(r->control->audit, &audit);
        r->http_status = 1;
        int rc = audit.size > 0
                     ? audit_when_applied(r->control->audit, audit.size - 1, on_tables_current, r)
                     : -ENOENT;
        if (rc < 0)
            api_answer_error(r, rc, "the fax could not be read");
        return;
    }
    json_t *line =
        json_pack("{s:o,s:s,s:s,s:s,s:I,s:I}", "time", api_time(control_now_ms()), "kind",
                  is_final(row->state) ? "ended" : fax_call_step(r->control, fax), "state",
                  row->state, "text", row->reason, "page", (json_int_t)row->pages_confirmed,
                  "pages", (json_int_t)row->pages);
    http_stream_begin(r->http, "application/jsonl");
    http_stream_json_line(r->http, line);
    if (is_final(row->state) || !is_live(r, fax) ||
        fax_watchers_add(r->control->watchers, fax, r->http) < 0)
        http_stream_end(r->http);
    api_end(r);
}

static void watch_recorded(struct api_request *r)
{
    api_find_fax(r, POLICY_LIST, watch_fax);
}

static void found_to_watch(struct api_request *r, const struct fax_id *fax,
                           const struct fax_row *row, const struct db_result *result)
{
    struct event e;
    (void)row;
    (void)result;
    event_begin(&e, "fax.listed", r->principal, fax);
    api_record(r, &e, watch_recorded);
}

void api_watch_fax(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (r)
        api_find_fax(r, POLICY_LIST, found_to_watch);
}

/* --- cancel --- */

static void cancel_recorded(struct api_request *r)
{
    struct fax_id fax;
    bool done = fax_id_parse(&fax, http_request_param(r->http, "id")) == 0 &&
                (fax_queue_cancel(r->control->queue, &fax, r->principal) ||
                 fax_call_cancel(r->control, &fax));
    if (done)
        api_answer_json(
            r, 200,
            json_pack("{s:s,s:s}", "id", http_request_param(r->http, "id"), "state", "cancelled"));
    else
        api_answer_problem(r, 409, "state", "The fax cannot be cancelled", "it has ended already");
}

static void cancel_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                       const struct db_result *result)
{
    struct event e;
    (void)result;
    if (is_final(row->state)) {
        api_answer_problem(r, 409, "state", "The fax cannot be cancelled", "it has ended already");
        return;
    }
    event_begin(&e, "fax.cancelled", r->principal, fax);
    api_record(r, &e, cancel_recorded);
}

void api_cancel_fax(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (r)
        api_find_fax(r, POLICY_CANCEL, cancel_fax);
}
