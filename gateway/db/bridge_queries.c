#include "gateway/db/bridge_queries.h"

/* Identifiers are UUIDs of version 7: their order is that of time. */
static const struct db_statement unended = {
    .name = "bridge_unended",
    .sql = "SELECT bridge FROM bridges WHERE ended_at IS NULL AND node = $1 ORDER BY bridge",
    .parameters = 1,
};

int bridge_query_open(struct db *db, const char *node, db_result_cb *cb, void *user)
{
    const char *parameters[] = {node};
    return db_query(db, &unended, parameters, cb, user);
}

const char *bridge_row_id(const struct db_result *result, int row)
{
    return db_result_text(result, row, 0);
}
