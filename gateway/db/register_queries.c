#include "gateway/db/register_queries.h"

#include "gateway/db/row_reader.h"

static const struct db_statement principals = {
    .name = "register_principals",
    .sql = "SELECT p.principal, p.kind, p.full_name, p.disabled, coalesce(l.uid, -1), "
           "milli_of(p.created_at) FROM principals p "
           "LEFT JOIN local_accounts l ON l.principal = p.principal ORDER BY p.principal, l.uid",
};
static const struct db_statement roles = {
    .name = "register_roles",
    .sql = "SELECT role, actions, builtin FROM roles WHERE removed_at IS NULL ORDER BY role",
};
static const struct db_statement grants = {
    .name = "register_grants",
    .sql = "SELECT \"grant\", principal, role, from_numbers, to_numbers, mailboxes, "
           "milli_of(expires_at) / 1000, milli_of(created_at), milli_of(revoked_at) FROM grants "
           "ORDER BY created_at, \"grant\"",
};
static const struct db_statement mailboxes = {
    .name = "register_mailboxes",
    .sql =
        "SELECT mailbox, class, device, retention_days, capture, mail_to, mail_form FROM mailboxes "
        "ORDER BY mailbox",
};
static const struct db_statement numbers = {
    .name = "register_numbers",
    .sql = "SELECT number, mailbox, ident, deliver FROM numbers WHERE removed_at IS NULL "
           "ORDER BY number",
};
static const struct db_statement trunks = {
    .name = "register_trunks",
    .sql = "SELECT trunk, host, prefix, port, t38_first, audio_fallback, transport, tls_name, "
           "tls_ca, tls_certificate, tls_key, secured, long_by_tcp, express, peers, rewrite_out, "
           "rewrite_in, max_calls, max_calls_per_second, probe_s, asserted_identity, "
           "nat::integer::bigint, t38::integer::bigint FROM trunks WHERE "
           "removed_at IS NULL "
           "ORDER BY trunk",
};
static const struct db_statement routes = {
    .name = "register_routes",
    .sql = "SELECT route, trunk, prefix, class, hours, priority, cost FROM routes WHERE "
           "removed_at IS NULL ORDER BY route",
};

static const struct db_statement devices = {
    .name = "register_devices",
    .sql = "SELECT d.device, d.extension, d.user_name, d.realm, d.secret, d.calls, d.tls_name, "
           "p.disabled::integer::bigint, d.nat::integer::bigint FROM devices d JOIN principals p "
           "ON p.principal = "
           "'device:' || d.device WHERE d.removed_at IS NULL ORDER BY d.device COLLATE \"C\"",
};
static const struct db_statement bindings = {
    .name = "register_bindings",
    .sql = "SELECT device, contact, address, transport, expires FROM device_bindings "
           "WHERE gone_at IS NULL ORDER BY registered_at",
};

int register_query_principals(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &principals, NULL, cb, user);
}

void principal_row_read(const struct db_result *result, int row, struct principal_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->principal = row_text(&reader);
    out->kind = row_text(&reader);
    out->full_name = row_text(&reader);
    out->disabled = row_integer(&reader);
    out->local_uid = row_integer(&reader);
    out->created_ms = row_integer(&reader);
}

int register_query_roles(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &roles, NULL, cb, user);
}

void role_row_read(const struct db_result *result, int row, struct role_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->role = row_text(&reader);
    out->actions = row_text(&reader);
    out->builtin = row_integer(&reader);
}

int register_query_grants(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &grants, NULL, cb, user);
}

void grant_row_read(const struct db_result *result, int row, struct grant_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->grant = row_text(&reader);
    out->principal = row_text(&reader);
    out->role = row_text(&reader);
    out->from_numbers = row_text(&reader);
    out->to_numbers = row_text(&reader);
    out->mailboxes = row_text(&reader);
    out->expires_s = row_integer(&reader);
    out->created_ms = row_integer(&reader);
    out->revoked_ms = row_integer(&reader);
}

int register_query_mailboxes(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &mailboxes, NULL, cb, user);
}

void mailbox_row_read(const struct db_result *result, int row, struct mailbox_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->mailbox = row_text(&reader);
    out->class_name = row_text(&reader);
    out->device = row_text(&reader);
    out->retention_days = row_integer(&reader);
    out->capture = row_integer(&reader);
    out->mail_to = row_text(&reader);
    out->mail_form = row_text(&reader);
}

int register_query_numbers(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &numbers, NULL, cb, user);
}

void number_row_read(const struct db_result *result, int row, struct number_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->number = row_text(&reader);
    out->mailbox = row_text(&reader);
    out->ident = row_text(&reader);
    out->deliver = row_text(&reader);
}

int register_query_trunks(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &trunks, NULL, cb, user);
}

void trunk_row_read(const struct db_result *result, int row, struct trunk_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->trunk = row_text(&reader);
    out->host = row_text(&reader);
    out->prefix = row_text(&reader);
    out->port = row_integer(&reader);
    out->t38_first = row_integer(&reader);
    out->audio_fallback = row_integer(&reader);
    out->transport = row_text(&reader);
    out->tls_name = row_text(&reader);
    out->tls_ca = row_text(&reader);
    out->tls_certificate = row_text(&reader);
    out->tls_key = row_text(&reader);
    out->secured = row_integer(&reader);
    out->long_by_tcp = row_integer(&reader);
    out->express = row_integer(&reader);
    out->peers = row_text(&reader);
    out->rewrite_out = row_text(&reader);
    out->rewrite_in = row_text(&reader);
    out->max_calls = row_integer(&reader);
    out->max_calls_per_second = row_integer(&reader);
    out->probe_s = row_integer(&reader);
    out->asserted_identity = row_text(&reader);
    out->nat = row_integer(&reader);
    out->t38 = row_integer(&reader);
}

int register_query_routes(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &routes, NULL, cb, user);
}

void route_row_read(const struct db_result *result, int row, struct route_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->route = row_text(&reader);
    out->trunk = row_text(&reader);
    out->prefix = row_text(&reader);
    out->class_name = row_text(&reader);
    out->hours = row_text(&reader);
    out->priority = row_integer(&reader);
    out->cost = row_integer(&reader);
}

int register_query_devices(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &devices, NULL, cb, user);
}

void device_row_read(const struct db_result *result, int row, struct device_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->device = row_text(&reader);
    out->extension = row_text(&reader);
    out->user = row_text(&reader);
    out->realm = row_text(&reader);
    out->secret = row_text(&reader);
    out->calls = row_text(&reader);
    out->tls_name = row_text(&reader);
    out->disabled = row_integer(&reader);
    out->nat = row_integer(&reader);
}

int register_query_bindings(struct db *db, db_result_cb *cb, void *user)
{
    return db_query(db, &bindings, NULL, cb, user);
}

void binding_row_read(const struct db_result *result, int row, struct binding_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->device = row_text(&reader);
    out->contact = row_text(&reader);
    out->address = row_text(&reader);
    out->transport = row_text(&reader);
    out->expires_s = row_integer(&reader);
}
