#include "policy/retention.h"

#include <stdio.h>
#include <string.h>

#include "policy/calendar.h"
#include "policy/policy_error.h"

int retention_disposal_time(int64_t from_us, uint32_t days, int64_t *disposal_us)
{
    struct calendar_date date;
    if (days > RETENTION_DAYS_MAX || calendar_date_of(from_us, &date))
        return FAX_EP_INVAL;
    if (days == 0) {
        *disposal_us = RETENTION_NEVER;
        return 0;
    }
    int64_t disposal = from_us + (int64_t)days * INT64_C(86400000000);
    if (calendar_date_of(disposal, &date))
        return FAX_EP_INVAL;
    *disposal_us = disposal;
    return 0;
}

bool retention_is_due(int64_t disposal_us, int64_t now_us)
{
    return disposal_us != RETENTION_NEVER && now_us >= disposal_us;
}

int retention_date_text(int64_t disposal_us, char text[RETENTION_DATE_TEXT])
{
    struct calendar_date date;
    if (disposal_us == RETENTION_NEVER) {
        memcpy(text, "never", sizeof "never");
        return 0;
    }
    int rc = calendar_date_of(disposal_us, &date);
    if (rc)
        return rc;
    int written =
        snprintf(text, RETENTION_DATE_TEXT, "%04d-%02d-%02d", date.year, date.month, date.day);
    return written == RETENTION_DATE_TEXT - 1 ? 0 : FAX_EP_INVAL;
}
