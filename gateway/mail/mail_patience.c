#include "gateway/mail/mail_patience.h"

enum { LEAST_MS = 2000, MOST_MS = 60000, QUIET_MS = 600000 };

int64_t mail_patience_delay(int64_t accepted_ms, int64_t now_ms)
{
    int64_t waited_ms = now_ms - accepted_ms, left_ms = MAIL_PATIENCE_MS - waited_ms;
    if (left_ms <= 0)
        return -1;
    int64_t delay_ms = waited_ms / 8;
    if (delay_ms < LEAST_MS)
        delay_ms = LEAST_MS;
    if (delay_ms > MOST_MS)
        delay_ms = MOST_MS;
    return delay_ms < left_ms ? delay_ms : left_ms;
}

bool mail_outage_begins(struct mail_outage *outage, uint64_t now_ms)
{
    if (outage->held || (outage->was_told && now_ms - outage->told_ms < QUIET_MS))
        return false;
    *outage = (struct mail_outage){.held = true, .was_told = true, .told_ms = now_ms};
    return true;
}

bool mail_outage_ends(struct mail_outage *outage)
{
    bool held = outage->held;
    outage->held = false;
    return held;
}
