/* retention.h: when a fax is due for disposal. Times are microseconds since 1970 UTC. */
#ifndef POLICY_RETENTION_H
#define POLICY_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/kek_id.h"

#define RETENTION_NEVER INT64_MAX /* the disposal time of what has none */

enum { RETENTION_DAYS_MAX = 36500 };

/* The disposal time of a fax that was received or completed at from_us: days of 86,400 seconds
 * later; RETENTION_NEVER for 0 days. Errors: FAX_EP_INVAL (time before 1970 or after 9999, days
 * over RETENTION_DAYS_MAX). */
int retention_disposal_time(int64_t from_us, uint32_t days, int64_t *disposal_us)
    __attribute__((warn_unused_result));

/* Says whether it is time to dispose. Never for RETENTION_NEVER. */
bool retention_is_due(int64_t disposal_us, int64_t now_us);

/* The UTC date "2027-03-09" of a disposal time, or "never". Errors: FAX_EP_INVAL. */
enum { RETENTION_DATE_TEXT = 11 };
int retention_date_text(int64_t disposal_us, char text[RETENTION_DATE_TEXT])
    __attribute__((warn_unused_result));

#endif
