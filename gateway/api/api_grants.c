#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/device_register.h"
#include "gateway/db/register_queries.h"
#include "policy/number.h"

enum { SCOPE_TEXT = 4000 };

static json_t *grant_json(const struct grant_row *g)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", g->grant, "principal", g->principal,
                     "role", g->role, "from_numbers", api_list_json(g->from_numbers), "to_numbers",
                     api_list_json(g->to_numbers), "mailboxes", api_list_json(g->mailboxes),
                     "created", api_time(g->created_ms), "expires", api_time(g->expires_s * 1000));
}

static void on_grants(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the grants could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct grant_row g;
        grant_row_read(result, i, &g);
        if (!g.revoked_ms)
            json_array_append_new(list, grant_json(&g));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "grants", list));
}

void api_get_grants(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_GRANTS, NULL))
        return;
    int rc = register_query_grants(r->control->db, on_grants, r);
    if (rc < 0)
        api_answer_error(r, rc, "the grants could not be read");
}

typedef bool item_valid_fn(const struct api_request *r, const char *item);

static bool pattern_valid(const struct api_request *r, const char *item)
{
    (void)r;
    return number_pattern_valid(item);
}

static bool mailbox_valid(const struct api_request *r, const char *item)
{
    return strcmp(item, "*") == 0 ||
           policy_find_mailbox(policy_cache_set(r->control->policy), item) != NULL;
}

/* Joins a list of the scope. Absent: nothing is granted in that respect. */
static bool read_scope(struct api_request *r, json_t *in, const char *key, item_valid_fn *valid,
                       char text[SCOPE_TEXT])
{
    char detail[200];
    size_t length = 0;
    json_t *list = json_object_get(in, key);
    text[0] = '\0';
    if (!list)
        return true;
    snprintf(detail, sizeof detail, "'%s' must be a list of at most %d texts", key,
             POLICY_SCOPE_MAX);
    bool ok = json_is_array(list) && json_array_size(list) <= POLICY_SCOPE_MAX;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        ok = item && valid(r, item);
        if (item && !ok)
            snprintf(detail, sizeof detail, "'%s': '%.60s' is no %s", key, item,
                     valid == mailbox_valid ? "mailbox" : "number or pattern like '+4930*'");
        if (ok)
            length +=
                (size_t)snprintf(text + length, SCOPE_TEXT - length, "%s%s", i ? "," : "", item);
        ok = ok && length < SCOPE_TEXT;
    }
    if (!ok)
        api_answer_problem(r, 422, "grant", "The grant is not valid", detail);
    return ok;
}

/* "2027-03-09" or "2027-03-09T12:00:00Z"; 0 never, -1 wrong. */
static int64_t read_expiry(json_t *value)
{
    struct tm utc;
    memset(&utc, 0, sizeof utc);
    if (!value || json_is_null(value))
        return 0;
    const char *text = json_string_value(value);
    const char *end = text ? strptime(text, "%Y-%m-%d", &utc) : NULL;
    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%S", &utc);
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (!end || (strcmp(end, "") != 0 && strcmp(end, "Z") != 0))
        return -1;
    return timegm(&utc);
}

struct grant_text {
    char from[SCOPE_TEXT], to[SCOPE_TEXT], mailboxes[SCOPE_TEXT];
};

/* Principals stay in the register; a trunk or device that is gone is to be granted nothing, as
 * another one may get its name. */
static bool is_gone(const struct api_request *r, const char *principal)
{
    static const char trunk[] = "trunk:";
    const char *device = device_name_of(principal);
    const struct policy_cache *policy = r->control->policy;
    if (strncmp(principal, trunk, sizeof trunk - 1) == 0)
        return !policy_cache_trunk(policy, principal + sizeof trunk - 1);
    return device && !policy_cache_device(policy, device);
}

static const char *wrong_grant(const struct api_request *r, const char *principal, const char *role,
                               int64_t expires)
{
    if (!policy_find_principal_named(policy_cache_set(r->control->policy), principal))
        return "there is no such principal";
    if (is_gone(r, principal))
        return "the trunk or device was removed";
    if (!policy_cache_has_role(r->control->policy, role))
        return "there is no such role";
    if (strcmp(principal, r->principal) == 0)
        return "nobody can grant themselves a role";
    if (expires < 0)
        return "'expires' must be a date like 2027-03-09 or 2027-03-09T12:00:00Z";
    if (expires > 0 && expires * 1000 <= control_now_ms())
        return "'expires' is in the past";
    return NULL;
}

static void append_grant(struct api_request *r, const char *principal, const char *role,
                         const struct grant_text *scope, int64_t expires)
{
    struct event e;
    struct fax_id id;
    char text[FAX_ID_TEXT];
    if (fax_id_make(&id, (uint64_t)control_now_ms()) < 0) {
        api_answer_problem(r, 503, "unavailable", "No identifier can be made", NULL);
        return;
    }
    fax_id_text(&id, text);
    event_begin(&e, "grant.created", r->principal, NULL);
    event_text(&e, "grant", text);
    event_text(&e, "principal", principal);
    event_text(&e, "role", role);
    event_personal(&e, "from_numbers", scope->from);
    event_personal(&e, "to_numbers", scope->to);
    event_text(&e, "mailboxes", scope->mailboxes);
    event_integer(&e, "expires", expires);
    const struct grant_row row = {.grant = text,
                                  .principal = principal,
                                  .role = role,
                                  .from_numbers = scope->from,
                                  .to_numbers = scope->to,
                                  .mailboxes = scope->mailboxes,
                                  .expires_s = expires,
                                  .created_ms = control_now_ms()};
    api_change(r, &e, 201, grant_json(&row));
}

static void add_grant(struct api_request *r, json_t *in)
{
    const char *principal = api_text(r, in, "principal", NULL, 200);
    const char *role = principal ? api_text(r, in, "role", NULL, 200) : NULL;
    if (!role)
        return;
    int64_t expires = read_expiry(json_object_get(in, "expires"));
    const char *wrong = wrong_grant(r, principal, role, expires);
    if (wrong) {
        api_answer_problem(r, 422, "grant", "The grant is not valid", wrong);
        return;
    }
    struct grant_text *scope = calloc(1, sizeof *scope);
    if (!scope) {
        api_answer_problem(r, 503, "unavailable", "Out of memory", NULL);
        return;
    }
    if (read_scope(r, in, "from_numbers", pattern_valid, scope->from) &&
        read_scope(r, in, "to_numbers", pattern_valid, scope->to) &&
        read_scope(r, in, "mailboxes", mailbox_valid, scope->mailboxes))
        append_grant(r, principal, role, scope, expires);
    free(scope);
}

void api_post_grant(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_grant);
    if (!r || !api_allow(r, POLICY_ADMIN_GRANTS, NULL))
        return;
    json_t *in = api_body(r, "GrantNew");
    if (!in)
        return;
    add_grant(r, in);
    json_decref(in);
}

static void on_grants_for_revoke(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct event e;
    const char *id = http_request_param(r->http, "id");
    if (!api_rows(r, status, "the grants could not be read"))
        return;
    for (int i = 0; i < db_result_rows(result); i++) {
        struct grant_row g;
        grant_row_read(result, i, &g);
        if (g.revoked_ms || strcmp(g.grant, id) != 0)
            continue;
        event_begin(&e, "grant.revoked", r->principal, NULL);
        event_text(&e, "grant", g.grant);
        event_text(&e, "principal", g.principal);
        event_text(&e, "role", g.role);
        api_change(r, &e, 204, NULL);
        return;
    }
    api_answer_problem(r, 404, "unknown", "There is no such grant", NULL);
}

void api_delete_grant(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_delete_grant);
    if (!r || !api_allow(r, POLICY_ADMIN_GRANTS, NULL))
        return;
    int rc = register_query_grants(r->control->db, on_grants_for_revoke, r);
    if (rc < 0)
        api_answer_error(r, rc, "the grants could not be read");
}
