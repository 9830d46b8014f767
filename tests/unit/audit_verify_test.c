/* The verification names what was changed in journal or database, and only that. */
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

#include "gateway/audit/audit_verify.h"
#include "gateway/db/migrate.h"
#include "tests/doubles/audit_log.h"
#include "tests/doubles/postgres.h"

enum { FAXES = 50 };

struct fixture {
    struct postgres server;
    char directory[64], kept[80];
    char verifier_key[CHECKPOINT_KEY_TEXT];
    struct audit_verify_result result;
};

/* The command finds the two directories in $D and $K. */
static void shell(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* A log with three checkpoints over two runs, kept aside in both places. */
static int group_start(void **state)
{
    static struct fixture f;
    struct migrate_report report;
    struct audit_log log;
    char text[256];
    *state = &f;
    int error = postgres_start(&f.server);
    if (!error)
        error = migrate_run(f.server.owner, &report);
    snprintf(f.directory, sizeof(f.directory), "/tmp/sealfax-verify-XXXXXX");
    if (error || !mkdtemp(f.directory))
        return -1;
    snprintf(f.kept, sizeof(f.kept), "%s.kept", f.directory);
    for (unsigned run = 0; run < 2 && !error; run++) {
        error = audit_log_open(&log, f.directory, f.server.app, 65536);
        for (unsigned i = 0; i < FAXES && !error; i++)
            error = audit_log_fax(&log, run * FAXES + i);
        if (!error && run == 0)
            error = audit_log_apply(&log) || audit_log_checkpoint(&log) || audit_log_fax(&log, 999);
        if (!error)
            error = audit_log_apply(&log);
        memcpy(f.verifier_key, log.verifier_key, sizeof(f.verifier_key));
        audit_log_close(&log);
    }
    setenv("D", f.directory, 1);
    setenv("K", f.kept, 1);
    shell("cp -a $D $K");
    return error || postgres_sql(&f.server,
                                 "CREATE TABLE kept_record AS SELECT * FROM audit_record;"
                                 "CREATE TABLE kept_personal AS SELECT * FROM audit_personal;"
                                 "CREATE TABLE kept_checkpoints AS SELECT * FROM checkpoints",
                                 text, sizeof(text));
}

static int group_stop(void **state)
{
    struct fixture *f = *state;
    shell("rm -r $D $K");
    postgres_stop(&f->server);
    return 0;
}

static void sql(const struct fixture *f, const char *statement)
{
    char text[256];
    if (postgres_sql(&f->server, statement, text, sizeof(text)) != 0)
        fail_msg("%s: %s", statement, text);
}

static int start(void **state)
{
    struct fixture *f = *state;
    shell("rm -r $D && cp -a $K $D");
    sql(f, "TRUNCATE audit_record, audit_personal, checkpoints;"
           "INSERT INTO audit_record SELECT * FROM kept_record;"
           "INSERT INTO audit_personal SELECT * FROM kept_personal;"
           "INSERT INTO checkpoints SELECT * FROM kept_checkpoints");
    return 0;
}

static void verify(struct fixture *f, bool journal, bool database)
{
    struct audit_verify_config config = {
        .directory = journal ? f->directory : NULL,
        .conninfo = database ? f->server.reader : NULL,
        .node = "test",
        .verifier_key = f->verifier_key,
        .applied = UINT64_MAX,
    };
    int error = audit_verify_run(&config, &f->result);
    if (error)
        fail_msg("%d: %s", error, f->result.detail);
}

static void expect(const struct fixture *f, enum audit_finding finding, uint64_t index)
{
    if (f->result.finding != finding || (finding != AUDIT_INTACT && f->result.index != index))
        fail_msg("%s at %lu (%s: %s)", audit_finding_text(f->result.finding),
                 (unsigned long)f->result.index, f->result.where, f->result.detail);
}

static void test_intact(void **state)
{
    struct fixture *f = *state;
    verify(f, true, true);
    expect(f, AUDIT_INTACT, 0);
    /* 606 records of faxes, 3 of checkpoints. */
    assert_int_equal(f->result.journal_records, 609);
    assert_int_equal(f->result.database_records, 609);
    assert_int_equal(f->result.checkpoints, 3);
    assert_int_equal(f->result.covered, 608);
    assert_int_equal(f->result.personal_values, 101 * 3);
    assert_int_equal(f->result.personal_disposed, 0);
    uint8_t root[32];
    memcpy(root, f->result.root, sizeof(root));
    verify(f, true, false);
    expect(f, AUDIT_INTACT, 0);
    assert_memory_equal(root, f->result.root, sizeof(root));
    verify(f, false, true);
    expect(f, AUDIT_INTACT, 0);
    assert_memory_equal(root, f->result.root, sizeof(root));
}

static void test_an_altered_journal_record_is_named(void **state)
{
    struct fixture *f = *state;
    /* The first fax.completed is record 5. */
    shell("cd $D && sed -i '0,/delivered/s//deliveree/' 0000000000000000.journal");
    verify(f, true, true);
    expect(f, AUDIT_RECORD_ALTERED, 5);
    assert_non_null(strstr(f->result.where, ".journal: octet"));
    verify(f, true, false);
    expect(f, AUDIT_RECORD_ALTERED, 5);
    /* The start is later in the journal; what lies before is read soon after. */
    struct audit_log log;
    struct audit_state state_now = {.damage = ""};
    assert_int_equal(audit_log_open(&log, f->directory, NULL, 65536), 0);
    uint64_t end = uv_hrtime() + UINT64_C(20000000000);
    while (!state_now.damage[0] && uv_hrtime() < end) {
        uv_run(&log.loop, UV_RUN_ONCE);
        audit_state_get(log.audit, &state_now);
    }
    assert_non_null(strstr(state_now.damage, "record 5 at octet"));
    audit_log_close(&log);
    shell("cd $D && grep -q '\"event\":\"journal.damaged\"' *.journal");
}

static void test_an_altered_row_is_named(void **state)
{
    struct fixture *f = *state;
    sql(f, "UPDATE audit_record SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), "
           "'person:alice', 'person:alicf'), 'UTF8'), actor = 'person:alicf', record = "
           "replace(record::text, 'person:alice', 'person:alicf')::jsonb WHERE index = 77");
    verify(f, true, true);
    expect(f, AUDIT_ROW_ALTERED, 77);
    assert_string_equal(f->result.where, "audit_record, node test");
    assert_non_null(strstr(f->result.detail, "proves the journal"));
    verify(f, false, true); /* without the journal only the range is known */
    expect(f, AUDIT_ROOT_DIFFERS, 0);
}

static void test_altered_columns_are_named(void **state)
{
    struct fixture *f = *state;
    static const char *const changes[] = {
        "actor = 'person:bob'",
        "event = 'fax.viewed'",
        "outcome = 'denied'",
        "fax = NULL",
        "time = time + interval '1 microsecond'",
        "record = jsonb_set(record, '{mailbox}', '\"other\"')",
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        char text[256];
        snprintf(text, sizeof(text), "UPDATE audit_record SET %s WHERE index = 299", changes[i]);
        start(state);
        sql(f, text);
        verify(f, true, true);
        expect(f, AUDIT_ROW_COLUMNS, 299);
        assert_int_equal(f->result.findings, 1);
    }
}

static void test_missing_rows_are_named(void **state)
{
    struct fixture *f = *state;
    static const uint64_t indexes[] = {0, 123, 608};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof(text), "DELETE FROM audit_record WHERE index = %lu",
                 (unsigned long)indexes[i]);
        start(state);
        sql(f, text);
        verify(f, true, true);
        expect(f, AUDIT_ROW_MISSING, indexes[i]);
    }
    start(state);
    sql(f, "DELETE FROM audit_record WHERE index >= 600");
    verify(f, false, true); /* a checkpoint covers what is gone */
    expect(f, AUDIT_ROW_MISSING, 600);
}

static void test_extra_rows_are_named(void **state)
{
    struct fixture *f = *state;
    sql(f, "INSERT INTO audit_record SELECT time + interval '1 second', node, index, event, actor, "
           "outcome, fax, bytes, record FROM audit_record WHERE index = 40");
    verify(f, true, true);
    expect(f, AUDIT_ROW_COLUMNS,
           40); /* its time is not that of its octets; it is also one too many */
    assert_int_equal(f->result.findings, 2);
    start(state);
    sql(f, "INSERT INTO audit_record SELECT time, node, 609, event, actor, outcome, fax, "
           "convert_to(replace(convert_from(bytes, 'UTF8'), '\"index\":40,', '\"index\":609,'), "
           "'UTF8'), jsonb_set(record, '{index}', '609') FROM audit_record WHERE index = 40");
    verify(f, true, true);
    expect(f, AUDIT_ROW_EXTRA, 609);
}

static void test_personal_values(void **state)
{
    struct fixture *f = *state;
    sql(f, "UPDATE audit_personal SET value = '+1' WHERE index = 6 AND key = 'to'");
    verify(f, true, true);
    expect(f, AUDIT_PERSONAL_ALTERED, 6);
    start(state);
    sql(f, "DELETE FROM audit_personal"); /* disposed of: nothing is wrong */
    verify(f, true, true);
    expect(f, AUDIT_INTACT, 0);
    shell("rm $D/*.side");
    verify(f, true, true);
    expect(f, AUDIT_INTACT, 0);
    assert_int_equal(f->result.personal_disposed, 101 * 3);
}

static void test_the_end_of_the_log(void **state)
{
    struct fixture *f = *state;
    /* Both lose their end: the last checkpoint tells. */
    sql(f, "DELETE FROM audit_record WHERE index >= 500");
    shell("cd $D && rm $(ls *.journal | tail -2)");
    verify(f, true, true);
    expect(f, AUDIT_RECORD_MISSING, f->result.index);
    assert_int_equal(f->result.index, f->result.journal_records);
}

static void test_checkpoints(void **state)
{
    struct fixture *f = *state;
    sql(f, "UPDATE checkpoints SET root = repeat('0', 64) WHERE size = 300");
    verify(f, true, true);
    expect(f, AUDIT_CHECKPOINT_INVALID, UINT64_MAX);
    start(state);
    shell("cd $D && sed -i 's/^300$/301/' checkpoints");
    verify(f, true, true);
    expect(f, AUDIT_CHECKPOINT_INVALID, UINT64_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
    const struct CMUnitTest tests[] = {
        TEST(test_intact),
        TEST(test_an_altered_journal_record_is_named),
        TEST(test_an_altered_row_is_named),
        TEST(test_altered_columns_are_named),
        TEST(test_missing_rows_are_named),
        TEST(test_extra_rows_are_named),
        TEST(test_personal_values),
        TEST(test_the_end_of_the_log),
        TEST(test_checkpoints),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
