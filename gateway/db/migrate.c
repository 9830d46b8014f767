#include "gateway/db/migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/migrations.h"
#include "policy/policy_action.h"
#include "policy/text_code.h"

enum { HASH_TEXT = 2 * SHA256_DIGEST_LENGTH + 1 };

static void hash_text(const char *text, char hex[HASH_TEXT])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), digest);
    hex_encode(digest, sizeof(digest), hex);
}

unsigned migrate_version(void)
{
    unsigned version = 0;
    for (size_t i = 0; migration_at(i); i++)
        version = migration_at(i)->version;
    return version;
}

__attribute__((format(printf, 2, 3))) static void say(struct migrate_report *report,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->message, sizeof(report->message), format, arguments);
    va_end(arguments);
    report->message[strcspn(report->message, "\n")] = '\0';
}

static int run_sql(PGconn *connection, const char *sql, struct migrate_report *report)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int error = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : -EIO;
    if (error)
        say(report, "%s", PQerrorMessage(connection));
    PQclear(result);
    return error;
}

static PGresult *run_query(PGconn *connection, const char *sql, const char *const *parameters,
                           int count, struct migrate_report *report)
{
    PGresult *result = PQexecParams(connection, sql, count, NULL, parameters, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return result;
    say(report, "%s", PQerrorMessage(connection));
    PQclear(result);
    return NULL;
}

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

static PGconn *connect_to(const char *conninfo, struct migrate_report *report)
{
    const char *keys[] = {"dbname", "application_name", "client_encoding", NULL};
    const char *values[] = {conninfo, "sealfax migrate", "UTF8", NULL};
    PGconn *connection = PQconnectdbParams(keys, values, 1);
    if (connection && PQstatus(connection) == CONNECTION_OK) {
        PQsetNoticeReceiver(connection, ignore_notice, NULL);
        return connection;
    }
    say(report, "%s", connection ? PQerrorMessage(connection) : "out of memory");
    PQfinish(connection);
    return NULL;
}

/* Compares one row of schema_migration with what this program knows. */
static int check_applied(const PGresult *rows, int row, struct migrate_report *report)
{
    unsigned version = (unsigned)strtoul(PQgetvalue(rows, row, 0), NULL, 10);
    const char *name = PQgetvalue(rows, row, 1);
    const struct migration *known = migration_at((size_t)row);
    if (!known) {
        say(report,
            "the schema is newer than this program: it has migration %s; nothing was changed, "
            "start "
            "the newer program again",
            name);
        return -EPROTONOSUPPORT;
    }
    char hash[HASH_TEXT];
    hash_text(known->text, hash);
    if (known->version != version || strcmp(known->name, name) != 0 ||
        strcmp(PQgetvalue(rows, row, 2), hash) != 0) {
        say(report, "migration %u (%s) is not the one this program knows as %s", version, name,
            known->name);
        return -EILSEQ;
    }
    return 0;
}

static int read_applied(PGconn *connection, struct migrate_report *report)
{
    PGresult *rows = run_query(connection,
                               "SELECT version, name, sha256 FROM sealfax.schema_migration "
                               "ORDER BY version",
                               NULL, 0, report);
    if (!rows)
        return -EIO;
    int error = 0;
    for (int row = 0; !error && row < PQntuples(rows); row++)
        error = check_applied(rows, row, report);
    report->version = (unsigned)PQntuples(rows);
    PQclear(rows);
    return error;
}

static int check_roles(PGconn *connection, struct migrate_report *report)
{
    PGresult *rows = run_query(connection,
                               "SELECT r.name FROM (VALUES ('sealfax_owner'), ('sealfax_app'), "
                               "('sealfax_reader')) r(name) WHERE r.name NOT IN "
                               "(SELECT rolname FROM pg_roles) ORDER BY 1",
                               NULL, 0, report);
    if (!rows)
        return -EIO;
    int missing = PQntuples(rows);
    if (missing)
        say(report, "the role %s does not exist", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return missing ? -ENOENT : 0;
}

static int check_encoding(PGconn *connection, struct migrate_report *report)
{
    const char *encoding = PQparameterStatus(connection, "server_encoding");
    if (encoding && strcmp(encoding, "UTF8") == 0)
        return 0;
    say(report, "the database must be in UTF8, not %s",
        encoding ? encoding : "an unknown encoding");
    return -EIO;
}

/* The session lock keeps a second caller waiting until the first has finished; both then see the
 * same list. */
static int prepare_schema(PGconn *connection, struct migrate_report *report)
{
    int error = check_encoding(connection, report);
    if (!error)
        error = check_roles(connection, report);
    if (!error)
        error = run_sql(connection, "SELECT pg_advisory_lock(7166418, 1)", report);
    if (!error)
        error = run_sql(connection, "SET ROLE sealfax_owner", report);
    if (!error)
        error = run_sql(connection,
                        "CREATE SCHEMA IF NOT EXISTS sealfax AUTHORIZATION sealfax_owner;"
                        "SET search_path = sealfax, pg_temp;"
                        "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY,"
                        " name text NOT NULL, sha256 text NOT NULL,"
                        " applied_at timestamptz NOT NULL DEFAULT now());"
                        "GRANT USAGE ON SCHEMA sealfax TO sealfax_app, sealfax_reader;"
                        "GRANT SELECT ON schema_migration TO sealfax_app, sealfax_reader",
                        report);
    return error;
}

static int apply_one(PGconn *connection, const struct migration *migration,
                     struct migrate_report *report)
{
    char version[12];
    char hash[HASH_TEXT];
    snprintf(version, sizeof(version), "%u", migration->version);
    hash_text(migration->text, hash);
    const char *row[] = {version, migration->name, hash};
    int error = run_sql(connection, migration->text, report);
    if (!error) {
        PGresult *result = run_query(
            connection, "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)",
            row, 3, report);
        error = result ? 0 : -EIO;
        PQclear(result);
    }
    if (error) {
        char reason[sizeof(report->message) - 128];
        snprintf(reason, sizeof(reason), "%.*s", (int)sizeof(reason) - 1, report->message);
        say(report, "%s: %s; nothing was changed", migration->name, reason);
    }
    return error;
}

static void list_actions(uint64_t actions, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int action = 0; action < POLICY_ACTION_COUNT && used < size; action++)
        if (actions & POLICY_ACTION_BIT(action))
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
                                     policy_action_text((enum policy_action)action));
}

/* The built-in roles are data of the program, not of the log: each version brings its own. */
static int write_builtin_roles(PGconn *connection, struct migrate_report *report)
{
    const struct policy_builtin_role *role = policy_builtin_role_at(0);
    for (size_t i = 0; role; role = policy_builtin_role_at(++i)) {
        char actions[1024];
        list_actions(role->actions, actions, sizeof(actions));
        const char *row[] = {role->name, actions};
        PGresult *result =
            run_query(connection,
                      "INSERT INTO roles AS r (role, actions, builtin, last_node, last_index) "
                      "VALUES ($1, $2, true, '', -1) ON CONFLICT (role) DO UPDATE "
                      "SET actions = excluded.actions, builtin = true, removed_at = NULL "
                      "WHERE (r.actions, r.builtin) IS DISTINCT FROM (excluded.actions, true)",
                      row, 2, report);
        if (!result)
            return -EIO;
        PQclear(result);
    }
    return 0;
}

/* All in one transaction: a program that cannot bring the schema to its version leaves it to the
 * one before. */
static int apply_missing(PGconn *connection, struct migrate_report *report)
{
    unsigned before = report->version;
    int error = run_sql(connection, "BEGIN", report);
    while (!error && migration_at(report->version)) {
        error = apply_one(connection, migration_at(report->version), report);
        if (!error)
            report->version = migration_at(report->version)->version;
    }
    if (!error)
        error = write_builtin_roles(connection, report);
    if (!error)
        error = run_sql(connection, "COMMIT", report);
    if (error) {
        PQclear(PQexec(connection, "ROLLBACK"));
        report->version = before;
    }
    report->applied = report->version - before;
    return error;
}

int migrate_run(const char *owner_conninfo, struct migrate_report *report)
{
    *report = (struct migrate_report){0};
    PGconn *connection = connect_to(owner_conninfo, report);
    if (!connection)
        return -ENOTCONN;
    int error = prepare_schema(connection, report);
    if (!error)
        error = read_applied(connection, report);
    if (!error)
        error = apply_missing(connection, report);
    PQfinish(connection);
    return error;
}

int migrate_check(const char *conninfo, struct migrate_report *report)
{
    *report = (struct migrate_report){0};
    PGconn *connection = connect_to(conninfo, report);
    if (!connection)
        return -ENOTCONN;
    int error = 0;
    PGresult *rows =
        run_query(connection, "SELECT to_regclass('sealfax.schema_migration')", NULL, 0, report);
    if (!rows)
        error = -EIO;
    else if (!PQgetisnull(rows, 0, 0))
        error = read_applied(connection, report);
    PQclear(rows);
    if (!error && report->version < migrate_version()) {
        say(report, "the schema has version %u, this program needs %u", report->version,
            migrate_version());
        error = -EAGAIN;
    }
    PQfinish(connection);
    return error;
}
