#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"

enum { ACTIONS_TEXT = 1024 };

static void on_roles(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the roles could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct role_row row;
        role_row_read(result, i, &row);
        json_array_append_new(list,
                              json_pack("{s:s,s:o,s:b}", "name", row.role, "actions",
                                        api_list_json(row.actions), "builtin", row.builtin != 0));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "roles", list));
}

void api_get_roles(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_ROLES, NULL))
        return;
    int rc = register_query_roles(r->control->db, on_roles, r);
    if (rc < 0)
        api_answer_error(r, rc, "the roles could not be read");
}

/* Joins the actions; false after having answered. */
static bool read_actions(struct api_request *r, json_t *in, char text[ACTIONS_TEXT])
{
    char detail[200];
    size_t index, length = 0;
    json_t *action, *list = json_object_get(in, "actions");
    text[0] = '\0';
    snprintf(detail, sizeof detail, "'actions' must be a list of actions, as 'fax.submit'");
    bool ok = json_is_array(list) && json_array_size(list) > 0 &&
              json_array_size(list) <= POLICY_ACTION_COUNT;
    for (index = 0; ok && index < json_array_size(list); index++) {
        enum policy_action known;
        action = json_array_get(list, index);
        const char *name = json_string_value(action);
        ok = name && policy_action_parse(name, &known) == 0;
        if (name && !ok)
            snprintf(detail, sizeof detail, "'%.60s' is no action", name);
        if (ok)
            length += (size_t)snprintf(text + length, ACTIONS_TEXT - length, "%s%s",
                                       index ? "," : "", name);
        ok = ok && length < ACTIONS_TEXT;
    }
    if (!ok)
        api_answer_problem(r, 422, "role", "The role is not valid", detail);
    return ok;
}

static void add_role(struct api_request *r, json_t *in)
{
    struct event e;
    char actions[ACTIONS_TEXT];
    const char *name = api_text(r, in, "name", NULL, 200);
    if (!name)
        return;
    if (!api_name_valid(name)) {
        api_answer_problem(r, 422, "role", "The role is not valid",
                           "'name' must have 1 to 63 letters, digits, '-', '_', '.' or '@'");
        return;
    }
    if (policy_cache_has_role(r->control->policy, name)) {
        api_answer_problem(r, 409, "exists", "There is a role of this name", NULL);
        return;
    }
    if (!read_actions(r, in, actions))
        return;
    event_begin(&e, "role.created", r->principal, NULL);
    event_text(&e, "role", name);
    event_text(&e, "actions", actions);
    api_change(
        r, &e, 201,
        json_pack("{s:s,s:o,s:b}", "name", name, "actions", api_list_json(actions), "builtin", 0));
}

void api_post_role(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_role);
    if (!r || !api_allow(r, POLICY_ADMIN_ROLES, NULL))
        return;
    json_t *in = api_body(r, "RoleNew");
    if (!in)
        return;
    add_role(r, in);
    json_decref(in);
}

static bool is_builtin(const char *name)
{
    const struct policy_builtin_role *role;
    for (size_t i = 0; (role = policy_builtin_role_at(i)); i++)
        if (strcmp(role->name, name) == 0)
            return true;
    return false;
}

static void on_grants_of_role(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct event e;
    const char *name = http_request_param(r->http, "name");
    if (!api_rows(r, status, "the grants could not be read"))
        return;
    for (int i = 0; i < db_result_rows(result); i++) {
        struct grant_row g;
        grant_row_read(result, i, &g);
        if (!g.revoked_ms && strcmp(g.role, name) == 0) {
            api_answer_problem(r, 409, "in-use", "The role is granted", "revoke its grants first");
            return;
        }
    }
    event_begin(&e, "role.removed", r->principal, NULL);
    event_text(&e, "role", name);
    api_change(r, &e, 204, NULL);
}

void api_delete_role(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_delete_role);
    if (!r || !api_allow(r, POLICY_ADMIN_ROLES, NULL))
        return;
    const char *name = http_request_param(http, "name");
    if (!policy_cache_has_role(r->control->policy, name)) {
        api_answer_problem(r, 404, "unknown", "There is no such role", NULL);
        return;
    }
    if (is_builtin(name)) {
        api_answer_problem(r, 409, "builtin", "A built-in role cannot be removed", NULL);
        return;
    }
    int rc = register_query_grants(r->control->db, on_grants_of_role, r);
    if (rc < 0)
        api_answer_error(r, rc, "the grants could not be read");
}
