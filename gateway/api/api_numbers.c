#include <stdio.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_in_use.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"
#include "policy/number.h"

enum { IDENT_MAX = 20 }; /* T.30 §5.3.6.2.4 */

static json_t *number_json(const char *number, const char *mailbox, const char *ident,
                           const char *deliver)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "number", number, "mailbox", mailbox, "ident", ident,
                     "deliver", deliver);
}

/* Whether calls can be delivered so: stored, or taken through to a trunk or a device that
 * there is. */
static bool deliver_valid(const struct api_request *r, const char *deliver)
{
    const char *name = strchr(deliver, ':');
    if (!name)
        return strcmp(deliver, "store") == 0;
    name++;
    if (strncmp(deliver, "bridge:", 7) != 0)
        return false;
    if (strncmp(name, "device:", 7) == 0)
        return policy_cache_device(r->control->policy, name + 7) != NULL;
    return policy_cache_trunk(r->control->policy, name) != NULL;
}

static void on_numbers(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the numbers could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct number_row row;
        number_row_read(result, i, &row);
        json_array_append_new(list, number_json(row.number, row.mailbox, row.ident, row.deliver));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "numbers", list));
}

void api_get_numbers(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_NUMBERS, NULL))
        return;
    int rc = register_query_numbers(r->control->db, on_numbers, r);
    if (rc < 0)
        api_answer_error(r, rc, "the numbers could not be read");
}

static void add_number(struct api_request *r, json_t *in)
{
    struct event e;
    char number[NUMBER_TEXT];
    const char *text = api_text(r, in, "number", NULL, 100);
    const char *mailbox = text ? api_text(r, in, "mailbox", NULL, 200) : NULL;
    const char *ident = mailbox ? api_text(r, in, "ident", "", 100) : NULL;
    const char *deliver = ident ? api_text(r, in, "deliver", "store", 100) : NULL;
    if (!deliver)
        return;
    const struct policy_set *set = policy_cache_set(r->control->policy);
    const char *wrong = NULL;
    if (number_normalise(text, number) < 0)
        wrong = "'number' must be an optional '+' and 2 to 20 digits";
    else if (!policy_find_mailbox(set, mailbox))
        wrong = "there is no such mailbox";
    else if (strlen(ident) > IDENT_MAX || strspn(ident, "0123456789+*# ") != strlen(ident))
        wrong = "'ident' may have at most 20 of 0-9 + * # and space (T.30)";
    else if (!deliver_valid(r, deliver))
        wrong = "'deliver' must be 'store', or 'bridge:' and the name of a trunk, or "
                "'bridge:device:' and "
                "that of a device, which must exist";
    if (wrong) {
        api_answer_problem(r, 422, "number", "The number is not valid", wrong);
        return;
    }
    if (policy_find_number(set, number)) {
        api_answer_problem(r, 409, "exists", "The number is assigned already", NULL);
        return;
    }
    event_begin(&e, "number.assigned", r->principal, NULL);
    event_personal(&e, "number", number);
    event_text(&e, "mailbox", mailbox);
    event_text(&e, "ident", ident);
    event_text(&e, "deliver", deliver);
    api_change(r, &e, 201, number_json(number, mailbox, ident, deliver));
}

void api_post_number(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_number);
    if (!r || !api_allow(r, POLICY_ADMIN_NUMBERS, NULL))
        return;
    json_t *in = api_body(r, "NumberNew");
    if (!in)
        return;
    add_number(r, in);
    json_decref(in);
}

void api_delete_number(struct http_request *http, void *user)
{
    struct event e;
    char number[NUMBER_TEXT];
    struct api_request *r = api_begin_change(http, user, api_delete_number);
    if (!r || !api_allow(r, POLICY_ADMIN_NUMBERS, NULL))
        return;
    const struct policy_number *known =
        number_normalise(http_request_param(http, "number"), number) == 0
            ? policy_find_number(policy_cache_set(r->control->policy), number)
            : NULL;
    if (!known) {
        api_answer_problem(r, 404, "unknown", "There is no such number", NULL);
        return;
    }
    if (!api_number_is_free(r, number))
        return;
    event_begin(&e, "number.removed", r->principal, NULL);
    event_personal(&e, "number", number);
    event_text(&e, "mailbox", known->mailbox);
    api_change(r, &e, 204, NULL);
}
