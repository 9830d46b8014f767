#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy_error.h"
#include "policy/record.h"
#include "policy/verifier.h"

enum { RECORDS = 30, RECORD_OCTETS = 256 };

static const uint8_t private_key[CHECKPOINT_KEY_OCTETS] = {9, 9};
static struct checkpoint_key key;
static struct verifier *verifier;
static struct verifier_report report;

/* A log, and what journal and database hold of it. */
static struct {
    uint8_t bytes[RECORDS][RECORD_OCTETS];
    size_t length[RECORDS];
} journal, database;

static struct merkle_hash database_hash[RECORDS];
static struct merkle_hash roots[RECORDS + 1];

static void write_record(uint64_t index, const char *node, const char *text, uint8_t *out,
                         size_t *length)
{
    static struct record record;
    const struct record_head head = {.node = node,
                                     .index = index,
                                     .time_us = 1790000000000000,
                                     .event = "fax.submitted",
                                     .actor = "anna",
                                     .outcome = "ok"};
    record_begin(&record, &head);
    record_add_string(&record, "text", text);
    assert_int_equal(record_finish(&record, out, RECORD_OCTETS, length), 0);
}

static int make_log(void **state)
{
    (void)state;
    struct merkle_tree tree;
    merkle_tree_init(&tree);
    assert_int_equal(merkle_tree_root(&tree, &roots[0]), 0);
    for (size_t i = 0; i < RECORDS; i++) {
        write_record(i, "n1", "as it was", journal.bytes[i], &journal.length[i]);
        assert_int_equal(merkle_leaf_hash(journal.bytes[i], journal.length[i], &database_hash[i]),
                         0);
        assert_int_equal(merkle_tree_append(&tree, &database_hash[i]), 0);
        assert_int_equal(merkle_tree_root(&tree, &roots[i + 1]), 0);
    }
    database = journal;
    uint8_t public_key[CHECKPOINT_KEY_OCTETS];
    assert_int_equal(checkpoint_public_key(private_key, public_key), 0);
    assert_int_equal(checkpoint_key_make("sealfax/n1", public_key, &key), 0);
    assert_int_equal(verifier_new("n1", &key, 1, &verifier), 0);
    return 0;
}

static int drop_log(void **state)
{
    (void)state;
    verifier_free(verifier);
    verifier = NULL;
    return 0;
}

static void add_signed(uint64_t size, const struct merkle_hash *root)
{
    struct checkpoint checkpoint = {.origin = "sealfax/n1", .size = size, .root = *root};
    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS];
    char text[CHECKPOINT_TEXT], note[CHECKPOINT_TEXT];
    assert_int_equal(checkpoint_write(&checkpoint, text), 0);
    assert_int_equal(checkpoint_sign(text, strlen(text), private_key, signature), 0);
    assert_int_equal(checkpoint_attach(text, &key, signature, note), 0);
    assert_int_equal(verifier_add_checkpoint(verifier, note, strlen(note)), 0);
}

static void add_checkpoint(uint64_t size)
{
    add_signed(size, &roots[size]);
}

/* Which sources hold index. */
enum { IN_JOURNAL = 1, IN_DATABASE = 2, IN_BOTH = 3 };

static void add(uint64_t index, int where)
{
    struct verifier_record record = {.index = index};
    if (where & IN_JOURNAL) {
        record.journal = journal.bytes[index];
        record.journal_length = journal.length[index];
    }
    if (where & IN_DATABASE) {
        record.database = database.bytes[index];
        record.database_length = database.length[index];
        record.database_hash = &database_hash[index];
    }
    assert_int_equal(verifier_add_record(verifier, &record), 0);
}

static void add_range(uint64_t from, uint64_t to, int where)
{
    for (uint64_t i = from; i < to; i++)
        add(i, where);
}

static void expect(enum verifier_fault fault, enum verifier_source source, uint64_t index)
{
    assert_int_equal(verifier_finish(verifier, &report), 0);
    if (report.first.fault != fault || report.first.index != index)
        print_message("%s: %s\n", verifier_fault_text(report.first.fault), report.first.text);
    assert_int_equal(report.first.fault, fault);
    assert_int_equal(report.first.source, source);
    assert_int_equal(report.first.index, index);
    if (fault == VERIFIER_OK)
        assert_int_equal(report.problems, 0);
    else
        assert_string_not_equal(report.first.text, "");
}

static void whole_log(void **state)
{
    (void)state;
    add_checkpoint(20);
    add_checkpoint(0);
    add_checkpoint(7);
    add_checkpoint(7);
    add_range(0, 10, IN_DATABASE); /* segments removed */
    add_range(10, 25, IN_BOTH);
    add_range(25, RECORDS, IN_JOURNAL); /* not drained yet */
    expect(VERIFIER_OK, VERIFIER_NOWHERE, 0);
    assert_int_equal(report.records, RECORDS);
    assert_int_equal(report.journal_records, RECORDS - 10);
    assert_int_equal(report.database_records, 25);
    assert_int_equal(report.checkpoints, 4);
    assert_int_equal(report.checkpoints_good, 4);
    assert_int_equal(report.covered, 20);
    assert_memory_equal(&report.root, &roots[RECORDS], sizeof report.root);
}

static void empty_log(void **state)
{
    (void)state;
    add_checkpoint(0);
    expect(VERIFIER_OK, VERIFIER_NOWHERE, 0);
    assert_memory_equal(&report.root, &roots[0], sizeof report.root);
}

static void altered_row_with_its_hash(void **state)
{
    (void)state;
    write_record(12, "n1", "altered", database.bytes[12], &database.length[12]);
    add_checkpoint(20);
    add_range(0, RECORDS, IN_DATABASE);
    expect(VERIFIER_ALTERED, VERIFIER_DATABASE, 12);
    assert_int_equal(report.covered, 0);
}

/* Bytes and hash altered together, journal gone: only the range can be told. */
static void altered_row_and_hash(void **state)
{
    (void)state;
    write_record(12, "n1", "altered", database.bytes[12], &database.length[12]);
    assert_int_equal(merkle_leaf_hash(database.bytes[12], database.length[12], &database_hash[12]),
                     0);
    add_checkpoint(10);
    add_checkpoint(20);
    add_checkpoint(30);
    add_range(0, RECORDS, IN_DATABASE);
    expect(VERIFIER_ROOT, VERIFIER_NOWHERE, 10);
    assert_int_equal(report.first.checkpoint_size, 20);
    assert_int_equal(report.covered, 10);
    assert_int_equal(report.checkpoints_good, 1);
    assert_int_equal(report.problems, 1);
}

static void checkpoint_tells_which_source(void **state)
{
    (void)state;
    write_record(12, "n1", "altered", journal.bytes[12], &journal.length[12]);
    write_record(15, "n1", "altered", journal.bytes[15], &journal.length[15]);
    write_record(22, "n1", "altered", database.bytes[22], &database.length[22]);
    assert_int_equal(merkle_leaf_hash(database.bytes[22], database.length[22], &database_hash[22]),
                     0);
    add_checkpoint(20);
    add_checkpoint(30);
    add_range(0, RECORDS, IN_BOTH);
    expect(VERIFIER_ALTERED, VERIFIER_JOURNAL, 12);
    assert_int_equal(report.problems, 3);
    assert_int_equal(report.covered, 30);
    assert_int_equal(report.checkpoints_good, 2);
    assert_memory_equal(&report.root, &roots[RECORDS], sizeof report.root);
}

static void nothing_tells_which_source(void **state)
{
    (void)state;
    write_record(22, "n1", "altered", journal.bytes[22], &journal.length[22]);
    add_checkpoint(20);
    add_range(0, RECORDS, IN_BOTH);
    expect(VERIFIER_DIFFER, VERIFIER_BOTH, 22);
    assert_int_equal(report.covered, 20);
}

static void both_sources_altered(void **state)
{
    (void)state;
    write_record(12, "n1", "altered", journal.bytes[12], &journal.length[12]);
    write_record(14, "n1", "altered", database.bytes[14], &database.length[14]);
    add_checkpoint(20);
    add_range(0, RECORDS, IN_BOTH);
    expect(VERIFIER_DIFFER, VERIFIER_BOTH, 12);
}

static void missing_everywhere(void **state)
{
    (void)state;
    add_checkpoint(5);
    add_checkpoint(9);
    add_checkpoint(20);
    add_range(0, 8, IN_BOTH);
    add_range(11, RECORDS, IN_BOTH);
    expect(VERIFIER_MISSING, VERIFIER_BOTH, 8);
    assert_int_equal(report.problems, 3);
    assert_int_equal(report.covered, 5);
    assert_int_equal(report.checkpoints_good, 1);
}

static void missing_in_one_source(void **state)
{
    (void)state;
    add_checkpoint(20);
    add_range(0, 8, IN_BOTH);
    add(8, IN_JOURNAL);
    add_range(9, 15, IN_BOTH);
    add(15, IN_DATABASE);
    add_range(16, RECORDS, IN_BOTH);
    expect(VERIFIER_MISSING, VERIFIER_DATABASE, 8);
    assert_int_equal(report.problems, 2);
    assert_int_equal(report.covered, 20);
}

static void missing_at_the_end(void **state)
{
    (void)state;
    add_checkpoint(20);
    add_range(0, 17, IN_BOTH);
    expect(VERIFIER_MISSING, VERIFIER_BOTH, 17);
    assert_int_equal(report.first.checkpoint_size, 20);
    assert_int_equal(report.problems, 3);
}

static void duplicates(void **state)
{
    (void)state;
    add_checkpoint(20);
    add_range(0, 12, IN_BOTH);
    add(11, IN_DATABASE);
    add_range(12, RECORDS, IN_BOTH);
    expect(VERIFIER_DUPLICATE, VERIFIER_DATABASE, 11);
    assert_int_equal(report.covered, 20);
}

static void bad_form(void **state)
{
    (void)state;
    write_record(13, "n1", "swapped", journal.bytes[12], &journal.length[12]);
    write_record(5, "n2", "as it was", journal.bytes[5], &journal.length[5]);
    journal.bytes[20][0] = ' ';
    add_range(0, RECORDS, IN_JOURNAL);
    expect(VERIFIER_NOT_CANONICAL, VERIFIER_JOURNAL, 5);
    assert_int_equal(report.problems, 3);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    struct verifier *none = NULL;
    const struct verifier_record empty = {.index = 3};
    add_range(0, 3, IN_BOTH);
    assert_int_equal(verifier_add_record(verifier, &empty), FAX_EP_INVAL);
    assert_int_equal(verifier_add_checkpoint(verifier, "x", 1), FAX_EP_INVAL);
    expect(VERIFIER_OK, VERIFIER_NOWHERE, 0);
    assert_int_equal(verifier_new("", &key, 1, &none), FAX_EP_INVAL);
    assert_null(none);
    verifier_free(NULL);
}

static void every_value_has_its_text(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "ok",           "altered",        "missing",
        "duplicate",    "not canonical",  "journal and database differ",
        "root differs", "bad checkpoint", "unknown"};
    static const char *const sources[] = {"unknown", "journal", "database", "journal and database",
                                          "unknown"};
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_string_equal(verifier_fault_text((enum verifier_fault)i), faults[i]);
    for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++)
        assert_string_equal(verifier_source_text((enum verifier_source)i), sources[i]);
}

static void bad_checkpoints(void **state)
{
    (void)state;
    struct merkle_hash wrong = roots[10];
    static const char unsigned_note[] =
        "sealfax/n1\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xE2\x80\x94 n AAAAAAAA\n";
    wrong.octets[0] ^= 1;
    add_checkpoint(10);
    assert_int_equal(verifier_add_checkpoint(verifier, unsigned_note, sizeof unsigned_note - 1), 0);
    assert_int_equal(verifier_add_checkpoint(verifier, "garbage", 7), 0);
    add_range(0, RECORDS, IN_BOTH);
    assert_int_equal(verifier_finish(verifier, &report), 0);
    assert_int_equal(report.first.fault, VERIFIER_CHECKPOINT);
    assert_int_equal(report.first.checkpoint_size, 5);
    assert_int_equal(report.problems, 2);
    assert_int_equal(report.checkpoints, 3);
    assert_int_equal(report.checkpoints_good, 1);
    assert_int_equal(report.covered, 10);
}

static void contradicting_checkpoints(void **state)
{
    (void)state;
    struct merkle_hash wrong = roots[10];
    wrong.octets[0] ^= 1;
    add_checkpoint(10);
    add_signed(10, &wrong);
    add_checkpoint(20);
    add_range(0, RECORDS, IN_BOTH);
    assert_int_equal(verifier_finish(verifier, &report), 0);
    assert_int_not_equal(report.first.fault, VERIFIER_OK);
    assert_int_equal(report.problems, 1);
    assert_int_equal(report.checkpoints_good, 2);
    assert_int_equal(report.covered, 20);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_log, drop_log)
    const struct CMUnitTest tests[] = {
        CASE(whole_log),
        CASE(empty_log),
        CASE(altered_row_with_its_hash),
        CASE(altered_row_and_hash),
        CASE(checkpoint_tells_which_source),
        CASE(nothing_tells_which_source),
        CASE(both_sources_altered),
        CASE(missing_everywhere),
        CASE(missing_in_one_source),
        CASE(missing_at_the_end),
        CASE(duplicates),
        CASE(bad_form),
        CASE(misuse_is_refused),
        CASE(every_value_has_its_text),
        CASE(bad_checkpoints),
        CASE(contradicting_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
