#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/process/log.h"

enum { ADDRESSES_MAX = 16 };

/* A fax that ended, until its mails are queued. */
struct mail_due {
    struct mail_due *next;
    struct mail_out *box;
    struct fax_id fax;
    char mailbox[POLICY_NAME_TEXT], due[8];
    struct fax_id out[ADDRESSES_MAX];
    size_t count;
    bool busy; /* its record is on its way */
    int64_t again_ms;
};

const char *mail_out_plan(const struct control *c, const struct fax_end *end)
{
    const struct mailbox_mail *mail = policy_cache_mailbox_mail(c->policy, end->mailbox);
    bool came = strcmp(end->state, "received") == 0 ||
                (strcmp(end->state, "partial") == 0 && end->pages > 0);
    if (end->outbound || !came || device_name_of(end->trunk) || !mail || !mail->to[0] ||
        !c->mail_out || !c->mail_out->relay)
        return "";
    return strcmp(mail->form, "notice") == 0 ? "notice" : "fax";
}

static void forget(struct mail_due *d)
{
    struct mail_due **at = &d->box->dues;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    free(d);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_due *d = user;
    struct mail_out *box = d->box;
    (void)index;
    d->busy = false;
    if (status < 0) {
        d->again_ms = control_now_ms() + MAIL_LOCAL_AGAIN_MS;
        mail_out_soon(box);
        if (status != -ESHUTDOWN && !box->stopping)
            log_write(LOG_LEVEL_WARNING, "a mail could not be queued: %s; it is tried again",
                      strerror(-status));
        return;
    }
    int64_t now_ms = control_now_ms();
    int64_t expires_ms = now_ms + box->control->config->mail.out_lifetime_s * 1000;
    for (size_t i = 0; i < d->count && !box->stopping; i++)
        mail_out_put(box, &(struct mail_entry){d->out[i], d->fax, now_ms, expires_ms, 0});
    forget(d);
    mail_out_soon(box);
}

/* As many names as there are addresses, separated by commas like these. */
static int name_mails(struct mail_due *d, const char *addresses,
                      char names[ADDRESSES_MAX * FAX_ID_TEXT])
{
    size_t length = 0;
    d->count = 0;
    for (const char *at = addresses; *at && d->count < ADDRESSES_MAX; at += *at == ',') {
        struct fax_id *out = &d->out[d->count];
        int rc = fax_id_make(out, (uint64_t)control_now_ms());
        if (rc < 0)
            return rc;
        if (d->count++ > 0)
            names[length++] = ',';
        fax_id_text(out, names + length);
        length += FAX_ID_TEXT - 1;
        at += strcspn(at, ",");
    }
    return 0;
}

static int record_queued(struct mail_due *d, const struct mailbox_mail *mail,
                         const char *class_name)
{
    struct event e;
    char names[ADDRESSES_MAX * FAX_ID_TEXT];
    const struct control *c = d->box->control;
    enum mail_form form = MAIL_FORM_NOTICE;
    if (strcmp(d->due, "fax") == 0 && mail_form_parse(mail->form, &form) < 0)
        form = MAIL_FORM_NOTICE;
    form = mail_form_allowed(form, class_name, c->config->mail.attachment_classes);
    int rc = name_mails(d, mail->to, names);
    if (rc < 0)
        return rc;
    char fax[FAX_ID_TEXT];
    fax_id_text(&d->fax, fax);
    event_begin(&e, "mail.queued", "system", &d->fax);
    event_text(&e, "out", names);
    event_text(&e, "kind", "fax");
    event_text(&e, "of_fax", fax);
    event_personal(&e, "to", mail->to);
    event_text(&e, "form", mail_form_text(form));
    event_integer(&e, "expires", control_now_ms() / 1000 + c->config->mail.out_lifetime_s);
    return event_append(&e, c->audit, on_recorded, d);
}

static int record_none(struct mail_due *d)
{
    struct event e;
    d->count = 0;
    event_begin(&e, "mail.not_due", "system", &d->fax);
    event_text(&e, "reason", "the mailbox has no address any more");
    return event_append(&e, d->box->control->audit, on_recorded, d);
}

static void run(struct mail_due *d)
{
    const struct control *c = d->box->control;
    const struct mailbox_mail *mail = policy_cache_mailbox_mail(c->policy, d->mailbox);
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(c->policy), d->mailbox);
    int rc = -EBUSY;
    if (!mail || !mailbox || !mail->to[0])
        rc = record_none(d);
    else if (mail_out_waiting(c) < (size_t)c->config->mail.out_queue_max)
        rc = record_queued(d, mail, mailbox->class_name);
    d->busy = rc == 0;
    if (rc < 0)
        d->again_ms = control_now_ms() + MAIL_LOCAL_AGAIN_MS;
}

int64_t mail_dues_run(struct mail_out *box)
{
    int64_t now_ms = control_now_ms(), next_ms = 0;
    for (struct mail_due *d = box->dues; d; d = d->next) {
        if (!d->busy && d->again_ms <= now_ms)
            run(d);
        if (!d->busy && (next_ms == 0 || d->again_ms < next_ms))
            next_ms = d->again_ms;
    }
    return next_ms;
}

void mail_out_fax(struct control *c, const struct fax_id *fax, const char *mailbox, const char *due)
{
    struct mail_out *box = c->mail_out;
    struct mail_due *d = due[0] && !c->stopping ? calloc(1, sizeof *d) : NULL;
    if (!d) {
        if (due[0])
            log_write(LOG_LEVEL_NOTICE, "a fax is mailed at the next start");
        return;
    }
    d->box = box;
    d->fax = *fax;
    snprintf(d->mailbox, sizeof d->mailbox, "%s", mailbox);
    snprintf(d->due, sizeof d->due, "%s", due);
    d->next = box->dues;
    box->dues = d;
    mail_out_soon(box);
}

void mail_dues_free(struct mail_out *box)
{
    for (struct mail_due *d = box->dues, *next; d; d = next) {
        next = d->next;
        free(d);
    }
    box->dues = NULL;
}

/* --- what an earlier run left --- */

struct reading {
    struct control *control;
    mail_out_read_cb *cb;
    void *user;
};

static void end(struct reading *r, int status)
{
    r->cb(r->user, status);
    free(r);
}

static void on_dues(void *user, int status, const struct db_result *result)
{
    struct reading *r = user;
    for (int i = 0; status == 0 && i < db_result_rows(result); i++) {
        struct mail_due_row row;
        struct fax_id fax;
        mail_due_row_read(result, i, &row);
        if (fax_id_parse(&fax, row.fax) == 0)
            mail_out_fax(r->control, &fax, row.mailbox, row.due);
    }
    end(r, status);
}

static void on_queued(void *user, int status, const struct db_result *result)
{
    struct reading *r = user;
    struct control *c = r->control;
    for (int i = 0; status == 0 && i < db_result_rows(result); i++) {
        struct mail_queued_row row;
        struct mail_entry entry;
        mail_queued_row_read(result, i, &row);
        entry.next_ms = row.next_ms;
        entry.expires_ms = row.expires_ms;
        entry.tries = (uint32_t)row.tries;
        if (fax_id_parse(&entry.out, row.out) == 0 && fax_id_parse(&entry.about, row.about) == 0)
            mail_out_put(c->mail_out, &entry);
    }
    if (status == 0)
        status = mail_query_due(c->db, c->config->node, on_dues, r);
    if (status < 0)
        end(r, status);
}

int mail_out_read(struct control *c, mail_out_read_cb *cb, void *user)
{
    struct reading *r = malloc(sizeof *r);
    if (!r)
        return -ENOMEM;
    /* Those of an earlier try of the start are read again. */
    mail_dues_free(c->mail_out);
    mail_schedule_clear(&c->mail_out->schedule);
    *r = (struct reading){c, cb, user};
    int rc = mail_query_queued(c->db, c->config->node, on_queued, r);
    if (rc < 0)
        free(r);
    return rc;
}
