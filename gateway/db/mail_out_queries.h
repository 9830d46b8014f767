/* mail_out_queries.h: what the outbox and the API ask of the tables about mails that go out.
 * Conventions as in fax_queries.h. */
#ifndef GATEWAY_DB_MAIL_OUT_QUERIES_H
#define GATEWAY_DB_MAIL_OUT_QUERIES_H

#include "gateway/db/db.h"
#include "gateway/fax_id.h"

enum { MAIL_LIST_LIMIT_MAX = 1000 };

struct mail_out_row {
    const char *out, *kind, *about, *fax, *action, *form, *state, *to;
    const char *address, *orcpt, *envid, *status, *verdict, *subject, *message_id, *author,
        *author_name, *date, *answer, *node;
    int64_t recipient, arrived_ms, pages, unreported, tries;
    int64_t queued_ms, next_ms, expires_ms, ended_ms, bounced_ms;
};

/* One mail. */
int mail_query_out(struct db *db, const struct fax_id *out, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Those of a node that are to be sent. */
struct mail_queued_row {
    const char *out, *about;
    int64_t next_ms, expires_ms, tries;
};
void mail_queued_row_read(const struct db_result *result, int row, struct mail_queued_row *out);
int mail_query_queued(struct db *db, const char *node, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Newest first. state NULL: all. */
int mail_query_outbox(struct db *db, const char *state, unsigned limit, db_result_cb *cb,
                      void *user) __attribute__((warn_unused_result));
void mail_out_row_read(const struct db_result *result, int row, struct mail_out_row *out);

/* Faxes of this node of which something is still to be queued. */
struct mail_due_row {
    const char *fax, *mailbox, *due;
};
int mail_query_due(struct db *db, const char *node, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mail_due_row_read(const struct db_result *result, int row, struct mail_due_row *out);

struct mail_certificate_row {
    const char *address, *certificate, *subject, *fingerprint;
    int64_t not_after_s, set_ms;
};
/* That of an address (in lower case), or all by address when it is NULL. */
int mail_query_certificates(struct db *db, const char *address, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mail_certificate_row_read(const struct db_result *result, int row,
                               struct mail_certificate_row *out);

/* The key of reverse paths of a node, sealed, in hex: one row with one text, or none. */
int mail_query_return_key(struct db *db, const char *node, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

#endif
