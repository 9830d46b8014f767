/* register_queries.h: lists of principals, roles, grants, mailboxes, numbers and trunks, as the API
 * shows them. Conventions as in fax_queries.h. */
#ifndef GATEWAY_DB_REGISTER_QUERIES_H
#define GATEWAY_DB_REGISTER_QUERIES_H

#include "gateway/db/db.h"

struct principal_row {
    const char *principal, *kind, *full_name;
    int64_t disabled, local_uid; /* local_uid: -1 none */
    int64_t created_ms;
};

struct role_row {
    const char *role, *actions; /* actions: separated by commas */
    int64_t builtin;
};

struct grant_row {
    const char *grant, *principal, *role, *from_numbers, *to_numbers, *mailboxes;
    int64_t expires_s, created_ms, revoked_ms; /* expires_s: seconds since 1970, 0 never */
};

struct mailbox_row {
    const char *mailbox, *class_name, *device; /* device: "" none */
    int64_t retention_days, capture;
    const char *mail_to, *mail_form; /* mail_to: addresses, separated by commas */
};

struct number_row {
    const char *number, *mailbox, *ident, *deliver;
};

struct trunk_row {
    const char *trunk, *host, *prefix, *transport, *tls_name, *tls_ca, *tls_certificate, *tls_key;
    int64_t port, t38_first, audio_fallback, secured, long_by_tcp, express;
    const char *peers, *rewrite_out, *rewrite_in;
    int64_t max_calls, max_calls_per_second, probe_s;
    const char *asserted_identity;
    int64_t nat, t38;
};

struct route_row {
    const char *route, *trunk, *prefix, *class_name, *hours;
    int64_t priority, cost;
};

struct device_row {
    const char *device, *extension, *user, *realm, *secret, *calls, *tls_name;
    int64_t disabled, nat;
};

/* A binding that was there when the gateway stopped. */
struct binding_row {
    const char *device, *contact, *address, *transport;
    int64_t expires_s;
};

/* One query and one reader for each register, queries answer as db_query();
 * what a reader gives is borrowed from the result. */
int register_query_principals(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void principal_row_read(const struct db_result *result, int row, struct principal_row *out);

int register_query_roles(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void role_row_read(const struct db_result *result, int row, struct role_row *out);

/* Grants, revoked ones too. */
int register_query_grants(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void grant_row_read(const struct db_result *result, int row, struct grant_row *out);

int register_query_mailboxes(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void mailbox_row_read(const struct db_result *result, int row, struct mailbox_row *out);

int register_query_numbers(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void number_row_read(const struct db_result *result, int row, struct number_row *out);

int register_query_trunks(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void trunk_row_read(const struct db_result *result, int row, struct trunk_row *out);

int register_query_devices(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void device_row_read(const struct db_result *result, int row, struct device_row *out);

int register_query_bindings(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void binding_row_read(const struct db_result *result, int row, struct binding_row *out);
int register_query_routes(struct db *db, db_result_cb *cb, void *user)
    __attribute__((warn_unused_result));
void route_row_read(const struct db_result *result, int row, struct route_row *out);

#endif
