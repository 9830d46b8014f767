/* mail_patience.h: how long messages wait for what must judge them (a scanner, the DNS), and when
 * the log is told of it. Pure: times go in. */
#ifndef GATEWAY_MAIL_MAIL_PATIENCE_H
#define GATEWAY_MAIL_MAIL_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum { MAIL_PATIENCE_MS = 4 * 3600 * 1000 };

/* When a message that cannot go on now is looked at again, in ms: the later the longer it has
 * waited, within a minute, and at its end. -1: it has waited for four hours, and is refused. Both
 * times are of the wall clock; that of its acceptance is of its record, so that a restart neither
 * ends its time nor begins it anew. */
int64_t mail_patience_delay(int64_t accepted_ms, int64_t now_ms);

/* One cause of waiting, as the log has it. Zeroed to begin with. */
struct mail_outage {
    bool held;
    bool was_told;
    uint64_t told_ms;
};

/* A message has to wait. Whether the log is to be told: with the first of an outage, but of one
 * that comes and goes, as somebody outside may like, once in ten minutes. now_ms: of the loop. */
bool mail_outage_begins(struct mail_outage *outage, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* None need wait any more. Whether the log is to be told. */
bool mail_outage_ends(struct mail_outage *outage) __attribute__((warn_unused_result));

#endif
