#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/process/log.h"

void mail_attempt_fail_here(struct mail_attempt *a, const char *what, int error)
{
    memset(&a->result, 0, sizeof a->result);
    a->result.outcome = MAIL_POSTPONED;
    snprintf(a->result.answer, sizeof a->result.answer, "%s: %s", what, strerror(-error));
    mail_content_clear(&a->content);
    mail_attempt_record(a);
}

static void note_relay(struct mail_attempt *a)
{
    bool reached = a->result.outcome != MAIL_UNREACHABLE;
    if (!mail_schedule_note(&a->box->schedule, reached, control_now_ms()))
        return;
    if (reached)
        log_write(LOG_LEVEL_NOTICE, "the mail relay answers again");
    else
        log_write(LOG_LEVEL_WARNING, "the mail relay cannot be used: %s", a->result.answer);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_attempt *a = user;
    (void)index;
    if (!mail_attempt_resume(a))
        return;
    if (status < 0 && status != -EINVAL) {
        /* What became of it must be in the log before it is forgotten. */
        a->unrecorded = true;
        a->again_ms = control_now_ms() + MAIL_LOCAL_AGAIN_MS;
        mail_out_soon(a->box);
    } else if (a->entry.next_ms > 0) {
        mail_out_put(a->box, &a->entry);
        mail_attempt_forget(a);
    } else {
        mail_attempt_forget(a);
    }
}

/* What the record is, and when the mail is tried again (0: never). */
static const char *judge(struct mail_attempt *a)
{
    a->entry.next_ms = mail_schedule_next(&a->box->schedule, a->result.outcome, a->entry.tries,
                                          control_now_ms(), a->expires_ms);
    a->entry.expires_ms = a->expires_ms;
    if (a->result.outcome == MAIL_SENT)
        return "mail.sent";
    return a->entry.next_ms > 0 ? "mail.deferred" : "mail.failed";
}

void mail_attempt_record(struct mail_attempt *a)
{
    struct event e;
    char out[FAX_ID_TEXT];
    if (!a->unrecorded) {
        a->entry.tries++;
        /* Not what went wrong here. */
        if (a->result.outcome == MAIL_UNREACHABLE || a->result.code > 0)
            note_relay(a);
    }
    a->unrecorded = false;
    const char *type = judge(a);
    fax_id_text(&a->entry.out, out);
    event_begin(&e, type, "system", &a->entry.about);
    event_outcome(&e, a->result.outcome == MAIL_SENT ? "ok" : "failed");
    event_text(&e, "out", out);
    event_personal(&e, "to", a->to);
    event_integer(&e, "tries", a->entry.tries);
    event_integer(&e, "code", a->result.code);
    event_personal(&e, "answer", a->result.answer);
    if (a->entry.next_ms > 0)
        event_integer(&e, "next_ms", a->entry.next_ms);
    if (a->result.outcome == MAIL_SENT)
        event_text(&e, "form", a->is_report ? "report" : mail_form_text(a->form));
    a->waiting = true;
    int rc = event_append(&e, a->box->control->audit, on_recorded, a);
    if (rc < 0)
        on_recorded(a, rc, 0);
}
