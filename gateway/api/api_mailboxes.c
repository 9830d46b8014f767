#include <stdio.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"
#include "gateway/mail/mail_compose.h"
#include "policy/kek_id.h"
#include "policy/retention.h"

enum { MAIL_ADDRESSES_MAX = 16 };

/* All that can be changed of a mailbox. */
struct mailbox_fields {
    int64_t days;
    int capture;
    const char *device;
    char mail_to[MAILBOX_MAIL_TO_TEXT]; /* separated by commas */
    const char *mail_form;
};

static json_t *mailbox_json(const char *name, const char *class_name,
                            const struct mailbox_fields *fields)
{
    return json_pack("{s:s,s:s,s:I,s:b,s:s,s:o,s:s}", "name", name, "class", class_name,
                     "retention_days", (json_int_t)fields->days, "capture", fields->capture,
                     "device", fields->device, "mail_to", api_list_json(fields->mail_to),
                     "mail_form", fields->mail_form);
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
        struct mailbox_fields fields = {.days = row.retention_days,
                                        .capture = row.capture != 0,
                                        .device = row.device,
                                        .mail_form = row.mail_form};
        snprintf(fields.mail_to, sizeof fields.mail_to, "%s", row.mail_to);
        json_array_append_new(list, mailbox_json(row.mailbox, row.class_name, &fields));
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

static const char no_addresses[] =
    "'mail_to' must be a list of at most 16 mail addresses, without quotes and comments";

/* Reads the addresses, when there are any. Returns what is wrong, NULL: nothing. */
static const char *read_mail_to(json_t *in, char out[MAILBOX_MAIL_TO_TEXT])
{
    json_t *list = json_object_get(in, "mail_to"), *item;
    size_t i, length = 0;
    if (!list)
        return NULL;
    if (!json_is_array(list) || json_array_size(list) > MAIL_ADDRESSES_MAX)
        return no_addresses;
    out[0] = '\0';
    json_array_foreach(list, i, item)
    {
        const char *address = json_string_value(item);
        if (!address || !mail_text_is_address(address))
            return no_addresses;
        if (length + strlen(address) + 2 > MAILBOX_MAIL_TO_TEXT)
            return "'mail_to' must have at most 1000 octets";
        length += (size_t)snprintf(out + length, MAILBOX_MAIL_TO_TEXT - length, "%s%s",
                                   i > 0 ? "," : "", address);
    }
    return NULL;
}

/* Reads what is there over what fields holds. Returns false after having answered 400 or 422; then
 * the request is gone. */
static bool read_fields(struct api_request *r, json_t *in, struct mailbox_fields *fields)
{
    enum mail_form form;
    const char *wrong = NULL;
    fields->device = api_text(r, in, "device", fields->device, 100);
    fields->mail_form = fields->device ? api_text(r, in, "mail_form", fields->mail_form, 20) : NULL;
    if (!fields->mail_form)
        return false;
    fields->days = read_days(in, fields->days);
    fields->capture = read_capture(in, fields->capture);
    wrong = read_mail_to(in, fields->mail_to);
    if (fields->days < 0)
        wrong = "'retention_days' must be 0 (never) to 36500";
    else if (!is_device(r, fields->device))
        wrong = no_device;
    else if (fields->capture < 0)
        wrong = "'capture' must be true or false";
    else if (mail_form_parse(fields->mail_form, &form) < 0)
        wrong = "'mail_form' must be pdf, tiff, smime or notice";
    if (wrong)
        api_answer_problem(r, 422, "mailbox", "The mailbox is not valid", wrong);
    return wrong == NULL;
}

static void record_mailbox(struct api_request *r, const char *type, const char *name,
                           const char *class_name, const struct mailbox_fields *fields)
{
    struct event e;
    event_begin(&e, type, r->principal, NULL);
    event_text(&e, "mailbox", name);
    event_text(&e, "class", class_name);
    event_integer(&e, "retention_days", fields->days);
    event_text(&e, "device", fields->device);
    event_integer(&e, "capture", fields->capture);
    event_personal(&e, "mail_to", fields->mail_to);
    event_text(&e, "mail_form", fields->mail_form);
    api_change(r, &e, strcmp(type, "mailbox.created") == 0 ? 201 : 200,
               mailbox_json(name, class_name, fields));
}

static void add_mailbox(struct api_request *r, json_t *in)
{
    struct mailbox_fields fields = {
        .days = r->control->config->retention.default_days, .device = "", .mail_form = "notice"};
    const char *name = api_text(r, in, "name", NULL, 200);
    const char *class_name = name ? api_text(r, in, "class", "default", 100) : NULL;
    if (!class_name)
        return;
    const char *wrong = NULL;
    if (!api_name_valid(name))
        wrong = "'name' must have 1 to 63 letters, digits, '-', '_', '.' or '@'";
    else if (!kek_class_valid(class_name))
        wrong = "'class' must have 1 to 32 of a-z, 0-9 and '-', beginning with a letter";
    if (wrong) {
        api_answer_problem(r, 422, "mailbox", "The mailbox is not valid", wrong);
        return;
    }
    if (!read_fields(r, in, &fields))
        return;
    if (policy_find_mailbox(policy_cache_set(r->control->policy), name))
        api_answer_problem(r, 409, "exists", "There is a mailbox of this name", NULL);
    else
        record_mailbox(r, "mailbox.created", name, class_name, &fields);
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
    const struct policy_cache *policy = r->control->policy;
    const struct mailbox_mail *mail = policy_cache_mailbox_mail(policy, mailbox->name);
    struct mailbox_fields fields = {.days = mailbox->retention_days,
                                    .capture = mailbox->capture,
                                    .device = policy_cache_mailbox_device(policy, mailbox->name),
                                    .mail_form = mail ? mail->form : "notice"};
    snprintf(fields.mail_to, sizeof fields.mail_to, "%s", mail ? mail->to : "");
    if (read_fields(r, in, &fields))
        record_mailbox(r, "mailbox.changed", mailbox->name, mailbox->class_name, &fields);
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
