#include "policy/calendar.h"

#include "policy/policy_error.h"

#define DAY_US       INT64_C(86400000000)
#define DAYS_TO_9999 INT64_C(2932896) /* 9999-12-31 */

/* Counts in years that begin in March, so that the day of leap comes last; an era has 400 years. */
int calendar_date_of(int64_t time_us, struct calendar_date *date)
{
    if (time_us < 0 || time_us / DAY_US > DAYS_TO_9999)
        return FAX_EP_INVAL;
    int64_t days = time_us / DAY_US + 719468; /* since 0000-03-01 */
    int64_t era = days / 146097, day_of_era = days % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    date->day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    date->month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    date->year = (int)(year_of_era + era * 400 + (date->month <= 2 ? 1 : 0));
    return 0;
}
