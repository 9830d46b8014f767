#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_senders.h"
#include "gateway/mail/mail_verdict.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"
#include "policy/text_code.h"

enum { HOPS_MAX = 30 };

static const char not_addressed[] = "The message is not addressed to this number in To or Cc.";

/* --- what is known is recorded --- */

static void on_applied(void *user, int status, uint64_t index)
{
    struct mail_job *job = user;
    (void)index;
    if (!mail_job_failed(job, status == -EBADMSG ? 0 : status, "a message could not be recorded"))
        mail_job_load(job);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_job *job = user;
    if (status == 0)
        status = audit_when_applied(job->control->audit, index, on_applied, job);
    if (status < 0)
        mail_job_failed(job, status, "a message could not be recorded");
}

struct known {
    const char *principal, *number, *how, *refusal;
    char signature[65];
};

static void record(struct mail_job *job, const struct known *known)
{
    static const struct message_facts none;
    const struct message_facts *f = job->facts ? job->facts : &none;
    const struct mail_fax_options *o = &f->options;
    struct event e;
    event_begin(&e, "mail.identified", known->principal[0] ? known->principal : "system",
                &job->mail);
    event_outcome(&e, known->refusal[0] ? "denied" : "ok");
    event_text(&e, "principal", known->principal);
    event_text(&e, "identified_by", known->how);
    event_personal(&e, "author", f->from);
    event_personal(&e, "author_name", f->from_name);
    event_personal(&e, "subject", f->subject);
    event_personal(&e, "message_id", f->message_id);
    event_text(&e, "date", f->date);
    event_integer(&e, "automatic", f->automatic != 0);
    event_text(&e, "class", o->class_name);
    event_personal(&e, "from_number", o->from[0] ? o->from : known->number);
    event_integer(&e, "y_dpi", o->y_dpi);
    event_integer(&e, "cover", o->cover);
    event_integer(&e, "priority", o->priority);
    event_integer(&e, "not_before", o->not_before);
    event_text(&e, "signature", known->signature);
    event_text(&e, "refusal", known->refusal);
    int rc = event_append(&e, job->control->audit, on_recorded, job);
    if (rc < 0)
        mail_job_failed(job, rc, "a message could not be recorded");
}

static void set_signature(const struct mail_job *job, int signature, struct known *known)
{
    if (signature >= 0)
        hex_encode(job->facts->signatures[signature].digest,
                   sizeof job->facts->signatures[signature].digest, known->signature);
}

void mail_job_refuse(struct mail_job *job, const char *reason)
{
    const struct known known = {.principal = "", .number = "", .how = "", .refusal = reason};
    record(job, &known);
}

/* --- who sends it --- */

/* Whoever has one message of somebody could send it on to other numbers: only those that it names
 * itself are taken. Returns how many recipients it does not name. */
static size_t count_others(const struct mail_job *job)
{
    size_t count = 0;
    for (size_t i = 0; i < job->target_count; i++)
        count += !mail_identity_is_addressed(&job->addressed, job->targets[i].number);
    return count;
}

/* Once its sender is recorded, each recipient that has not ended gets its fax, also when that is
 * looked at by the next start, which has no facts. So the others end first; then the message is
 * read again. */
static void refuse_others(struct mail_job *job)
{
    for (size_t i = 0; i < job->target_count; i++)
        if (!mail_identity_is_addressed(&job->addressed, job->targets[i].number))
            mail_end_refused_early(job->work, &job->mail, job->targets[i].recipient, not_addressed,
                                   job->facts);
    mail_job_end(job, MAIL_REFUSALS_MS);
}

static void take_author(struct mail_job *job, const char *how, int signature)
{
    const struct mail_sender *sender =
        mail_identity_of_author(job->control->policy, job->facts->from);
    if (!sender) {
        mail_job_refuse(job, "The sender's address is not registered for sending faxes.");
        return;
    }
    size_t others = count_others(job);
    if (others > 0 && others < job->target_count) {
        refuse_others(job);
        return;
    }
    struct known known = {.principal = sender->principal,
                          .number = sender->number,
                          .how = how,
                          .refusal = others > 0 ? not_addressed : ""};
    set_signature(job, signature, &known);
    record(job, &known);
}

void mail_job_identify(struct mail_job *job)
{
    const struct message_facts *f = job->facts;
    const struct mail_sender *sender;
    if (job->row.login[0]) {
        sender = mail_identity_of_login(job->control->policy, job->row.login, f->from,
                                        job->row.from_address);
        const struct known known = {.principal = job->row.login,
                                    .number = sender ? sender->number : "",
                                    .how = "login",
                                    .refusal = ""};
        record(job, &known);
        return;
    }
    if (!job->row.relay) {
        mail_job_refuse(job, "Nobody signed in, and the mail server is not trusted.");
        return;
    }
    if (!f->from[0]) {
        mail_job_refuse(job, "The message has no From field with one address.");
        return;
    }
    if (!f->authenticated || !job->control->config->mail.trusted_host[0]) {
        mail_job_dkim(job);
        return;
    }
    int signature = mail_identity_signature(f, ~0u, control_now_ms() / 1000);
    if (f->signature_count > 0 && signature < 0)
        mail_job_refuse(job, "The signature of the message does not cover its recipients.");
    else
        take_author(job, "results", signature);
}

void mail_job_signed(struct mail_job *job, int signature, const char *reason)
{
    if (signature >= 0)
        take_author(job, "dkim", signature);
    else
        mail_job_refuse(job, reason);
}

/* --- scan and inspection --- */

static void judge_facts(struct mail_job *job)
{
    const struct message_facts *f = job->facts;
    if (f->problem[0])
        mail_job_refuse(job, f->problem);
    else if (f->received > HOPS_MAX)
        mail_job_refuse(job, "The message has gone through too many mail servers: it may loop.");
    else if (f->automatic && !job->control->config->mail.automatic)
        mail_job_refuse(job, "Messages that programs send are not taken here.");
    else
        mail_job_identify(job);
}

static int take_facts(struct mail_job *job, const struct render_result *result)
{
    free(job->facts);
    mail_addressed_free(&job->addressed);
    job->facts = malloc(sizeof *job->facts);
    if (!job->facts)
        return -ENOMEM;
    *job->facts = *result->facts;
    return mail_addressed_read(result->descriptor, job->facts->addressed_count, &job->addressed);
}

static void on_inspected(void *user, struct render_result *result)
{
    struct mail_job *job = user;
    job->task = NULL;
    bool hopeless =
        result->status == -EBADMSG || result->status == -ETIMEDOUT || result->status == -EPIPE;
    if (hopeless && !job->control->stopping) {
        mail_job_refuse(job, result->reason[0] ? result->reason : "The message cannot be read.");
        return;
    }
    int status = result->status;
    if (status == 0)
        status = take_facts(job, result);
    if (!mail_job_failed(job, status, "a message could not be inspected"))
        judge_facts(job);
}

static void inspect(struct mail_job *job)
{
    const struct render_handlers handlers = {NULL, on_inspected, job};
    struct msg_inspect request = {.octets = job->octets};
    const struct config *config = job->control->config;
    /* Only what a relay wrote counts, and it writes on top. */
    snprintf(request.trusted_host, sizeof request.trusted_host, "%s",
             job->row.relay ? config->mail.trusted_host : "");
    snprintf(request.domains, sizeof request.domains, "%s", config->mail.domains);
    int rc = message_inspect(job->control->renders, job->message, &request, &handlers, &job->task);
    if (rc < 0)
        mail_job_failed(job, rc, "a message could not be inspected");
}

/* Nobody can say whether it is clean. */
static void wait_for_scanner(struct mail_job *job, const char *why)
{
    char reason[MAIL_REASON_TEXT];
    snprintf(reason, sizeof reason, "The message could not be checked for malware: %.200s", why);
    mail_verdict_sentence(reason, sizeof reason);
    mail_hold_message(job, MAIL_HOLD_SCANNER, why, reason);
}

static void on_scanned(void *user, const struct malware_result *result)
{
    struct mail_job *job = user;
    char reason[MAIL_REASON_TEXT];
    job->scan = NULL;
    if (result->status == 0 || result->status == -EACCES)
        mail_hold_end(job->work, MAIL_HOLD_SCANNER);
    if (result->status == -EACCES) {
        snprintf(reason, sizeof reason, "The message holds malware: %s", result->name);
        mail_verdict_sentence(reason, sizeof reason);
        mail_job_refuse(job, reason);
        return;
    }
    bool required = job->control->config->mail.scan_required;
    if (result->status < 0 && !required)
        log_write(LOG_LEVEL_WARNING, "a message goes on unscanned: %s", result->name);
    if (result->status == 0 || !required)
        inspect(job);
    else
        wait_for_scanner(job, result->name);
}

void mail_job_read(struct mail_job *job)
{
    int rc = malware_scan_start(&job->control->loop, job->control->config, job->message,
                                job->octets, on_scanned, job, &job->scan);
    if (rc < 0)
        mail_job_failed(job, rc, "a message could not be scanned");
}
