#include "gateway/db/login_queries.h"

#include "gateway/db/row_reader.h"

static const struct db_statement all = {
    .name = "credentials",
    .sql = "SELECT user_name, principal, sealed FROM credentials WHERE revoked_at IS NULL "
           "ORDER BY user_name COLLATE \"C\"",
};

int login_query_all(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &all, NULL, cb, user);
}

void login_row_read(const struct db_result *result, int row, struct login_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->user = row_text(&reader);
    out->principal = row_text(&reader);
    out->sealed = row_text(&reader);
}
