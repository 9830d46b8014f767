#include "gateway/routing/route_hours.h"

#include <string.h>
#include <strings.h>

enum { DAYS = 7, DAY_MINUTES = 1440 };

/* One part between semicolons. */
struct span {
    unsigned days; /* bit 0: Monday */
    int from, to;
};

static int take_day(const char **at)
{
    static const char *const names[DAYS] = {"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"};
    for (int i = 0; i < DAYS; i++)
        if (strncasecmp(*at, names[i], 2) == 0) {
            *at += 2;
            return i;
        }
    return -1;
}

static bool take_days(const char **at, unsigned *days)
{
    for (;;) {
        int first = take_day(at), last = first;
        if (first < 0)
            return false;
        if (**at == '-') {
            ++*at;
            last = take_day(at);
            if (last < 0)
                return false;
        }
        for (int day = first;; day = (day + 1) % DAYS) {
            *days |= 1u << day;
            if (day == last)
                break;
        }
        if (**at != ',')
            return true;
        ++*at;
    }
}

/* "08:00"; 24:00 is the end of the day. */
static bool take_time(const char **at, int *minute)
{
    static const char digits[] = "0123456789";
    const char *text = *at;
    if (strspn(text, digits) != 2 || text[2] != ':' || strspn(text + 3, digits) != 2)
        return false;
    int minutes = (text[3] - '0') * 10 + (text[4] - '0');
    *minute = ((text[0] - '0') * 10 + (text[1] - '0')) * 60 + minutes;
    *at += 5;
    return minutes < 60 && *minute <= DAY_MINUTES;
}

static void skip_spaces(const char **at)
{
    *at += strspn(*at, " ");
}

static bool take_span(const char **at, struct span *span)
{
    *span = (struct span){.from = 0, .to = DAY_MINUTES};
    skip_spaces(at);
    if (**at < '0' || **at > '9') {
        if (!take_days(at, &span->days))
            return false;
        skip_spaces(at);
    } else {
        span->days = (1u << DAYS) - 1;
    }
    if (**at >= '0' && **at <= '9') {
        if (!take_time(at, &span->from) || *(*at)++ != '-' || !take_time(at, &span->to) ||
            span->from == span->to)
            return false;
        skip_spaces(at);
    }
    if (**at == ';')
        ++*at;
    else if (**at)
        return false;
    return true;
}

bool route_hours_valid(const char *hours)
{
    struct span span;
    if (strlen(hours) >= ROUTE_HOURS_TEXT)
        return false;
    for (const char *at = hours; *at;)
        if (!take_span(&at, &span))
            return false;
    return true;
}

static bool is_in(const struct span *span, int weekday, int minute)
{
    bool today = span->days & 1u << weekday, yesterday = span->days & 1u << (weekday + 6) % DAYS;
    if (span->from < span->to)
        return today && minute >= span->from && minute < span->to;
    return (today && minute >= span->from) || (yesterday && minute < span->to);
}

bool route_hours_open(const char *hours, int weekday, int minute)
{
    struct span span;
    if (!hours[0])
        return true;
    for (const char *at = hours; *at;) {
        if (!take_span(&at, &span))
            return false;
        if (is_in(&span, weekday, minute))
            return true;
    }
    return false;
}
