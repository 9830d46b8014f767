/* audit_queries.h: searching the audit records. Conventions as in fax_queries.h. */
#ifndef GATEWAY_DB_AUDIT_QUERIES_H
#define GATEWAY_DB_AUDIT_QUERIES_H

#include "gateway/db/db.h"
#include "gateway/fax_id.h"

enum { AUDIT_LIST_LIMIT_MAX = 1000 };

struct audit_filter {
    const char *event;        /* exact type, or a prefix that ends with a dot ("fax."); NULL: all */
    const char *actor;        /* NULL: all */
    const struct fax_id *fax; /* NULL: all */
    int64_t since_ms, until_ms; /* since <= time < until; 0: open */
    /* Only records older than this one, as the last of the page before: its time in microseconds
     * (0: from the newest), node and index. */
    int64_t before_us;
    const char *before_node;
    int64_t before_index;
    unsigned limit; /* 1 … AUDIT_LIST_LIMIT_MAX; 0: 100; the newest are given */
    bool personal;  /* with the personal values: the caller must be entitled to them */
};

struct audit_row {
    const char *node;
    int64_t index, time_ms;
    const char *event, *actor, *outcome, *fax;
    const char *record;   /* the record as JSON */
    const char *personal; /* JSON object key -> value; "{}" when not asked for or disposed of */
};

/* Newest first. */
int audit_query_list(struct db *db, const struct audit_filter *filter, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void audit_row_read(const struct db_result *result, int row, struct audit_row *out);

/* Checkpoints of a node, newest first, at most limit. */
struct checkpoint_row {
    const char *node, *root, *note; /* root: hex */
    int64_t size, time_ms;
};
int audit_query_checkpoints(struct db *db, const char *node, unsigned limit, db_result_cb *cb,
                            void *user) __attribute__((warn_unused_result));
void checkpoint_row_read(const struct db_result *result, int row, struct checkpoint_row *out);

#endif
