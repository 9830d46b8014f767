#include "gateway/db/fax_queries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/db/text_array.h"

#define FAX_COLUMNS                                                                                \
    "f.fax, f.direction, f.state, f.from_number, f.to_number, f.mailbox, f.class, f.trunk, "       \
    "f.call_id, f.principal, f.idempotency_key, f.kek, f.document, f.reason, f.pages, "            \
    "f.pages_confirmed, f.attempts, milli_of(f.created_at), milli_of(f.completed_at), "            \
    "milli_of(f.disposal_at), milli_of(f.disposed_at), milli_of(f.next_attempt_at), "              \
    "f.next_max_rate, f.next_ecm, coalesce(f.source::text, ''), f.source_attempt, f.forward, "     \
    "coalesce(f.mail::text, ''), f.mail_recipient, f.priority "

#define UNFINISHED "f.state IN ('queued', 'sending', 'receiving')"

#define ATTEMPT_COLUMNS                                                                            \
    "a.fax, a.trunk, a.call_id, a.outcome, a.text, a.modem, a.media, a.peer_ident, a.attempt, "    \
    "milli_of(a.started_at), milli_of(a.media_started_at), milli_of(a.ended_at), a.sip_code, "     \
    "a.t30_result, a.rate, a.ecm, a.retransmissions, a.pages, a.seconds, "                         \
    "a.signalling, a.protection, a.express "

/* Identifiers are UUIDs of version 7: their order is that of time. */
static const struct db_statement list = {
    .name = "fax_list",
    .sql = "SELECT " FAX_COLUMNS "FROM faxes f WHERE ($1::text IS NULL OR f.direction = $1) "
           "AND ($2::text IS NULL OR f.state = $2) AND ($3::text IS NULL OR f.mailbox = $3) "
           "AND ($4::text[] IS NULL OR f.mailbox = ANY ($4)) "
           "AND ($5::uuid IS NULL OR f.fax < $5) ORDER BY f.fax DESC LIMIT $6::bigint",
    .parameters = 6,
};
static const struct db_statement one = {
    .name = "fax_one",
    .sql = "SELECT " FAX_COLUMNS "FROM faxes f WHERE f.fax = $1::uuid",
    .parameters = 1,
};
static const struct db_statement unfinished = {
    .name = "fax_unfinished",
    .sql = "SELECT " FAX_COLUMNS "FROM faxes f WHERE " UNFINISHED " ORDER BY f.fax",
    .parameters = 0,
};
static const struct db_statement due = {
    .name = "fax_due",
    .sql = "SELECT " FAX_COLUMNS "FROM faxes f WHERE f.disposed_at IS NULL "
           "AND f.disposal_at <= micro_time($1::bigint * 1000) AND NOT " UNFINISHED
           " ORDER BY f.disposal_at LIMIT $2::bigint",
    .parameters = 2,
};
static const struct db_statement idempotency = {
    .name = "fax_idempotency",
    .sql = "SELECT " FAX_COLUMNS "FROM submissions s JOIN faxes f ON f.fax = s.fax "
           "WHERE s.principal = $1 AND s.idempotency_key = $2",
    .parameters = 2,
};
static const struct db_statement pages = {
    .name = "fax_pages",
    .sql = "SELECT stream, attempt, page, width, rows, x_dpi, y_dpi, coding, octets, \"offset\", "
           "length, digest, milli_of(confirmed_at) FROM pages WHERE fax = $1::uuid "
           "ORDER BY stream, attempt, page",
    .parameters = 1,
};
static const struct db_statement attempts = {
    .name = "fax_attempts",
    .sql = "SELECT " ATTEMPT_COLUMNS "FROM attempts a WHERE a.fax = $1::uuid ORDER BY a.attempt",
    .parameters = 1,
};
static const struct db_statement attempts_unfinished = {
    .name = "fax_attempts_unfinished",
    .sql = "SELECT " ATTEMPT_COLUMNS "FROM attempts a JOIN faxes f ON f.fax = a.fax "
           "WHERE " UNFINISHED " ORDER BY a.fax, a.attempt",
    .parameters = 0,
};
static const struct db_statement keys = {
    .name = "fax_keys",
    .sql = "SELECT kek, count(*), milli_of(min(created_at)), milli_of(max(created_at)) FROM faxes "
           "WHERE disposed_at IS NULL AND kek <> '' GROUP BY kek ORDER BY kek",
    .parameters = 0,
};

static const struct db_statement forwards = {
    .name = "fax_forwards",
    .sql = "SELECT " FAX_COLUMNS "FROM faxes f WHERE f.forward <> '' ORDER BY f.fax",
    .parameters = 0,
};

int fax_query_forwards(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &forwards, NULL, cb, user);
}

int fax_query_list(struct db *db, const struct fax_filter *filter, db_result_cb *cb, void *user)
{
    char before[FAX_ID_TEXT];
    char limit[16];
    if (filter->limit > FAX_LIST_LIMIT_MAX)
        return -EINVAL;
    char *mailboxes = NULL;
    if (!filter->all_mailboxes) {
        mailboxes = text_array_make(filter->mailboxes, filter->mailbox_count);
        if (!mailboxes)
            return -ENOMEM;
    }
    if (filter->before)
        fax_id_text(filter->before, before);
    snprintf(limit, sizeof(limit), "%u", filter->limit ? filter->limit : 50);
    const char *parameters[] = {filter->direction,
                                filter->state,
                                filter->mailbox,
                                mailboxes,
                                filter->before ? before : NULL,
                                limit};
    int error = db_query(db, &list, parameters, cb, user);
    free(mailboxes);
    return error;
}

static int query_fax(struct db *db, const struct db_statement *statement, const struct fax_id *fax,
                     db_result_cb *cb, void *user)
{
    char text[FAX_ID_TEXT];
    fax_id_text(fax, text);
    const char *parameters[] = {text};
    return db_query(db, statement, parameters, cb, user);
}

int fax_query_one(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
{
    return query_fax(db, &one, fax, cb, user);
}

int fax_query_unfinished(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &unfinished, NULL, cb, user);
}

int fax_query_due(struct db *db, int64_t now_ms, unsigned limit, db_result_cb *cb, void *user)
{
    char time[24];
    char count[16];
    snprintf(time, sizeof(time), "%" PRId64, now_ms);
    snprintf(count, sizeof(count), "%u", limit);
    const char *parameters[] = {time, count};
    return db_query(db, &due, parameters, cb, user);
}

int fax_query_idempotency(struct db *db, const char *principal, const char *key, db_result_cb *cb,
                          void *user)
{
    const char *parameters[] = {principal, key};
    return db_query(db, &idempotency, parameters, cb, user);
}

int fax_query_pages(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
{
    return query_fax(db, &pages, fax, cb, user);
}

int fax_query_attempts(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
{
    if (!fax)
        return db_query(db, &attempts_unfinished, NULL, cb, user);
    return query_fax(db, &attempts, fax, cb, user);
}

int fax_query_keys(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &keys, NULL, cb, user);
}
