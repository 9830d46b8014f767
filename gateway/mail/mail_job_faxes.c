#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/fax_queue.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

static void next_target(struct mail_job *job);

static struct mail_target *current(struct mail_job *job)
{
    return &job->targets[job->at];
}

/* The next one is to be looked at then. */
static void refuse(struct mail_job *job, const char *status, const char *reason)
{
    mail_end_refused(job->work, &job->mail, current(job)->recipient, status, reason);
    job->at++;
}

/* --- submitting --- */

static void on_submitted(void *user, const struct submission_result *result)
{
    struct mail_job *job = user;
    const struct mail_target *target = current(job);
    /* 409 and 503 may pass; the fax of an earlier run is found in the tables by then. */
    if (result->slug && (result->http_status == 409 || result->http_status >= 500)) {
        mail_job_failed(job, -EAGAIN, result->detail);
        return;
    }
    if (result->slug) {
        refuse(job, "5.6.0", result->detail);
        next_target(job);
        return;
    }
    mail_work_await(job->work, &result->fax, &job->mail, target->recipient);
    if (result->http_status == 200)
        mail_end_settle(job->work, &job->mail, target->recipient);
    job->faxes++;
    job->at++;
    next_target(job);
}

/* Submits the pages, of which the submission gets a descriptor of its own. */
static void submit(struct mail_job *job, int pages, uint64_t octets)
{
    struct submission *submission;
    struct submission_request *request = &job->request;
    request->document = fcntl(pages, F_DUPFD_CLOEXEC, 3);
    request->octets = (size_t)octets;
    int rc = request->document < 0
                 ? -errno
                 : submission_start(job->control, request, on_submitted, job, &submission);
    if (rc >= 0)
        return;
    if (request->document >= 0)
        close(request->document);
    mail_job_failed(job, rc, "a fax of a message could not be submitted");
}

/* --- rendering --- */

static bool wants_cover(const struct mail_job *job, const struct mail_target *target)
{
    uint8_t cover = target->options.cover ? target->options.cover : job->row.options.cover;
    if (cover == MAIL_COVER_USUAL)
        return job->control->config->mail.cover;
    return cover == MAIL_COVER_YES;
}

static void on_rendered(void *user, struct render_result *result)
{
    struct mail_job *job = user;
    job->task = NULL;
    if (result->status == -EBADMSG) {
        refuse(job, "5.6.1", result->reason);
        next_target(job);
        return;
    }
    if (result->status == -ETIMEDOUT || result->status == -EPIPE) {
        refuse(job, "5.6.0", "The message could not be made into pages.");
        next_target(job);
        return;
    }
    if (mail_job_failed(job, result->status, "a message could not be rendered"))
        return;
    if (job->pages >= 0)
        close(job->pages);
    job->pages = result->descriptor;
    job->pages_octets = result->octets;
    job->pages_y_dpi = wants_cover(job, current(job)) ? 0 : job->request.options.y_dpi;
    result->descriptor = -1;
    submit(job, job->pages, job->pages_octets);
}

static uint32_t text_of(const struct config *config)
{
    if (strcmp(config->mail.text, "cover") == 0)
        return MESSAGE_TEXT_COVER;
    return strcmp(config->mail.text, "ignored") == 0 ? MESSAGE_TEXT_IGNORED : MESSAGE_TEXT_PAGE;
}

static void render(struct mail_job *job, const struct mail_target *target)
{
    const struct render_handlers handlers = {NULL, on_rendered, job};
    const struct config *config = job->control->config;
    struct msg_render_message *r = calloc(1, sizeof *r);
    int rc = r ? 0 : -ENOMEM;
    if (r) {
        r->document = (struct msg_render_document){
            .max_pages = (uint32_t)config->render.max_pages,
            .x_dpi = 204,
            .y_dpi = job->request.options.y_dpi,
            .width = 1728,
            .wall_limit_ms = (uint32_t)config->render.wall_limit_ms,
            .document_octets = job->octets,
        };
        r->text = text_of(config);
        r->cover = wants_cover(job, target);
        r->parts_max = (uint32_t)config->mail.parts_max;
        r->depth_max = (uint32_t)config->mail.depth_max;
        snprintf(r->refused, sizeof r->refused, "%s", config->mail.refused_types);
        snprintf(r->from_name, sizeof r->from_name, "%s", job->row.author_name);
        snprintf(r->from_number, sizeof r->from_number, "%s", job->request.from);
        snprintf(r->to_name, sizeof r->to_name, "%s", target->name);
        snprintf(r->to_number, sizeof r->to_number, "%s", target->number);
        snprintf(r->subject, sizeof r->subject, "%s", job->row.subject);
        snprintf(r->date, sizeof r->date, "%s", job->row.date);
        rc = message_render(job->control->renders, job->message, -1, r, &handlers, &job->task);
    }
    free(r);
    if (rc < 0)
        mail_job_failed(job, rc, "a message could not be rendered");
}

/* --- deciding --- */

/* The class that the sender wants; "": that of the mailbox. */
static const char *wanted_class(const struct mail_job *job, const struct mail_target *target)
{
    return target->options.class_name[0] ? target->options.class_name : job->row.options.class_name;
}

/* NULL, or why there is no way to the number. */
static const char *no_route(struct mail_job *job)
{
    struct trunk_routes routes;
    char why[TRUNK_ROUTES_TEXT];
    if (policy_cache_device_of(job->control->policy, job->request.to))
        return NULL;
    switch (trunk_routes_find(job->control, job->request.to, job->request.class_name, "",
                              control_now_ms(), &routes, why)) {
    case TRUNK_ROUTES_FOUND:
    case TRUNK_ROUTES_CLOSED:
        break;
    case TRUNK_ROUTES_NONE:
        return "No trunk leads to the number.";
    case TRUNK_ROUTES_DENIED:
        return "The number is denied.";
    }
    return NULL;
}

static bool choose_number(struct mail_job *job, const struct mail_target *target)
{
    const char *from = target->options.from[0] ? target->options.from : job->row.options.from;
    struct submission_request *r = &job->request;
    if (!from[0])
        return mail_identity_single_number(job->control->policy, r->principal, r->to, r->from);
    snprintf(r->from, sizeof r->from, "%s", from);
    return true;
}

static void fill_options(struct mail_job *job, const struct mail_target *target)
{
    const struct mail_fax_options *own = &target->options, *usual = &job->row.options;
    struct submission_request *r = &job->request;
    char mail[FAX_ID_TEXT];
    int64_t at_s = own->not_before ? own->not_before : usual->not_before;
    r->options.y_dpi = own->y_dpi ? own->y_dpi : usual->y_dpi ? usual->y_dpi : 196;
    r->priority = own->priority ? own->priority : usual->priority;
    r->not_before_ms = at_s * 1000 > control_now_ms() ? at_s * 1000 : 0;
    r->rendered = true;
    r->mail = job->mail;
    r->mail_recipient = target->recipient;
    fax_id_text(&job->mail, mail);
    snprintf(r->idempotency_key, sizeof r->idempotency_key, "mail:%s:%u", mail, target->recipient);
}

/* Fills in job->request. Returns false when the recipient was refused. */
static bool decide(struct mail_job *job, const struct mail_target *target)
{
    struct policy_answer answer;
    struct submission_request *r = &job->request;
    memset(r, 0, sizeof *r);
    r->document = -1;
    snprintf(r->principal, sizeof r->principal, "%s", job->row.principal);
    snprintf(r->to, sizeof r->to, "%s", target->number);
    fill_options(job, target);
    const char *reason = NULL, *status = "5.7.1";
    if (!choose_number(job, target)) {
        refuse(job, status,
               "It is not clear as which number the fax is to be sent: say it in the address "
               "(from=NUMBER), or have your address registered.");
        return false;
    }
    const char *wanted = wanted_class(job, target);
    policy_cache_decide_submit(job->control->policy, r->principal, r->from, r->to, wanted, &answer);
    if (!answer.allowed || !answer.mailbox) {
        refuse(job, status, answer.reason);
        return false;
    }
    snprintf(r->mailbox, sizeof r->mailbox, "%s", answer.mailbox->name);
    r->retention_days = answer.mailbox->retention_days;
    snprintf(r->class_name, sizeof r->class_name, "%s",
             wanted[0] ? wanted : answer.mailbox->class_name);
    if (r->not_before_ms > control_now_ms() + FAX_QUEUE_WAIT_MS - 86400000)
        reason = "The fax is wanted later than 31 days from now.";
    else if ((reason = no_route(job)) != NULL)
        status = "5.4.4";
    if (reason)
        refuse(job, status, reason);
    return reason == NULL;
}

/* As many as it may have under way: it comes again for the others when some have ended. Those that
 * get no fax do not wait for that. */
static void pause_or_end(struct mail_job *job)
{
    struct mail_work *w = job->work;
    const struct fax_id mail = job->mail;
    bool more = false;
    while (job->at < job->target_count) {
        if (!decide(job, current(job)))
            continue; /* refused: the next one is at hand */
        more = true;
        job->at++;
    }
    mail_job_end(job, -1);
    if (more)
        mail_end_check(w, &mail); /* faxes may have ended meanwhile */
}

static void next_target(struct mail_job *job)
{
    size_t most = (size_t)job->control->config->mail.faxes_of_message;
    struct mail_target *target;
    if (mail_job_failed(job, 0, ""))
        return;
    do {
        if (job->at >= job->target_count || job->faxes >= most) {
            pause_or_end(job);
            return;
        }
        target = current(job);
    } while (!decide(job, target));
    bool same = job->pages >= 0 && !wants_cover(job, target) &&
                job->pages_y_dpi == job->request.options.y_dpi;
    if (same)
        submit(job, job->pages, job->pages_octets);
    else
        render(job, target);
}

/* --- the same signature for the same number, a second time --- */

static void drop_target(struct mail_job *job, uint32_t recipient)
{
    for (size_t i = 0; i < job->target_count; i++) {
        if (job->targets[i].recipient != recipient)
            continue;
        mail_end_refused(job->work, &job->mail, recipient, "5.7.1",
                         "This signed message was sent to this number before.");
        memmove(&job->targets[i], &job->targets[i + 1],
                (job->target_count - i - 1) * sizeof job->targets[0]);
        job->target_count--;
        return;
    }
}

static void on_replayed(void *user, int status, const struct db_result *result)
{
    struct mail_job *job = user;
    if (mail_job_failed(job, status, "earlier messages could not be read"))
        return;
    for (int i = 0; i < db_result_rows(result); i++)
        drop_target(job, (uint32_t)db_result_integer(result, i, 0, 0));
    next_target(job);
}

void mail_job_faxes(struct mail_job *job)
{
    if (!job->row.signed_by_somebody) {
        next_target(job);
        return;
    }
    int rc = mail_query_replayed(job->control->db, &job->mail, on_replayed, job);
    if (rc < 0)
        mail_job_failed(job, rc, "earlier messages could not be read");
}
