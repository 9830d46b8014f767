/* fax_queries.h: what the API, the queue and the disposal ask of the tables about faxes.
 *
 * Each function sends one prepared statement and gives its result to cb; the *_read functions turn
 * a row into a struct whose texts point into the result (valid during the callback; "" for NULL).
 * Times are milliseconds since 1970, 0 for none. All return as db_query. */
#ifndef GATEWAY_DB_FAX_QUERIES_H
#define GATEWAY_DB_FAX_QUERIES_H

#include "gateway/db/db.h"
#include "gateway/fax_id.h"

enum { FAX_LIST_LIMIT_MAX = 1000 };

struct fax_filter {
    const char *direction;        /* "in", "out"; NULL: both */
    const char *state;            /* NULL: all */
    const char *mailbox;          /* NULL: all allowed */
    const char *const *mailboxes; /* the mailboxes the caller may see … */
    size_t mailbox_count;
    bool all_mailboxes; /* … unless this is set */
    const struct fax_id
        *before;    /* only older faxes than this one (next page); NULL: from the newest */
    unsigned limit; /* 1 … FAX_LIST_LIMIT_MAX; 0: 50 */
};

struct fax_row {
    const char *fax, *direction, *state, *from_number, *to_number, *mailbox, *class_name;
    const char *trunk, *call_id, *principal, *idempotency_key, *kek, *document, *reason;
    int64_t pages, pages_confirmed, attempts;
    int64_t created_ms, completed_ms, disposal_ms, disposed_ms; /* disposal: when it is due */
    int64_t next_attempt_ms, next_max_rate, next_ecm;           /* of a queued fax */
    const char *source;     /* the fax that received the pages which this one sends; "": none */
    int64_t source_attempt; /* and the call that brought them */
    const char *mail;       /* the message that it was made of; "": none */
    int64_t mail_recipient, priority; /* priority: enum fax_priority */
    const char *forward;              /* what is to come of it: "", "number", "device", "report" */
};

struct fax_page_row {
    const char *stream; /* "document" or "received" */
    int64_t attempt, page, width, rows, x_dpi, y_dpi, coding, octets, offset, length;
    const char *digest; /* hex */
    int64_t confirmed_ms;
};

struct fax_attempt_row {
    const char *fax, *trunk, *call_id, *outcome, *text, *modem, *media, *peer_ident, *signalling,
        *protection;
    int64_t attempt, started_ms, media_started_ms, ended_ms;
    int64_t sip_code, t30_result, rate, ecm, retransmissions, pages, seconds, express;
};

/* Newest first. */
int fax_query_list(struct db *db, const struct fax_filter *filter, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* One fax; no row when there is none. */
int fax_query_one(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Faxes in queued, sending or receiving, oldest first. */
int fax_query_unfinished(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Faxes that ended and of which something is still to come (forward), oldest first. */
int fax_query_forwards(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Finished faxes whose disposal date is at or before now_ms and that are not disposed of yet, the
 * longest due first, at most limit. */
int fax_query_due(struct db *db, int64_t now_ms, unsigned limit, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* The fax that this principal submitted with this key; no row when there is none. A fax_row with
 * one row. */
int fax_query_idempotency(struct db *db, const char *principal, const char *key, db_result_cb *cb,
                          void *user) __attribute__((warn_unused_result));

/* Reads a row of the result; texts are borrowed from it. */
void fax_row_read(const struct db_result *result, int row, struct fax_row *out);

/* Pages of a fax by stream, attempt, page. */
int fax_query_pages(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void fax_page_row_read(const struct db_result *result, int row, struct fax_page_row *out);

/* Attempts of a fax by number; fax NULL: those of all unfinished faxes, by fax and number. */
int fax_query_attempts(struct db *db, const struct fax_id *fax, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void fax_attempt_row_read(const struct db_result *result, int row, struct fax_attempt_row *out);

/* Per key-encryption key: name, faxes not disposed of that need it, oldest and newest of them. */
struct fax_key_row {
    const char *kek;
    int64_t faxes, first_ms, last_ms;
};
int fax_query_keys(struct db *db, db_result_cb *cb, void *user) __attribute__((warn_unused_result));
void fax_key_row_read(const struct db_result *result, int row, struct fax_key_row *out);

#endif
