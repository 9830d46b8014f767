#include "policy/verifier.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/record.h"

/* There are two trees, one of the journal's bytes and one of the database's (each filled up from
 * the other where it has none). As long as both agree they are equal. Where they differ, the next
 * checkpoint says which of them is the log that was signed. */
struct verifier {
    char node[RECORD_NODE_TEXT];
    struct checkpoint_key *keys;
    size_t key_count;
    struct checkpoint *checkpoints; /* sorted by size once started */
    size_t checkpoint_count;
    size_t checkpoint_capacity;
    size_t next_checkpoint;
    bool started;
    bool unprovable;  /* a hole or a wrong root: later roots cannot match */
    bool exact_fault; /* a fault with its index was found since the last good checkpoint */
    uint64_t next_index;
    struct merkle_tree journal_tree;
    struct merkle_tree database_tree;
    uint64_t differing; /* records that differ since the last good checkpoint */
    uint64_t first_differing;
    bool journal_seen, database_seen;
    uint64_t journal_next, database_next; /* index after the last one seen there */
    struct verifier_report report;
    struct record parsed;
};

int verifier_new(const char *node, const struct checkpoint_key *keys, size_t key_count,
                 struct verifier **verifier)
{
    *verifier = NULL;
    size_t length = node ? strnlen(node, RECORD_NODE_TEXT) : 0;
    if (length == 0 || length == RECORD_NODE_TEXT || key_count > SIZE_MAX / sizeof *keys - 1)
        return FAX_EP_INVAL;
    struct verifier *v = calloc(1, sizeof *v);
    if (!v)
        return FAX_EP_NOMEM;
    memcpy(v->node, node, length + 1);
    v->keys = calloc(key_count + 1, sizeof *keys);
    if (!v->keys) {
        verifier_free(v);
        return FAX_EP_NOMEM;
    }
    if (key_count > 0)
        memcpy(v->keys, keys, key_count * sizeof *keys);
    v->key_count = key_count;
    merkle_tree_init(&v->journal_tree);
    merkle_tree_init(&v->database_tree);
    *verifier = v;
    return 0;
}

void verifier_free(struct verifier *verifier)
{
    if (!verifier)
        return;
    free(verifier->keys);
    free(verifier->checkpoints);
    free(verifier);
}

/* Checkpoint faults concern no record: they come last. */
static uint64_t rank(const struct verifier_problem *problem)
{
    return problem->fault == VERIFIER_CHECKPOINT ? UINT64_MAX : problem->index;
}

static void add_problem(struct verifier *v, const struct verifier_problem *problem, uint64_t count)
{
    struct verifier_problem *first = &v->report.first;
    v->report.problems += count;
    if (problem->fault != VERIFIER_CHECKPOINT && problem->fault != VERIFIER_ROOT)
        v->exact_fault = true;
    if (first->fault == VERIFIER_OK || rank(problem) < rank(first) ||
        (rank(problem) == rank(first) && problem->fault < first->fault))
        *first = *problem;
}

static void add_record_problem(struct verifier *v, enum verifier_fault fault,
                               enum verifier_source source, uint64_t index, const char *why)
{
    struct verifier_problem problem = {.fault = fault, .source = source, .index = index};
    snprintf(problem.text, sizeof problem.text, "record %" PRIu64 " (%s): %s", index,
             verifier_source_text(source), why);
    add_problem(v, &problem, 1);
}

static void add_checkpoint_problem(struct verifier *v, uint64_t size, const char *why)
{
    struct verifier_problem problem = {.fault = VERIFIER_CHECKPOINT, .checkpoint_size = size};
    snprintf(problem.text, sizeof problem.text, "checkpoint of size %" PRIu64 ": %s", size, why);
    add_problem(v, &problem, 1);
}

int verifier_add_checkpoint(struct verifier *v, const char *note, size_t length)
{
    struct checkpoint checkpoint;
    char origin[CHECKPOINT_ORIGIN_TEXT];
    if (v->started)
        return FAX_EP_INVAL;
    if (v->checkpoint_count == v->checkpoint_capacity) {
        size_t capacity = v->checkpoint_capacity ? 2 * v->checkpoint_capacity : 16;
        struct checkpoint *grown = realloc(v->checkpoints, capacity * sizeof *grown);
        if (!grown)
            return FAX_EP_NOMEM;
        v->checkpoints = grown;
        v->checkpoint_capacity = capacity;
    }
    v->report.checkpoints++;
    int rc = checkpoint_verify(note, length, v->keys, v->key_count, &checkpoint);
    if (rc == FAX_EP_CRYPTO || rc == FAX_EP_NOMEM)
        return rc;
    if (rc) {
        add_checkpoint_problem(v, checkpoint.size, policy_error_text(rc));
        return 0;
    }
    if (checkpoint_origin_make(v->node, origin) || strcmp(origin, checkpoint.origin) != 0) {
        add_checkpoint_problem(v, checkpoint.size, "it is of another log");
        return 0;
    }
    v->checkpoints[v->checkpoint_count++] = checkpoint;
    return 0;
}

static int compare_checkpoints(const void *a, const void *b)
{
    const struct checkpoint *x = a, *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

/* Neither tree has the signed root. Where a fault with its index is known already, that one shall
 * stay the first. */
static void report_wrong_root(struct verifier *v, const struct checkpoint *checkpoint,
                              bool explained)
{
    uint64_t last = checkpoint->size - 1;
    struct verifier_problem problem = {.fault = VERIFIER_ROOT,
                                       .index = explained ? last : v->report.covered,
                                       .checkpoint_size = checkpoint->size};
    snprintf(problem.text, sizeof problem.text,
             "a record from %" PRIu64 " to %" PRIu64
             " is altered: the root differs at the checkpoint of size %" PRIu64,
             v->report.covered, last, checkpoint->size);
    add_problem(v, &problem, 1);
}

static void report_altered(struct verifier *v, enum verifier_source source,
                           const struct checkpoint *checkpoint)
{
    struct verifier_problem problem = {.fault = VERIFIER_ALTERED,
                                       .source = source,
                                       .index = v->first_differing,
                                       .checkpoint_size = checkpoint->size};
    snprintf(
        problem.text, sizeof problem.text,
        "record %" PRIu64 " (%s): the checkpoint of size %" PRIu64 " proves the %s",
        v->first_differing, verifier_source_text(source), checkpoint->size,
        verifier_source_text(source == VERIFIER_JOURNAL ? VERIFIER_DATABASE : VERIFIER_JOURNAL));
    add_problem(v, &problem, v->differing);
}

static void report_differing(struct verifier *v)
{
    struct verifier_problem problem = {
        .fault = VERIFIER_DIFFER, .source = VERIFIER_BOTH, .index = v->first_differing};
    if (v->differing == 0)
        return;
    snprintf(problem.text, sizeof problem.text, "record %" PRIu64 ": journal and database differ",
             v->first_differing);
    add_problem(v, &problem, v->differing);
    v->differing = 0;
}

static int check_checkpoint(struct verifier *v, const struct checkpoint *checkpoint)
{
    struct merkle_hash journal_root, database_root;
    int rc = merkle_tree_root(&v->journal_tree, &journal_root);
    if (rc == 0)
        rc = merkle_tree_root(&v->database_tree, &database_root);
    if (rc)
        return rc;
    bool journal_right = memcmp(&journal_root, &checkpoint->root, sizeof journal_root) == 0;
    bool database_right = memcmp(&database_root, &checkpoint->root, sizeof database_root) == 0;
    if (!journal_right && !database_right && checkpoint->size <= v->report.covered) {
        add_checkpoint_problem(v, checkpoint->size, "it contradicts what another one proves");
        return 0;
    }
    if (!journal_right && !database_right) {
        bool explained = v->exact_fault || v->differing > 0;
        report_differing(v);
        if (!v->unprovable)
            report_wrong_root(v, checkpoint, explained);
        v->unprovable = true;
        return 0;
    }
    if (!journal_right)
        report_altered(v, VERIFIER_JOURNAL, checkpoint);
    if (!database_right)
        report_altered(v, VERIFIER_DATABASE, checkpoint);
    if (journal_right)
        v->database_tree = v->journal_tree;
    else
        v->journal_tree = v->database_tree;
    v->differing = 0;
    v->exact_fault = false;
    v->unprovable = false;
    v->report.covered = checkpoint->size;
    v->report.checkpoints_good++;
    return 0;
}

/* Judges the checkpoints of the size that is reached. */
static int pass_checkpoints(struct verifier *v)
{
    if (!v->started) {
        v->started = true;
        if (v->checkpoint_count > 0)
            qsort(v->checkpoints, v->checkpoint_count, sizeof *v->checkpoints, compare_checkpoints);
    }
    for (; v->next_checkpoint < v->checkpoint_count; v->next_checkpoint++) {
        const struct checkpoint *checkpoint = &v->checkpoints[v->next_checkpoint];
        if (checkpoint->size > v->next_index)
            return 0;
        /* One whose size lies in a hole was never reached: the hole is the problem. */
        int rc = checkpoint->size == v->next_index ? check_checkpoint(v, checkpoint) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static void check_form(struct verifier *v, uint64_t index, const uint8_t *bytes, size_t length,
                       enum verifier_source source)
{
    struct record_head head;
    int rc = record_parse(bytes, length, &v->parsed);
    if (rc) {
        add_record_problem(v, VERIFIER_NOT_CANONICAL, source, index, policy_error_text(rc));
        return;
    }
    record_head_get(&v->parsed, &head);
    if (head.index != index)
        add_record_problem(v, VERIFIER_NOT_CANONICAL, source, index,
                           "it holds the index of another record");
    else if (strcmp(head.node, v->node) != 0)
        add_record_problem(v, VERIFIER_NOT_CANONICAL, source, index, "it is of another node");
}

/* A source is filled in order and emptied from its beginning, so it has no holes of its own. */
static void check_hole(struct verifier *v, enum verifier_source source, bool *seen, uint64_t *next,
                       uint64_t index)
{
    if (*seen && *next < index)
        add_record_problem(v, VERIFIER_MISSING, source, *next, "missing there");
    *seen = true;
    *next = index + 1;
}

static void check_order(struct verifier *v, const struct verifier_record *record)
{
    uint64_t index = record->index;
    if (index > v->next_index) {
        struct verifier_problem problem = {
            .fault = VERIFIER_MISSING, .source = VERIFIER_BOTH, .index = v->next_index};
        snprintf(problem.text, sizeof problem.text,
                 "record %" PRIu64 " to %" PRIu64 ": missing in journal and database",
                 v->next_index, index - 1);
        add_problem(v, &problem, index - v->next_index);
        v->unprovable = true;
        /* What is missing everywhere is not reported again for each source. */
        if (v->journal_next == v->next_index)
            v->journal_next = index;
        if (v->database_next == v->next_index)
            v->database_next = index;
        v->next_index = index;
    }
    if (record->journal)
        check_hole(v, VERIFIER_JOURNAL, &v->journal_seen, &v->journal_next, index);
    if (record->database)
        check_hole(v, VERIFIER_DATABASE, &v->database_seen, &v->database_next, index);
}

static int append_leaves(struct verifier *v, const struct verifier_record *record, bool same)
{
    struct merkle_hash journal_leaf, database_leaf;
    int rc = 0;
    if (record->journal)
        rc = merkle_leaf_hash(record->journal, record->journal_length, &journal_leaf);
    if (rc == 0 && record->database && !same)
        rc = merkle_leaf_hash(record->database, record->database_length, &database_leaf);
    if (rc)
        return rc;
    if (same)
        database_leaf = journal_leaf;
    if (!record->database)
        database_leaf = journal_leaf;
    if (!record->journal)
        journal_leaf = database_leaf;
    if (record->database && record->database_hash &&
        memcmp(&database_leaf, record->database_hash, sizeof database_leaf) != 0)
        add_record_problem(v, VERIFIER_ALTERED, VERIFIER_DATABASE, record->index,
                           "its bytes do not have the hash that stands beside them");
    if (memcmp(&database_leaf, &journal_leaf, sizeof journal_leaf) != 0 && v->differing++ == 0)
        v->first_differing = record->index;
    rc = merkle_tree_append(&v->journal_tree, &journal_leaf);
    return rc ? rc : merkle_tree_append(&v->database_tree, &database_leaf);
}

int verifier_add_record(struct verifier *v, const struct verifier_record *record)
{
    if (!record->journal && !record->database)
        return FAX_EP_INVAL;
    int rc = pass_checkpoints(v);
    if (rc)
        return rc;
    if (record->index < v->next_index) {
        enum verifier_source source = !record->database  ? VERIFIER_JOURNAL
                                      : !record->journal ? VERIFIER_DATABASE
                                                         : VERIFIER_BOTH;
        add_record_problem(v, VERIFIER_DUPLICATE, source, record->index, "the index came before");
        return 0;
    }
    check_order(v, record);
    bool same = record->journal && record->database &&
                record->journal_length == record->database_length &&
                memcmp(record->journal, record->database, record->journal_length) == 0;
    if (record->journal)
        check_form(v, record->index, record->journal, record->journal_length,
                   same ? VERIFIER_BOTH : VERIFIER_JOURNAL);
    if (record->database && !same)
        check_form(v, record->index, record->database, record->database_length, VERIFIER_DATABASE);
    v->report.records++;
    v->report.journal_records += record->journal ? 1 : 0;
    v->report.database_records += record->database ? 1 : 0;
    rc = append_leaves(v, record, same);
    v->next_index++;
    return rc ? rc : pass_checkpoints(v);
}

int verifier_finish(struct verifier *v, struct verifier_report *report)
{
    int rc = pass_checkpoints(v);
    if (rc)
        return rc;
    report_differing(v);
    if (v->next_checkpoint < v->checkpoint_count) {
        uint64_t size = v->checkpoints[v->checkpoint_count - 1].size;
        struct verifier_problem problem = {.fault = VERIFIER_MISSING,
                                           .source = VERIFIER_BOTH,
                                           .index = v->next_index,
                                           .checkpoint_size = size};
        snprintf(problem.text, sizeof problem.text,
                 "record %" PRIu64
                 ": missing, the log ends here but a checkpoint has size %" PRIu64,
                 v->next_index, size);
        add_problem(v, &problem, size - v->next_index);
    }
    *report = v->report;
    return merkle_tree_root(&v->journal_tree, &report->root);
}
