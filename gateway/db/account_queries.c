#include "gateway/db/account_queries.h"

#include "gateway/db/row_reader.h"

static const struct db_statement credentials = {
    .name = "account_credentials",
    .sql = "SELECT c.trunk, c.realm, c.auth_user, c.sealed FROM trunk_credentials c JOIN trunks t "
           "ON t.trunk = c.trunk WHERE c.removed_at IS NULL AND t.removed_at IS NULL "
           "ORDER BY c.trunk, c.realm",
};
static const struct db_statement registrations = {
    .name = "account_registrations",
    .sql = "SELECT g.trunk, g.auth_user, g.domain, g.expires FROM trunk_registrations g JOIN "
           "trunks t ON t.trunk = g.trunk WHERE g.removed_at IS NULL AND t.removed_at IS NULL "
           "ORDER BY g.trunk",
};

int account_query_credentials(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &credentials, NULL, cb, user);
}

void credential_row_read(const struct db_result *result, int row, struct credential_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->trunk = row_text(&reader);
    out->realm = row_text(&reader);
    out->user = row_text(&reader);
    out->sealed = row_text(&reader);
}

int account_query_registrations(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &registrations, NULL, cb, user);
}

void registration_row_read(const struct db_result *result, int row, struct registration_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->trunk = row_text(&reader);
    out->user = row_text(&reader);
    out->domain = row_text(&reader);
    out->expires_s = row_integer(&reader);
}
