/* calendar.h: days since 1970 to the Gregorian calendar (UTC) and the texts of times. */
#ifndef POLICY_CALENDAR_H
#define POLICY_CALENDAR_H

#include <stdint.h>

struct calendar_date {
    int year; /* 1970–9999 */
    int month;
    int day;
};

/* The UTC date of a time in microseconds since 1970. Errors: FAX_EP_INVAL (before 1970 or after
 * 9999). */
int calendar_date_of(int64_t time_us, struct calendar_date *date)
    __attribute__((warn_unused_result));

#endif
