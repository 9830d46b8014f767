/* route_order.h: which routes lead to a number, in which order, and why the others do not. Pure. */
#ifndef GATEWAY_ROUTING_ROUTE_ORDER_H
#define GATEWAY_ROUTING_ROUTE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_NAME_TEXT = 64, ROUTE_PREFIX_TEXT = 32, ROUTE_IMPLICIT_PRIORITY = 100 };

struct route {
    char name[ROUTE_NAME_TEXT];
    char trunk[ROUTE_NAME_TEXT];
    char prefix[ROUTE_PREFIX_TEXT];   /* numbers that begin so; "" all */
    char class_name[ROUTE_NAME_TEXT]; /* faxes of that class; "" of all */
    char hours[200];                  /* route_hours.h */
    uint32_t priority;                /* lower ones first */
    uint32_t cost;                    /* likewise, among equal priorities */
    bool implicit;                    /* comes from the prefix of a trunk */
    const char *rewrite_out;          /* its trunk's rules, number_rewrite.h; NULL: none */
};

struct route_question {
    const char *number, *class_name;
    int weekday, minute; /* route_hours.h */
    const char *denied;  /* patterns of policy/number.h, separated by commas */
    const char *avoid;   /* a trunk that goes last; "" none */
};

enum route_verdict {
    ROUTE_TAKEN,
    ROUTE_OTHER_NUMBER,
    ROUTE_OTHER_CLASS,
    ROUTE_CLOSED, /* not at this time */
    /* The number is denied, as it was asked for or as the trunk would dial it, and this route does
     * not name it. */
    ROUTE_DENIED,
};

/* Whether a route is one to the number. */
enum route_verdict route_judge(const struct route *route, const struct route_question *question);

/* In words. */
const char *route_verdict_text(enum route_verdict verdict);

/* Writes the positions of those that are taken, at most `most`, and returns their number: by length
 * of prefix (longest first), priority, cost, name. */
size_t route_order(const struct route *routes, size_t count, const struct route_question *question,
                   size_t *order, size_t most);

/* The pattern that denies a number; false when none does. A number without "+" is compared as it is
 * dialled. */
bool route_denied(const char *patterns, const char *number, char pattern[ROUTE_PREFIX_TEXT]);

/* Whether a call to that number over that trunk is denied: the number, or what the trunk's rules
 * make of it, is, and no route of the trunk leads there that names it, whatever its class and times
 * are. pattern: the one that denies. */
bool route_trunk_denied(const struct route *routes, size_t count, const char *trunk,
                        const char *rewrite_out, const char *patterns, const char *number,
                        char pattern[ROUTE_PREFIX_TEXT]);

/* Whether a text is a list of such patterns. */
bool route_denied_valid(const char *patterns);

#endif
