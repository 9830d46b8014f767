#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/audit/audit_verify.h"
#include "gateway/db/audit_queries.h"
#include "policy/record.h"

/* --- records --- */

struct list_state {
    struct audit_filter filter;
    struct fax_id fax;
    char before_node[POLICY_NAME_TEXT + 2];
};

static bool read_number(const char **at, int64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *out = strtoll(*at, &end, 10);
    *at = end + 1;
    return errno == 0 && *end == ',';
}

/* Where a page ends and the next one goes on: "TIME,INDEX,NODE". */
static bool read_mark(struct list_state *s, const char *text)
{
    if (!text)
        return true;
    if (!read_number(&text, &s->filter.before_us) || !read_number(&text, &s->filter.before_index))
        return false;
    size_t length = strlen(text);
    if (length == 0 || length > POLICY_NAME_TEXT || s->filter.before_us == 0 ||
        s->filter.before_us >= RECORD_INT_MAX ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != length)
        return false;
    memcpy(s->before_node, text, length + 1);
    s->filter.before_node = s->before_node;
    return true;
}

static json_t *mark_json(const struct audit_row *row)
{
    json_t *record = json_loads(row->record, 0, NULL);
    json_t *mark =
        json_sprintf("%" JSON_INTEGER_FORMAT ",%" PRId64 ",%s",
                     json_integer_value(json_object_get(record, "time")), row->index, row->node);
    json_decref(record);
    return mark;
}

/* All keys of the record that have no place of their own; personal ones with their value. */
static json_t *fields_json(const struct audit_row *row)
{
    static const char *const fixed[] = {"v",     "node",    "index", "time", "event",
                                        "actor", "outcome", "fax",   NULL};
    json_t *fields = json_loads(row->record, 0, NULL);
    json_t *personal = json_loads(row->personal, 0, NULL);
    if (!fields)
        fields = json_object();
    for (size_t i = 0; fixed[i]; i++)
        json_object_del(fields, fixed[i]);
    if (personal)
        json_object_update_existing(fields, personal);
    json_decref(personal);
    return fields;
}

static void on_records(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the records could not be read"))
        return;
    const struct list_state *s = r->state;
    json_t *list = json_array(), *next = json_null();
    int rows = db_result_rows(result);
    for (int i = 0; i < rows; i++) {
        struct audit_row row;
        audit_row_read(result, i, &row);
        if (i == rows - 1 && rows == (int)s->filter.limit)
            next = mark_json(&row);
        json_array_append_new(list, json_pack("{s:I,s:s,s:o,s:s,s:s,s:s,s:o,s:o}", "index",
                                              (json_int_t)row.index, "node", row.node, "time",
                                              api_time(row.time_ms), "event", row.event, "actor",
                                              row.actor, "outcome", row.outcome, "fax",
                                              row.fax[0] ? json_string(row.fax) : json_null(),
                                              "fields", fields_json(&row)));
    }
    api_answer_json(r, 200, json_pack("{s:o,s:o}", "records", list, "next", next));
}

static void list_recorded(struct api_request *r)
{
    struct list_state *s = r->state;
    int rc = audit_query_list(r->control->db, &s->filter, on_records, r);
    if (rc < 0)
        api_answer_error(r, rc, "the records could not be read");
}

static bool read_time(const char *text, int64_t *ms)
{
    struct tm utc;
    memset(&utc, 0, sizeof utc);
    if (!text)
        return true;
    const char *end = strptime(text, "%Y-%m-%d", &utc);
    if (end && (*end == 'T' || *end == ' '))
        end = strptime(end + 1, "%H:%M:%S", &utc);
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (!end || (strcmp(end, "") != 0 && strcmp(end, "Z") != 0))
        return false;
    *ms = (int64_t)timegm(&utc) * 1000;
    return true;
}

void api_get_records(struct http_request *http, void *user)
{
    static const char *const known[] = {"event", "actor", "fax",    "since",
                                        "until", "limit", "before", NULL};
    struct event e;
    int64_t limit;
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_AUDIT_READ, NULL))
        return;
    if (http_request_check_query(http, known) < 0 ||
        http_request_query_number(http, "limit", 1, AUDIT_LIST_LIMIT_MAX, 100, &limit) < 0) {
        api_end(r);
        return;
    }
    struct list_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the records cannot be read");
        return;
    }
    r->state = s;
    r->state_free = free;
    const char *fax = http_request_query(http, "fax");
    if (!read_time(http_request_query(http, "since"), &s->filter.since_ms) ||
        !read_time(http_request_query(http, "until"), &s->filter.until_ms) ||
        !read_mark(s, http_request_query(http, "before")) ||
        (fax && fax_id_parse(&s->fax, fax) < 0)) {
        api_answer_problem(r, 400, "request", "The filter is not valid",
                           "since and until are times like 2027-03-09T12:00:00Z, fax is an id, "
                           "before is the mark of an earlier answer");
        return;
    }
    s->filter.event = http_request_query(http, "event");
    s->filter.actor = http_request_query(http, "actor");
    s->filter.fax = fax ? &s->fax : NULL;
    s->filter.limit = (unsigned)limit;
    s->filter.personal = true;
    event_begin(&e, "audit.listed", r->principal, NULL);
    event_text(&e, "filter", s->filter.event ? s->filter.event : "");
    api_record(r, &e, list_recorded);
}

/* --- checkpoint --- */

static void free_text(void *octets, void *user)
{
    (void)user;
    free(octets);
}

static void on_checkpoint(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct checkpoint_row row;
    if (!api_rows(r, status, "the checkpoint could not be read"))
        return;
    if (db_result_rows(result) == 0) {
        api_answer_problem(r, 404, "unknown", "There is no checkpoint yet", NULL);
        return;
    }
    checkpoint_row_read(result, 0, &row);
    size_t length = strlen(row.note);
    char *text = malloc(length + 1);
    if (!text) {
        api_answer_error(r, -ENOMEM, "the checkpoint could not be read");
        return;
    }
    memcpy(text, row.note, length + 1);
    http_respond_bytes(r->http, 200, "text/plain; charset=utf-8", text, length, free_text, NULL);
    api_end(r);
}

void api_get_checkpoint(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_AUDIT_READ, NULL))
        return;
    int rc = audit_query_checkpoints(r->control->db, r->control->config->node, 1, on_checkpoint, r);
    if (rc < 0)
        api_answer_error(r, rc, "the checkpoint could not be read");
}

/* --- verify --- */

struct verify_state {
    uv_work_t work;
    uv_async_t progress;
    struct api_request *request;
    struct audit_verify_config config;
    struct audit_verify_result result;
    int status;
    _Atomic uint64_t done, of;
    char verifier_key[256];
};

static void on_progress(void *user, uint64_t done, uint64_t of)
{
    struct verify_state *s = user;
    s->done = done;
    s->of = of;
    uv_async_send(&s->progress);
}

static void on_progress_async(uv_async_t *async)
{
    struct verify_state *s = async->data;
    http_stream_json_line(s->request->http,
                          json_pack("{s:s,s:I,s:I}", "stage", "records", "checked",
                                    (json_int_t)s->done, "total", (json_int_t)s->of));
}

static void verify_work(uv_work_t *work)
{
    struct verify_state *s = work->data;
    s->status = audit_verify_run(&s->config, &s->result);
}

static void on_async_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static json_t *broken_json(const struct audit_verify_result *result)
{
    char why[600];
    if (result->finding == AUDIT_INTACT)
        return json_null();
    snprintf(why, sizeof why, "%s: %s", audit_finding_text(result->finding), result->detail);
    return json_pack("{s:I,s:s,s:s}", "index", (json_int_t)result->index, "source", result->where,
                     "why", why);
}

static void finish_verify(struct verify_state *s, int status)
{
    struct api_request *r = s->request;
    struct event e;
    bool ok = status == 0 && s->result.finding == AUDIT_INTACT;
    json_t *line;
    if (status == 0)
        line = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "result", ok ? "ok" : "broken", "records",
                         (json_int_t)s->result.journal_records, "database_records",
                         (json_int_t)s->result.database_records, "checkpoints",
                         (json_int_t)s->result.checkpoints, "covered",
                         (json_int_t)s->result.covered, "findings", (json_int_t)s->result.findings,
                         "first_broken", broken_json(&s->result));
    else
        line = json_pack("{s:s,s:I,s:I,s:{s:I,s:s,s:s}}", "result", "broken", "records",
                         (json_int_t)0, "checkpoints", (json_int_t)0, "first_broken", "index",
                         (json_int_t)0, "source", "verifier", "why", s->result.detail);
    event_begin(&e, "audit.verified", r->principal, NULL);
    event_outcome(&e, ok ? "ok" : "failed");
    event_integer(&e, "records", (int64_t)s->result.journal_records);
    event_integer(&e, "findings", (int64_t)s->result.findings);
    event_note(&e, r->control->audit);
    r->control->verifying = false;
    http_stream_json_line(r->http, line);
    http_stream_end(r->http);
    api_end(r);
    uv_close((uv_handle_t *)&s->progress, on_async_closed);
}

static void on_verified(uv_work_t *work, int cancelled)
{
    struct verify_state *s = work->data;
    finish_verify(s, cancelled < 0 ? cancelled : s->status);
}

static void verify_checkpointed(void *user, int status, uint64_t index)
{
    struct verify_state *s = user;
    struct control *c = s->request->control;
    struct audit_state state;
    (void)status; /* without a fresh checkpoint the last records are only compared, not covered */
    (void)index;
    audit_state_get(c->audit, &state);
    s->config = (struct audit_verify_config){
        .directory = c->context->paths->journal,
        .conninfo = db_is_up(c->db) ? c->context->reader_conninfo : NULL,
        .node = c->config->node,
        .verifier_key = s->verifier_key,
        .applied = state.applied,
        .size = state.size,
        .progress = on_progress,
        .user = s,
    };
    if (uv_queue_work(&c->loop, &s->work, verify_work, on_verified) < 0)
        finish_verify(s, -ENOMEM);
}

void api_post_verify(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_AUDIT_VERIFY, NULL))
        return;
    if (r->control->verifying) {
        api_answer_problem(r, 409, "busy", "The log is being verified just now",
                           "one verification runs at a time; ask again when it has ended");
        return;
    }
    struct verify_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the log cannot be verified");
        return;
    }
    r->control->verifying = true;
    s->request = r;
    s->work.data = s->progress.data = s;
    snprintf(s->verifier_key, sizeof s->verifier_key, "%s", r->control->verifier_key);
    uv_async_init(&r->control->loop, &s->progress, on_progress_async);
    s->progress.data = s;
    http_stream_begin(http, "application/jsonl");
    if (audit_checkpoint_now(r->control->audit, verify_checkpointed, s) < 0)
        verify_checkpointed(s, 0, 0);
}
