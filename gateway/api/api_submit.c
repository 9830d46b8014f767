#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "codecs/page_ranges.h"
#include "codecs/page_shape.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/submission.h"
#include "gateway/control/trunk_routes.h"

struct submit_state {
    struct submission_request request;
    struct submission *submission;
};

static void state_free(void *state)
{
    struct submit_state *s = state;
    if (s)
        http_body_close(s->request.document);
    free(s);
}

static void on_fax(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct fax_row row;
    if (!api_rows(r, status, "the fax was taken, but cannot be read back"))
        return;
    if (db_result_rows(result) == 0) {
        api_answer_error(r, -ENOENT, "the fax was taken, but cannot be read back");
        return;
    }
    fax_row_read(result, 0, &row);
    api_answer_json(r, r->http_status, api_fax_json(&row));
}

static void on_submitted(void *user, const struct submission_result *result)
{
    struct api_request *r = user;
    if (result->slug) {
        api_answer_problem(r, result->http_status, result->slug, result->title, result->detail);
        return;
    }
    r->http_status = result->http_status;
    int rc = fax_query_one(r->control->db, &result->fax, on_fax, r);
    if (rc < 0)
        api_answer_error(r, rc, "the fax was taken, but cannot be read back");
}

static bool read_number(struct api_request *r, const char *name, char number[NUMBER_TEXT])
{
    char detail[160];
    const char *text = http_request_query(r->http, name);
    if (text && number_normalise(text, number) == 0)
        return true;
    snprintf(detail, sizeof detail,
             "'%s' must be a telephone number: an optional '+' and 2 to 20 digits", name);
    api_answer_problem(r, 400, "number", "The number is not valid", detail);
    return false;
}

static bool read_key(struct api_request *r, struct submission_request *request)
{
    const char *key = http_request_header(r->http, "Idempotency-Key");
    if (!key)
        return true;
    if (strlen(key) == 0 || strlen(key) > IDEMPOTENCY_KEY_MAX) {
        api_answer_problem(r, 400, "idempotency", "The idempotency key is not valid",
                           "it must have 1 to 200 characters");
        return false;
    }
    snprintf(request->idempotency_key, sizeof request->idempotency_key, "%s", key);
    return true;
}

/* Denials carry the numbers, as commitments. */
static void deny(struct api_request *r, const struct submission_request *request,
                 const struct policy_answer *answer)
{
    struct event e;
    event_begin(&e, "fax.refused", r->principal, NULL);
    event_outcome(&e, "denied");
    event_personal(&e, "from", request->from);
    event_personal(&e, "to", request->to);
    event_text(&e, "reason", answer->reason);
    event_note(&e, r->control->audit);
    api_deny(r, POLICY_SUBMIT, answer->reason, NULL);
}

static bool read_shape(struct api_request *r, struct render_options *options)
{
    struct page_shape shape;
    char detail[100];
    int unknown_paper;
    if (page_shape_find(http_request_query(r->http, "resolution"),
                        http_request_query(r->http, "paper"), &shape, &unknown_paper) == 0) {
        options->x_dpi = shape.x_dpi;
        options->y_dpi = shape.y_dpi;
        options->width = shape.width;
        options->height_mm = shape.height_mm;
        options->paper = shape.paper;
        return true;
    }
    snprintf(detail, sizeof detail, "'%s' must be %s", unknown_paper ? "paper" : "resolution",
             unknown_paper ? page_shape_papers : page_shape_resolutions);
    api_answer_problem(r, 400, unknown_paper ? "paper" : "resolution",
                       unknown_paper ? "The paper is not known" : "The resolution is not known",
                       detail);
    return false;
}

static bool read_options(struct api_request *r, struct render_options *options)
{
    const char *pages = http_request_query(r->http, "pages");
    const char *rotate = http_request_query(r->http, "rotate");
    struct page_ranges ranges;
    if (!read_shape(r, options))
        return false;
    if (pages && (!*pages || page_ranges_parse(pages, &ranges) < 0)) {
        api_answer_problem(r, 400, "pages", "The page ranges are not valid",
                           "'pages' must be numbers and ranges in ascending order, as in 1-3,5,8-");
        return false;
    }
    if (rotate && strcmp(rotate, "auto") != 0 && strcmp(rotate, "none") != 0) {
        api_answer_problem(r, 400, "rotate", "The rotation is not known",
                           "'rotate' must be auto or none");
        return false;
    }
    snprintf(options->pages, sizeof options->pages, "%s", pages ? pages : "");
    options->rotate =
        rotate && strcmp(rotate, "none") == 0 ? RENDER_ROTATE_NONE : RENDER_ROTATE_AUTO;
    return true;
}

static int64_t read_time_ms(const char *text)
{
    struct tm utc = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    return end && strcmp(end, "Z") == 0 ? (int64_t)timegm(&utc) * 1000 : -1;
}

static bool read_when(struct api_request *r, struct submission_request *request)
{
    const char *priority = http_request_query(r->http, "priority");
    const char *at = http_request_query(r->http, "not_before");
    int64_t at_ms = at ? read_time_ms(at) : 0;
    int value = api_priority_parse(priority ? priority : "normal");
    if (value < 0) {
        api_answer_problem(r, 400, "priority", "The priority is not known",
                           "'priority' must be low, normal or high");
        return false;
    }
    request->priority = (uint8_t)value;
    if (!at)
        return true;
    if (at_ms <= 0 || at_ms > control_now_ms() + FAX_QUEUE_WAIT_MS - 86400000) {
        api_answer_problem(r, 400, "not_before", "The time is not valid",
                           "'not_before' must be a time as in 2026-11-21T09:30:00Z, at most 31 "
                           "days from now");
        return false;
    }
    request->not_before_ms = at_ms;
    return true;
}

/* One document says itself what it is; the parts of several are told apart in the renderer. */
static bool read_type(struct api_request *r, struct render_options *options)
{
    const char *type = http_request_header(r->http, "Content-Type");
    if (!type || strncasecmp(type, "multipart/", strlen("multipart/")) != 0)
        return true;
    if (strlen(type) < sizeof options->content_type) {
        snprintf(options->content_type, sizeof options->content_type, "%s", type);
        return true;
    }
    api_answer_problem(r, 400, "document", "The content type is not valid",
                       "'Content-Type' is longer than 255 characters");
    return false;
}

/* A route that is closed now is one: the fax waits for it. The number of a device leads to it. */
static bool has_route(struct api_request *r, const struct submission_request *request)
{
    struct trunk_routes routes;
    char why[TRUNK_ROUTES_TEXT];
    if (policy_cache_device_of(r->control->policy, request->to))
        return true;
    switch (trunk_routes_find(r->control, request->to, request->class_name, "", control_now_ms(),
                              &routes, why)) {
    case TRUNK_ROUTES_FOUND:
    case TRUNK_ROUTES_CLOSED:
        return true;
    case TRUNK_ROUTES_NONE:
        api_answer_problem(r, 422, "route", "No trunk leads to the number",
                           "add one with 'sealfax trunk add', or a route with 'sealfax route add'");
        return false;
    case TRUNK_ROUTES_DENIED:
        break;
    }
    struct policy_answer answer = {.reason_code = "denied_number"};
    snprintf(answer.reason, sizeof answer.reason, "%s", why);
    deny(r, request, &answer);
    return false;
}

static bool decide(struct api_request *r, struct submission_request *request)
{
    struct policy_answer answer;
    policy_cache_decide(r->control->policy, r->principal, POLICY_SUBMIT, request->from, request->to,
                        NULL, &answer);
    if (!answer.allowed || !answer.mailbox) {
        deny(r, request, &answer);
        return false;
    }
    snprintf(request->mailbox, sizeof request->mailbox, "%s", answer.mailbox->name);
    snprintf(request->class_name, sizeof request->class_name, "%s", answer.mailbox->class_name);
    request->retention_days = answer.mailbox->retention_days;
    return has_route(r, request);
}

void api_post_fax(struct http_request *http, void *user)
{
    static const char *const known[] = {"from",   "to",       "resolution", "paper", "pages",
                                        "rotate", "priority", "not_before", NULL};
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    struct submit_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the fax cannot be taken");
        return;
    }
    s->request.document = -1;
    r->state = s;
    r->state_free = state_free;
    snprintf(s->request.principal, sizeof s->request.principal, "%s", r->principal);
    if (!read_number(r, "from", s->request.from))
        return;
    if (!read_number(r, "to", s->request.to))
        return;
    if (!read_key(r, &s->request) || !read_options(r, &s->request.options) ||
        !read_when(r, &s->request) || !read_type(r, &s->request.options) || !decide(r, &s->request))
        return;
    s->request.document = http_request_take_body(http, &s->request.octets);
    if (s->request.document < 0 || s->request.octets == 0) {
        api_answer_problem(
            r, 400, "document", "There is no document",
            "the body must be a document: PDF, TIFF, PNG, JPEG, Office or text, or several of "
            "them as multipart/mixed");
        return;
    }
    if (s->request.octets > (size_t)r->control->config->render.max_document_mib << 20) {
        api_answer_problem(r, 413, "document", "The document is too large", NULL);
        return;
    }
    int rc = submission_start(r->control, &s->request, on_submitted, r, &s->submission);
    if (rc < 0)
        api_answer_error(r, rc, "the fax cannot be taken");
    else
        s->request.document = -1; /* the submission's now */
}
