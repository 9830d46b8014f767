/* Lists and the policy as loaded from tables that the drain filled from events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/account_queries.h"
#include "gateway/db/audit_queries.h"
#include "gateway/db/fax_queries.h"
#include "gateway/db/migrate.h"
#include "gateway/db/policy_load.h"
#include "gateway/db/register_queries.h"
#include "policy/decision.h"
#include "tests/doubles/audit_log.h"
#include "tests/doubles/postgres.h"

struct fixture {
    struct postgres server;
    char directory[64];
    struct audit_log log;
    int answered, status, rows;
    char text[256];
    int64_t number;
    struct policy_set *set;
};

#define TEXT(k, v)                                                                                 \
    {                                                                                              \
        .key = k, .kind = AUDIT_TEXT, .text = v                                                    \
    }
#define PERSONAL(k, v)                                                                             \
    {                                                                                              \
        .key = k, .kind = AUDIT_PERSONAL, .text = v                                                \
    }
#define INTEGER(k, v)                                                                              \
    {                                                                                              \
        .key = k, .kind = AUDIT_INTEGER, .integer = v                                              \
    }
#define EVENT(f, type, ...)                                                                        \
    do {                                                                                           \
        const struct audit_field fields[] = {__VA_ARGS__};                                         \
        assert_int_equal(                                                                          \
            audit_log_event(&(f)->log, type, NULL, fields, sizeof(fields) / sizeof(*fields)), 0);  \
    } while (0)

static void fill(struct fixture *f)
{
    EVENT(f, "admin.initialised", TEXT("principal", "root"), INTEGER("local_uid", 0));
    EVENT(f, "principal.created", TEXT("principal", "alice"), TEXT("kind", "person"),
          INTEGER("local_uid", 1000), PERSONAL("full_name", "Alice Müller"));
    EVENT(f, "mailbox.created", TEXT("mailbox", "ordination"), TEXT("class", "patient"),
          INTEGER("retention_days", 30));
    EVENT(f, "mailbox.changed", TEXT("mailbox", "ordination"), TEXT("class", "patient"),
          INTEGER("retention_days", 60), TEXT("device", "copier"));
    EVENT(f, "number.assigned", PERSONAL("number", "+493012345"), TEXT("mailbox", "ordination"),
          TEXT("ident", "+49 30 12345"));
    EVENT(f, "number.assigned", PERSONAL("number", "+493099999"), TEXT("mailbox", "ordination"),
          TEXT("ident", ""));
    EVENT(f, "number.removed", PERSONAL("number", "+493099999"), TEXT("mailbox", "ordination"));
    EVENT(f, "trunk.created", TEXT("trunk", "carrier"), TEXT("host", "127.0.0.1"),
          INTEGER("port", 5060), INTEGER("t38_first", 1), TEXT("prefix", "+49"));
    EVENT(f, "trunk.identity_set", TEXT("trunk", "carrier"), TEXT("asserted_identity", "send"));
    EVENT(f, "trunk.terms_set", TEXT("trunk", "carrier"), INTEGER("nat", 1));
    EVENT(f, "trunk.terms_set", TEXT("trunk", "carrier"), TEXT("asserted_identity", "trust"));
    EVENT(f, "trunk.credential_set", TEXT("trunk", "carrier"), TEXT("realm", "old"),
          PERSONAL("user", "u0"), TEXT("sealed", "00"));
    EVENT(f, "trunk.credential_removed", TEXT("trunk", "carrier"));
    EVENT(f, "trunk.credential_set", TEXT("trunk", "carrier"), TEXT("realm", "sip.example"),
          PERSONAL("user", "u0"), TEXT("sealed", "11"));
    EVENT(f, "trunk.credential_set", TEXT("trunk", "carrier"), TEXT("realm", "sip.example"),
          PERSONAL("user", "u1"), TEXT("sealed", "22"));
    EVENT(f, "trunk.registration_set", TEXT("trunk", "carrier"), PERSONAL("user", "4989"),
          TEXT("domain", "d.example"), INTEGER("expires", 600));
    EVENT(f, "trunk.created", TEXT("trunk", "gone"), TEXT("host", "127.0.0.2"),
          INTEGER("port", 5060));
    EVENT(f, "trunk.credential_set", TEXT("trunk", "gone"), TEXT("realm", "r"),
          PERSONAL("user", "u"), TEXT("sealed", "33"));
    EVENT(f, "trunk.registration_set", TEXT("trunk", "gone"), PERSONAL("user", "u"),
          INTEGER("expires", 60));
    EVENT(f, "trunk.removed", TEXT("trunk", "gone"));
    EVENT(f, "trunk.created", TEXT("trunk", "gone"), TEXT("host", "127.0.0.2"),
          INTEGER("port", 5060));
    EVENT(f, "trunk.credential_set", TEXT("trunk", "other"), TEXT("realm", "r"),
          PERSONAL("user", "u"), TEXT("sealed", "44")); /* of no trunk */
    EVENT(f, "trunk.removed", TEXT("trunk", "gone"));
    EVENT(f, "role.created", TEXT("role", "nurse"), TEXT("actions", "fax.submit,fax.list"));
    EVENT(f, "grant.created", TEXT("grant", "01930000-0000-7000-8000-000000000001"),
          TEXT("principal", "alice"), TEXT("role", "nurse"), PERSONAL("from_numbers", "+493012345"),
          PERSONAL("to_numbers", "+49*,+43*"), TEXT("mailboxes", "ordination"),
          INTEGER("expires", 4000000000));
    EVENT(f, "grant.created", TEXT("grant", "01930000-0000-7000-8000-000000000002"),
          TEXT("principal", "alice"), TEXT("role", "nurse"), PERSONAL("from_numbers", "*"),
          PERSONAL("to_numbers", "*"), TEXT("mailboxes", "*"), INTEGER("expires", 0));
    EVENT(f, "grant.revoked", TEXT("grant", "01930000-0000-7000-8000-000000000002"));
    EVENT(f, "device.created", TEXT("device", "copier"), PERSONAL("extension", "+493012345"),
          TEXT("user", "copier"), TEXT("realm", "fax"), TEXT("secret", "00"));
    EVENT(f, "device.changed", TEXT("device", "copier"), TEXT("user", "u2"), TEXT("realm", "fax"),
          TEXT("secret", "11"));
    EVENT(f, "device.terms_set", TEXT("device", "copier"), TEXT("calls", "bridge:carrier"),
          TEXT("tls_name", "copier.example"));
    EVENT(f, "device.created", TEXT("device", "gone"), PERSONAL("extension", "+493012346"),
          TEXT("user", "gone"), TEXT("realm", "fax"), TEXT("secret", "22"));
    for (int i = 0; i < 3; i++) {
        EVENT(f, "device.registered", TEXT("device", i == 2 ? "gone" : "copier"),
              PERSONAL("contact", i == 1 ? "sip:b@h" : "sip:a@h"),
              PERSONAL("peer", "192.0.2.1:5060"), TEXT("transport", "udp"),
              INTEGER("expires", 60 + i));
    }
    EVENT(f, "device.expired", TEXT("device", "copier"), PERSONAL("contact", "sip:a@h"));
    EVENT(f, "device.removed", TEXT("device", "gone"));
    EVENT(f, "device.disabled", TEXT("device", "copier"));
    EVENT(f, "device.enabled", TEXT("device", "copier"));
    EVENT(f, "device.registered", TEXT("device", "copier"), PERSONAL("contact", "sip:b@h"),
          PERSONAL("peer", "[2001:db8::1]:5070"), TEXT("transport", "tls"), INTEGER("expires", 90));
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(audit_log_fax(&f->log, i), 0);
    struct fax_id fax = {{0x01, 0x94, 0, 0, 0, 0, 0x70, 0, 0x80}};
    const struct audit_field offered[] = {
        TEXT("direction", "in"),  PERSONAL("from", "+43111"),      PERSONAL("to", "+493012345"),
        TEXT("mailbox", "other"), TEXT("class", "patient"),        TEXT("trunk", "carrier"),
        TEXT("call_id", "x@y"),   TEXT("kek", "patient/undated/1")};
    const struct audit_field received[] = {INTEGER("attempt", 1),  INTEGER("page", 1),
                                           INTEGER("width", 1728), INTEGER("rows", 2000),
                                           INTEGER("offset", 128), INTEGER("length", 40000)};
    assert_int_equal(audit_log_event(&f->log, "fax.offered", &fax, offered, 8), 0);
    assert_int_equal(audit_log_event(&f->log, "media.started", &fax, received, 1), 0);
    assert_int_equal(audit_log_event(&f->log, "page.received", &fax, received, 6), 0);
    assert_int_equal(audit_log_event(&f->log, "page.confirmed", &fax, received, 2), 0);
}

static int group_start(void **state)
{
    static struct fixture f;
    struct migrate_report report;
    *state = &f;
    int error = postgres_start(&f.server);
    if (!error)
        error = migrate_run(f.server.owner, &report);
    snprintf(f.directory, sizeof(f.directory), "/tmp/sealfax-queries-XXXXXX");
    if (error || !mkdtemp(f.directory))
        return -1;
    setenv("D", f.directory, 1);
    error = audit_log_open(&f.log, f.directory, f.server.app, 0);
    if (error)
        return error;
    fill(&f);
    return audit_log_apply(&f.log);
}

static int group_stop(void **state)
{
    struct fixture *f = *state;
    audit_log_close(&f->log);
    postgres_stop(&f->server);
    return system("rm -r $D");
}

static void wait_answer(struct fixture *f)
{
    uint64_t end = uv_hrtime() + UINT64_C(20000000000);
    while (!f->answered && uv_hrtime() < end)
        uv_run(&f->log.loop, UV_RUN_ONCE);
    assert_int_equal(f->answered, 1);
    assert_int_equal(f->status, 0);
    f->answered = 0;
}

static void on_faxes(void *user, int status, const struct db_result *result)
{
    struct fixture *f = user;
    struct fax_row row;
    f->answered = 1;
    f->status = status;
    f->rows = status ? 0 : db_result_rows(result);
    f->text[0] = '\0';
    if (f->rows) {
        fax_row_read(result, 0, &row);
        snprintf(f->text, sizeof(f->text), "%s %s %s %s>%s %ld/%ld", row.fax, row.direction,
                 row.state, row.from_number, row.to_number, (long)row.pages_confirmed,
                 (long)row.pages);
        f->number = row.disposal_ms;
    }
}

static void expect_list(struct fixture *f, const struct fax_filter *filter, int rows)
{
    assert_int_equal(fax_query_list(f->log.db, filter, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, rows);
}

static void test_lists_of_faxes(void **state)
{
    struct fixture *f = *state;
    const char *const mailboxes[] = {"nobody's \"box\\", "ordination"};
    expect_list(f, &(struct fax_filter){.all_mailboxes = true}, 6);
    assert_string_equal(f->text, "01940000-0000-7000-8000-000000000000 in receiving "
                                 "+43111>+493012345 1/1");
    expect_list(f, &(struct fax_filter){0}, 0); /* who may see no mailbox sees nothing */
    expect_list(f, &(struct fax_filter){.mailboxes = mailboxes, .mailbox_count = 1}, 0);
    expect_list(f, &(struct fax_filter){.mailboxes = mailboxes, .mailbox_count = 2}, 5);
    expect_list(f, &(struct fax_filter){.all_mailboxes = true, .direction = "in"}, 1);
    expect_list(f, &(struct fax_filter){.all_mailboxes = true, .mailbox = "ordination"}, 5);
    expect_list(f, &(struct fax_filter){.all_mailboxes = true, .state = "delivered", .limit = 2},
                2);
    struct fax_id before;
    assert_int_equal(fax_id_parse(&before, "01930000-0000-7000-8000-000000000003"), 0);
    expect_list(f, &(struct fax_filter){.all_mailboxes = true, .before = &before}, 3);
    assert_non_null(strstr(f->text, "000000000002 out delivered"));
    assert_int_equal(f->number, 1900000000000);
    assert_int_equal(fax_query_list(f->log.db, &(struct fax_filter){.limit = 5000}, on_faxes, f),
                     -EINVAL);
}

static void test_single_faxes(void **state)
{
    struct fixture *f = *state;
    struct fax_id fax;
    assert_int_equal(fax_id_parse(&fax, "01930000-0000-7000-8000-000000000003"), 0);
    assert_int_equal(fax_query_one(f->log.db, &fax, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 1);
    assert_int_equal(fax_query_unfinished(f->log.db, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 1);
    assert_int_equal(fax_query_due(f->log.db, INT64_C(1899999999999), 10, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 0);
    assert_int_equal(fax_query_due(f->log.db, INT64_C(1900000000000), 10, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 5);
    assert_int_equal(fax_query_idempotency(f->log.db, "person:alice", "order-3", on_faxes, f), 0);
    wait_answer(f);
    assert_non_null(strstr(f->text, "000000000003 out"));
    assert_int_equal(fax_query_idempotency(f->log.db, "bob", "order-3", on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 0);
}

static void on_parts(void *user, int status, const struct db_result *result)
{
    struct fixture *f = user;
    struct fax_page_row page;
    struct fax_attempt_row attempt;
    f->answered = 1;
    f->status = status;
    f->rows = db_result_rows(result);
    if (db_result_columns(result) == 13) {
        fax_page_row_read(result, 0, &page);
        snprintf(f->text, sizeof(f->text), "%s %ld %ld %ld %ld %d", page.stream, (long)page.page,
                 (long)page.width, (long)page.offset, (long)page.length, page.confirmed_ms > 0);
    } else {
        fax_attempt_row_read(result, 0, &attempt);
        snprintf(f->text, sizeof(f->text), "%s %s %ld %d %d", attempt.trunk, attempt.call_id,
                 (long)attempt.attempt, attempt.media_started_ms > 0, attempt.ended_ms > 0);
    }
}

static void test_pages_and_attempts(void **state)
{
    struct fixture *f = *state;
    struct fax_id fax;
    assert_int_equal(fax_id_parse(&fax, "01940000-0000-7000-8000-000000000000"), 0);
    assert_int_equal(fax_query_pages(f->log.db, &fax, on_parts, f), 0);
    wait_answer(f);
    assert_string_equal(f->text, "received 1 1728 128 40000 1");
    assert_int_equal(fax_query_attempts(f->log.db, &fax, on_parts, f), 0);
    wait_answer(f);
    assert_string_equal(f->text, "carrier x@y 1 1 0");
    assert_int_equal(fax_query_attempts(f->log.db, NULL, on_parts, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 1);
}

static void on_records(void *user, int status, const struct db_result *result)
{
    struct fixture *f = user;
    struct audit_row row;
    f->answered = 1;
    f->status = status;
    f->rows = status ? 0 : db_result_rows(result);
    f->text[0] = '\0';
    if (f->rows) {
        audit_row_read(result, f->rows - 1, &row);
        snprintf(f->text, sizeof(f->text), "%s %ld %s %s", row.node, (long)row.index, row.event,
                 row.personal);
        f->number = row.time_ms;
    }
}

static void expect_records(struct fixture *f, const struct audit_filter *filter, int rows)
{
    assert_int_equal(audit_query_list(f->log.db, filter, on_records, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, rows);
}

static void test_audit_records(void **state)
{
    struct fixture *f = *state;
    struct fax_id fax;
    assert_int_equal(fax_id_parse(&fax, "01930000-0000-7000-8000-000000000003"), 0);
    expect_records(f, &(struct audit_filter){.event = "number.assigned"}, 2);
    assert_string_equal(f->text, "test 4 number.assigned {}");
    expect_records(f, &(struct audit_filter){.event = "number.assigned", .personal = true}, 2);
    assert_string_equal(f->text, "test 4 number.assigned {\"number\": \"+493012345\"}");
    expect_records(f, &(struct audit_filter){.event = "grant."}, 3);
    expect_records(f, &(struct audit_filter){.event = "grant"}, 0);
    expect_records(f, &(struct audit_filter){.fax = &fax}, 6);
    expect_records(f, &(struct audit_filter){.actor = "nobody"}, 0);
    expect_records(f, &(struct audit_filter){.limit = 3}, 3);
    expect_records(f, &(struct audit_filter){.until_ms = f->number - 3600000}, 0);
    expect_records(f, &(struct audit_filter){.since_ms = f->number - 3600000, .fax = &fax}, 6);
}

static void on_rows(void *user, int status, const struct db_result *result)
{
    struct fixture *f = user;
    f->answered = 1;
    f->status = status;
    f->rows = db_result_rows(result);
    f->text[0] = '\0';
    for (int column = 0; f->rows && column < db_result_columns(result); column++) {
        size_t used = strlen(f->text);
        const char *text = db_result_text(result, f->rows - 1, column);
        snprintf(f->text + used, sizeof(f->text) - used, "%s|", text ? text : "");
    }
}

/* What a machine sent is sent on; all of it in one batch, in which the order between faxes counts.
 */
static void test_forwarding(void **state)
{
    struct fixture *f = *state;
    struct fax_id source = {{0x01, 0x94, 0, 0, 0, 0, 0x70, 0, 0x80}}, fax = source;
    char text[FAX_ID_TEXT];
    fax.octets[15] = 7;
    fax_id_text(&source, text);
    const struct audit_field completed[] = {TEXT("state", "received"), INTEGER("pages", 1),
                                            TEXT("forward", "number")};
    const struct audit_field forwarded[] = {TEXT("direction", "out"),
                                            PERSONAL("from", "+493012345"),
                                            PERSONAL("to", "+4930999"),
                                            TEXT("mailbox", "other"),
                                            TEXT("class", "patient"),
                                            INTEGER("pages", 1),
                                            TEXT("source", text),
                                            INTEGER("source_attempt", 1),
                                            TEXT("principal", "device:copier")};
    const struct audit_field started[] = {INTEGER("attempt", 1), TEXT("trunk", "carrier"),
                                          TEXT("call_id", "f@w")};
    const struct audit_field sent[] = {INTEGER("attempt", 1), INTEGER("page", 1)};
    const struct audit_field ended[] = {TEXT("state", "failed"), TEXT("forward", "report")};
    /* Groups of the same kinds as those to come, which must not go into these. */
    struct fax_id other = fax;
    other.octets[15] = 8;
    assert_int_equal(audit_log_event(&f->log, "fax.forwarded", &other, forwarded, 6), 0);
    assert_int_equal(audit_log_event(&f->log, "attempt.started", &other, started, 3), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.completed", &source, completed, 3), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.forwarded", &fax, forwarded, 9), 0);
    assert_int_equal(audit_log_event(&f->log, "attempt.started", &fax, started, 3), 0);
    assert_int_equal(audit_log_event(&f->log, "page.sent", &fax, sent, 2), 0);
    assert_int_equal(audit_log_event(&f->log, "fax.completed", &fax, ended, 2), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(fax_query_forwards(f->log.db, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 1);
    assert_non_null(strstr(f->text, "000000000007 out failed +493012345>+4930999 1/1"));
    assert_int_equal(fax_query_pages(f->log.db, &fax, on_parts, f), 0);
    wait_answer(f);
    assert_string_equal(f->text, "document 1 1728 128 40000 1");
    assert_int_equal(audit_log_event(&f->log, "fax.reported", &fax, NULL, 0), 0);
    assert_int_equal(audit_log_apply(&f->log), 0);
    assert_int_equal(fax_query_forwards(f->log.db, on_faxes, f), 0);
    wait_answer(f);
    assert_int_equal(f->rows, 0);
}

static void test_registers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int (*query)(struct db *, db_result_cb *, void *);
        int rows;
        const char *last;
    } cases[] = {
        {register_query_principals, 6, "trunk:gone|trunk||t|"},
        {register_query_devices, 1, "copier|+493012345|u2|fax|11|bridge:carrier|copier.example|0|"},
        {register_query_bindings, 1, "copier|sip:b@h|[2001:db8::1]:5070|tls|90|"},
        {register_query_grants, 3, "|*|*|*|0|"},
        {register_query_mailboxes, 1, "ordination|patient|copier|60|"},
        {register_query_numbers, 1, "+493012345|ordination|+49 30 12345|"},
        {register_query_trunks, 1, "|0|0|0|trust|1|1|"},
        {account_query_credentials, 1, "carrier|sip.example|u1|22|"},
        {account_query_registrations, 1, "carrier|4989|d.example|600|"},
        {fax_query_keys, 2, "patient/undated/1|1|"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(cases[i].query(f->log.db, on_rows, f), 0);
        wait_answer(f);
        assert_int_equal(f->rows, cases[i].rows);
        assert_non_null(strstr(f->text, cases[i].last));
    }
    assert_int_equal(register_query_roles(f->log.db, on_rows, f), 0);
    wait_answer(f);
    assert_true(f->rows > 2); /* the built-in ones and "nurse" */
}

static void on_policy(void *user, int status, struct policy_set *set)
{
    struct fixture *f = user;
    f->answered = 1;
    f->status = status;
    f->set = set;
}

static bool may_submit(const struct fixture *f, const char *name, const char *to)
{
    const struct policy_principal *principal = policy_find_principal_named(f->set, name);
    struct policy_question question = {.principal_id = principal ? principal->id : -1,
                                       .action = POLICY_SUBMIT,
                                       .from_number = "+49 30 12345",
                                       .to_number = to,
                                       .now_us = INT64_C(1800000000000000)};
    struct policy_answer answer;
    policy_decide(f->set, &question, &answer);
    return answer.allowed;
}

static void test_the_policy(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(policy_load(f->log.db, on_policy, f), 0);
    wait_answer(f);
    assert_non_null(f->set);
    assert_true(may_submit(f, "alice", "+43 1 234"));
    assert_false(may_submit(f, "alice", "+1 202 555"));
    assert_false(may_submit(f, "root", "+43 1 234"));
    assert_false(may_submit(f, "mallory", "+43 1 234"));
    const struct policy_mailbox *mailbox = policy_find_mailbox(f->set, "ordination");
    assert_int_equal(mailbox->retention_days, 60);
    assert_null(policy_find_number(f->set, "+493099999"));
    assert_non_null(policy_find_trunk(f->set, "carrier"));
    struct policy_answer answer;
    struct policy_question question = {.principal_id =
                                           policy_find_principal_named(f->set, "root")->id,
                                       .action = POLICY_ADMIN_USERS,
                                       .now_us = INT64_C(1800000000000000)};
    policy_decide(f->set, &question, &answer);
    assert_true(answer.allowed);
    policy_set_free(f->set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_of_faxes),     cmocka_unit_test(test_single_faxes),
        cmocka_unit_test(test_pages_and_attempts), cmocka_unit_test(test_audit_records),
        cmocka_unit_test(test_registers),          cmocka_unit_test(test_forwarding),
        cmocka_unit_test(test_the_policy),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
