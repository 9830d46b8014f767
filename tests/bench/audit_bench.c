/* audit_bench: how fast events get from the journal into PostgreSQL, with everything they change,
 * against the same records inserted one by one. Prints one JSON object. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/audit/journal_cursor.h"
#include "gateway/db/migrate.h"
#include "policy/record.h"
#include "tests/doubles/audit_log.h"
#include "tests/doubles/postgres.h"

enum { FAXES = 5000, BASELINE = 5000 };

static double seconds_since(uint64_t start)
{
    return (double)(uv_hrtime() - start) / 1e9;
}

static int fail(const char *reason)
{
    printf(
        "{\"name\":\"audit.drain_rate\",\"value\":null,\"unit\":\"events/s\",\"reason\":\"%s\"}\n",
        reason);
    return 1;
}

/* The journal is filled first, without a database. */
static int fill(struct audit_log *log, const char *directory, double *rate)
{
    int error = audit_log_open(log, directory, NULL, 0);
    uint64_t start = uv_hrtime();
    for (unsigned i = 0; i < FAXES && !error; i++) {
        error = audit_log_fax(log, i);
        if (i % 500 == 499 && !error)
            error = audit_log_flush(log);
    }
    if (!error)
        error = audit_log_flush(log);
    *rate = FAXES * 6 / seconds_since(start);
    if (log->audit)
        audit_log_close(log);
    return error;
}

static double own_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Processor seconds that the server's process for the drain has used; 0 when not known. */
static double server_seconds(const struct postgres *server)
{
    char text[64];
    unsigned long user = 0, system_time = 0;
    char path[96];
    if (postgres_sql(server,
                     "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
                     "pid <> pg_backend_pid() LIMIT 1",
                     text, sizeof(text)) != 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(text, NULL, 10));
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                        &user, &system_time) != 2)
        user = system_time = 0;
    if (file)
        fclose(file);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

struct drained {
    double rate;
    double gateway_us, server_us; /* of processor time for an event */
};

static int drain(struct audit_log *log, const struct postgres *server, const char *directory,
                 struct drained *out)
{
    int error = audit_log_open(log, directory, server->app, 0);
    if (error)
        return error;
    while (!db_is_up(log->db))
        uv_run(&log->loop, UV_RUN_ONCE);
    struct audit_state state;
    audit_state_get(log->audit, &state);
    uint64_t start = uv_hrtime();
    double own = own_seconds();
    error = audit_log_apply(log);
    double events = (double)(state.size - state.applied);
    *out = (struct drained){.rate = events / seconds_since(start),
                            .gateway_us = (own_seconds() - own) * 1e6 / events,
                            .server_us = server_seconds(server) * 1e6 / events};
    audit_log_close(log);
    return error;
}

static int insert_one(PGconn *connection, const struct journal_entry *entry)
{
    char text[RECORD_MAX + 1];
    char index[24];
    struct record record;
    struct record_head head;
    memcpy(text, entry->record, entry->record_length);
    text[entry->record_length] = '\0';
    if (record_parse(entry->record, entry->record_length, &record) != 0)
        return -1;
    record_head_get(&record, &head);
    snprintf(index, sizeof(index), "%lu", (unsigned long)entry->index);
    const char *row[] = {index, head.event, head.actor, head.outcome, head.fax, text};
    PGresult *result = PQexecPrepared(connection, "insert_one", 6, row, NULL, NULL, 0);
    int error = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
    PQclear(result);
    return error;
}

/* Only the record itself, nothing that it changes. */
static int baseline(const struct postgres *server, const char *directory, double *rate)
{
    PGconn *connection = PQconnectdb(server->app);
    struct journal_cursor *cursor = NULL;
    struct journal_entry entry;
    PQclear(PQexec(connection, "SET search_path = sealfax, pg_temp"));
    PGresult *result = PQprepare(
        connection, "insert_one",
        "INSERT INTO audit_record (time, node, index, event, actor, outcome, fax, bytes, record) "
        "VALUES (now(), 'baseline', $1::bigint, $2, $3, $4, $5::uuid, convert_to($6::text, "
        "'UTF8'), "
        "($6::text)::jsonb)",
        0, NULL);
    int error = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
    PQclear(result);
    if (!error)
        error = journal_cursor_open(directory, 0, &cursor);
    uint64_t start = uv_hrtime();
    for (int i = 0; i < BASELINE && !error; i++)
        error = journal_cursor_next(cursor, UINT64_MAX, &entry) == 1
                    ? insert_one(connection, &entry)
                    : -1;
    *rate = BASELINE / seconds_since(start);
    journal_cursor_close(cursor);
    PQfinish(connection);
    return error;
}

int main(void)
{
    struct postgres server;
    struct migrate_report report;
    struct audit_log log;
    char directory[] = "/tmp/sealfax-bench-XXXXXX";
    char command[64];
    double journal_rate = 0;
    struct drained drained = {0};
    double baseline_rate = 0;
    double load = 0;
    if (getloadavg(&load, 1) != 1)
        load = -1;
    if (!mkdtemp(directory))
        return fail("no directory for the journal");
    if (postgres_start(&server) != 0)
        return fail("PostgreSQL does not start");
    int error = migrate_run(server.owner, &report);
    if (!error)
        error = fill(&log, directory, &journal_rate);
    if (!error)
        error = drain(&log, &server, directory, &drained);
    if (!error)
        error = baseline(&server, directory, &baseline_rate);
    postgres_stop(&server);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    if (system(command) != 0 || error)
        return fail("the log could not be written or drained");
    printf("{\"name\":\"audit.drain_rate\",\"value\":%.0f,\"unit\":\"events/s\","
           "\"baseline\":{\"name\":\"single INSERT, one Sync a row\",\"value\":%.0f},"
           "\"journal_rate\":%.0f,\"cpu_us_per_event\":{\"gateway\":%.1f,\"server\":%.1f},"
           "\"load\":%.2f}\n",
           drained.rate, baseline_rate, journal_rate, drained.gateway_us, drained.server_us, load);
    return 0;
}
