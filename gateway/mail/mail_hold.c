/* Messages that wait because something that judges them does not answer. */
#include "gateway/control/event.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

static const char *const names[MAIL_HOLD_CAUSES] = {"scanner", "dns"};

static void record(struct mail_work *w, const char *type, enum mail_hold cause, const char *why)
{
    struct event e;
    event_begin(&e, type, "system", NULL);
    event_text(&e, "cause", names[cause]);
    event_text(&e, "reason", why);
    event_note(&e, w->control->audit);
}

void mail_hold_message(struct mail_job *job, enum mail_hold cause, const char *why,
                       const char *refusal)
{
    struct mail_work *w = job->work;
    int64_t delay_ms = mail_patience_delay(job->row.accepted_ms, control_now_ms());
    if (mail_outage_begins(&w->outages[cause], uv_now(&w->control->loop))) {
        log_write(LOG_LEVEL_WARNING, "messages wait: %s", why);
        record(w, "mail.held", cause, why);
    }
    if (delay_ms < 0)
        mail_job_refuse(job, refusal);
    else
        mail_job_end(job, delay_ms);
}

void mail_hold_end(struct mail_work *w, enum mail_hold cause)
{
    if (!mail_outage_ends(&w->outages[cause]))
        return;
    log_write(LOG_LEVEL_NOTICE, "messages need not wait any more: %s", names[cause]);
    record(w, "mail.released", cause, "");
}
