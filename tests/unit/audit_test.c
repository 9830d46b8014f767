/* The log from the event to the row, with a real journal and a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/db/migrate.h"
#include "tests/doubles/audit_log.h"
#include "tests/doubles/postgres.h"

struct fixture {
    struct postgres server;
    char directory[64];
    struct audit_log log;
};

static int group_start(void **state)
{
    static struct fixture f;
    struct migrate_report report;
    *state = &f;
    int error = postgres_start(&f.server);
    return error ? error : migrate_run(f.server.owner, &report);
}

static int group_stop(void **state)
{
    struct fixture *f = *state;
    postgres_stop(&f->server);
    return 0;
}

/* Each test has an empty database and journal. */
static int start(void **state)
{
    struct fixture *f = *state;
    char text[256];
    snprintf(f->directory, sizeof(f->directory), "/tmp/sealfax-journal-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    return postgres_sql(&f->server,
                        "TRUNCATE audit_record, audit_personal, audit_refused, checkpoints, node, "
                        "principals, local_accounts, grants, mailboxes, numbers, trunks, faxes, "
                        "pages, attempts, submissions",
                        text, sizeof(text));
}

static int stop(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", f->directory);
    return system(command);
}

static void assert_sql(const struct fixture *f, const char *sql, const char *expected)
{
    char text[512];
    int error = postgres_sql(&f->server, sql, text, sizeof(text));
    if (error || strcmp(text, expected) != 0)
        fail_msg("%s\n gave %s\n instead of %s", sql, text, expected);
}

static void test_a_fax_reaches_the_tables(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(audit_log_fax(&f->log, i), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(f->log.failed, 0);
    assert_int_equal(f->log.durable, 600);
    assert_sql(f,
               "SELECT count(*) || ' ' || count(DISTINCT index) || ' ' || max(index) "
               "FROM audit_record",
               "600 600 599");
    assert_sql(f, "SELECT count(*) FROM audit_personal WHERE key <> 'document'", "300");
    assert_sql(f,
               "SELECT count(*) || state || pages || pages_confirmed || attempts || from_number "
               "|| to_number || mailbox || class || kek || trunk FROM faxes GROUP BY state, pages, "
               "pages_confirmed, attempts, from_number, to_number, mailbox, class, kek, trunk",
               "100delivered111+493012345+4989\"7654\\3ordinationpatientpatient/2027-03/1carrier");
    assert_sql(f,
               "SELECT count(*) || peer_ident || rate || (ended_at >= started_at) FROM attempts "
               "GROUP BY 1 = 1, peer_ident, rate, ended_at >= started_at",
               "100+49 89 7654314400true");
    assert_sql(f, "SELECT count(*) FROM submissions", "100");
    assert_sql(f, "SELECT count(*) FROM pages WHERE confirmed_at IS NOT NULL", "100");
    assert_sql(f, "SELECT extract(epoch FROM max(disposal_at))::bigint FROM faxes", "1900000000");
    /* Columns and JSON say what the octets say, and no number stands in the record. */
    assert_sql(f,
               "SELECT count(*) FROM audit_record WHERE convert_from(bytes, 'UTF8')::jsonb "
               "<> record OR micro_time((record->>'time')::bigint) <> time OR "
               "convert_from(bytes, 'UTF8') LIKE '%49%3012345%'",
               "0");
    audit_log_close(&f->log);
}

static void on_applied(void *user, int status, uint64_t index)
{
    int64_t *seen = user;
    seen[0]++;
    seen[1] = status;
    seen[2] = (int64_t)index;
}

static void test_waiting_for_the_database(void **state)
{
    struct fixture *f = *state;
    int64_t seen[3] = {0};
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_when_applied(f->log.audit, 0, on_applied, seen), -EINVAL);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    assert_int_equal(audit_when_applied(f->log.audit, 5, on_applied, seen), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 0);
    assert_int_equal(seen[2], 5);
    assert_int_equal(audit_when_applied(f->log.audit, 3, on_applied, seen), 0);
    assert_int_equal(seen[0], 1); /* never inside the call */
    for (int i = 0; i < 100 && seen[0] == 1; i++)
        uv_run(&f->log.loop, UV_RUN_NOWAIT);
    assert_int_equal(seen[0], 2);
    audit_log_close(&f->log);
}

static void test_events_that_are_refused(void **state)
{
    struct fixture *f = *state;
    struct audit_field field = {.key = "reason", .text = "x"};
    char *large = calloc(1, AUDIT_TEXT_MAX + 2);
    memset(large, 'x', AUDIT_TEXT_MAX + 1);
    assert_int_equal(audit_log_open(&f->log, f->directory, NULL, 0), 0);
    assert_int_equal(audit_log_event(&f->log, "no.such.event", NULL, &field, 1), -EINVAL);
    field.key = "Bad Key";
    assert_int_equal(audit_log_event(&f->log, "fax.viewed", NULL, &field, 1), -EINVAL);
    field.key = "time";
    assert_int_equal(audit_log_event(&f->log, "fax.viewed", NULL, &field, 1), -EINVAL);
    field.key = "reason";
    field.text = large;
    assert_int_equal(audit_log_event(&f->log, "fax.viewed", NULL, &field, 1), -E2BIG);
    field.text = "x";
    assert_int_equal(audit_log_event(&f->log, "fax.viewed", NULL, &field, AUDIT_FIELDS_MAX + 1),
                     -EINVAL);
    assert_int_equal(audit_log_event(&f->log, "fax.viewed", NULL, &field, 1), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    assert_int_equal(f->log.durable, 1);
    audit_log_close(&f->log);
    free(large);
}

/* What a peer sends as number or reason may be no text: the event is recorded all the same, and the
 * journal opens again. */
static void test_texts_that_are_none(void **state)
{
    struct fixture *f = *state;
    const struct audit_field fields[] = {
        {.key = "reason", .text = "busy \xff\xfe caf\xc3"},
        {.key = "from", .kind = AUDIT_PERSONAL, .text = "\xe2\x82\x1b[31m"},
        {.key = "to", .kind = AUDIT_PERSONAL, .text = "caf\xc3\xa9"},
    };
    assert_int_equal(audit_log_open(&f->log, f->directory, NULL, 0), 0);
    assert_int_equal(audit_log_event(&f->log, "call.refused", NULL, fields, 3), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    audit_log_close(&f->log);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(f->log.recovery.message[0], '\0');
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_sql(f, "SELECT record->>'reason' FROM audit_record WHERE event = 'call.refused'",
               "busy ?? caf?");
    assert_sql(f, "SELECT string_agg(value, ' ' ORDER BY key) FROM audit_personal",
               "???[31m caf\xc3\xa9");
    audit_log_close(&f->log);
}

static void test_without_database_nothing_stops(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(audit_log_open(&f->log, f->directory, "host=/nonexistent user=x", 0), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(audit_log_fax(&f->log, i), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    assert_int_equal(f->log.durable, 120);
    audit_log_close(&f->log);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_true(f->log.recovery.size >= 120);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_sql(f, "SELECT count(*) FROM faxes WHERE state = 'delivered'", "20");
    audit_log_close(&f->log);
}

static void test_checkpoints_are_signed_and_stored(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    assert_int_equal(audit_log_checkpoint(&f->log), 0);
    assert_int_equal(f->log.checkpoints, 1);
    /* Nothing new: the checkpoint's own record needs none. */
    assert_int_equal(audit_log_checkpoint(&f->log), 0);
    assert_int_equal(f->log.checkpoints, 1);
    assert_int_equal(audit_log_fax(&f->log, 2), 0);
    audit_log_close(&f->log); /* a clean stop signs what is new and drains it */
    assert_int_equal(f->log.checkpoints, 2);
    assert_sql(f, "SELECT string_agg(size::text, ',' ORDER BY size) FROM checkpoints", "6,13");
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(f->log.recovery.size, 14);
    assert_int_equal(audit_log_checkpoint(&f->log), 0);
    assert_int_equal(f->log.checkpoints, 0);
    audit_log_close(&f->log);
}

static void test_personal_keys_are_personal_whatever_the_caller_says(void **state)
{
    struct fixture *f = *state;
    const struct audit_field fields[] = {{.key = "number", .text = "+4930555666"},
                                         {.key = "mailbox", .text = "m"},
                                         {.key = "ident", .text = ""}};
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_event(&f->log, "number.assigned", NULL, fields, 3), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_sql(f, "SELECT record->>'number' LIKE 'sha256:%' FROM audit_record", "t");
    assert_sql(f, "SELECT number || mailbox FROM numbers", "+4930555666m");
    audit_log_close(&f->log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_fax_reaches_the_tables),
        TEST(test_waiting_for_the_database),
        TEST(test_events_that_are_refused),
        TEST(test_texts_that_are_none),
        TEST(test_without_database_nothing_stops),
        TEST(test_checkpoints_are_signed_and_stored),
        TEST(test_personal_keys_are_personal_whatever_the_caller_says),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
