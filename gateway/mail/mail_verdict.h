/* mail_verdict.h: how the end of a fax is put to the sender of the message, and whether it is put
 * to it at all. Pure. */
#ifndef GATEWAY_MAIL_MAIL_VERDICT_H
#define GATEWAY_MAIL_MAIL_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail_end_verdict {
    const char *state;  /* of mail_recipients */
    char status[12];    /* RFC 3463 */
    char sentence[320]; /* for the sender */
    bool delivered;
};

/* Makes one sentence of a reason: a capital at the beginning, one period at the end, whether or not
 * it had some. The text stays as it is where there is no room. */
void mail_verdict_sentence(char *text, size_t size);

/* Nothing was sent. Returns out. */
const struct mail_end_verdict *mail_verdict_refused(const char *status, const char *reason,
                                                    struct mail_end_verdict *out);

/* From the state of a fax, its reason and the pages that were confirmed. False when it has not
 * ended. */
bool mail_verdict_of_fax(const char *state, const char *reason, uint32_t pages,
                         struct mail_end_verdict *out) __attribute__((warn_unused_result));

/* Whether a report is due. reports: mail.reports; notify: of the recipient (RFC 3461 §4.1), which
 * is stronger than the setting, except for "none". */
bool mail_verdict_wants_report(const char *reports, uint8_t notify, bool delivered);

#endif
