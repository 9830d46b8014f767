#include "gateway/db/mail_queries.h"

#include <stdio.h>

#include "gateway/db/row_reader.h"

#define MAIL_COLUMNS                                                                               \
    "m.mail, m.from_address, m.envid, m.login, m.peer, m.host, m.principal, m.identified_by, "     \
    "m.author, m.author_name, m.subject, m.message_id, m.date, m.class, m.from_number, "           \
    "m.signature, m.refusal, m.return_full, m.relay, m.lmtp, m.octets, m.recipients, "             \
    "(m.identified_index IS NOT NULL), m.automatic, m.y_dpi, m.cover, m.priority, m.not_before, "  \
    "milli_of(m.accepted_at), milli_of(m.ended_at), milli_of(m.destroyed_at) "

#define REACHED "r.state IN ('delivered', 'partial', 'uncertain')"

static const struct db_statement one = {
    .name = "mail_one",
    .sql = "SELECT " MAIL_COLUMNS "FROM mails m WHERE m.mail = $1::uuid",
    .parameters = 1,
};
static const struct db_statement list = {
    .name = "mail_list",
    .sql = "SELECT " MAIL_COLUMNS "FROM mails m WHERE ($1::uuid IS NULL OR m.mail < $1) AND "
           "($2::text IS NULL OR m.principal = $2 OR m.login = $2) ORDER BY m.mail DESC LIMIT "
           "$3::bigint",
    .parameters = 3,
};
static const struct db_statement recipients = {
    .name = "mail_recipients",
    .sql =
        "SELECT r.address, r.orcpt, r.number, r.name, r.class, r.from_number, r.state, r.status, "
        "r.reason, r.report, coalesce(f.fax::text, ''), coalesce(f.state, ''), "
        "coalesce(f.reason, ''), r.recipient, r.notify, r.y_dpi, r.cover, r.priority, "
        "r.not_before, r.pages, milli_of(r.ended_at), f.pages_confirmed FROM mail_recipients r "
        "LEFT JOIN faxes f ON f.mail = r.mail AND f.mail_recipient = r.recipient WHERE r.mail = "
        "$1::uuid AND ($2::integer = 0 OR r.recipient = $2) ORDER BY r.recipient",
    .parameters = 2,
};
static const struct db_statement open_mails = {
    .name = "mail_open",
    .sql = "SELECT mail FROM mails WHERE destroyed_at IS NULL ORDER BY mail",
};
static const struct db_statement faxes = {
    .name = "mail_faxes",
    .sql = "SELECT fax, mail, mail_recipient FROM faxes WHERE mail IS NOT NULL AND state IN "
           "('queued', 'sending')",
};
static const struct db_statement reports = {
    .name = "mail_reports",
    .sql =
        "SELECT r.mail, r.recipient FROM mail_recipients r JOIN mails m ON m.mail = r.mail WHERE "
        "r.report <> '' ORDER BY r.mail, r.recipient",
};
static const struct db_statement left = {
    .name = "mail_left",
    .sql =
        "SELECT count(*) FILTER (WHERE r.ended_at IS NULL), count(*) FILTER (WHERE r.ended_at IS "
        "NULL AND f.fax IS NULL), count(*) FILTER (WHERE r.report <> ''), count(*) FILTER "
        "(WHERE " REACHED ") FROM mail_recipients r "
        "LEFT JOIN faxes f ON f.mail = r.mail AND f.mail_recipient = r.recipient WHERE r.mail = "
        "$1::uuid",
    .parameters = 1,
};
/* Which was earlier is told by the log, not by when it is asked. */
static const struct db_statement replayed = {
    .name = "mail_replayed",
    .sql =
        "SELECT DISTINCT r.recipient FROM mails m JOIN mails e ON e.signature = m.signature AND "
        "e.mail <> m.mail AND (e.node <> m.node OR e.identified_index < m.identified_index) JOIN "
        "mail_recipients s ON s.mail = e.mail JOIN mail_recipients r ON r.mail = m.mail AND "
        "r.number = s.number WHERE m.mail = $1::uuid AND m.signature <> ''",
    .parameters = 1,
};
static const struct db_statement marks = {
    .name = "mail_marks",
    .sql = "SELECT m.mail, m.mark, milli_of(m.accepted_at) FROM mails m WHERE m.node = $1 AND "
           "m.mark <> '' AND m.mail >= $2::uuid AND (m.ended_at IS NULL OR EXISTS (SELECT FROM "
           "mail_recipients r WHERE r.mail = m.mail AND " REACHED ")) ORDER BY m.mail DESC LIMIT "
           "$3::bigint",
    .parameters = 3,
};
static const struct db_statement senders = {
    .name = "mail_senders",
    .sql = "SELECT address, principal, number FROM mail_senders WHERE removed_at IS NULL "
           "ORDER BY address COLLATE \"C\"",
};

static int query_mail(struct db *db, const struct db_statement *statement,
                      const struct fax_id *mail, db_result_cb *cb, void *user)
{
    char text[FAX_ID_TEXT];
    fax_id_text(mail, text);
    const char *parameters[] = {text};
    return db_query(db, statement, parameters, cb, user);
}

int mail_query_one(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
{
    return query_mail(db, &one, mail, cb, user);
}

void mail_row_read(const struct db_result *result, int row, struct mail_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    const char **const texts[] = {
        &out->mail,    &out->from_address, &out->envid,       &out->login,
        &out->peer,    &out->host,         &out->principal,   &out->identified_by,
        &out->author,  &out->author_name,  &out->subject,     &out->message_id,
        &out->date,    &out->class_name,   &out->from_number, &out->signature,
        &out->refusal,
    };
    int64_t *const integers[] = {
        &out->return_full,  &out->relay,       &out->lmtp,     &out->octets,       &out->recipients,
        &out->identified,   &out->automatic,   &out->y_dpi,    &out->cover,        &out->priority,
        &out->not_before_s, &out->accepted_ms, &out->ended_ms, &out->destroyed_ms,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = row_text(&reader);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        *integers[i] = row_integer(&reader);
}

int mail_query_list(struct db *db, const struct fax_id *before, const char *principal,
                    unsigned limit, db_result_cb *cb, void *user)
{
    char id[FAX_ID_TEXT], count[16];
    if (before)
        fax_id_text(before, id);
    snprintf(count, sizeof count, "%u", limit);
    const char *parameters[] = {before ? id : NULL, principal, count};
    return db_query(db, &list, parameters, cb, user);
}

int mail_query_recipients(struct db *db, const struct fax_id *mail, uint32_t recipient,
                          db_result_cb *cb, void *user)
{
    char id[FAX_ID_TEXT], number[16];
    fax_id_text(mail, id);
    snprintf(number, sizeof number, "%u", recipient);
    const char *parameters[] = {id, number};
    return db_query(db, &recipients, parameters, cb, user);
}

void mail_recipient_row_read(const struct db_result *result, int row,
                             struct mail_recipient_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    const char **const texts[] = {
        &out->address,     &out->orcpt,     &out->number,     &out->name,   &out->class_name,
        &out->from_number, &out->state,     &out->status,     &out->reason, &out->report,
        &out->fax,         &out->fax_state, &out->fax_reason,
    };
    int64_t *const integers[] = {
        &out->recipient,    &out->notify, &out->y_dpi,    &out->cover,     &out->priority,
        &out->not_before_s, &out->pages,  &out->ended_ms, &out->fax_pages,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = row_text(&reader);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        *integers[i] = row_integer(&reader);
}

int mail_query_open(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &open_mails, NULL, cb, user);
}

int mail_query_faxes(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &faxes, NULL, cb, user);
}

int mail_query_reports(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &reports, NULL, cb, user);
}

int mail_query_left(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
{
    return query_mail(db, &left, mail, cb, user);
}

void mail_left_row_read(const struct db_result *result, struct mail_left_row *out)
{
    struct row_reader reader = {.result = result};
    out->open = row_integer(&reader);
    out->without_fax = row_integer(&reader);
    out->reports = row_integer(&reader);
    out->reached = row_integer(&reader);
}

int mail_query_marks(struct db *db, const char *node, const struct fax_id *since, unsigned limit,
                     db_result_cb *cb, void *user)
{
    char id[FAX_ID_TEXT], count[16];
    fax_id_text(since, id);
    snprintf(count, sizeof count, "%u", limit);
    const char *parameters[] = {node, id, count};
    return db_query(db, &marks, parameters, cb, user);
}

int mail_query_replayed(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
{
    return query_mail(db, &replayed, mail, cb, user);
}

int mail_query_senders(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &senders, NULL, cb, user);
}

void mail_sender_row_read(const struct db_result *result, int row, struct mail_sender_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->address = row_text(&reader);
    out->principal = row_text(&reader);
    out->number = row_text(&reader);
}
