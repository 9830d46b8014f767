#include "gateway/api/api_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api/api.h"
#include "gateway/api/api_revoke.h"
#include "gateway/control/fax_call.h"
#include "gateway/process/log.h"
#include "gateway/wall_clock.h"

struct api_turn {
    struct api_turn *next;
    struct http_request *http;
    http_handler_cb *handler;
};

/* Calls the handlers that wait until one of them makes a change that takes its time. */
static void give_turns(struct control *c)
{
    if (c->giving_turns)
        return;
    c->giving_turns = true;
    while (c->turns && !c->changing) {
        struct api_turn *turn = c->turns;
        c->turns = turn->next;
        turn->handler(turn->http, c);
        free(turn);
    }
    c->giving_turns = false;
}

static void wait_turn(struct control *c, struct http_request *http, http_handler_cb *handler)
{
    struct api_turn **end = &c->turns, *turn = calloc(1, sizeof *turn);
    if (!turn) {
        http_respond_problem(http, 503, "unavailable", "Out of memory", NULL);
        return;
    }
    turn->http = http;
    turn->handler = handler;
    while (*end)
        end = &(*end)->next;
    *end = turn;
}

struct api_request *api_begin_change(struct http_request *http, void *control,
                                     http_handler_cb *handler)
{
    struct control *c = control;
    if (c->changing) {
        wait_turn(c, http, handler);
        return NULL;
    }
    struct api_request *r = api_begin(http, control);
    if (r)
        r->changes = c->changing = true;
    return r;
}

void api_end(struct api_request *r)
{
    struct control *c = r->control;
    bool changes = r->changes;
    json_decref(r->body);
    if (r->state_free)
        r->state_free(r->state);
    api_revocation_free(r->revocation);
    free(r);
    if (changes) {
        c->changing = false;
        give_turns(c);
    }
}

void api_answer_json(struct api_request *r, int status, json_t *body)
{
    if (body)
        http_respond_json(r->http, status, body);
    else
        http_respond_empty(r->http, status);
    api_end(r);
}

void api_answer_problem(struct api_request *r, int status, const char *slug, const char *title,
                        const char *detail)
{
    http_respond_problem(r->http, status, slug, title, detail);
    api_end(r);
}

void api_answer_error(struct api_request *r, int error, const char *what)
{
    char detail[256];
    snprintf(detail, sizeof detail, "%s: %s", what, strerror(-error));
    log_write(LOG_LEVEL_WARNING, "API: %s", detail);
    api_answer_problem(r, 503, "unavailable", "The gateway cannot do this now", detail);
}

/* Returns why this account may do nothing at all, which is recorded; NULL for a principal. */
static const char *judge_account(struct control *c, uid_t uid, const struct policy_principal **p)
{
    *p = policy_cache_account(c->policy, uid);
    const char *why = !*p              ? "the local account is no principal"
                      : (*p)->disabled ? "the principal is disabled"
                                       : NULL;
    if (why)
        stranger_log_note_account(&c->strange_accounts, uid, why, uv_now(&c->loop));
    return why;
}

int api_admit_body(void *control, uid_t uid, const char **why)
{
    struct control *c = control;
    const struct policy_principal *p;
    if (!c->ready || c->stopping) {
        *why = c->stopping ? "the gateway is stopping" : "the gateway is starting";
        return 503;
    }
    *why = judge_account(c, uid, &p);
    return *why ? 403 : 0;
}

struct api_request *api_begin(struct http_request *http, void *control)
{
    struct control *c = control;
    if (!c->ready || c->stopping) {
        http_respond_problem(http, 503, "unavailable", "The gateway is not ready",
                             c->stopping ? "it is stopping" : "it is starting");
        return NULL;
    }
    const struct policy_principal *p;
    const char *why = judge_account(c, http_request_peer_uid(http), &p);
    if (why) {
        char detail[160];
        snprintf(detail, sizeof detail, "%s (user id %u)", why,
                 (unsigned)http_request_peer_uid(http));
        http_respond_problem(http, 403, "denied", "Not permitted", detail);
        return NULL;
    }
    struct api_request *r = calloc(1, sizeof *r);
    if (!r) {
        http_respond_problem(http, 503, "unavailable", "Out of memory", NULL);
        return NULL;
    }
    r->control = c;
    r->http = http;
    snprintf(r->principal, sizeof r->principal, "%s", p->name);
    return r;
}

struct denial {
    struct api_request *request;
    char reason[POLICY_REASON_TEXT];
};

static void on_denial_recorded(void *user, int status, uint64_t index)
{
    struct denial *d = user;
    (void)status; /* a denial that could not be recorded stays a denial */
    (void)index;
    api_answer_problem(d->request, 403, "denied", "Not permitted", d->reason);
    free(d);
}

void api_deny(struct api_request *r, enum policy_action action, const char *reason,
              const struct fax_id *fax)
{
    struct event e;
    struct denial *d = calloc(1, sizeof *d);
    if (!d) {
        api_answer_problem(r, 403, "denied", "Not permitted", NULL);
        return;
    }
    d->request = r;
    snprintf(d->reason, sizeof d->reason, "%s", reason);
    event_begin(&e, "access.denied", r->principal, fax);
    event_outcome(&e, "denied");
    event_text(&e, "action", policy_action_text(action));
    event_text(&e, "reason", d->reason);
    int rc = event_append(&e, r->control->audit, on_denial_recorded, d);
    if (rc < 0)
        on_denial_recorded(d, rc, 0);
}

bool api_allow(struct api_request *r, enum policy_action action, const char *mailbox)
{
    struct policy_answer answer;
    policy_cache_decide(r->control->policy, r->principal, action, NULL, NULL, mailbox, &answer);
    if (!answer.allowed)
        api_deny(r, action, answer.reason, NULL);
    return answer.allowed;
}

/* --- recording --- */

static void on_recorded(void *user, int status, uint64_t index)
{
    struct api_request *r = user;
    (void)index;
    if (status < 0)
        api_answer_error(r, status, "the event could not be recorded");
    else
        r->next(r);
}

void api_record(struct api_request *r, const struct event *e, void (*next)(struct api_request *r))
{
    r->next = next;
    int rc = event_append(e, r->control->audit, on_recorded, r);
    if (rc < 0)
        api_answer_error(r, rc, "the event could not be recorded");
}

static void on_reloaded(void *user, int status)
{
    struct api_request *r = user;
    json_t *body = r->body;
    (void)status; /* the change is made; decisions follow when the database is back */
    r->body = NULL;
    api_answer_json(r, r->http_status, body);
}

static void on_change_applied(void *user, int status, uint64_t index)
{
    struct api_request *r = user;
    (void)index;
    if (status < 0 || policy_cache_reload(r->control->policy, on_reloaded, r) < 0)
        on_reloaded(r, status);
}

static void on_change_recorded(void *user, int status, uint64_t index)
{
    struct api_request *r = user;
    if (status == 0)
        status = audit_when_applied(r->control->audit, index, on_change_applied, r);
    if (status < 0)
        api_answer_error(r, status, "the change could not be recorded");
}

void api_change(struct api_request *r, const struct event *e, int status, json_t *body)
{
    r->http_status = status;
    json_decref(r->body);
    r->body = body;
    /* A change has to be seen by the next request: not while the tables cannot follow. */
    int rc = db_is_up(r->control->db) ? 0 : -ENOTCONN;
    if (rc == 0)
        rc = event_append(e, r->control->audit, on_change_recorded, r);
    if (rc < 0)
        api_answer_error(r, rc, "the change could not be recorded");
}

/* --- reading --- */

bool api_rows(struct api_request *r, int status, const char *what)
{
    if (status == 0)
        return true;
    api_answer_error(r, status, what);
    return false;
}

struct fax_search {
    struct api_request *request;
    struct fax_id fax;
    enum policy_action action;
    api_fax_cb *found;
};

static void on_fax(void *user, int status, const struct db_result *result)
{
    struct fax_search s = *(struct fax_search *)user;
    struct policy_answer answer;
    struct fax_row row;
    free(user);
    if (!api_rows(s.request, status, "the fax could not be read"))
        return;
    if (db_result_rows(result) == 0) {
        api_answer_problem(s.request, 404, "unknown", "There is no such fax", NULL);
        return;
    }
    fax_row_read(result, 0, &row);
    policy_cache_decide(s.request->control->policy, s.request->principal, s.action, NULL, NULL,
                        row.mailbox, &answer);
    if (answer.allowed)
        s.found(s.request, &s.fax, &row, result);
    else
        api_deny(s.request, s.action, answer.reason, &s.fax);
}

void api_find_fax(struct api_request *r, enum policy_action action, api_fax_cb *found)
{
    struct fax_search *s = calloc(1, sizeof *s);
    if (!s || fax_id_parse(&s->fax, http_request_param(r->http, "id")) < 0) {
        free(s);
        api_answer_problem(r, 404, "unknown", "There is no such fax",
                           "an id looks like 01234567-89ab-7cde-8f01-23456789abcd");
        return;
    }
    s->request = r;
    s->action = action;
    s->found = found;
    int rc = fax_query_one(r->control->db, &s->fax, on_fax, s);
    if (rc < 0) {
        free(s);
        api_answer_error(r, rc, "the fax could not be read");
    }
}

const char *api_text(struct api_request *r, json_t *object, const char *key, const char *fallback,
                     size_t max)
{
    char detail[160];
    json_t *value = json_object_get(object, key);
    if (!value && fallback)
        return fallback;
    const char *text = json_string_value(value);
    bool bad = !text || strlen(text) > max || strlen(text) != json_string_length(value);
    for (const char *p = text; !bad && *p; p++)
        bad = (unsigned char)*p < 0x20 || *p == 0x7F;
    if (!bad)
        return text;
    snprintf(detail, sizeof detail, "'%s' must be a text of at most %zu octets", key, max);
    api_answer_problem(r, 400, "request", "The request is not valid", detail);
    return NULL;
}

json_t *api_time(int64_t ms)
{
    char text[WALL_CLOCK_TEXT];
    if (ms == 0)
        return json_null();
    wall_clock_text(ms, text);
    return json_string(text);
}

bool api_name_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < POLICY_NAME_TEXT &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@") ==
               length;
}

bool api_name_reserved(const char *name)
{
    return strcmp(name, "system") == 0 || strcmp(name, "nobody") == 0;
}

const char **api_visible_mailboxes(struct api_request *r, size_t *count)
{
    size_t total = 0;
    const struct policy_cache *policy = r->control->policy;
    while (policy_cache_mailbox_at(policy, total))
        total++;
    const char **names = calloc(total + 1, sizeof *names);
    *count = 0;
    for (size_t i = 0; names && i < total; i++) {
        struct policy_answer answer;
        const char *name = policy_cache_mailbox_at(policy, i);
        policy_cache_decide(policy, r->principal, POLICY_LIST, NULL, NULL, name, &answer);
        if (answer.allowed)
            names[(*count)++] = name;
    }
    return names;
}

static const char *const priorities[] = {"normal", "low", "high"};

const char *api_priority_text(int64_t priority)
{
    return priorities[priority >= 0 && priority <= FAX_PRIORITY_HIGH ? priority : 0];
}

int api_priority_parse(const char *text)
{
    for (int i = 0; i <= FAX_PRIORITY_HIGH; i++)
        if (strcmp(text, priorities[i]) == 0)
            return i;
    return -1;
}

json_t *api_fax_json(const struct fax_row *row)
{
    bool waits = strcmp(row->state, "queued") == 0;
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:s,s:o,s:o,s:s,s:s,s:s}", "id",
                     row->fax, "direction", row->direction, "state", row->state, "from",
                     row->from_number, "to", row->to_number, "mailbox", row->mailbox, "pages",
                     (json_int_t)row->pages, "pages_confirmed", (json_int_t)row->pages_confirmed,
                     "created", api_time(row->created_ms), "completed", api_time(row->completed_ms),
                     "reason", row->reason, "disposal", api_time(row->disposal_ms), "next_attempt",
                     api_time(waits ? row->next_attempt_ms : 0), "source", row->source, "mail",
                     row->mail, "priority", api_priority_text(row->priority));
}

json_t *api_list_json(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t length = strcspn(text, ",");
        if (length > 0)
            json_array_append_new(list, json_stringn(text, length));
        text += length + (text[length] == ',');
    }
    return list;
}
