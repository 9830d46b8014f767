/* db.h: one connection to PostgreSQL on a libuv loop.
 *
 * libpq is non-blocking and in pipeline mode. Only prepared statements are sent: a caller declares
 * its statements as constant struct db_statement and the connection prepares each one when it is
 * first needed, again after every reconnect. A lost connection is opened again with back-off
 * (100 ms, doubled up to 10 s). A query that was on its way when the connection was lost is
 * reported as -ECONNRESET and never sent again: only its owner knows whether that would be
 * harmless. Queries that still wait are kept until their time is over.
 *
 * Process: control. One thread: that of the loop. No callback runs before the call that asked for
 * it has returned. */
#ifndef GATEWAY_DB_DB_H
#define GATEWAY_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum {
    DB_PARAMETERS_MAX = 32,
    DB_QUEUE_MAX = 4096,  /* queries that may wait or be on their way */
    DB_BATCH_MAX = 1024,  /* queries of one batch */
    DB_SQLSTATE_TEXT = 6, /* five characters and a NUL */
};

struct db;
struct db_result;
struct db_batch;

/* A statement lives as long as the program (declare it static const). The name must be unique. */
struct db_statement {
    const char *name; /* of the prepared statement */
    const char *sql;  /* with $1 … $n */
    int parameters;   /* n, at most DB_PARAMETERS_MAX */
};

struct db_config {
    const char *conninfo;          /* libpq's connection string, TLS settings included */
    const char *application_name;  /* shown in pg_stat_activity; NULL: "sealfax" */
    const char *role;              /* role to take on after login; NULL: that of the login */
    unsigned statement_timeout_ms; /* set in the server; 0: 30 s */
    unsigned query_timeout_ms;     /* from db_query() to its result; 0: 35 s */
};

enum db_state { DB_DOWN, DB_UP };

/* Called when the connection comes up or goes down, and for each failed attempt to connect (again
 * with DB_DOWN). reason: why it is down, in words without secrets; NULL when up. */
typedef void db_state_cb(void *user, enum db_state state, const char *reason);

/* The result of a query. status: 0, or -EIO: the server refused it (see db_result_sqlstate),
 * -ECONNRESET: the connection was lost while it was on its way, -ETIMEDOUT, -ECANCELED: the
 * connection was closed by db_close. result is valid during the call only; NULL when the server did
 * not answer. The callee may call db_query and db_close. */
typedef void db_result_cb(void *user, int status, const struct db_result *result);

typedef void db_closed_cb(void *user);

/* Opens a connection; returns at once, the state is told to state_cb (NULL: nobody). config is
 * copied. Returns 0, -EINVAL when the connection string cannot be parsed, -ENOMEM or another
 * negative errno. On success *out is closed with db_close(). */
int db_open(uv_loop_t *loop, const struct db_config *config, db_state_cb *state_cb, void *user,
            struct db **out) __attribute__((warn_unused_result));

/* Closes: new queries are refused, those that wait are reported as -ECANCELED, those on their way
 * are given up to 5 s to finish; then the connection ends, the memory is freed and done_cb (may be
 * NULL) runs. NULL is allowed; done_cb is then called before return. */
void db_close(struct db *db, db_closed_cb *done_cb, void *user);

/* Says whether a query would be sent now; NULL is down. */
bool db_is_up(const struct db *db);

/* Queries that wait or are on their way. */
size_t db_pending(const struct db *db);

/* Puts a query of its own transaction into the queue; it waits there while the connection is down.
 * parameters: statement->parameters texts, NULL for SQL NULL; copied. cb may be NULL.
 * Returns 0, -ENOBUFS when the queue is full, -ESHUTDOWN after db_close, -ENOMEM. */
int db_query(struct db *db, const struct db_statement *statement, const char *const *parameters,
             db_result_cb *cb, void *user) __attribute__((warn_unused_result));

/* A batch: queries that are sent together with one Sync at their end, hence one transaction: either
 * all of them take effect or none. Returns NULL without memory. */
struct db_batch *db_batch_new(void);

/* Adds a query; parameters as in db_query. Returns 0, -ENOBUFS beyond DB_BATCH_MAX, -ENOMEM. */
int db_batch_add(struct db_batch *batch, const struct db_statement *statement,
                 const char *const *parameters) __attribute__((warn_unused_result));

/* Queries in the batch. */
size_t db_batch_count(const struct db_batch *batch);

/* The end of a batch. status as in db_result_cb. When it is -EIO, failed is the position (from 0)
 * of the query that the server refused (the count when it refused the commit) and result tells why;
 * otherwise result is NULL. */
typedef void db_batch_cb(void *user, int status, size_t failed, const struct db_result *result);

/* Sends the batch and takes it over, also on failure. An empty batch is -EINVAL. Errors as in
 * db_query. */
int db_batch_send(struct db *db, struct db_batch *batch, db_batch_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* For a batch that was not sent. NULL is allowed. */
void db_batch_free(struct db_batch *batch);

/* Rows of a result; 0 for statements without any. */
int db_result_rows(const struct db_result *result);
int db_result_columns(const struct db_result *result);

/* Rows inserted or updated. */
int64_t db_result_affected(const struct db_result *result);

/* The text at a place, NULL for SQL NULL or a place that does not exist. Valid during the callback.
 */
const char *db_result_text(const struct db_result *result, int row, int column);

/* The integer at a place ('t' and 'f' count as 1 and 0); fallback for SQL NULL and for what is no
 * integer. */
int64_t db_result_integer(const struct db_result *result, int row, int column, int64_t fallback);

/* Octets of a bytea column: decodes into *out (malloc, owned by the caller; never NULL on success).
 * Returns 0, -ENODATA for SQL NULL, -EINVAL for what is no bytea, -ENOMEM. */
int db_result_octets(const struct db_result *result, int row, int column, uint8_t **out,
                     size_t *length) __attribute__((warn_unused_result));

/* Five characters of SQLSTATE, "" when the server gave none. */
const char *db_result_sqlstate(const struct db_result *result);

/* The server's message in one line; "" when there is none. */
const char *db_result_message(const struct db_result *result);

#endif
