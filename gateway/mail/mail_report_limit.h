/* mail_report_limit.h: how many reports may go to an address, so that a storm of messages or
 * bounces does not become one of reports. A token bucket for each address; messages whose sender
 * nobody proved have one for all of them together as well, as their reverse path may be somebody
 * else's. Pure, of fixed size. */
#ifndef GATEWAY_MAIL_MAIL_REPORT_LIMIT_H
#define GATEWAY_MAIL_MAIL_REPORT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* As many times as to one address, reports may go out about messages of unproved senders. */
enum { MAIL_REPORT_UNPROVED_FACTOR = 4 };

struct mail_report_limit;

/* Returns 0 or -ENOMEM. */
int mail_report_limit_new(struct mail_report_limit **out) __attribute__((warn_unused_result));

/* NULL is allowed. */
void mail_report_limit_free(struct mail_report_limit *limit);

/* Whether one more report may go to the address now. proved: somebody vouches for the message's
 * sender; so nobody can use up the reports of others by writing in their name. *unreported: how
 * many did not go to it since the last one that did, as far as is remembered (the 64 addresses that
 * lack some since latest). now_ms: of a clock that does not jump. */
bool mail_report_limit_take(struct mail_report_limit *limit, const char *address, bool proved,
                            uint32_t per_hour, uint64_t now_ms, uint32_t *unreported)
    __attribute__((warn_unused_result));

#endif
