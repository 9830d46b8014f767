#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/dns/dns_locate.h"
#include "gateway/dns/dns_resolver.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_work_private.h"

static const char unsigned_text[] =
    "Nothing proves whose the message is: it has no valid DKIM signature of its From address.";

static void finish(struct mail_job *job, int signature, const char *reason)
{
    free(job->keys);
    job->keys = NULL;
    mail_job_signed(job, signature, reason);
}

static void on_verified(void *user, struct render_result *result)
{
    struct mail_job *job = user;
    uint32_t good = 0;
    job->task = NULL;
    bool hopeless =
        result->status == -EBADMSG || result->status == -ETIMEDOUT || result->status == -EPIPE;
    if (!hopeless && mail_job_failed(job, result->status, "a signature could not be checked"))
        return;
    if (result->status == 0 && result->verified)
        good = result->verified->good;
    int signature = mail_identity_signature(job->facts, good, control_now_ms() / 1000);
    finish(job, signature, unsigned_text);
}

static void verify(struct mail_job *job)
{
    const struct render_handlers handlers = {NULL, on_verified, job};
    if (job->keys->count == 0 && job->dns_failed) {
        mail_hold_message(job, MAIL_HOLD_DNS, "the DNS does not say which keys sign for a domain",
                          "The signature of the message could not be checked: its key could not be "
                          "had from the DNS.");
        return;
    }
    if (job->keys->count == 0) {
        finish(job, -1, unsigned_text);
        return;
    }
    job->keys->octets = job->octets;
    int rc = message_verify(job->control->renders, job->message, job->keys, &handlers, &job->task);
    if (rc < 0)
        mail_job_failed(job, rc, "a signature could not be checked");
}

static void ask_next(struct mail_job *job);

static void on_key(void *user, const struct dns_answer *answer)
{
    struct mail_job *job = user;
    const struct message_signature *s = &job->facts->signatures[job->signature_at];
    if (answer->status == -ECANCELED) {
        mail_job_failed(job, -ECANCELED, "a signature could not be checked");
        return;
    }
    bool told = answer->status == 0 || answer->status == -ENOENT;
    job->dns_failed = job->dns_failed || !told;
    if (told)
        mail_hold_end(job->work, MAIL_HOLD_DNS);
    /* Several keys of one name are none (RFC 6376 §3.6.2.2). */
    if (answer->status == 0 && answer->count == 1) {
        uint32_t at = job->keys->count++;
        snprintf(job->keys->keys[at].domain, sizeof job->keys->keys[at].domain, "%s", s->domain);
        snprintf(job->keys->keys[at].selector, sizeof job->keys->keys[at].selector, "%s",
                 s->selector);
        snprintf(job->keys->keys[at].record, sizeof job->keys->keys[at].record, "%s",
                 answer->records[0].u.txt);
    }
    job->signature_at++;
    ask_next(job);
}

/* What stands in a message is not asked for before it has the form of a name. */
static bool is_key_name(const struct message_signature *s)
{
    char name[DNS_NAME_TEXT];
    int n = snprintf(name, sizeof name, "%s.%s", s->selector, s->domain);
    return n > 0 && n < (int)sizeof name && s->selector[0] && dns_name_valid(name);
}

/* Asks for the key of one signature after the other. */
static void ask_next(struct mail_job *job)
{
    char name[DNS_NAME_TEXT];
    for (; job->signature_at < job->facts->signature_count &&
           job->signature_at < MESSAGE_SIGNATURES_MAX;
         job->signature_at++) {
        const struct message_signature *s = &job->facts->signatures[job->signature_at];
        int n = snprintf(name, sizeof name, "%s._domainkey.%s", s->selector, s->domain);
        if (n < 0 || n >= (int)sizeof name ||
            !mail_identity_is_aligned(s->domain, job->facts->from) || !is_key_name(s))
            continue;
        dns_resolver_ask(job->control->dns, name, DNS_TXT, on_key, job);
        return;
    }
    verify(job);
}

void mail_job_dkim(struct mail_job *job)
{
    job->signature_at = 0;
    job->dns_failed = false;
    job->keys = calloc(1, sizeof *job->keys);
    if (!job->keys)
        mail_job_failed(job, -ENOMEM, "a signature could not be checked");
    else
        ask_next(job);
}
