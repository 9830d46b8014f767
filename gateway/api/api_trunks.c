#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/register_queries.h"
#include "gateway/socket_address.h"
#include "policy/number.h"

static json_t *trunk_json(const char *name, const char *host, int64_t port, bool t38_first,
                          bool audio_fallback, const char *prefix)
{
    return json_pack("{s:s,s:s,s:I,s:b,s:b,s:s}", "name", name, "host", host, "port",
                     (json_int_t)port, "t38_first", t38_first, "audio_fallback", audio_fallback,
                     "prefix", prefix);
}

static void on_trunks(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the trunks could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct trunk_row row;
        trunk_row_read(result, i, &row);
        json_array_append_new(list, trunk_json(row.trunk, row.host, row.port, row.t38_first != 0,
                                               row.audio_fallback != 0, row.prefix));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "trunks", list));
}

void api_get_trunks(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    int rc = register_query_trunks(r->control->db, on_trunks, r);
    if (rc < 0)
        api_answer_error(r, rc, "the trunks could not be read");
}

static const char *wrong_trunk(const char *name, const char *host, json_t *port, json_t *first,
                               json_t *fallback, const char *prefix)
{
    struct sockaddr_storage address;
    if (!api_name_valid(name) || strlen(name) > 50)
        return "'name' must have 1 to 50 letters, digits, '-', '_', '.' or '@'";
    if (socket_address_parse(host, 0, &address) < 0)
        return "'host' must be an IPv4 or IPv6 address";
    if (!json_is_integer(port) || json_integer_value(port) < 1 || json_integer_value(port) > 65535)
        return "'port' must be 1 to 65535";
    if (first && !json_is_boolean(first))
        return "'t38_first' must be true or false";
    if (fallback && !json_is_boolean(fallback))
        return "'audio_fallback' must be true or false";
    if (strspn(prefix + (prefix[0] == '+'), "0123456789") + (prefix[0] == '+') != strlen(prefix) ||
        strlen(prefix) > 20)
        return "'prefix' must be an optional '+' and at most 20 digits";
    return NULL;
}

static void add_trunk(struct api_request *r, json_t *in)
{
    struct event e;
    const char *name = api_text(r, in, "name", NULL, 200);
    const char *host = name ? api_text(r, in, "host", NULL, 200) : NULL;
    const char *prefix = host ? api_text(r, in, "prefix", "", 100) : NULL;
    if (!prefix)
        return;
    json_t *port = json_object_get(in, "port"), *first = json_object_get(in, "t38_first");
    json_t *fallback = json_object_get(in, "audio_fallback");
    bool audio = !fallback || json_is_true(fallback);
    const char *wrong = wrong_trunk(name, host, port, first, fallback, prefix);
    if (wrong) {
        api_answer_problem(r, 422, "trunk", "The trunk is not valid", wrong);
        return;
    }
    if (policy_cache_trunk(r->control->policy, name)) {
        api_answer_problem(r, 409, "exists", "There is a trunk of this name", NULL);
        return;
    }
    event_begin(&e, "trunk.created", r->principal, NULL);
    event_text(&e, "trunk", name);
    event_text(&e, "host", host);
    event_integer(&e, "port", json_integer_value(port));
    event_integer(&e, "t38_first", json_is_true(first));
    event_integer(&e, "audio_fallback", audio);
    event_text(&e, "prefix", prefix);
    api_change(
        r, &e, 201,
        trunk_json(name, host, json_integer_value(port), json_is_true(first), audio, prefix));
}

void api_post_trunk(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_trunk);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *in = http_request_json(http);
    if (!in) {
        api_end(r);
        return;
    }
    add_trunk(r, in);
    json_decref(in);
}

void api_delete_trunk(struct http_request *http, void *user)
{
    struct event e;
    struct api_request *r = api_begin_change(http, user, api_delete_trunk);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const char *name = http_request_param(http, "name");
    if (!policy_cache_trunk(r->control->policy, name)) {
        api_answer_problem(r, 404, "unknown", "There is no such trunk", NULL);
        return;
    }
    event_begin(&e, "trunk.removed", r->principal, NULL);
    event_text(&e, "trunk", name);
    api_change(r, &e, 204, NULL);
}
