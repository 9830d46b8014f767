/* Routes: their register, and what they make of a number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/device_register.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/routing/route_hours.h"
#include "policy/number.h"

static json_t *route_json(const struct route *route)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:b}", "name", route->name, "trunk",
                     route->trunk, "prefix", route->prefix, "class", route->class_name, "hours",
                     route->hours, "priority", (json_int_t)route->priority, "cost",
                     (json_int_t)route->cost, "implicit", route->implicit);
}

void api_get_routes(struct http_request *http, void *user)
{
    size_t count;
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct route *routes = policy_cache_routes(r->control->policy, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, route_json(&routes[i]));
    api_answer_json(r, 200, json_pack("{s:o}", "routes", list));
}

/* --- a new one --- */

static const struct route *find_route(const struct api_request *r, const char *name)
{
    size_t count;
    const struct route *routes = policy_cache_routes(r->control->policy, &count);
    for (size_t i = 0; i < count; i++)
        if (!routes[i].implicit && strcmp(routes[i].name, name) == 0)
            return &routes[i];
    return NULL;
}

/* Reads a number that may be left out. */
static bool read_number(const json_t *in, const char *key, json_int_t most, uint32_t *out)
{
    const json_t *value = json_object_get(in, key);
    if (!value)
        return true;
    json_int_t number = json_integer_value(value);
    *out = (uint32_t)number;
    return json_is_integer(value) && number >= 0 && number <= most;
}

static bool is_prefix(const char *prefix)
{
    const char *digits = prefix + (prefix[0] == '+');
    return digits[strspn(digits, "0123456789")] == '\0' && strlen(prefix) <= 20;
}

static const char *wrong_route(const struct api_request *r, const json_t *in, struct route *route)
{
    route->priority = 10;
    if (!api_name_valid(route->name) || strlen(route->name) >= sizeof route->name - 1)
        return "'name' must have 1 to 62 letters, digits, '-', '_', '.', ':' or '@'";
    if (!policy_cache_trunk(r->control->policy, route->trunk))
        return "there is no such trunk";
    if (!is_prefix(route->prefix))
        return "'prefix' must be an optional '+' and at most 20 digits";
    if (route->class_name[0] && !api_name_valid(route->class_name))
        return "'class' must be the class of a mailbox";
    if (!route_hours_valid(route->hours))
        return "'hours' must be as in 'Mo-Fr 08:00-18:00; Sa 09:00-12:00'";
    if (!read_number(in, "priority", 65535, &route->priority))
        return "'priority' must be 0 to 65535";
    if (!read_number(in, "cost", 1000000, &route->cost))
        return "'cost' must be 0 to 1000000";
    return NULL;
}

static bool read_texts(struct api_request *r, json_t *in, struct route *route)
{
    const struct {
        const char *key, *fallback;
        char *place;
        size_t size;
    } texts[] = {{"name", NULL, route->name, sizeof route->name},
                 {"trunk", NULL, route->trunk, sizeof route->trunk},
                 {"prefix", "", route->prefix, sizeof route->prefix},
                 {"class", "", route->class_name, sizeof route->class_name},
                 {"hours", "", route->hours, sizeof route->hours}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = api_text(r, in, texts[i].key, texts[i].fallback, texts[i].size - 1);
        if (!text)
            return false;
        snprintf(texts[i].place, texts[i].size, "%s", text);
    }
    return true;
}

static void add_route(struct api_request *r, json_t *in)
{
    struct event e;
    struct route route = {.priority = 0};
    if (!read_texts(r, in, &route))
        return;
    const char *wrong = wrong_route(r, in, &route);
    if (wrong) {
        api_answer_problem(r, 422, "route", "The route is not valid", wrong);
        return;
    }
    if (find_route(r, route.name)) {
        api_answer_problem(r, 409, "exists", "There is a route of this name", NULL);
        return;
    }
    event_begin(&e, "route.created", r->principal, NULL);
    event_text(&e, "route", route.name);
    event_text(&e, "trunk", route.trunk);
    event_text(&e, "prefix", route.prefix);
    event_text(&e, "class", route.class_name);
    event_text(&e, "hours", route.hours);
    event_integer(&e, "priority", route.priority);
    event_integer(&e, "cost", route.cost);
    api_change(r, &e, 201, route_json(&route));
}

void api_post_route(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_route);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *in = api_body(r, "RouteNew");
    if (!in)
        return;
    add_route(r, in);
    json_decref(in);
}

void api_delete_route(struct http_request *http, void *user)
{
    struct event e;
    struct api_request *r = api_begin_change(http, user, api_delete_route);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const char *name = http_request_param(http, "name");
    if (!find_route(r, name)) {
        api_answer_problem(r, 404, "unknown", "There is no such route", NULL);
        return;
    }
    event_begin(&e, "route.removed", r->principal, NULL);
    event_text(&e, "route", name);
    api_change(r, &e, 204, NULL);
}

/* --- a trial --- */

static json_t *judged_json(const struct route *route, size_t place, enum route_verdict verdict)
{
    json_t *out = route_json(route);
    json_object_set_new(out, "order", json_integer((json_int_t)place));
    json_object_set_new(out, "verdict", json_string(route_verdict_text(verdict)));
    return out;
}

static json_t *judge_all(const struct control *control, const struct route_question *q)
{
    size_t count, order[2 * TRUNK_ROUTES_MAX];
    const struct route *routes = policy_cache_routes(control->policy, &count);
    size_t taken = route_order(routes, count, q, order, sizeof order / sizeof *order);
    json_t *list = json_array();
    for (size_t i = 0; i < taken; i++)
        json_array_append_new(list, judged_json(&routes[order[i]], i + 1, ROUTE_TAKEN));
    for (size_t i = 0; i < count; i++) {
        enum route_verdict verdict = route_judge(&routes[i], q);
        if (verdict != ROUTE_TAKEN)
            json_array_append_new(list, judged_json(&routes[i], 0, verdict));
    }
    return list;
}

/* "2026-11-22T18:30", local time. */
static bool read_time(const char *text, int64_t *time_ms)
{
    struct tm local = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &local);
    time_t time_s = end && !*end ? mktime(&local) : (time_t)-1;
    *time_ms = (int64_t)time_s * 1000;
    return time_s != (time_t)-1;
}

/* The number of a machine leads to the machine; no route is asked. */
static void answer_device(struct api_request *r, const struct device_info *device)
{
    char target[POLICY_NAME_TEXT + 8], why[TRUNK_ROUTES_TEXT];
    snprintf(target, sizeof target, DEVICE_PREFIX "%.50s", device->name);
    snprintf(why, sizeof why,
             "the number is the extension of the device %s, which is called itself", device->name);
    api_answer_json(r, 200,
                    json_pack("{s:s,s:s,s:[s],s:[]}", "outcome", "found", "reason", why, "trunks",
                              target, "routes"));
}

void api_get_route_test(struct http_request *http, void *user)
{
    static const char *const known[] = {"to", "class", "at", NULL};
    static const char *const outcomes[] = {"found", "none", "denied", "closed"};
    char number[NUMBER_TEXT], why[TRUNK_ROUTES_TEXT];
    struct trunk_routes found;
    struct route_question q;
    int64_t time_ms = control_now_ms();
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    const char *to = http_request_query(http, "to"), *at = http_request_query(http, "at");
    const char *class_name = http_request_query(http, "class");
    if (!to || number_normalise(to, number) < 0 || (at && !read_time(at, &time_ms))) {
        api_answer_problem(r, 400, "query", "The question is not valid",
                           "'to' must be a telephone number, 'at' a time as 2026-11-22T18:30");
        return;
    }
    const struct device_info *device = policy_cache_device_of(r->control->policy, number);
    if (device) {
        answer_device(r, device);
        return;
    }
    class_name = class_name ? class_name : "";
    enum trunk_routes_outcome outcome =
        trunk_routes_find(r->control, number, class_name, "", time_ms, &found, why);
    trunk_routes_question(r->control, number, class_name, "", time_ms, &q);
    json_t *trunks = json_array();
    for (size_t i = 0; i < found.count; i++)
        json_array_append_new(trunks, json_string(found.trunks[i]));
    api_answer_json(r, 200,
                    json_pack("{s:s,s:s,s:o,s:o}", "outcome", outcomes[outcome], "reason", why,
                              "trunks", trunks, "routes", judge_all(r->control, &q)));
}
