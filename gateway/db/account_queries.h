/* account_queries.h: what we are to trunks: credentials and registrations. Conventions as in
 * register_queries.h. */
#ifndef GATEWAY_DB_ACCOUNT_QUERIES_H
#define GATEWAY_DB_ACCOUNT_QUERIES_H

#include "gateway/db/db.h"

struct credential_row {
    const char *trunk, *realm, *user, *sealed; /* sealed: hexadecimal */
};

struct registration_row {
    const char *trunk, *user, *domain;
    int64_t expires_s;
};

/* Those of trunks that are there, ordered by trunk and realm. */
int account_query_credentials(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void credential_row_read(const struct db_result *result, int row, struct credential_row *out);

int account_query_registrations(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void registration_row_read(const struct db_result *result, int row, struct registration_row *out);

#endif
