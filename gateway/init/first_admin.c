#include "gateway/init/first_admin.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "gateway/db/migrate.h"
#include "gateway/process/log.h"

static int failed(PGconn *connection, PGresult *result, const char *what)
{
    log_write(LOG_LEVEL_ERROR, "%s: %s", what, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return -EIO;
}

static void copy_name(PGresult *result, char *existing, size_t size)
{
    if (size > 0)
        snprintf(existing, size, "%s", PQgetvalue(result, 0, 0));
}

int first_admin_record(const char *owner_conninfo, const char *name, uid_t uid, char *existing,
                       size_t existing_size)
{
    char uid_text[24];
    const char *const parameters[] = {name, uid_text};
    snprintf(uid_text, sizeof uid_text, "%u", (unsigned)uid);
    PGconn *connection = PQconnectdb(owner_conninfo);
    if (PQstatus(connection) != CONNECTION_OK)
        return failed(connection, NULL, "the database cannot be reached");
    PGresult *result =
        PQexecParams(connection,
                     "SELECT principal FROM sealfax.grants WHERE role = 'administrator' "
                     "AND revoked_at IS NULL UNION ALL "
                     "SELECT principal FROM sealfax.initial_admin LIMIT 1",
                     0, NULL, NULL, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return failed(connection, result, "the administrators cannot be read");
    if (PQntuples(result) > 0) {
        copy_name(result, existing, existing_size);
        PQclear(result);
        PQfinish(connection);
        return 1;
    }
    PQclear(result);
    result = PQexecParams(
        connection, "INSERT INTO sealfax.initial_admin (principal, local_uid) VALUES ($1, $2)", 2,
        NULL, parameters, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return failed(connection, result, "the first administrator cannot be recorded");
    PQclear(result);
    PQfinish(connection);
    return 0;
}

int first_admin_migrate(const char *owner_conninfo, const char *application, const char *reader)
{
    struct migrate_report report;
    (void)application; /* the migrations name the roles themselves */
    (void)reader;
    memset(&report, 0, sizeof report);
    if (migrate_run(owner_conninfo, &report) < 0) {
        log_write(LOG_LEVEL_ERROR, "the database schema: %s", report.message);
        return 1;
    }
    return 0;
}
