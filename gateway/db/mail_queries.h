/* mail_queries.h: reading messages that came by mail, their recipients and the senders. Texts of a
 * row are borrowed from the result. */
#ifndef GATEWAY_DB_MAIL_QUERIES_H
#define GATEWAY_DB_MAIL_QUERIES_H

#include <stdint.h>

#include "gateway/db/db.h"
#include "gateway/fax_id.h"

struct mail_row {
    const char *mail, *from_address, *envid, *login, *peer, *host, *principal, *identified_by,
        *author, *author_name, *subject, *message_id, *date, *class_name, *from_number, *signature,
        *refusal;
    int64_t return_full, relay, lmtp, octets, recipients, identified, automatic, y_dpi, cover,
        priority, not_before_s;
    int64_t accepted_ms, ended_ms, destroyed_ms; /* 0: not yet */
};

struct mail_recipient_row {
    const char *address, *orcpt, *number, *name, *class_name, *from_number, *state, *status,
        *reason, *report;
    const char *fax, *fax_state, *fax_reason; /* "": it has become none */
    int64_t recipient, notify, y_dpi, cover, priority, not_before_s, pages, ended_ms, fax_pages;
};

/* One message; no row when there is none. */
int mail_query_one(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mail_row_read(const struct db_result *result, int row, struct mail_row *out);

/* Messages, newest first, in the form of mail_row; before: older than this one (NULL: from the
 * newest). principal: of that one only, also when it is not yet known whose (NULL: of all). */
int mail_query_list(struct db *db, const struct fax_id *before, const char *principal,
                    unsigned limit, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* The recipients of a message by number. recipient: that one only (0: all). */
int mail_query_recipients(struct db *db, const struct fax_id *mail, uint32_t recipient,
                          db_result_cb *cb, void *user) __attribute__((warn_unused_result));
void mail_recipient_row_read(const struct db_result *result, int row,
                             struct mail_recipient_row *out);

/* The ids (text) of all messages that are not destroyed, oldest first. */
int mail_query_open(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Fax, message and recipient of all faxes under way that were made of a message. */
int mail_query_faxes(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Message and recipient of all reports that are due and not queued. */
int mail_query_reports(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* What is left of a message: recipients that have not ended, those of them that have no fax yet,
 * and reports that are not queued. */
struct mail_left_row {
    int64_t open, without_fax, reports;
    int64_t reached; /* whom it reached, or may have */
};
int mail_query_left(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mail_left_row_read(const struct db_result *result, struct mail_left_row *out);

/* The recipients of a message whose numbers an earlier message with the same signature went to. */
int mail_query_replayed(struct db *db, const struct fax_id *mail, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Messages of a node since then (a message's id begins with its time) that may be brought again,
 * and of which something came or may come: id and mark, the newest first. */
int mail_query_marks(struct db *db, const char *node, const struct fax_id *since, unsigned limit,
                     db_result_cb *cb, void *user) __attribute__((warn_unused_result));

struct mail_sender_row {
    const char *address, *principal, *number;
};
int mail_query_senders(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mail_sender_row_read(const struct db_result *result, int row, struct mail_sender_row *out);

#endif
