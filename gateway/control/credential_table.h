/* credential_table.h: user names and passwords of principals, as they were read from PostgreSQL:
 * hashes, sealed. Immutable. */
#ifndef GATEWAY_CONTROL_CREDENTIAL_TABLE_H
#define GATEWAY_CONTROL_CREDENTIAL_TABLE_H

#include <stddef.h>

#include "gateway/db/db.h"
#include "policy/decision.h"
#include "policy/secret_record.h"

/* What credentials are for, and their secrets bound to. */
#define CREDENTIAL_REALM "smtp"

enum { CREDENTIAL_USER_TEXT = 129 };

struct credential_info {
    char user[CREDENTIAL_USER_TEXT];
    char principal[POLICY_NAME_TEXT];
    char sealed[2 * SECRET_RECORD_MAX + 1]; /* hex */
};

/* All zero is an empty table. */
struct credential_table {
    struct credential_info *all; /* by user */
    size_t count;
};

/* Takes rows of login_query_all(). Returns 0 or -ENOMEM; the table is then only to be freed.
 */
int credential_table_read(struct credential_table *table, const struct db_result *result, int rows)
    __attribute__((warn_unused_result));
void credential_table_free(struct credential_table *table);

/* NULL when there is none. */
const struct credential_info *credential_table_find(const struct credential_table *table,
                                                    const char *user);

#endif
