/* The connection against a real PostgreSQL: queries, refusals, batches, loss, close, migrations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/db.h"
#include "gateway/db/migrate.h"
#include "gateway/db/migrations.h"
#include "tests/doubles/postgres.h"

static const struct db_statement STATEMENT_ADD = {"test_add",
                                                  "SELECT $1::bigint + $2::bigint, NULL", 2};
static const struct db_statement STATEMENT_SLEEP = {"test_sleep", "SELECT pg_sleep($1::float8)", 1};
static const struct db_statement STATEMENT_WRONG = {"test_wrong", "SELECT * FROM no_such_table", 0};
static const struct db_statement STATEMENT_DIVIDE = {"test_divide", "SELECT 1 / $1::int", 1};
static const struct db_statement STATEMENT_INSERT = {
    "test_insert", "INSERT INTO node (node, version) VALUES ($1, 'test')", 1};
static const struct db_statement STATEMENT_COUNT = {"test_count", "SELECT count(*) FROM node", 0};
static const struct db_statement STATEMENT_OCTETS = {"test_octets", "SELECT $1::bytea, true", 1};
static const struct db_statement STATEMENT_DELETE = {"test_delete", "DELETE FROM audit_record", 0};
static const struct db_statement STATEMENT_UPDATE = {"test_update",
                                                     "UPDATE audit_record SET actor = 'x'", 0};
static const struct db_statement STATEMENT_PERSONAL = {"test_personal",
                                                       "SELECT value FROM audit_personal", 0};

struct fixture {
    struct postgres server;
    uv_loop_t loop;
    struct db *db;
    int ups, downs, answers, closed;
    int status[2048];
    int64_t value;
    char sqlstate[DB_SQLSTATE_TEXT];
    size_t failed;
};

static void on_state(void *user, enum db_state state, const char *reason)
{
    struct fixture *f = user;
    assert_int_equal(state == DB_DOWN, reason != NULL);
    *(state == DB_UP ? &f->ups : &f->downs) += 1;
}

static void keep(struct fixture *f, int status, const struct db_result *result)
{
    f->status[f->answers++ % 2048] = status;
    f->sqlstate[0] = '\0';
    if (result) {
        f->value = db_result_integer(result, 0, 0, -1);
        strcpy(f->sqlstate, db_result_sqlstate(result));
    }
}

static void on_result(void *user, int status, const struct db_result *result)
{
    keep(user, status, result);
}

static void on_batch(void *user, int status, size_t failed, const struct db_result *result)
{
    struct fixture *f = user;
    f->failed = failed;
    keep(f, status, result);
}

static void on_closed(void *user)
{
    ((struct fixture *)user)->closed++;
}

static void run_until(struct fixture *f, const int *counter, int wanted)
{
    uint64_t end = uv_hrtime() + UINT64_C(30000000000);
    while (*counter < wanted && uv_hrtime() < end)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(*counter >= wanted);
}

static void open_as(struct fixture *f, const char *conninfo, const char *role)
{
    f->ups = f->downs = f->answers = f->closed = 0;
    struct db_config config = {.conninfo = conninfo, .role = role};
    assert_int_equal(db_open(&f->loop, &config, on_state, f, &f->db), 0);
}

static void close_db(struct fixture *f)
{
    db_close(f->db, on_closed, f);
    run_until(f, &f->closed, 1);
    f->db = NULL;
}

static int start(void **state)
{
    static struct fixture f;
    *state = &f;
    uv_loop_init(&f.loop);
    return postgres_start(&f.server);
}

static int stop(void **state)
{
    struct fixture *f = *state;
    postgres_stop(&f->server);
    return uv_loop_close(&f->loop);
}

static void test_migrations_apply_once(void **state)
{
    struct fixture *f = *state;
    struct migrate_report report;
    assert_int_equal(migrate_check(f->server.owner, &report), -EAGAIN);
    if (migrate_run(f->server.owner, &report) != 0)
        fail_msg("%s", report.message);
    assert_int_equal(report.applied, migrate_version());
    assert_int_equal(migrate_run(f->server.owner, &report), 0);
    assert_int_equal(report.applied, 0);
    assert_int_equal(report.version, migrate_version());
    assert_int_equal(migrate_check(f->server.app, &report), 0);
    assert_int_equal(migrate_run("host=/nonexistent user=x", &report), -ENOTCONN);
    assert_true(strlen(report.message) > 0);
}

static void test_migrations_refuse_what_they_do_not_know(void **state)
{
    struct fixture *f = *state;
    struct migrate_report report;
    char text[256];
    assert_int_equal(postgres_sql(&f->server,
                                  "INSERT INTO schema_migration VALUES (900, 'new', 'x')", text,
                                  256),
                     0);
    assert_int_equal(migrate_run(f->server.owner, &report), -EPROTONOSUPPORT);
    assert_int_equal(migrate_check(f->server.reader, &report), -EPROTONOSUPPORT);
    postgres_sql(&f->server, "DELETE FROM schema_migration WHERE version = 900", text, 256);
    postgres_sql(&f->server, "UPDATE schema_migration SET sha256 = 'x' || sha256 WHERE version = 2",
                 text, 256);
    assert_int_equal(migrate_run(f->server.owner, &report), -EILSEQ);
    assert_non_null(strstr(report.message, "0002"));
    postgres_sql(&f->server,
                 "UPDATE schema_migration SET sha256 = substr(sha256, 2) WHERE version = 2", text,
                 256);
    assert_int_equal(migrate_run(f->server.owner, &report), 0);
}

/* Applies a migration as an older program did. */
static void apply_as_before(const struct fixture *f, const struct migration *migration)
{
    char *sql = NULL;
    char text[256];
    int length = asprintf(&sql,
                          "SET ROLE sealfax_owner; %s; INSERT INTO schema_migration SELECT %u, "
                          "'%s', encode(sha256(convert_to($m$%s$m$, 'UTF8')), 'hex')",
                          migration->text, migration->version, migration->name, migration->text);
    assert_true(length > 0);
    if (postgres_sql(&f->server, sql, text, sizeof(text)) != 0)
        fail_msg("%s", text);
    free(sql);
}

/* A schema of an older program is brought forward and keeps its rows. */
static void test_migrations_continue_an_older_schema(void **state)
{
    struct fixture *f = *state;
    struct migrate_report report;
    char text[256];
    assert_int_equal(
        postgres_sql(&f->server,
                     "DROP SCHEMA sealfax CASCADE; SET ROLE sealfax_owner; CREATE SCHEMA sealfax; "
                     "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT "
                     "NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                     text, sizeof(text)),
        0);
    apply_as_before(f, migration_at(0));
    apply_as_before(f, migration_at(1));
    assert_int_equal(postgres_sql(&f->server,
                                  "INSERT INTO node (node, version) VALUES ('old', '0')", text,
                                  sizeof(text)),
                     0);
    assert_int_equal(migrate_check(f->server.owner, &report), -EAGAIN);
    assert_int_equal(report.version, 2);
    if (migrate_run(f->server.owner, &report) != 0)
        fail_msg("%s", report.message);
    assert_int_equal(report.applied, migrate_version() - 2);
    assert_int_equal(migrate_check(f->server.app, &report), 0);
    postgres_sql(&f->server, "SELECT version FROM node WHERE node = 'old'", text, sizeof(text));
    assert_string_equal(text, "0");
}

static void test_queries_answer_in_order(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, "sealfax_app");
    for (int i = 0; i < 500; i++) {
        char number[12];
        snprintf(number, sizeof(number), "%d", i);
        const char *parameters[] = {number, "1000"};
        assert_int_equal(db_query(f->db, &STATEMENT_ADD, parameters, on_result, f), 0);
    }
    assert_int_equal(db_pending(f->db), 500);
    run_until(f, &f->answers, 500);
    assert_int_equal(f->value, 1499);
    assert_int_equal(f->ups, 1);
    const char *octets[] = {"\\x00ff10"};
    assert_int_equal(db_query(f->db, &STATEMENT_OCTETS, octets, on_result, f), 0);
    run_until(f, &f->answers, 501);
    for (int i = 0; i < 501; i++)
        assert_int_equal(f->status[i], 0);
    close_db(f);
}

static void test_refusals_do_not_disturb_others(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, NULL);
    const char *zero[] = {"0"};
    const char *numbers[] = {"1", "2"};
    assert_int_equal(db_query(f->db, &STATEMENT_DIVIDE, zero, on_result, f), 0);
    assert_int_equal(db_query(f->db, &STATEMENT_WRONG, NULL, on_result, f), 0);
    assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), 0);
    run_until(f, &f->answers, 3);
    assert_int_equal(f->status[0], -EIO);
    assert_int_equal(f->status[1], -EIO);
    assert_int_equal(f->status[2], 0);
    assert_int_equal(f->value, 3);
    assert_int_equal(db_query(f->db, &STATEMENT_WRONG, NULL, on_result, f), 0);
    run_until(f, &f->answers, 4);
    assert_string_equal(f->sqlstate, "42P01"); /* the reason, not "no such prepared statement" */
    close_db(f);
}

static void add(struct db_batch *batch, const char *node)
{
    const char *parameters[] = {node};
    assert_non_null(batch);
    assert_int_equal(db_batch_add(batch, &STATEMENT_INSERT, parameters), 0);
}

static void test_a_batch_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, NULL);
    struct db_batch *batch = db_batch_new();
    add(batch, "a");
    add(batch, "b");
    add(batch, "NOT ALLOWED");
    add(batch, "c");
    assert_int_equal(db_batch_send(f->db, batch, on_batch, f), 0);
    run_until(f, &f->answers, 1);
    assert_int_equal(f->status[0], -EIO);
    assert_int_equal(f->failed, 2);
    assert_string_equal(f->sqlstate, "23514");
    batch = db_batch_new();
    add(batch, "a");
    add(batch, "b");
    assert_int_equal(db_batch_send(f->db, batch, on_batch, f), 0);
    assert_int_equal(db_query(f->db, &STATEMENT_COUNT, NULL, on_result, f), 0);
    run_until(f, &f->answers, 3);
    assert_int_equal(f->status[1], 0);
    assert_int_equal(f->value, 3); /* a, b and the one of the older schema */
    assert_int_equal(db_batch_send(f->db, db_batch_new(), on_batch, f), -EINVAL);
    close_db(f);
}

static void test_the_application_cannot_change_the_log(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, "sealfax_app");
    assert_int_equal(db_query(f->db, &STATEMENT_DELETE, NULL, on_result, f), 0);
    run_until(f, &f->answers, 1);
    assert_string_equal(f->sqlstate, "42501");
    assert_int_equal(db_query(f->db, &STATEMENT_UPDATE, NULL, on_result, f), 0);
    run_until(f, &f->answers, 2);
    assert_string_equal(f->sqlstate, "42501");
    assert_int_equal(db_query(f->db, &STATEMENT_PERSONAL, NULL, on_result, f), 0);
    run_until(f, &f->answers, 3);
    assert_int_equal(f->status[2], 0);
    close_db(f);
    open_as(f, f->server.reader, NULL);
    assert_int_equal(db_query(f->db, &STATEMENT_PERSONAL, NULL, on_result, f), 0);
    run_until(f, &f->answers, 1);
    assert_string_equal(f->sqlstate, "42501");
    close_db(f);
}

static void test_a_lost_connection_is_told_and_opened_again(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, NULL);
    const char *second[] = {"20"};
    const char *numbers[] = {"20", "3"};
    run_until(f, &f->ups, 1);
    assert_int_equal(db_query(f->db, &STATEMENT_SLEEP, second, on_result, f), 0);
    assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), 0);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    postgres_kill(&f->server);
    run_until(f, &f->answers, 2);
    assert_int_equal(f->status[0], -ECONNRESET);
    assert_int_equal(f->status[1], -ECONNRESET);
    assert_false(db_is_up(f->db));
    /* What is asked while it is down waits for the next connection. */
    assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), 0);
    run_until(f, &f->downs, 3);
    assert_int_equal(postgres_restart(&f->server), 0);
    run_until(f, &f->answers, 3);
    assert_int_equal(f->status[2], 0);
    assert_int_equal(f->value, 23);
    assert_int_equal(f->ups, 2);
    close_db(f);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    f->ups = f->downs = f->answers = f->closed = 0;
    struct db_config config = {.conninfo = "host=/nonexistent user=nobody",
                               .query_timeout_ms = 300};
    const char *numbers[] = {"1", "1"};
    assert_int_equal(db_open(&f->loop, &config, on_state, f, &f->db), 0);
    for (int i = 0; i < DB_QUEUE_MAX; i++)
        assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), 0);
    assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), -ENOBUFS);
    run_until(f, &f->answers, DB_QUEUE_MAX);
    assert_int_equal(f->status[0], -ETIMEDOUT);
    assert_int_equal(db_query(f->db, &STATEMENT_ADD, numbers, on_result, f), 0);
    close_db(f);
    assert_int_equal(f->answers, DB_QUEUE_MAX + 1);
    assert_int_equal(f->status[DB_QUEUE_MAX % 2048], -ECANCELED);
    config.conninfo = "host=x nonsense";
    assert_int_equal(db_open(&f->loop, &config, on_state, f, &f->db), -EINVAL);
    db_close(NULL, on_closed, f);
}

static void test_close_lets_what_is_on_its_way_finish(void **state)
{
    struct fixture *f = *state;
    open_as(f, f->server.app, NULL);
    run_until(f, &f->ups, 1);
    const char *moment[] = {"0.3"};
    assert_int_equal(db_query(f->db, &STATEMENT_SLEEP, moment, on_result, f), 0);
    close_db(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->status[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrations_apply_once),
        cmocka_unit_test(test_migrations_refuse_what_they_do_not_know),
        cmocka_unit_test(test_migrations_continue_an_older_schema),
        cmocka_unit_test(test_queries_answer_in_order),
        cmocka_unit_test(test_refusals_do_not_disturb_others),
        cmocka_unit_test(test_a_batch_is_all_or_nothing),
        cmocka_unit_test(test_the_application_cannot_change_the_log),
        cmocka_unit_test(test_a_lost_connection_is_told_and_opened_again),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_close_lets_what_is_on_its_way_finish),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
