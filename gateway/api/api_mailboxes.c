#include <stdio.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"
#include "policy/kek_id.h"
#include "policy/retention.h"

static json_t *mailbox_json(const char *name, const char *class_name, int64_t days, bool capture,
                            const char *device)
{
    return json_pack("{s:s,s:s,s:I,s:b,s:s}", "name", name, "class", class_name, "retention_days",
                     (json_int_t)days, "capture", capture, "device", device);
}

static void on_mailboxes(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the mailboxes could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct mailbox_row row;
        mailbox_row_read(result, i, &row);
        json_array_append_new(list, mailbox_json(row.mailbox, row.class_name, row.retention_days,
                                                 row.capture != 0, row.device));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "mailboxes", list));
}

void api_get_mailboxes(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    int rc = register_query_mailboxes(r->control->db, on_mailboxes, r);
    if (rc < 0)
        api_answer_error(r, rc, "the mailboxes could not be read");
}

/* -1: not a number of days. */
static int64_t read_days(json_t *in, int64_t fallback)
{
    json_t *value = json_object_get(in, "retention_days");
    if (!value)
        return fallback;
    json_int_t days = json_integer_value(value);
    return json_is_integer(value) && days >= 0 && days <= RETENTION_DAYS_MAX ? days : -1;
}

static const char no_device[] = "'device' must be a device of ours, or \"\"";

static bool is_device(const struct api_request *r, const char *name)
{
    return !name[0] || policy_cache_device(r->control->policy, name);
}

/* -1: not a truth value. */
static int read_capture(json_t *in, int fallback)
{
    json_t *value = json_object_get(in, "capture");
    if (!value)
        return fallback;
    return json_is_boolean(value) ? json_is_true(value) : -1;
}

static void add_mailbox(struct api_request *r, json_t *in)
{
    struct event e;
    const char *name = api_text(r, in, "name", NULL, 200);
    const char *class_name = name ? api_text(r, in, "class", "default", 100) : NULL;
    const char *device = class_name ? api_text(r, in, "device", "", 100) : NULL;
    if (!device)
        return;
    int64_t days = read_days(in, r->control->config->retention.default_days);
    int capture = read_capture(in, 0);
    const char *wrong = NULL;
    if (!api_name_valid(name))
        wrong = "'name' must have 1 to 63 letters, digits, '-', '_', '.' or '@'";
    else if (!kek_class_valid(class_name))
        wrong = "'class' must have 1 to 32 of a-z, 0-9 and '-', beginning with a letter";
    else if (days < 0)
        wrong = "'retention_days' must be 0 (never) to 36500";
    else if (!is_device(r, device))
        wrong = no_device;
    else if (capture < 0)
        wrong = "'capture' must be true or false";
    if (wrong) {
        api_answer_problem(r, 422, "mailbox", "The mailbox is not valid", wrong);
        return;
    }
    if (policy_find_mailbox(policy_cache_set(r->control->policy), name)) {
        api_answer_problem(r, 409, "exists", "There is a mailbox of this name", NULL);
        return;
    }
    event_begin(&e, "mailbox.created", r->principal, NULL);
    event_text(&e, "mailbox", name);
    event_text(&e, "class", class_name);
    event_integer(&e, "retention_days", days);
    event_text(&e, "device", device);
    event_integer(&e, "capture", capture);
    api_change(r, &e, 201, mailbox_json(name, class_name, days, capture, device));
}

void api_post_mailbox(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_mailbox);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    json_t *in = api_body(r, "MailboxNew");
    if (!in)
        return;
    add_mailbox(r, in);
    json_decref(in);
}

static void change_mailbox(struct api_request *r, json_t *in, const struct policy_mailbox *mailbox)
{
    struct event e;
    const char *device = api_text(
        r, in, "device", policy_cache_mailbox_device(r->control->policy, mailbox->name), 100);
    if (!device)
        return;
    int64_t days = read_days(in, mailbox->retention_days);
    int capture = read_capture(in, mailbox->capture);
    const char *wrong = capture < 0            ? "'capture' must be true or false"
                        : days < 0             ? "'retention_days' must be 0 (never) to 36500"
                        : is_device(r, device) ? NULL
                                               : no_device;
    if (wrong) {
        api_answer_problem(r, 422, "mailbox", "The mailbox is not valid", wrong);
        return;
    }
    event_begin(&e, "mailbox.changed", r->principal, NULL);
    event_text(&e, "mailbox", mailbox->name);
    event_text(&e, "class", mailbox->class_name);
    event_integer(&e, "retention_days", days);
    event_text(&e, "device", device);
    event_integer(&e, "capture", capture);
    api_change(r, &e, 200, mailbox_json(mailbox->name, mailbox->class_name, days, capture, device));
}

void api_patch_mailbox(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_patch_mailbox);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    json_t *in = api_body(r, "MailboxChange");
    if (!in)
        return;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(r->control->policy), http_request_param(http, "name"));
    if (mailbox)
        change_mailbox(r, in, mailbox);
    else
        api_answer_problem(r, 404, "unknown", "There is no such mailbox", NULL);
    json_decref(in);
}
