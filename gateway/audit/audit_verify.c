#include "gateway/audit/audit_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/audit/verify_run.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"

enum { PROGRESS_RECORDS = 1024 };

const char *audit_finding_text(enum audit_finding finding)
{
    switch (finding) {
    case AUDIT_INTACT:
        return "intact";
    case AUDIT_RECORD_ALTERED:
        return "journal record altered";
    case AUDIT_RECORD_MISSING:
        return "journal record missing";
    case AUDIT_ROW_ALTERED:
        return "database row altered";
    case AUDIT_ROW_MISSING:
        return "database row missing";
    case AUDIT_ROW_EXTRA:
        return "database row too many";
    case AUDIT_ROW_COLUMNS:
        return "database columns altered";
    case AUDIT_PERSONAL_ALTERED:
        return "personal value altered";
    case AUDIT_ROOT_DIFFERS:
        return "root differs from a checkpoint";
    case AUDIT_CHECKPOINT_INVALID:
        return "invalid checkpoint";
    }
    return "unknown";
}

void verify_find(struct verify_run *run, enum audit_finding finding, uint64_t index,
                 const char *format, ...)
{
    struct audit_verify_result *result = run->result;
    result->findings++;
    if (result->finding != AUDIT_INTACT && result->index <= index)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->detail, sizeof(result->detail), format, arguments);
    va_end(arguments);
    result->finding = finding;
    result->index = index;
}

static bool note_is_known(const struct verify_run *run, const char *note)
{
    for (size_t i = 0; i < run->notes.count; i++)
        if (strcmp(run->notes.notes[i].note, note) == 0)
            return true;
    return false;
}

static void on_note(void *user, const char *note, uint64_t size, const char *root)
{
    struct verify_run *run = user;
    struct checkpoint checkpoint;
    char hex[2 * MERKLE_HASH_OCTETS + 1];
    if (checkpoint_parse(note, strlen(note), &checkpoint) == 0) {
        hex_encode(checkpoint.root.octets, MERKLE_HASH_OCTETS, hex);
        if (checkpoint.size == size && strcmp(hex, root) == 0) {
            if (!note_is_known(run, note))
                (void)!checkpoint_list_add(&run->notes, note, strlen(note));
            return;
        }
    }
    verify_find(run, AUDIT_CHECKPOINT_INVALID, UINT64_MAX,
                "checkpoints: the row of size %" PRIu64 " does not say what its note says", size);
}

static int fail(struct verify_run *run, int error, const char *what)
{
    snprintf(run->result->detail, sizeof(run->result->detail), "%s", what);
    run->result->detail[strcspn(run->result->detail, "\n")] = '\0';
    return error;
}

/* The database first: what it holds then, the journal held before. */
static int open_sources(struct verify_run *run)
{
    const struct audit_verify_config *config = run->config;
    int error = 0;
    if (config->directory) {
        error = checkpoint_file_read(config->directory, &run->notes);
        if (error == -EBADMSG)
            verify_find(run, AUDIT_CHECKPOINT_INVALID, UINT64_MAX,
                        "checkpoints: the note at octet %zu cannot be read",
                        run->notes.whole_bytes);
        else if (error)
            return fail(run, error, "the file checkpoints cannot be read");
        error = 0;
    }
    if (config->conninfo)
        error = verify_rows_open(config->conninfo, config->node, run->result->detail,
                                 sizeof(run->result->detail), &run->rows);
    if (!error && run->rows)
        error = verify_rows_notes(run->rows, on_note, run);
    if (error || !config->directory)
        return error;
    error = journal_cursor_open_first(config->directory, &run->journal_first, &run->cursor);
    return error ? fail(run, error, "the journal cannot be read") : 0;
}

static int read_entry(struct verify_run *run)
{
    run->has_entry = false;
    while (run->cursor && !run->has_entry) {
        int got = journal_cursor_next(run->cursor, UINT64_MAX, &run->entry);
        if (got == 1) {
            run->has_entry = true;
            run->journal_end = run->entry.index + 1;
            run->result->journal_records++;
        } else if (got == -EBADMSG) {
            /* Of the running gateway it may be a write that is not yet acknowledged. */
            if (run->config->size && run->entry.index >= run->config->size)
                return 0;
            verify_find(run, AUDIT_RECORD_ALTERED, run->entry.index,
                        "the frame at this place is damaged");
        } else if (got == -ENOENT || got == 0) {
            return 0;
        } else {
            return fail(run, got, strerror(-got));
        }
    }
    return 0;
}

static int read_row(struct verify_run *run)
{
    run->has_row = false;
    if (!run->rows)
        return 0;
    int got = verify_rows_next(run->rows, &run->row);
    if (got < 0)
        return fail(run, got, verify_rows_message(run->rows));
    run->has_row = got == 1;
    run->result->database_records += run->has_row;
    return 0;
}

/* What the journal once held, as far as is known: acknowledged, or covered by a checkpoint. */
static uint64_t journal_held(const struct verify_run *run)
{
    size_t count = run->notes.count;
    uint64_t covered = count ? run->notes.notes[count - 1].checkpoint.size : 0;
    return covered > run->config->size ? covered : run->config->size;
}

/* Holes between records are found by the verifier; here what is missing before and after. */
static void check_presence(struct verify_run *run, uint64_t index, bool in_journal, bool in_rows)
{
    bool expected = run->rows && index < run->config->applied;
    if (in_rows && run->cursor && !in_journal && !run->has_entry && index >= run->journal_end &&
        index >= run->journal_first)
        verify_find(run, index < journal_held(run) ? AUDIT_RECORD_MISSING : AUDIT_ROW_EXTRA, index,
                    "it is in the database, but not in the journal");
    if (expected && !in_rows && (!run->any_row || !run->has_row))
        verify_find(run, AUDIT_ROW_MISSING, index, "it is in the journal, but not in the database");
    run->any_row = run->any_row || in_rows;
}

static int add_record(struct verify_run *run, uint64_t index, bool in_journal, bool in_rows)
{
    struct verifier_record record = {.index = index};
    if (in_journal) {
        record.journal = run->entry.record;
        record.journal_length = run->entry.record_length;
        verify_check_sides(run);
    }
    if (in_rows) {
        record.database = run->row.bytes;
        record.database_length = run->row.length;
        /* Octets that differ are one finding; the checkpoints decide whose. */
        bool same =
            !in_journal || (run->row.length == run->entry.record_length &&
                            memcmp(run->row.bytes, run->entry.record, run->row.length) == 0);
        if (same)
            verify_check_columns(run);
    }
    if (verifier_add_record(run->verifier, &record) != 0)
        return fail(run, -EIO, "a hash could not be computed");
    if (!run->rows)
        return 0;
    int got = verify_check_values(run, index, in_journal ? record.journal : record.database,
                                  in_journal ? record.journal_length : record.database_length);
    return got < 0 ? fail(run, got, verify_rows_message(run->rows)) : 0;
}

static int compare_all(struct verify_run *run)
{
    int error = read_row(run);
    if (!error)
        error = read_entry(run);
    uint64_t done = 0;
    bool first = true;
    while (!error && (run->has_entry || run->has_row)) {
        uint64_t index = run->has_entry ? run->entry.index : run->row.index;
        if (run->has_row && run->row.index < index)
            index = run->row.index;
        bool in_journal = run->has_entry && run->entry.index == index;
        bool in_rows = run->has_row && run->row.index == index;
        if (first)
            run->result->first_index = index;
        first = false;
        check_presence(run, index, in_journal, in_rows);
        error = add_record(run, index, in_journal, in_rows);
        run->next = index + 1;
        if (!error && in_rows)
            error = read_row(run);
        if (!error && in_journal)
            error = read_entry(run);
        if (++done % PROGRESS_RECORDS == 0 && run->config->progress)
            run->config->progress(run->config->user, done, run->config->size);
    }
    if (!error && run->cursor && run->journal_end < run->config->size)
        verify_find(run, AUDIT_RECORD_MISSING, run->journal_end,
                    "the journal ends before record %" PRIu64 ", which was acknowledged",
                    run->journal_end);
    return error;
}

static enum audit_finding finding_of(const struct verifier_problem *problem)
{
    bool database = problem->source == VERIFIER_DATABASE;
    switch (problem->fault) {
    case VERIFIER_OK:
        return AUDIT_INTACT;
    case VERIFIER_ALTERED:
    case VERIFIER_NOT_CANONICAL:
        return database ? AUDIT_ROW_ALTERED : AUDIT_RECORD_ALTERED;
    case VERIFIER_MISSING:
        return database ? AUDIT_ROW_MISSING : AUDIT_RECORD_MISSING;
    case VERIFIER_DUPLICATE:
        return AUDIT_ROW_EXTRA;
    case VERIFIER_DIFFER:
        return AUDIT_ROW_ALTERED;
    case VERIFIER_ROOT:
        return AUDIT_ROOT_DIFFERS;
    case VERIFIER_CHECKPOINT:
        return AUDIT_CHECKPOINT_INVALID;
    }
    return AUDIT_ROOT_DIFFERS;
}

/* A checkpoint beyond the last record: the end of the log is gone. */
static void check_end(struct verify_run *run)
{
    if (run->notes.count == 0)
        return;
    uint64_t size = run->notes.notes[run->notes.count - 1].checkpoint.size;
    if (size > run->next)
        verify_find(run, run->cursor ? AUDIT_RECORD_MISSING : AUDIT_ROW_MISSING, run->next,
                    "the log ends before record %" PRIu64 ", but a checkpoint covers %" PRIu64,
                    run->next, size);
}

static void name_place(struct verify_run *run)
{
    struct audit_verify_result *result = run->result;
    struct journal_cursor *cursor = NULL;
    struct journal_entry entry;
    snprintf(result->where, sizeof(result->where), "%s, node %s",
             result->finding == AUDIT_PERSONAL_ALTERED ? "audit_personal" : "audit_record",
             run->config->node);
    bool in_journal =
        result->finding == AUDIT_RECORD_ALTERED || result->finding == AUDIT_RECORD_MISSING;
    if (result->index == UINT64_MAX)
        snprintf(result->where, sizeof(result->where), "checkpoints of node %s", run->config->node);
    else if (in_journal && run->cursor &&
             journal_cursor_open(run->config->directory, result->index, &cursor) == 0) {
        (void)!journal_cursor_next(cursor, UINT64_MAX, &entry);
        snprintf(result->where, sizeof(result->where), "%s", journal_cursor_where(cursor));
    }
    journal_cursor_close(cursor);
}

/* Source and index stand beside it. */
static const char *without_index(const char *text)
{
    const char *end = strncmp(text, "record ", 7) == 0 ? strstr(text, ": ") : NULL;
    return end ? end + 2 : text;
}

static int conclude(struct verify_run *run)
{
    struct verifier_report report;
    struct audit_verify_result *result = run->result;
    if (verifier_finish(run->verifier, &report) != 0)
        return fail(run, -EIO, "a hash could not be computed");
    check_end(run);
    if (report.first.fault != VERIFIER_OK) {
        uint64_t index =
            report.first.fault == VERIFIER_CHECKPOINT ? UINT64_MAX : report.first.index;
        verify_find(run, finding_of(&report.first), index, "%s", without_index(report.first.text));
        result->findings += report.problems - 1;
    }
    result->checkpoints = report.checkpoints_good;
    result->covered = report.covered;
    memcpy(result->root, report.root.octets, sizeof(result->root));
    if (result->finding != AUDIT_INTACT)
        name_place(run);
    return 0;
}

static int make_verifier(struct verify_run *run)
{
    struct checkpoint_key key;
    if (checkpoint_key_parse(run->config->verifier_key, &key) != 0)
        return fail(run, -EINVAL, "the verifier key cannot be read");
    if (verifier_new(run->config->node, &key, 1, &run->verifier) != 0)
        return fail(run, -EINVAL, "bad node name, or out of memory");
    for (size_t i = 0; i < run->notes.count; i++) {
        const char *note = run->notes.notes[i].note;
        if (verifier_add_checkpoint(run->verifier, note, strlen(note)) != 0)
            return fail(run, -ENOMEM, "out of memory");
    }
    return 0;
}

int audit_verify_run(const struct audit_verify_config *config, struct audit_verify_result *result)
{
    *result = (struct audit_verify_result){0};
    struct verify_run *run = calloc(1, sizeof(*run));
    if (!run)
        return -ENOMEM;
    run->config = config;
    run->result = result;
    int error = config->directory || config->conninfo
                    ? open_sources(run)
                    : fail(run, -EINVAL, "neither journal nor database given");
    if (!error)
        error = make_verifier(run);
    if (!error && run->journal_first > 0 && !run->rows)
        error = fail(run, -ENODATA,
                     "the journal does not reach back to record 0: the database is "
                     "needed");
    if (!error)
        error = compare_all(run);
    if (!error)
        error = conclude(run);
    verifier_free(run->verifier);
    checkpoint_list_free(&run->notes);
    journal_cursor_close(run->cursor);
    verify_rows_close(run->rows);
    free(run);
    return error;
}
