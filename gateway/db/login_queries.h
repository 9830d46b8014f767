/* login_queries.h: reading the credentials of principals. Texts of a row are borrowed from the
 * result. */
#ifndef GATEWAY_DB_LOGIN_QUERIES_H
#define GATEWAY_DB_LOGIN_QUERIES_H

#include "gateway/db/db.h"

struct login_row {
    const char *user, *principal, *sealed;
};

/* All that were not revoked, by user name (octets). */
int login_query_all(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void login_row_read(const struct db_result *result, int row, struct login_row *out);

#endif
