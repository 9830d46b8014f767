#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text_code.h"

#include "gateway/audit/drain_private.h"

void drain_records_drop(struct drain *drain, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(drain->records[i].text);
        free(drain->records[i].personal);
        free(drain->records[i].salts);
    }
    drain->record_count -= count;
    memmove(drain->records, drain->records + count,
            drain->record_count * sizeof(struct drain_record));
}

void drain_records_clear(struct drain *drain)
{
    drain_records_drop(drain, drain->record_count);
}

static int copy_side(json_t *personal, json_t *salts, const struct journal_side *side)
{
    char salt[2 * RECORD_SALT_OCTETS + 1];
    hex_encode(side->salt, RECORD_SALT_OCTETS, salt);
    return json_object_set_new(personal, side->key,
                               json_stringn(side->value, side->value_length)) == 0 &&
                   json_object_set_new(salts, side->key, json_string(salt)) == 0
               ? 0
               : -EINVAL;
}

static int copy_sides(struct drain_record *record, const struct journal_entry *entry)
{
    json_t *personal = json_object();
    json_t *salts = json_object();
    int error = personal && salts ? 0 : -ENOMEM;
    for (size_t i = 0; i < entry->side_count && !error; i++)
        error = copy_side(personal, salts, &entry->sides[i]);
    if (!error) {
        record->has_sides = entry->side_count > 0;
        record->personal = json_dumps(personal, JSON_COMPACT);
        record->salts = json_dumps(salts, JSON_COMPACT);
        error = record->personal && record->salts ? 0 : -ENOMEM;
    }
    json_decref(personal);
    json_decref(salts);
    return error;
}

static int copy_record(struct drain_record *out, const struct journal_entry *entry)
{
    struct record record;
    struct record_head head;
    *out = (struct drain_record){.index = entry->index};
    if (record_parse(entry->record, entry->record_length, &record) != 0)
        return -EBADMSG;
    record_head_get(&record, &head);
    out->time_us = head.time_us;
    snprintf(out->event, sizeof(out->event), "%s", head.event);
    snprintf(out->fax, sizeof(out->fax), "%s", head.fax ? head.fax : "");
    out->text = malloc(entry->record_length + 1);
    if (!out->text)
        return -ENOMEM;
    memcpy(out->text, entry->record, entry->record_length);
    out->text[entry->record_length] = '\0';
    return copy_sides(out, entry);
}

static int open_at(struct drain *drain, uint64_t index)
{
    if (drain->cursor)
        return 0;
    return journal_cursor_open(drain->directory, index, &drain->cursor);
}

/* A journal that no longer reaches back so far cannot be compared; that is no conflict. */
static int compare(struct drain *drain)
{
    struct journal_entry entry;
    uint64_t index = drain->state.applied - 1;
    int error = open_at(drain, index);
    if (error == -ENOENT)
        return 0;
    if (error)
        return error;
    int got = journal_cursor_next(drain->cursor, index + 1, &entry);
    if (got != 1)
        return got < 0 ? got : -ENODATA;
    bool same = entry.index == index && entry.record_length == drain->compare_length &&
                memcmp(entry.record, drain->compare_octets, drain->compare_length) == 0;
    return same ? 0 : -EILSEQ;
}

static int read_records(struct drain *drain)
{
    int error = open_at(drain, drain->state.applied);
    uint64_t expected = drain->state.applied;
    while (!error && drain->record_count < drain->read_wanted) {
        struct journal_entry entry;
        int got = journal_cursor_next(drain->cursor, drain->read_limit, &entry);
        if (got == 0)
            break;
        if (got < 0 || entry.index != expected) {
            error = got < 0 ? got : -EBADMSG;
            break;
        }
        error = copy_record(&drain->records[drain->record_count], &entry);
        drain->record_count++; /* so that its memory is freed */
        expected++;
    }
    return error;
}

void drain_read_run(uv_work_t *work)
{
    struct drain *drain = work->data;
    drain->read_status = drain->compare ? compare(drain) : read_records(drain);
    if (drain->cursor)
        journal_cursor_release(drain->cursor);
    if (drain->read_status) {
        journal_cursor_close(drain->cursor);
        drain->cursor = NULL;
    }
}
