/* The drain when PostgreSQL dies, refuses, or holds something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/migrate.h"
#include "tests/doubles/audit_log.h"
#include "tests/doubles/postgres.h"

struct fixture {
    struct postgres server;
    char directory[64];
    struct audit_log log;
};

static void sql(const struct fixture *f, const char *statement)
{
    char text[512];
    if (postgres_sql(&f->server, statement, text, sizeof(text)) != 0)
        fail_msg("%s: %s", statement, text);
}

static void assert_sql(const struct fixture *f, const char *statement, const char *expected)
{
    char text[512];
    int error = postgres_sql(&f->server, statement, text, sizeof(text));
    if (error || strcmp(text, expected) != 0)
        fail_msg("%s\n gave %s\n instead of %s", statement, text, expected);
}

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
    postgres_stop(&((struct fixture *)*state)->server);
    return 0;
}

static int start(void **state)
{
    struct fixture *f = *state;
    sql(f, "TRUNCATE audit_record, audit_personal, audit_refused, checkpoints, node, principals, "
           "local_accounts, grants, mailboxes, numbers, trunks, faxes, pages, attempts, "
           "submissions");
    snprintf(f->directory, sizeof(f->directory), "/tmp/sealfax-drain-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    setenv("D", f->directory, 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return system("rm -r $D");
}

static void run_for(struct fixture *f, unsigned ms)
{
    uint64_t end = uv_hrtime() + ms * UINT64_C(1000000);
    while (uv_hrtime() < end)
        uv_run(&f->log.loop, UV_RUN_NOWAIT);
}

static void test_exactly_once_when_the_server_is_killed(void **state)
{
    struct fixture *f = *state;
    enum { ROUNDS = 6, FAXES = 400 };
    struct audit_state seen;
    int interrupted = 0;
    srand(4);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < FAXES; i++)
            assert_int_equal(audit_log_fax(&f->log, round * FAXES + i), 0);
        assert_int_equal(audit_log_flush(&f->log), 0);
        audit_state_get(f->log.audit, &seen);
        uint64_t wanted = seen.applied + 1 + (uint64_t)rand() % (seen.lag / 2);
        while (seen.applied < wanted) {
            uv_run(&f->log.loop, UV_RUN_ONCE);
            audit_state_get(f->log.audit, &seen);
        }
        interrupted += seen.lag > 0;
        postgres_kill(&f->server);
        run_for(f, 50);
        assert_int_equal(audit_log_flush(&f->log), 0); /* events go on without the server */
        assert_int_equal(postgres_restart(&f->server), 0);
    }
    assert_true(interrupted >= 3); /* else this test has tested nothing */
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(f->log.failed, 0);
    assert_sql(f,
               "SELECT count(*) = count(DISTINCT index) AND count(*) = max(index) + 1 "
               "FROM audit_record",
               "t");
    assert_sql(f, "SELECT count(*) FROM audit_record WHERE event <> 'audit.checkpoint'", "14400");
    assert_sql(f,
               "SELECT count(*) || ' ' || sum(pages_confirmed) || ' ' || sum(attempts) "
               "FROM faxes WHERE state = 'delivered'",
               "2400 2400 2400");
    assert_sql(f, "SELECT count(*) FROM audit_refused", "0");
    audit_log_close(&f->log);
}

static void on_applied(void *user, int status, uint64_t index)
{
    int *statuses = user;
    statuses[index] = status;
}

static void test_a_refused_effect_blocks_nothing_and_is_tried_again(void **state)
{
    struct fixture *f = *state;
    const struct audit_field number[] = {{.key = "number", .text = "no number"},
                                         {.key = "mailbox", .text = "m"}};
    int statuses[20];
    struct audit_state seen;
    memset(statuses, 0x7f, sizeof(statuses));
    sql(f, "ALTER TABLE faxes ADD CONSTRAINT refuse_all CHECK (mailbox = 'other')");
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_event(&f->log, "number.assigned", NULL, number, 2), 0);
    assert_int_equal(audit_log_event(&f->log, "gateway.started", NULL, NULL, 0), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(audit_when_applied(f->log.audit, i, on_applied, statuses), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(statuses[0], -EBADMSG); /* fax.submitted */
    assert_int_equal(statuses[6], -EBADMSG); /* number.assigned */
    assert_int_equal(statuses[7], 0);
    audit_state_get(f->log.audit, &seen);
    assert_true(seen.refused >= 2);
    assert_int_equal(seen.refused_index, 0);
    assert_non_null(strstr(seen.refused_reason, "23514"));
    assert_sql(f, "SELECT count(*) FROM audit_record", "8");
    assert_sql(f, "SELECT count(*) FROM faxes", "0");
    /* The cause is put right: the fax appears with everything that came after. */
    sql(f, "ALTER TABLE faxes DROP CONSTRAINT refuse_all");
    for (int i = 0; i < 300 && seen.refused > 1; i++) {
        run_for(f, 100);
        audit_state_get(f->log.audit, &seen);
    }
    assert_int_equal(seen.refused, 1);
    assert_int_equal(seen.refused_index, 6);
    assert_sql(f, "SELECT state || pages_confirmed || attempts FROM faxes", "delivered11");
    assert_sql(f, "SELECT outcome || rate FROM attempts", "ok14400");
    assert_sql(f,
               "SELECT string_agg(index::text, ',') FROM audit_refused "
               "WHERE resolved_at IS NULL",
               "6");
    audit_log_close(&f->log);
    /* After a restart it is still known. */
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    run_for(f, 200);
    audit_state_get(f->log.audit, &seen);
    assert_int_equal(seen.refused, 1);
    audit_log_close(&f->log);
}

static void test_another_log_under_this_name(void **state)
{
    struct fixture *f = *state;
    struct audit_state seen;
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_int_equal(system("rm -r $D/*"), 0);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 2), 0);
    run_for(f, 500);
    audit_state_get(f->log.audit, &seen);
    assert_int_equal(seen.applied, 0);
    assert_true(seen.conflict);
    assert_non_null(strstr(seen.refused_reason, "the journal ends at record 0, but the database"));
    /* New records do not fill the gap. */
    assert_int_equal(audit_log_fax(&f->log, 3), 0);
    run_for(f, 3000);
    audit_state_get(f->log.audit, &seen);
    assert_true(seen.conflict);
    assert_non_null(strstr(seen.refused_reason, "the journal ends at record 0, but the database"));
    audit_log_close(&f->log);
    /* As long as what the database holds, but another. */
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    run_for(f, 500);
    audit_state_get(f->log.audit, &seen);
    assert_true(seen.conflict);
    assert_non_null(strstr(seen.refused_reason, "another record"));
    assert_sql(f, "SELECT count(*) FROM faxes", "1");
    audit_log_close(&f->log);
}

/* An older copy of the journal: what was written since is in the database only. */
static void test_a_journal_that_was_cut(void **state)
{
    struct fixture *f = *state;
    struct audit_state seen;
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_int_equal(system("cp -a $D $D.older"), 0);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_event(&f->log, "gateway.started", NULL, NULL, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_int_equal(system("mv $D $D.whole && mv $D.older $D"), 0);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    /* It records at once, as a gateway does before the database answers. */
    for (int i = 0; i < 5; i++)
        assert_int_equal(audit_log_event(&f->log, "gateway.started", NULL, NULL, 0), 0);
    run_for(f, 500);
    audit_state_get(f->log.audit, &seen);
    assert_true(seen.conflict);
    assert_non_null(strstr(seen.refused_reason, "it was cut, or is an older copy"));
    audit_log_close(&f->log);
    /* Put back, it goes on. */
    assert_int_equal(system("rm -r $D && mv $D.whole $D"), 0);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_state_get(f->log.audit, &seen);
    assert_false(seen.conflict);
    audit_log_close(&f->log);
}

/* Many records go with one statement; where the same row changes again, the order of the log holds.
 */
static void test_order_within_a_batch(void **state)
{
    struct fixture *f = *state;
    struct fax_id fax[2] = {{{1, 0x93, 0, 0, 0, 0, 0x70, 1, 0x80}},
                            {{1, 0x93, 0, 0, 0, 0, 0x70, 2, 0x80}}};
    const struct audit_field bob[] = {{.key = "principal", .text = "bob"}};
    static const char *const changes[] = {"principal.created", "principal.disabled",
                                          "principal.enabled", "principal.disabled",
                                          "principal.enabled", "principal.disabled"};
    assert_int_equal(audit_log_open(&f->log, f->directory, NULL, 0), 0);
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
        assert_int_equal(audit_log_event(&f->log, changes[i], NULL, bob, 1), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(audit_log_event(&f->log, "fax.submitted", &fax[i], NULL, 0), 0);
    for (int page = 1; page <= 4; page++)
        for (int i = 0; i < 2; i++) {
            const struct audit_field at[] = {
                {.key = "attempt", .kind = AUDIT_INTEGER, .integer = 1},
                {.key = "page", .kind = AUDIT_INTEGER, .integer = page}};
            assert_int_equal(audit_log_event(&f->log, "page.submitted", &fax[i], at, 2), 0);
            assert_int_equal(audit_log_event(&f->log, "page.sent", &fax[i], at, 2), 0);
        }
    const struct audit_field partial[] = {{.key = "state", .text = "partial"}};
    const struct audit_field delivered[] = {{.key = "state", .text = "delivered"}};
    assert_int_equal(audit_log_event(&f->log, "fax.completed", &fax[0], partial, 1), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.requeued", &fax[0], NULL, 0), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.completed", &fax[0], delivered, 1), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.completed", &fax[1], partial, 1), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    audit_log_close(&f->log);
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_sql(f, "SELECT disabled FROM principals WHERE principal = 'bob'", "t");
    assert_sql(f, "SELECT string_agg(state || pages_confirmed, ' ' ORDER BY fax) FROM faxes",
               "delivered4 partial4");
    assert_sql(f, "SELECT count(*) FROM pages WHERE confirmed_at IS NOT NULL", "8");
    assert_sql(f, "SELECT count(*) FROM audit_refused", "0");
}

static void test_replay_is_harmless(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(audit_log_fax(&f->log, i), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    sql(f, "CREATE TABLE before AS SELECT * FROM faxes; CREATE TABLE before_a AS SELECT * FROM "
           "attempts; CREATE TABLE before_p AS SELECT * FROM pages; "
           "DELETE FROM audit_record WHERE index >= 3");
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_sql(f, "SELECT count(*) FROM (SELECT * FROM faxes EXCEPT SELECT * FROM before) x", "0");
    assert_sql(f, "SELECT count(*) FROM (SELECT * FROM attempts EXCEPT SELECT * FROM before_a) x",
               "0");
    assert_sql(f, "SELECT count(*) FROM (SELECT * FROM pages EXCEPT SELECT * FROM before_p) x",
               "0");
    assert_sql(f, "SELECT count(*) = max(index) + 1 FROM audit_record", "t");
    sql(f, "DROP TABLE before, before_a, before_p");
}

static void test_partitions_are_made_when_needed(void **state)
{
    struct fixture *f = *state;
    sql(f, "DO $$ DECLARE p text; BEGIN FOR p IN SELECT inhrelid::regclass::text FROM pg_inherits "
           "WHERE inhparent = 'audit_record'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; "
           "END $$");
    assert_int_equal(audit_log_open(&f->log, f->directory, f->server.app, 0), 0);
    assert_int_equal(audit_log_fax(&f->log, 1), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    audit_log_close(&f->log);
    assert_sql(f, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_record'::regclass",
               "1");
    assert_sql(f, "SELECT tableowner FROM pg_tables WHERE tablename LIKE 'audit_record_2%'",
               "sealfax_owner");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_exactly_once_when_the_server_is_killed),
        TEST(test_a_refused_effect_blocks_nothing_and_is_tried_again),
        TEST(test_another_log_under_this_name),
        TEST(test_a_journal_that_was_cut),
        TEST(test_order_within_a_batch),
        TEST(test_replay_is_harmless),
        TEST(test_partitions_are_made_when_needed),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
