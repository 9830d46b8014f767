/* fax_report.h: tells a machine by a fax of one page what became of a fax of its own. */
#ifndef GATEWAY_CONTROL_FAX_REPORT_H
#define GATEWAY_CONTROL_FAX_REPORT_H

#include "gateway/control/control.h"
#include "gateway/fax_id.h"
#include "policy/number.h"

struct fax_report {
    struct fax_id fax; /* that failed */
    bool outbound;     /* it was being sent on, not received from the machine */
    char to[NUMBER_TEXT], state[16], reason[MSG_REASON_MAX];
    char device_number[NUMBER_TEXT], mailbox[POLICY_NAME_TEXT];
    uint32_t pages;
};

/* status: 0 when the report is queued (once, however often it is asked for); -EINVAL when there
 * never will be one, detail says why; another negative errno when not now. */
typedef void fax_report_cb(void *user, int status, const char *detail);

/* Makes the page and submits it, as from the number that was called. cb runs once, later. Returns
 * 0 or a negative errno (then cb does not run). */
int fax_report_send(struct control *control, const struct fax_report *report, fax_report_cb *cb,
                    void *user) __attribute__((warn_unused_result));

/* Writes the text of the page. Returns its length, or -ENOSPC. Pure. */
int fax_report_text(const struct fax_report *report, const char *when, char *out, size_t capacity)
    __attribute__((warn_unused_result));

#endif
