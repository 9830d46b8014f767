/* The key of our reverse paths, and mails that come back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_again.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/process/log.h"
#include "policy/secret.h"
#include "policy/text_code.h"

/* --- the key: made once, sealed by the keeper --- */

static void owner_of(const struct mail_out *box, struct secret_owner *owner)
{
    *owner = (struct secret_owner){
        .principal = "mail:return", .realm = box->control->config->node, .user = "out"};
}

static void lost(const struct mail_out *box, const char *what, int status)
{
    if (status == -ECANCELED || status == -ESHUTDOWN)
        return;
    log_write(LOG_LEVEL_WARNING, "mails that come back will not be known: %s: %s", what,
              strerror(-status));
    mail_again_key_settled(box->control);
}

static void on_opened(void *user, int status, const struct msg_secret_result *result)
{
    struct mail_out *box = user;
    if (status == 0 && result->length != sizeof box->return_key)
        status = -EBADMSG;
    if (status < 0) {
        lost(box, "their key cannot be opened", status);
        return;
    }
    memcpy(box->return_key, result->octets, sizeof box->return_key);
    box->has_return_key = true;
    mail_again_key_settled(box->control);
}

static void open_key(struct mail_out *box, const char *sealed)
{
    uint8_t record[SECRET_RECORD_MAX];
    struct secret_owner owner;
    size_t length = strlen(sealed) / 2;
    owner_of(box, &owner);
    int rc = length > sizeof record || hex_decode(sealed, record, length) < 0 ? -EBADMSG : 0;
    if (rc == 0)
        rc = keeper_open_secret(box->control->keeper, &owner, record, length, on_opened, box);
    if (rc < 0)
        lost(box, "their key cannot be opened", rc);
}

/* It is used once it is sure to be there after a restart. */
static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_out *box = user;
    (void)index;
    box->has_return_key = status == 0;
    if (status < 0)
        lost(box, "their key could not be recorded", status);
    else
        mail_again_key_settled(box->control);
}

static void on_sealed(void *user, int status, const struct msg_secret_result *result)
{
    struct mail_out *box = user;
    struct event e;
    char sealed[2 * SECRET_RECORD_MAX + 1];
    if (status == 0 && result->length > SECRET_RECORD_MAX)
        status = -EBADMSG;
    if (status == 0) {
        hex_encode(result->octets, result->length, sealed);
        event_begin(&e, "mail.return_key", "system", NULL);
        event_text(&e, "sealed", sealed);
        status = event_append(&e, box->control->audit, on_recorded, box);
    }
    if (status < 0)
        lost(box, "their key could not be sealed", status);
}

static void make_key(struct mail_out *box)
{
    struct secret_owner owner;
    owner_of(box, &owner);
    int rc = secret_random(box->return_key, sizeof box->return_key) < 0 ? -EIO : 0;
    if (rc == 0)
        rc = keeper_seal_secret(box->control->keeper, &owner, box->return_key,
                                sizeof box->return_key, on_sealed, box);
    if (rc < 0)
        lost(box, "their key could not be sealed", rc);
}

static void on_key_row(void *user, int status, const struct db_result *result)
{
    struct mail_out *box = user;
    if (status < 0)
        lost(box, "their key could not be read", status);
    else if (db_result_rows(result) > 0)
        open_key(box, db_result_text(result, 0, 0));
    else
        make_key(box);
}

void mail_out_load_return_key(struct mail_out *box)
{
    const struct control *c = box->control;
    int rc = mail_query_return_key(c->db, c->config->node, on_key_row, box);
    if (rc < 0)
        lost(box, "their key could not be read", rc);
}

const uint8_t *mail_out_key(const struct control *c)
{
    return c->mail_out && c->mail_out->has_return_key ? c->mail_out->return_key : NULL;
}

/* --- what comes back --- */

bool mail_out_owns(const struct control *c, const char *recipient)
{
    const struct mail_out *box = c->mail_out;
    struct fax_id out;
    return box && box->has_return_key &&
           mail_return_read(box->return_key, box->from, recipient, &out);
}

/* Of each mail one is recorded: what records of it are on their way is in the outbox's list. */
struct mail_bounce {
    struct mail_bounce *next;
    struct mail_out *box;
    struct fax_id out;
    char why[300];
    bool recorded;   /* by this one */
    mail_out_cb *cb; /* NULL: has been called */
    void *user;
};

static void answer(struct mail_bounce *b, int status)
{
    mail_out_cb *cb = b->cb;
    b->cb = NULL;
    if (cb)
        cb(b->user, status);
}

static void end(struct mail_bounce *b, int status)
{
    struct mail_bounce **at = &b->box->bounces;
    while (*at && *at != b)
        at = &(*at)->next;
    if (*at)
        *at = b->next;
    answer(b, status);
    free(b);
}

static void on_bounce_applied(void *user, int status, uint64_t index)
{
    (void)index;
    end(user, status);
}

static void on_bounce_recorded(void *user, int status, uint64_t index)
{
    struct mail_bounce *b = user;
    struct audit *audit = b->box->control->audit;
    answer(b, status);
    /* Until the mail's row says so, this one does. */
    if (status < 0 || !audit || audit_when_applied(audit, index, on_bounce_applied, b) < 0)
        end(b, status);
}

static bool is_noted(const struct mail_bounce *b, const struct mail_out_row *row)
{
    const struct mail_bounce *other = b->box->bounces;
    while (other && (!other->recorded || !fax_id_equal(&other->out, &b->out)))
        other = other->next;
    return row->bounced_ms || other;
}

static void on_mail(void *user, int status, const struct db_result *result)
{
    struct mail_bounce *b = user;
    struct mail_out_row row;
    struct fax_id about;
    struct event e;
    if (status == 0 && db_result_rows(result) == 0)
        status = -ENOENT;
    if (status == 0) {
        mail_out_row_read(result, 0, &row);
        status = fax_id_parse(&about, row.about);
    }
    if (status == 0 && is_noted(b, &row)) {
        struct control *c = b->box->control;
        stranger_log_note_again(&c->bounced_again, row.about, uv_now(&c->loop));
        end(b, 0);
        return;
    }
    if (status == 0) {
        event_begin(&e, "mail.bounced", "system", &about);
        event_outcome(&e, "failed");
        event_text(&e, "out", row.out);
        event_personal(&e, "to", row.to);
        event_personal(&e, "why", b->why);
        b->recorded = true;
        status = event_append(&e, b->box->control->audit, on_bounce_recorded, b);
    }
    if (status < 0)
        end(b, status);
}

int mail_out_bounced(struct control *c, const char *recipient, const char *why, mail_out_cb *cb,
                     void *user)
{
    struct fax_id out;
    struct mail_out *box = c->mail_out;
    if (!box || !box->has_return_key ||
        !mail_return_read(box->return_key, box->from, recipient, &out))
        return -ENOENT;
    struct mail_bounce *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->box = box;
    b->out = out;
    snprintf(b->why, sizeof b->why, "%s", why);
    b->cb = cb;
    b->user = user;
    int rc = mail_query_out(c->db, &b->out, on_mail, b);
    if (rc < 0) {
        free(b);
        return rc;
    }
    b->next = box->bounces;
    box->bounces = b;
    return 0;
}
