#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"

static void on_grants(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the grants could not be read"))
        return;
    for (int i = 0; i < db_result_rows(result); i++) {
        struct grant_row g;
        size_t index;
        json_t *p;
        grant_row_read(result, i, &g);
        if (g.revoked_ms)
            continue;
        json_array_foreach(json_object_get(r->body, "principals"), index, p)
        {
            if (strcmp(json_string_value(json_object_get(p, "name")), g.principal) == 0)
                json_array_append_new(json_object_get(p, "roles"), json_string(g.role));
        }
    }
    json_t *body = r->body;
    r->body = NULL;
    api_answer_json(r, 200, body);
}

/* A principal with several local accounts has several rows. */
static json_t *find_or_add(json_t *list, const struct principal_row *row)
{
    size_t index;
    json_t *p;
    json_array_foreach(list, index, p)
    {
        if (strcmp(json_string_value(json_object_get(p, "name")), row->principal) == 0)
            return p;
    }
    p = json_pack("{s:s,s:s,s:s,s:[],s:b,s:o,s:[]}", "name", row->principal, "kind", row->kind,
                  "full_name", row->full_name, "local_uids", "disabled", row->disabled != 0,
                  "created", api_time(row->created_ms), "roles");
    json_array_append_new(list, p);
    return p;
}

static void on_principals(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the principals could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct principal_row row;
        principal_row_read(result, i, &row);
        json_t *p = find_or_add(list, &row);
        if (row.local_uid >= 0)
            json_array_append_new(json_object_get(p, "local_uids"), json_integer(row.local_uid));
    }
    r->body = json_pack("{s:o}", "principals", list);
    int rc = register_query_grants(r->control->db, on_grants, r);
    if (rc < 0)
        api_answer_error(r, rc, "the grants could not be read");
}

void api_get_principals(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    int rc = register_query_principals(r->control->db, on_principals, r);
    if (rc < 0)
        api_answer_error(r, rc, "the principals could not be read");
}

static const char *wrong_principal(const struct api_request *r, const char *name, const char *kind,
                                   json_int_t uid)
{
    if (!api_name_valid(name))
        return "'name' must have 1 to 63 letters, digits, '-', '_', '.' or '@'";
    if (api_name_reserved(name))
        return "'system' and 'nobody' are what the log calls the gateway itself and strangers";
    if (strcmp(kind, "person") != 0 && strcmp(kind, "service") != 0)
        return "'kind' must be 'person' or 'service'";
    if (uid < -1 || uid > UINT32_MAX - 1)
        return "'local_uid' must be a user id of this host";
    if (uid >= 0 && policy_cache_account(r->control->policy, (uid_t)uid))
        return "the local account belongs to another principal";
    return NULL;
}

static void add_principal(struct api_request *r, json_t *in)
{
    struct event e;
    const char *name = api_text(r, in, "name", NULL, 200);
    const char *kind = name ? api_text(r, in, "kind", "person", 20) : NULL;
    const char *full_name = kind ? api_text(r, in, "full_name", "", 200) : NULL;
    if (!full_name)
        return;
    json_t *uid_value = json_object_get(in, "local_uid");
    json_int_t uid = uid_value && !json_is_null(uid_value) ? json_integer_value(uid_value) : -1;
    if (uid_value && !json_is_null(uid_value) && !json_is_integer(uid_value))
        uid = -2;
    const char *wrong = wrong_principal(r, name, kind, uid);
    if (wrong) {
        api_answer_problem(r, 422, "principal", "The principal is not valid", wrong);
        return;
    }
    if (policy_find_principal_named(policy_cache_set(r->control->policy), name)) {
        api_answer_problem(r, 409, "exists", "There is a principal of this name", NULL);
        return;
    }
    event_begin(&e, "principal.created", r->principal, NULL);
    event_text(&e, "principal", name);
    event_text(&e, "kind", kind);
    event_integer(&e, "local_uid", uid);
    event_personal(&e, "full_name", full_name);
    json_t *uids = uid >= 0 ? json_pack("[I]", uid) : json_array();
    api_change(r, &e, 201,
               json_pack("{s:s,s:s,s:s,s:o,s:b,s:o,s:[]}", "name", name, "kind", kind, "full_name",
                         full_name, "local_uids", uids, "disabled", 0, "created",
                         api_time(control_now_ms()), "roles"));
}

void api_post_principal(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_principal);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    json_t *in = api_body(r, "PrincipalNew");
    if (!in)
        return;
    add_principal(r, in);
    json_decref(in);
}

static void set_disabled(struct http_request *http, void *user, bool disabled)
{
    struct event e;
    struct api_request *r =
        api_begin_change(http, user, disabled ? api_disable_principal : api_enable_principal);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    const char *name = http_request_param(http, "name");
    const struct policy_principal *p =
        policy_find_principal_named(policy_cache_set(r->control->policy), name);
    if (!p) {
        api_answer_problem(r, 404, "unknown", "There is no such principal", NULL);
        return;
    }
    if (disabled && strcmp(name, r->principal) == 0) {
        api_answer_problem(r, 409, "self", "Nobody can disable themselves", NULL);
        return;
    }
    event_begin(&e, disabled ? "principal.disabled" : "principal.enabled", r->principal, NULL);
    event_text(&e, "principal", name);
    api_change(r, &e, 200, json_pack("{s:s,s:b}", "name", name, "disabled", disabled));
}

void api_disable_principal(struct http_request *http, void *user)
{
    set_disabled(http, user, true);
}

void api_enable_principal(struct http_request *http, void *user)
{
    set_disabled(http, user, false);
}
