/* bridge_queries.h: calls taken through in real time, as the tables have them. */
#ifndef GATEWAY_DB_BRIDGE_QUERIES_H
#define GATEWAY_DB_BRIDGE_QUERIES_H

#include "gateway/db/db.h"

/* Those of a gateway that have no end. Answers as db_query(). */
int bridge_query_open(struct db *db, const char *node, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* The id of one of them, borrowed from the result. */
const char *bridge_row_id(const struct db_result *result, int row);

#endif
