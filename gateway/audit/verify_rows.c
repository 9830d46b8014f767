#include "gateway/audit/verify_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 1000, VALUE_INDEXES = 2000 };

struct verify_rows {
    PGconn *connection;
    char node[RECORD_NODE_TEXT];
    PGresult *page;
    int row;
    uint8_t *bytes; /* of the present row; libpq's memory */
    PGresult *values;
    int value;
    uint64_t values_end; /* values of indexes below this one were asked for */
};

const char *verify_rows_message(const struct verify_rows *rows)
{
    return PQerrorMessage(rows->connection);
}

static PGresult *query(struct verify_rows *rows, const char *sql, int count,
                       const char *const *parameters)
{
    PGresult *result = PQexecParams(rows->connection, sql, count, NULL, parameters, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return result;
    PQclear(result);
    return NULL;
}

static int command(struct verify_rows *rows, const char *sql, int count,
                   const char *const *parameters)
{
    PGresult *result = query(rows, sql, count, parameters);
    PQclear(result);
    return result ? 0 : -EIO;
}

int verify_rows_open(const char *conninfo, const char *node, char *message, size_t size,
                     struct verify_rows **out)
{
    struct verify_rows *rows = calloc(1, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    snprintf(rows->node, sizeof(rows->node), "%s", node);
    const char *keys[] = {"dbname", "application_name", "client_encoding", NULL};
    const char *values[] = {conninfo, "sealfax audit verify", "UTF8", NULL};
    const char *parameters[] = {rows->node};
    rows->connection = PQconnectdbParams(keys, values, 1);
    int error = PQstatus(rows->connection) == CONNECTION_OK ? 0 : -ENOTCONN;
    if (!error)
        error = command(rows, "SET search_path = sealfax, pg_temp", 0, NULL);
    if (!error)
        error = command(rows, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL);
    if (!error)
        error = command(rows,
                        "DECLARE verify NO SCROLL CURSOR FOR SELECT index, "
                        "(extract(epoch FROM time) * 1000000)::bigint, event, actor, outcome, fax, "
                        "record, bytes FROM audit_record WHERE node = $1 ORDER BY index, time",
                        1, parameters);
    if (error) {
        snprintf(message, size, "%s", PQerrorMessage(rows->connection));
        message[strcspn(message, "\n")] = '\0';
        verify_rows_close(rows);
        return error;
    }
    *out = rows;
    return 0;
}

static uint64_t number(const PGresult *result, int row, int column)
{
    return strtoull(PQgetvalue(result, row, column), NULL, 10);
}

int verify_rows_notes(struct verify_rows *rows, verify_note_cb *cb, void *user)
{
    const char *parameters[] = {rows->node};
    PGresult *result =
        query(rows, "SELECT note, size, root FROM checkpoints WHERE node = $1 ORDER BY size, index",
              1, parameters);
    if (!result)
        return -EIO;
    for (int i = 0; i < PQntuples(result); i++)
        cb(user, PQgetvalue(result, i, 0), number(result, i, 1), PQgetvalue(result, i, 2));
    PQclear(result);
    return 0;
}

static int fetch_page(struct verify_rows *rows)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "FETCH %d FROM verify", (int)PAGE_ROWS);
    PQclear(rows->page);
    rows->row = 0;
    rows->page = query(rows, sql, 0, NULL);
    return rows->page ? 0 : -EIO;
}

int verify_rows_next(struct verify_rows *rows, struct verify_row *row)
{
    PQfreemem(rows->bytes);
    rows->bytes = NULL;
    if (!rows->page || rows->row == PQntuples(rows->page)) {
        int error = fetch_page(rows);
        if (error)
            return error;
    }
    if (rows->row == PQntuples(rows->page))
        return 0;
    const PGresult *page = rows->page;
    int at = rows->row++;
    *row = (struct verify_row){
        .index = number(page, at, 0),
        .time_us = strtoll(PQgetvalue(page, at, 1), NULL, 10),
        .event = PQgetvalue(page, at, 2),
        .actor = PQgetvalue(page, at, 3),
        .outcome = PQgetvalue(page, at, 4),
        .fax = PQgetvalue(page, at, 5),
        .json = PQgetvalue(page, at, 6),
    };
    rows->bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(page, at, 7), &row->length);
    row->bytes = rows->bytes;
    return rows->bytes ? 1 : -ENOMEM;
}

static int fetch_values(struct verify_rows *rows, uint64_t from)
{
    char first[24];
    char last[24];
    rows->values_end = from + VALUE_INDEXES;
    snprintf(first, sizeof(first), "%" PRIu64, from);
    snprintf(last, sizeof(last), "%" PRIu64, rows->values_end);
    const char *parameters[] = {rows->node, first, last};
    PQclear(rows->values);
    rows->value = 0;
    rows->values = query(rows,
                         "SELECT index, key, commitment FROM "
                         "audit_personal_commitments($1, $2::bigint, $3::bigint)",
                         3, parameters);
    return rows->values ? 0 : -EIO;
}

int verify_rows_value(struct verify_rows *rows, uint64_t index, struct verify_value *value)
{
    bool more = rows->values && rows->value < PQntuples(rows->values);
    if (!more && index >= rows->values_end) {
        int error = fetch_values(rows, index);
        if (error)
            return error;
        more = PQntuples(rows->values) > 0;
    }
    if (!more || number(rows->values, rows->value, 0) > index)
        return 0;
    *value = (struct verify_value){
        .index = number(rows->values, rows->value, 0),
        .key = PQgetvalue(rows->values, rows->value, 1),
        .commitment = PQgetvalue(rows->values, rows->value, 2),
    };
    rows->value++;
    return 1;
}

void verify_rows_close(struct verify_rows *rows)
{
    if (!rows)
        return;
    PQfreemem(rows->bytes);
    PQclear(rows->page);
    PQclear(rows->values);
    PQfinish(rows->connection);
    free(rows);
}
