/* bridge_queries.h: calls taken through in real time, as the tables have them. */
#ifndef GATEWAY_DB_BRIDGE_QUERIES_H
#define GATEWAY_DB_BRIDGE_QUERIES_H

#include <stdint.h>

#include "gateway/db/db.h"

struct bridge_row {
    const char *bridge, *state, *caller, *target, *from_number, *to_number, *mailbox, *reason;
    const char *caller_media, *called_media;
    int64_t started_ms, ended_ms, sip_code, pages, rate, ecm, seconds;
};

enum { BRIDGE_LIST_MAX = 1000 };

/* The newest, at most `limit` (up to BRIDGE_LIST_MAX). Answers as db_query(). */
int bridge_query_list(struct db *db, unsigned limit, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Those of a gateway that have no end. */
int bridge_query_open(struct db *db, const char *node, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* What it gives is borrowed from the result. */
void bridge_row_read(const struct db_result *result, int row, struct bridge_row *out);

#endif
