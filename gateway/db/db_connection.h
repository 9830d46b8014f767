/* db_connection.h: the inside of struct db, for gateway/db/db*.c only. */
#ifndef GATEWAY_DB_DB_CONNECTION_H
#define GATEWAY_DB_DB_CONNECTION_H

#include <libpq-fe.h>

#include "gateway/db/db.h"

enum {
    DB_WINDOW = 64, /* groups on their way at a time */
    DB_BACKOFF_MIN_MS = 100,
    DB_BACKOFF_MAX_MS = 10000,
    DB_CONNECT_TIMEOUT_MS = 10000,
    DB_CLOSE_TIMEOUT_MS = 5000,
    DB_SWEEP_MS = 250,
};

struct db_result {
    const PGresult *pg; /* NULL: no answer */
};

struct db_batch_query {
    const struct db_statement *statement;
    const char **parameters; /* one block with the texts behind it */
};

struct db_batch {
    struct db_batch_query *queries;
    size_t count, capacity;
};

/* What is sent with one Sync at its end: a query, a batch, or the preparation of a statement. */
struct db_group {
    struct db_group *next;
    struct db_batch *batch;               /* NULL for a preparation */
    const struct db_statement *statement; /* of a preparation */
    db_result_cb *query_cb;
    db_batch_cb *batch_cb;
    void *user;
    uint64_t deadline_ms;
    size_t answered;  /* results that came */
    size_t failed;    /* position of the refused query */
    PGresult *result; /* the last one, or the refusal */
    bool refused;
};

struct db_list {
    struct db_group *first, *last;
    size_t count;
};

enum db_phase { DB_IDLE, DB_CONNECTING, DB_CONNECTED, DB_CLOSED };

struct db {
    uv_loop_t *loop;
    char *conninfo, *application_name, *options;
    unsigned query_timeout_ms;
    db_state_cb *state_cb;
    void *user;
    PGconn *connection;
    uv_poll_t *poll; /* of its own memory: a new one for each socket */
    int socket;
    enum db_phase phase;
    unsigned backoff_ms;
    bool broken; /* found while sending: handled by the timer, never inside the caller's call */
    uv_timer_t timer; /* retry, connect timeout, broken, end of closing */
    uv_timer_t sweep; /* deadlines */
    int open_timers;
    struct db_list waiting, sent;
    size_t pending;
    const struct db_statement **prepared;
    size_t prepared_count, prepared_capacity;
    PGresult *prepare_refusal; /* why the last preparation failed */
    bool closing;
    db_closed_cb *closed_cb;
    void *closed_user;
};

/* Puts a group at the end, and takes the first (NULL: none). Groups are owned by their list. */
void db_list_push(struct db_list *list, struct db_group *group);
struct db_group *db_list_pop(struct db_list *list);

/* Reports a group and frees it. */
void db_group_finish(struct db *db, struct db_group *group, int status);

/* Finishes all groups of a list with a status. The list is emptied first. */
void db_list_finish(struct db *db, struct db_list *list, int status);

/* Sends what may be sent. Failures set db->broken. */
void db_pipeline_send(struct db *db);

/* Takes all results that are there. Returns 0, or -ECONNRESET when the connection is of no more
 * use. */
int db_pipeline_receive(struct db *db);

/* Forgets what was prepared. */
void db_pipeline_reset(struct db *db);

/* Waits for the socket: readable, and writable when libpq has more to send. */
void db_connection_watch(struct db *db, int events);

#endif
