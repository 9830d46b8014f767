#include "gateway/control/fax_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gateway/control/submission.h"
#include "gateway/file_octets.h"

enum { TEXT_MAX = 1024 };

static const char *headline(const struct fax_report *report)
{
    if (!report->outbound)
        return "YOUR FAX CAME INCOMPLETE AND WAS NOT SENT ON";
    if (strcmp(report->state, "uncertain") == 0)
        return "IT IS NOT KNOWN WHETHER YOUR FAX ARRIVED";
    if (strcmp(report->state, "partial") == 0)
        return "ONLY A PART OF YOUR FAX ARRIVED";
    if (strcmp(report->state, "cancelled") == 0)
        return "YOUR FAX WAS CANCELLED";
    return "YOUR FAX WAS NOT DELIVERED";
}

int fax_report_text(const struct fax_report *report, const char *when, char *out, size_t capacity)
{
    char id[FAX_ID_TEXT];
    fax_id_text(&report->fax, id);
    int n = snprintf(out, capacity,
                     "%s\n\n\nTo:      %s\nTime:    %s\nPages:   %u\nReason:  %s\n\nNumber of the "
                     "fax: %s\n",
                     headline(report), report->to, when, report->pages,
                     report->reason[0] ? report->reason : "none was given", id);
    return n < 0 || (size_t)n >= capacity ? -ENOSPC : n;
}

/* When the fax began, which its identifier says (RFC 9562 §5.7): each time the same, because a
 * submission that is repeated must have the same document. */
static time_t begin_of(const struct fax_id *fax)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | fax->octets[i];
    return (time_t)(ms / 1000);
}

static int make_document(const struct fax_report *report, size_t *octets)
{
    char text[TEXT_MAX], when[64];
    time_t begin = begin_of(&report->fax);
    struct tm local;
    localtime_r(&begin, &local);
    if (strftime(when, sizeof when, "%Y-%m-%d %H:%M %Z", &local) == 0)
        when[0] = '\0';
    int length = fax_report_text(report, when, text, sizeof text);
    int fd = length < 0 ? length : memfd_create("report", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return length < 0 ? length : -errno;
    *octets = (size_t)length;
    int rc = file_write_all(fd, text, *octets);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

struct sending {
    fax_report_cb *cb;
    void *user;
};

static void on_submitted(void *user, const struct submission_result *result)
{
    const struct sending s = *(struct sending *)user;
    free(user);
    int status = result->http_status;
    if (status == 200 || status == 201)
        s.cb(s.user, 0, "");
    else
        s.cb(s.user, status == 422 ? -EINVAL : -EAGAIN, result->detail);
}

int fax_report_send(struct control *c, const struct fax_report *report, fax_report_cb *cb,
                    void *user)
{
    char id[FAX_ID_TEXT];
    struct submission *submission;
    struct submission_request request;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(c->policy), report->mailbox);
    memset(&request, 0, sizeof request);
    if (!mailbox)
        return -EINVAL;
    fax_id_text(&report->fax, id);
    snprintf(request.principal, sizeof request.principal, "system");
    snprintf(request.from, sizeof request.from, "%s", report->to);
    snprintf(request.to, sizeof request.to, "%s", report->device_number);
    snprintf(request.mailbox, sizeof request.mailbox, "%s", mailbox->name);
    snprintf(request.class_name, sizeof request.class_name, "%s", mailbox->class_name);
    snprintf(request.idempotency_key, sizeof request.idempotency_key, "report of %s", id);
    request.options.y_dpi = 196;
    request.retention_days = mailbox->retention_days;
    request.document = make_document(report, &request.octets);
    if (request.document < 0)
        return request.document;
    struct sending *s = malloc(sizeof *s);
    int rc = s ? 0 : -ENOMEM;
    if (s) {
        *s = (struct sending){cb, user};
        rc = submission_start(c, &request, on_submitted, s, &submission);
    }
    if (rc < 0) {
        close(request.document);
        free(s);
    }
    return rc;
}
