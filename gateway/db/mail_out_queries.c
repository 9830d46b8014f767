#include "gateway/db/mail_out_queries.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/db/row_reader.h"

#define OUT_COLUMNS                                                                                \
    "SELECT o.out, o.kind, o.about, coalesce(o.fax::text, ''), o.action, o.form, o.state, "        \
    "o.to_address, o.address, o.orcpt, o.envid, o.status, o.verdict, o.subject, o.message_id, "    \
    "o.author, o.author_name, o.date, o.answer, o.node, o.recipient, o.arrived_ms, o.pages, "      \
    "o.unreported, o.tries, milli_of(o.queued_at), "                                               \
    "milli_of(o.next_at), milli_of(o.expires_at), milli_of(o.ended_at), milli_of(o.bounced_at) "   \
    "FROM mail_outbox o "

static const struct db_statement one = {
    .name = "mail_out_one",
    .sql = OUT_COLUMNS "WHERE o.out = $1::uuid",
    .parameters = 1,
};
static const struct db_statement queued = {
    .name = "mail_out_queued",
    .sql = "SELECT o.out, o.about, milli_of(o.next_at), milli_of(o.expires_at), o.tries FROM "
           "mail_outbox o WHERE o.state = 'queued' AND o.node = $1",
    .parameters = 1,
};
static const struct db_statement outbox = {
    .name = "mail_out_list",
    .sql = OUT_COLUMNS "WHERE ($1::text IS NULL OR o.state = $1) ORDER BY o.queued_at DESC, o.out "
                       "LIMIT $2::bigint",
    .parameters = 2,
};
static const struct db_statement due = {
    .name = "mail_due",
    .sql = "SELECT f.fax, f.mailbox, f.mail_due FROM faxes f WHERE f.mail_due <> '' AND f.node = "
           "$1 ORDER BY f.fax",
    .parameters = 1,
};
static const struct db_statement certificates = {
    .name = "mail_certificates",
    .sql = "SELECT c.address, c.certificate, c.subject, c.fingerprint, c.not_after, "
           "milli_of(c.set_at) FROM mail_certificates c WHERE c.removed_at IS NULL AND "
           "($1::text IS NULL OR c.address = $1) ORDER BY c.address",
    .parameters = 1,
};

static const struct db_statement return_key = {
    .name = "mail_return_key",
    .sql = "SELECT sealed FROM mail_return_keys WHERE node = $1",
    .parameters = 1,
};

int mail_query_return_key(struct db *db, const char *node, db_result_cb *cb, void *user)
{
    const char *parameters[] = {node};
    return db_query(db, &return_key, parameters, cb, user);
}

int mail_query_out(struct db *db, const struct fax_id *out, db_result_cb *cb, void *user)
{
    char text[FAX_ID_TEXT];
    fax_id_text(out, text);
    const char *parameters[] = {text};
    return db_query(db, &one, parameters, cb, user);
}

int mail_query_queued(struct db *db, const char *node, db_result_cb *cb, void *user)
{
    const char *parameters[] = {node};
    return db_query(db, &queued, parameters, cb, user);
}

void mail_queued_row_read(const struct db_result *result, int row, struct mail_queued_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->out = row_text(&reader);
    out->about = row_text(&reader);
    out->next_ms = row_integer(&reader);
    out->expires_ms = row_integer(&reader);
    out->tries = row_integer(&reader);
}

int mail_query_outbox(struct db *db, const char *state, unsigned limit, db_result_cb *cb,
                      void *user)
{
    char count[16];
    if (limit > MAIL_LIST_LIMIT_MAX)
        return -EINVAL;
    snprintf(count, sizeof count, "%u", limit ? limit : 100);
    const char *parameters[] = {state, count};
    return db_query(db, &outbox, parameters, cb, user);
}

void mail_out_row_read(const struct db_result *result, int row, struct mail_out_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    const char **const texts[] = {&out->out,         &out->kind,    &out->about,      &out->fax,
                                  &out->action,      &out->form,    &out->state,      &out->to,
                                  &out->address,     &out->orcpt,   &out->envid,      &out->status,
                                  &out->verdict,     &out->subject, &out->message_id, &out->author,
                                  &out->author_name, &out->date,    &out->answer,     &out->node};
    int64_t *const numbers[] = {&out->recipient, &out->arrived_ms, &out->pages,   &out->unreported,
                                &out->tries,     &out->queued_ms,  &out->next_ms, &out->expires_ms,
                                &out->ended_ms,  &out->bounced_ms};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = row_text(&reader);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = row_integer(&reader);
}

int mail_query_due(struct db *db, const char *node, db_result_cb *cb, void *user)
{
    const char *parameters[] = {node};
    return db_query(db, &due, parameters, cb, user);
}

void mail_due_row_read(const struct db_result *result, int row, struct mail_due_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->fax = row_text(&reader);
    out->mailbox = row_text(&reader);
    out->due = row_text(&reader);
}

int mail_query_certificates(struct db *db, const char *address, db_result_cb *cb, void *user)
{
    const char *parameters[] = {address};
    return db_query(db, &certificates, parameters, cb, user);
}

void mail_certificate_row_read(const struct db_result *result, int row,
                               struct mail_certificate_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->address = row_text(&reader);
    out->certificate = row_text(&reader);
    out->subject = row_text(&reader);
    out->fingerprint = row_text(&reader);
    out->not_after_s = row_integer(&reader);
    out->set_ms = row_integer(&reader);
}
