#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/db_connection.h"

static bool is_prepared(const struct db *db, const struct db_statement *statement)
{
    for (size_t i = 0; i < db->prepared_count; i++)
        if (db->prepared[i] == statement)
            return true;
    return false;
}

static void forget_prepared(struct db *db, const struct db_statement *statement)
{
    for (size_t i = 0; i < db->prepared_count; i++)
        if (db->prepared[i] == statement) {
            db->prepared[i] = db->prepared[--db->prepared_count];
            return;
        }
}

void db_pipeline_reset(struct db *db)
{
    db->prepared_count = 0;
    PQclear(db->prepare_refusal);
    db->prepare_refusal = NULL;
}

/* A preparation has a Sync of its own, so that a refused query before it cannot skip it. */
static int send_prepare(struct db *db, const struct db_statement *statement)
{
    if (db->prepared_count == db->prepared_capacity) {
        size_t capacity = db->prepared_capacity ? db->prepared_capacity * 2 : 32;
        const struct db_statement **grown =
            realloc(db->prepared, capacity * sizeof(struct db_statement *));
        if (!grown)
            return -ENOMEM;
        db->prepared = grown;
        db->prepared_capacity = capacity;
    }
    struct db_group *group = calloc(1, sizeof(*group));
    if (!group)
        return -ENOMEM;
    group->statement = statement;
    group->deadline_ms = uv_now(db->loop) + db->query_timeout_ms;
    if (!PQsendPrepare(db->connection, statement->name, statement->sql, 0, NULL) ||
        !PQpipelineSync(db->connection)) {
        free(group);
        return -ECONNRESET;
    }
    db->prepared[db->prepared_count++] = statement;
    db_list_push(&db->sent, group);
    return 0;
}

static int send_group(struct db *db, const struct db_group *group)
{
    for (size_t i = 0; i < group->batch->count; i++) {
        const struct db_statement *statement = group->batch->queries[i].statement;
        int error = is_prepared(db, statement) ? 0 : send_prepare(db, statement);
        if (error)
            return error;
    }
    for (size_t i = 0; i < group->batch->count; i++) {
        const struct db_batch_query *query = &group->batch->queries[i];
        if (!PQsendQueryPrepared(db->connection, query->statement->name,
                                 query->statement->parameters, query->parameters, NULL, NULL, 0))
            return -ECONNRESET;
    }
    return PQpipelineSync(db->connection) ? 0 : -ECONNRESET;
}

void db_pipeline_send(struct db *db)
{
    if (db->phase != DB_CONNECTED || db->broken)
        return;
    int error = 0;
    while (!error && !db->closing && db->waiting.first && db->sent.count < DB_WINDOW) {
        struct db_group *group = db->waiting.first;
        error = send_group(db, group);
        /* A group that was sent in part was sent: nobody can tell what the server saw. */
        (void)db_list_pop(&db->waiting);
        db_list_push(&db->sent, group);
    }
    int more = error ? -1 : PQflush(db->connection);
    if (more < 0)
        db->broken = true;
    db_connection_watch(db, UV_READABLE | (more > 0 ? UV_WRITABLE : 0));
}

static void take_refusal(struct db_group *group, PGresult *result)
{
    if (group->refused) {
        PQclear(result);
        return;
    }
    group->refused = true;
    group->failed = group->answered++;
    PQclear(group->result);
    group->result = result;
}

static void end_group(struct db *db)
{
    struct db_group *group = db_list_pop(&db->sent);
    if (!group)
        return;
    if (!group->batch && group->refused) {
        forget_prepared(db, group->statement);
        PQclear(db->prepare_refusal);
        db->prepare_refusal = group->result;
        group->result = NULL;
    }
    db_group_finish(db, group, 0);
}

static int take_result(struct db *db, PGresult *result)
{
    struct db_group *group = db->sent.first;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        end_group(db);
        return 0;
    }
    if (!group || PQstatus(db->connection) == CONNECTION_BAD) {
        PQclear(result);
        return -ECONNRESET;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        group->answered++;
        PQclear(group->result);
        group->result = result;
    } else if (status == PGRES_PIPELINE_ABORTED) {
        group->answered++;
        PQclear(result);
    } else {
        take_refusal(group, result);
    }
    return 0;
}

int db_pipeline_receive(struct db *db)
{
    if (!PQconsumeInput(db->connection))
        return -ECONNRESET;
    int nothing = 0;
    while (db->phase == DB_CONNECTED && nothing < 2 && !PQisBusy(db->connection)) {
        PGresult *result = PQgetResult(db->connection);
        if (!result) {
            nothing++;
            continue;
        }
        nothing = 0;
        int error = take_result(db, result);
        if (error)
            return error;
    }
    return PQstatus(db->connection) == CONNECTION_OK ? 0 : -ECONNRESET;
}
