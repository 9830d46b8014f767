#include "gateway/control/trunk_routes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/control/bridge_call.h"
#include "gateway/control/fax_call_private.h"

void trunk_routes_question(const struct control *control, const char *to_number,
                           const char *class_name, const char *avoid, int64_t time_ms,
                           struct route_question *q)
{
    time_t time_s = (time_t)(time_ms / 1000);
    struct tm local = {.tm_wday = 1};
    (void)localtime_r(&time_s, &local); /* in fax.time_zone */
    *q = (struct route_question){.number = to_number,
                                 .class_name = class_name,
                                 .weekday = (local.tm_wday + 6) % 7,
                                 .minute = local.tm_hour * 60 + local.tm_min,
                                 .denied = control->config->routing.denied_numbers,
                                 .avoid = avoid};
}

static void add(const struct control *control, const char *trunk, struct trunk_routes *routes)
{
    for (size_t i = 0; i < routes->count; i++)
        if (strcmp(routes->trunks[i], trunk) == 0)
            return;
    if (routes->count < TRUNK_ROUTES_MAX && policy_cache_trunk(control->policy, trunk))
        snprintf(routes->trunks[routes->count++], sizeof routes->trunks[0], "%s", trunk);
}

/* Why none leads there. */
static enum trunk_routes_outcome judge(const struct route *all, size_t count,
                                       const struct route_question *q, char why[TRUNK_ROUTES_TEXT])
{
    char pattern[ROUTE_PREFIX_TEXT];
    bool closed = false, denied = false;
    for (size_t i = 0; i < count; i++) {
        enum route_verdict verdict = route_judge(&all[i], q);
        closed = closed || verdict == ROUTE_CLOSED;
        denied = denied || verdict == ROUTE_DENIED;
    }
    if (closed) {
        snprintf(why, TRUNK_ROUTES_TEXT, "the routes to the number are closed at this time");
        return TRUNK_ROUTES_CLOSED;
    }
    if (route_denied(q->denied, q->number, pattern)) {
        snprintf(why, TRUNK_ROUTES_TEXT,
                 "numbers of %s are denied (routing.denied_numbers), and no route names them",
                 pattern);
        return TRUNK_ROUTES_DENIED;
    }
    if (denied) {
        snprintf(why, TRUNK_ROUTES_TEXT,
                 "the number is denied as its trunk would dial it (routing.denied_numbers)");
        return TRUNK_ROUTES_DENIED;
    }
    snprintf(why, TRUNK_ROUTES_TEXT, "no trunk leads to the number");
    return TRUNK_ROUTES_NONE;
}

enum trunk_routes_outcome trunk_routes_find(const struct control *control, const char *to_number,
                                            const char *class_name, const char *avoid,
                                            int64_t time_ms, struct trunk_routes *routes,
                                            char why[TRUNK_ROUTES_TEXT])
{
    struct route_question q;
    size_t count, order[2 * TRUNK_ROUTES_MAX];
    const struct route *all = policy_cache_routes(control->policy, &count);
    trunk_routes_question(control, to_number, class_name, avoid, time_ms, &q);
    routes->count = 0;
    why[0] = '\0';
    size_t taken = route_order(all, count, &q, order, sizeof order / sizeof *order);
    for (size_t i = 0; i < taken; i++)
        add(control, all[order[i]].trunk, routes);
    return routes->count > 0 ? TRUNK_ROUTES_FOUND : judge(all, count, &q, why);
}

bool trunk_routes_of_a_class(const struct control *control, const char *to_number, int64_t time_ms)
{
    struct route_question q;
    size_t count;
    const struct route *all = policy_cache_routes(control->policy, &count);
    trunk_routes_question(control, to_number, "", "", time_ms, &q);
    for (size_t i = 0; i < count; i++) {
        q.class_name = all[i].class_name;
        enum route_verdict verdict = route_judge(&all[i], &q);
        if (all[i].class_name[0] && (verdict == ROUTE_TAKEN || verdict == ROUTE_CLOSED))
            return true;
    }
    return false;
}

bool trunk_routes_denied(const struct control *control, const struct trunk_info *trunk,
                         const char *to_number, char why[TRUNK_ROUTES_TEXT])
{
    size_t count;
    char pattern[ROUTE_PREFIX_TEXT];
    const struct route *all = policy_cache_routes(control->policy, &count);
    if (!route_trunk_denied(all, count, trunk->name, trunk->rewrite_out,
                            control->config->routing.denied_numbers, to_number, pattern))
        return false;
    snprintf(why, TRUNK_ROUTES_TEXT,
             "numbers of %s are denied, and no route over trunk '%.50s' names them", pattern,
             trunk->name);
    return true;
}

size_t trunk_routes_calls(const struct control *control, const char *trunk)
{
    size_t calls = 0;
    for (const struct fax_call *call = control->calls; call; call = call->next)
        calls += !call->ending && strcmp(call->trunk, trunk) == 0;
    return calls + bridge_calls_over(control, trunk);
}

bool trunk_routes_has_room(struct control *control, const struct trunk_info *trunk, bool take)
{
    char key[POLICY_NAME_TEXT + 2];
    const struct rate rate = {trunk->max_calls_per_second, 0};
    if (trunk->max_calls > 0 && trunk_routes_calls(control, trunk->name) >= trunk->max_calls)
        return false;
    int length = snprintf(key, sizeof key, ">%s", trunk->name);
    return !take ||
           rate_limit_take(control->rates, key, (size_t)length, &rate, uv_now(&control->loop));
}
