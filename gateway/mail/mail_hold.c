/* Messages that wait because something that judges them does not answer. */
#include "gateway/control/event.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

enum { PATIENCE_MS = 4 * 3600 * 1000, LEAST_MS = 2000, MOST_MS = 60000, QUIET_MS = 600000 };

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
    int64_t waited_ms = control_now_ms() - job->row.accepted_ms;
    uint64_t now_ms = uv_now(&w->control->loop);
    /* The DNS of one domain may come and go, as its owner likes: the log does not go with it. */
    if (!w->held[cause] && (w->held_ms[cause] == 0 || now_ms - w->held_ms[cause] >= QUIET_MS)) {
        log_write(LOG_LEVEL_WARNING, "messages wait: %s", why);
        record(w, "mail.held", cause, why);
        w->held[cause] = true;
        w->held_ms[cause] = now_ms;
    }
    if (waited_ms >= PATIENCE_MS) {
        mail_job_refuse(job, refusal);
        return;
    }
    int64_t delay_ms = waited_ms / 8;
    mail_job_end(job, delay_ms < LEAST_MS ? LEAST_MS : delay_ms > MOST_MS ? MOST_MS : delay_ms);
}

void mail_hold_end(struct mail_work *w, enum mail_hold cause)
{
    if (!w->held[cause])
        return;
    w->held[cause] = false;
    log_write(LOG_LEVEL_NOTICE, "messages need not wait any more: %s", names[cause]);
    record(w, "mail.released", cause, "");
}
