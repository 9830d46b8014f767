#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_store.h"
#include "gateway/db/fax_queries.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/mail/mail_verdict.h"
#include "policy/secret.h"
#include "policy/vault.h"

enum { INBOUND_ATTEMPT = 1, MEBIBYTE = 1024 * 1024 };

void mail_attempt_facts(const struct mail_attempt *a, struct mail_fax_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    mail_attempt_origin(a, &facts->origin);
    facts->fax = a->fax;
    facts->mailbox = a->mailbox;
    facts->from_number = a->from_number;
    facts->to_number = a->to_number;
    facts->masked_from = a->masked_from;
    facts->masked_to = a->masked_to;
    facts->received_ms = a->received_ms;
    facts->pages = a->pages;
    facts->partial = a->partial;
    facts->note = a->note;
}

static void compose_notice(struct mail_attempt *a)
{
    struct mail_fax_facts facts;
    a->form = MAIL_FORM_NOTICE;
    mail_content_clear(&a->content);
    mail_attempt_facts(a, &facts);
    int rc = mail_compose_notice(&facts, &a->content.frame.head);
    if (rc < 0)
        mail_attempt_fail_here(a, "the notice could not be written", rc);
    else
        mail_attempt_send(a);
}

/* Nothing was wrong with the relay: the mail says less, and why. */
static void become_notice(struct mail_attempt *a, const char *note)
{
    snprintf(a->note, sizeof a->note, "%s", note);
    compose_notice(a);
}

/* --- the document --- */

void mail_attempt_encrypted(struct mail_attempt *a, int status, const char *why)
{
    struct mail_fax_facts facts;
    char note[MAIL_NOTE_TEXT];
    bool authenticated = strcmp(a->box->control->config->mail.smime_cipher, "aes-256-gcm") == 0;
    if (status == -EINVAL) {
        snprintf(note, sizeof note, "It is not attached, because it could not be encrypted: %s",
                 why);
        mail_verdict_sentence(note, sizeof note);
        become_notice(a, note);
        return;
    }
    mail_attempt_facts(a, &facts);
    int rc = status < 0 ? status : mail_compose_smime(&facts, authenticated, &a->content.frame);
    if (rc < 0)
        mail_attempt_fail_here(a, "the fax could not be encrypted", rc);
    else
        mail_attempt_send(a);
}

static void compose_attachment(struct mail_attempt *a)
{
    struct mail_fax_facts facts;
    mail_attempt_facts(a, &facts);
    int rc = mail_compose_attachment(&facts, a->form, &a->content.frame);
    if (rc < 0)
        mail_attempt_fail_here(a, "the mail could not be written", rc);
    else
        mail_attempt_send(a);
}

static void on_exported(void *user, struct render_result *result)
{
    struct mail_attempt *a = user;
    uint64_t most = (uint64_t)a->box->control->config->mail.out_max_mib * MEBIBYTE;
    a->task = NULL;
    if (result->status < 0) {
        mail_attempt_fail_here(a, "the document could not be made", result->status);
        return;
    }
    if (result->octets > most) {
        become_notice(a, "It is not attached, because it is too large for a mail.");
        return;
    }
    a->content.document = result->descriptor;
    a->content.octets = result->octets;
    result->descriptor = -1;
    if (a->form == MAIL_FORM_SMIME)
        mail_attempt_encrypt(a);
    else
        compose_attachment(a);
}

static void on_key_recorded(void *user, int status, uint64_t index)
{
    struct mail_attempt *a = user;
    const struct render_handlers handlers = {NULL, on_exported, a};
    (void)index;
    if (!mail_attempt_resume(a))
        return;
    if (status == 0)
        status =
            render_export(a->box->control->renders, a->vault, &a->request, &handlers, &a->task);
    secret_wipe(a->request.data_key, sizeof a->request.data_key);
    if (a->vault >= 0)
        close(a->vault);
    a->vault = -1;
    if (status < 0)
        mail_attempt_fail_here(a, "the document could not be made", status);
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct mail_attempt *a = user;
    struct event e;
    if (!mail_attempt_resume(a))
        return;
    if (status < 0) {
        mail_attempt_fail_here(a, "the key of the fax cannot be had", status);
        return;
    }
    memcpy(a->request.data_key, result->data_key, sizeof a->request.data_key);
    event_begin(&e, "key.used", "system", &a->fax);
    event_text(&e, "kek", result->kek_id);
    event_text(&e, "purpose", "mail");
    a->waiting = true;
    int rc = event_append(&e, a->box->control->audit, on_key_recorded, a);
    if (rc < 0)
        on_key_recorded(a, rc, 0);
}

static void open_fax(struct mail_attempt *a)
{
    const struct control *c = a->box->control;
    memset(&a->request, 0, sizeof a->request);
    memcpy(a->request.fax_id, a->fax.octets, sizeof a->request.fax_id);
    a->request.format = a->form == MAIL_FORM_TIFF ? EXPORT_TIFF : EXPORT_PDF;
    a->request.stream = VAULT_STREAM_PAGES;
    a->request.attempt = INBOUND_ATTEMPT;
    a->request.pages = a->pages;
    int rc = fax_store_open(c->context->paths->vault, &a->fax, false, &a->vault);
    if (rc == 0)
        rc = keeper_open_key(c->keeper, &a->fax, on_key, a);
    a->waiting = rc == 0;
    if (rc < 0)
        mail_attempt_fail_here(a, "the fax cannot be opened", rc);
}

/* --- what may go --- */

static void on_access_recorded(void *user, int status, uint64_t index)
{
    struct mail_attempt *a = user;
    (void)index;
    if (!mail_attempt_resume(a))
        return;
    if (status < 0)
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS); /* not without its record */
    else if (a->form == MAIL_FORM_NOTICE)
        compose_notice(a);
    else
        open_fax(a);
}

static void record_access(struct mail_attempt *a)
{
    struct event e;
    char out[FAX_ID_TEXT];
    fax_id_text(&a->entry.out, out);
    event_begin(&e, "fax.mailed", "system", &a->fax);
    event_text(&e, "out", out);
    event_personal(&e, "to", a->to);
    event_text(&e, "form", mail_form_text(a->form));
    event_text(&e, "reason", a->note);
    event_integer(&e, "pages", a->form == MAIL_FORM_NOTICE ? 0 : a->pages);
    a->waiting = true;
    int rc = event_append(&e, a->box->control->audit, on_access_recorded, a);
    if (rc < 0)
        on_access_recorded(a, rc, 0);
}

static void on_certificate(void *user, int status, const struct db_result *result)
{
    struct mail_attempt *a = user;
    struct mail_certificate_row row;
    char why[200] = "";
    if (!mail_attempt_resume(a))
        return;
    if (status < 0) {
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
        return;
    }
    if (db_result_rows(result) == 0) {
        snprintf(a->note, sizeof a->note,
                 "It is not attached: it may only go encrypted, and no certificate is registered "
                 "for this address.");
    } else {
        mail_certificate_row_read(result, 0, &row);
        if (mail_certificate_judge(row.certificate, control_now_ms() / 1000, why) < 0) {
            snprintf(a->note, sizeof a->note,
                     "It is not attached: it may only go encrypted, and the certificate registered "
                     "for this address cannot be used: %s",
                     why);
            mail_verdict_sentence(a->note, sizeof a->note);
        }
        snprintf(a->certificate, sizeof a->certificate, "%s", row.certificate);
    }
    if (a->note[0])
        a->form = MAIL_FORM_NOTICE;
    record_access(a);
}

static void find_certificate(struct mail_attempt *a)
{
    char address[MAIL_ADDRESS_TEXT];
    snprintf(address, sizeof address, "%s", a->to);
    for (char *c = address; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    a->waiting = true;
    if (mail_query_certificates(a->box->control->db, address, on_certificate, a) < 0) {
        a->waiting = false;
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
    }
}

static void take_fax(struct mail_attempt *a, const struct fax_row *row)
{
    unsigned digits = (unsigned)a->box->control->config->trace.number_digits;
    snprintf(a->mailbox, sizeof a->mailbox, "%s", row->mailbox);
    snprintf(a->class_name, sizeof a->class_name, "%s", row->class_name);
    snprintf(a->from_number, sizeof a->from_number, "%s", row->from_number);
    snprintf(a->to_number, sizeof a->to_number, "%s", row->to_number);
    call_trace_mask(a->from_number, digits, a->masked_from);
    call_trace_mask(a->to_number, digits, a->masked_to);
    a->partial = strcmp(row->state, "partial") == 0;
    a->pages = (uint32_t)row->pages;
    a->received_ms = row->completed_ms;
}

/* Decided again, by what holds now: never more than when it was queued. */
static void decide(struct mail_attempt *a)
{
    const struct control *c = a->box->control;
    enum mail_form wanted = MAIL_FORM_NOTICE;
    const struct mailbox_mail *mail = policy_cache_mailbox_mail(c->policy, a->mailbox);
    if (!mail || mail_form_parse(mail->form, &wanted) < 0)
        wanted = MAIL_FORM_NOTICE;
    a->form = mail_form_lesser(
        a->form, mail_form_allowed(wanted, a->class_name, c->config->mail.attachment_classes));
    if (a->form == MAIL_FORM_SMIME)
        find_certificate(a);
    else
        record_access(a);
}

static void on_fax(void *user, int status, const struct db_result *result)
{
    struct mail_attempt *a = user;
    struct fax_row row;
    if (!mail_attempt_resume(a))
        return;
    if (status < 0) {
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
        return;
    }
    bool found = db_result_rows(result) > 0;
    if (found)
        fax_row_read(result, 0, &row);
    if (!found || row.disposed_ms) {
        a->result.outcome = MAIL_REFUSED;
        snprintf(a->result.answer, sizeof a->result.answer, "the fax has been disposed of");
        mail_attempt_record(a);
        return;
    }
    take_fax(a, &row);
    decide(a);
}

void mail_attempt_load_fax(struct mail_attempt *a)
{
    a->waiting = true;
    if (fax_query_one(a->box->control->db, &a->fax, on_fax, a) < 0) {
        a->waiting = false;
        mail_attempt_put_back(a, MAIL_LOCAL_AGAIN_MS);
    }
}
