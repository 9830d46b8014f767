/* route_hours.h: when a route is open: "Mo-Fr 08:00-18:00; Sa 09:00-12:00". Pure.
 *
 * Days are Mo Tu We Th Fr Sa Su, in ranges and separated by commas, none: every day. A time that
 * ends before it begins goes on past midnight; one without times is the whole day. */
#ifndef GATEWAY_ROUTING_ROUTE_HOURS_H
#define GATEWAY_ROUTING_ROUTE_HOURS_H

#include <stdbool.h>

enum { ROUTE_HOURS_TEXT = 200 };

bool route_hours_valid(const char *hours);

/* Whether it is open at a minute (0 to 1439) of a day (0: Monday). "" is always open. */
bool route_hours_open(const char *hours, int weekday, int minute);

#endif
