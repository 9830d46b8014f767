#include "gateway/routing/route_order.h"

#include <stdio.h>
#include <string.h>

#include "gateway/routing/number_rewrite.h"
#include "gateway/routing/route_hours.h"
#include "policy/number.h"

/* The next of a list; false at its end. */
static bool take_pattern(const char **at, char pattern[ROUTE_PREFIX_TEXT])
{
    *at += strspn(*at, ", ");
    size_t length = strcspn(*at, ", ");
    if (length == 0)
        return false;
    snprintf(pattern, ROUTE_PREFIX_TEXT, "%.*s", (int)length, *at);
    *at += length;
    return true;
}

bool route_denied_valid(const char *patterns)
{
    char pattern[ROUTE_PREFIX_TEXT];
    while (take_pattern(&patterns, pattern))
        if (!number_pattern_valid(pattern))
            return false;
    return true;
}

bool route_denied(const char *patterns, const char *number, char pattern[ROUTE_PREFIX_TEXT])
{
    while (take_pattern(&patterns, pattern))
        if (number_matches(pattern, number))
            return true;
    return false;
}

/* Only a route made for just these numbers leads there: "" and "+49" do not name "+49900". prefix:
 * the route's, or what its trunk makes of it. */
static bool names(const struct route *route, const char *prefix, const char *pattern)
{
    size_t length = strcspn(pattern, "*");
    return !route->implicit && route->prefix[0] && length > 0 && strlen(prefix) >= length &&
           strncmp(prefix, pattern, length) == 0;
}

/* Whether any pattern denies the number that this prefix does not name. */
static bool is_denied(const struct route *route, const char *prefix, const char *patterns,
                      const char *number)
{
    char pattern[ROUTE_PREFIX_TEXT];
    while (take_pattern(&patterns, pattern))
        if (number_matches(pattern, number) && !names(route, prefix, pattern))
            return true;
    return false;
}

/* Denied numbers are those that are asked for, and those that are dialled: rules of a trunk could
 * make the one of what is not the other. */
static bool denies(const struct route *route, const char *patterns, const char *number)
{
    char dialled[NUMBER_REWRITE_TEXT], prefix[NUMBER_REWRITE_TEXT];
    const char *rules = route->rewrite_out ? route->rewrite_out : "";
    if (is_denied(route, route->prefix, patterns, number))
        return true;
    if (!rules[0])
        return false;
    (void)number_rewrite(rules, number, dialled);
    if (number_rewrite(rules, route->prefix, prefix) < 0 ||
        strncmp(prefix, dialled, strlen(prefix)) != 0)
        prefix[0] = '\0'; /* the rules make something else of the prefix than of the number */
    return is_denied(route, prefix, patterns, dialled);
}

bool route_trunk_denied(const struct route *routes, size_t count, const char *trunk,
                        const char *rewrite_out, const char *patterns, const char *number,
                        char pattern[ROUTE_PREFIX_TEXT])
{
    char dialled[NUMBER_REWRITE_TEXT];
    (void)number_rewrite(rewrite_out, number, dialled);
    if (!route_denied(patterns, number, pattern) && !route_denied(patterns, dialled, pattern))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i].trunk, trunk) == 0 &&
            strncmp(routes[i].prefix, number, strlen(routes[i].prefix)) == 0 &&
            !denies(&routes[i], patterns, number))
            return false;
    return true;
}

enum route_verdict route_judge(const struct route *route, const struct route_question *q)
{
    if (strncmp(route->prefix, q->number, strlen(route->prefix)) != 0)
        return ROUTE_OTHER_NUMBER;
    if (route->class_name[0] && strcmp(route->class_name, q->class_name) != 0)
        return ROUTE_OTHER_CLASS;
    if (denies(route, q->denied, q->number))
        return ROUTE_DENIED;
    if (!route_hours_open(route->hours, q->weekday, q->minute))
        return ROUTE_CLOSED;
    return ROUTE_TAKEN;
}

const char *route_verdict_text(enum route_verdict verdict)
{
    switch (verdict) {
    case ROUTE_TAKEN:
        return "taken";
    case ROUTE_OTHER_NUMBER:
        return "for other numbers";
    case ROUTE_OTHER_CLASS:
        return "for another class";
    case ROUTE_CLOSED:
        return "closed at this time";
    case ROUTE_DENIED:
        return "the number is denied, and this route does not name it";
    }
    return "";
}

static bool comes_before(const struct route *a, const struct route *b, const char *avoid)
{
    size_t length_a = strlen(a->prefix), length_b = strlen(b->prefix);
    bool last_a = avoid && avoid[0] && strcmp(a->trunk, avoid) == 0;
    bool last_b = avoid && avoid[0] && strcmp(b->trunk, avoid) == 0;
    if (last_a != last_b)
        return last_b;
    if (length_a != length_b)
        return length_a > length_b;
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->cost != b->cost)
        return a->cost < b->cost;
    return strcmp(a->name, b->name) < 0;
}

size_t route_order(const struct route *routes, size_t count, const struct route_question *q,
                   size_t *order, size_t most)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        if (route_judge(&routes[i], q) != ROUTE_TAKEN)
            continue;
        size_t at = taken;
        while (at > 0 && comes_before(&routes[i], &routes[order[at - 1]], q->avoid))
            at--;
        if (at >= most)
            continue;
        size_t last = taken < most ? taken++ : most - 1;
        memmove(&order[at + 1], &order[at], (last - at) * sizeof *order);
        order[at] = i;
    }
    return taken;
}
