#include "gateway/audit/journal_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/audit/journal_segment.h"

enum { BLANK_OCTETS = 256 * 1024 };

struct journal_cursor {
    int directory;
    uint64_t segment; /* first index of the segment being read */
    bool mapped;
    bool begun; /* the readers below stand in this segment */
    bool sides; /* it has a side file */
    struct journal_map record_map, side_map;
    struct journal_reader records, side_reader;
    struct journal_side found[JOURNAL_SIDES_MAX];
    char where[64];
};

void journal_cursor_release(struct journal_cursor *cursor)
{
    journal_map_close(&cursor->record_map);
    journal_map_close(&cursor->side_map);
    cursor->mapped = false;
}

/* The readers keep their places; only the memory under them is mapped anew. */
static int map_segment(struct journal_cursor *cursor)
{
    if (cursor->mapped)
        return 0;
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(cursor->segment, ".journal", name);
    int error = journal_map_open(cursor->directory, name, &cursor->record_map);
    if (error)
        return error;
    journal_name_make(cursor->segment, ".side", name);
    error = journal_map_open(cursor->directory, name, &cursor->side_map);
    if (error && error != -ENOENT)
        return error;
    cursor->mapped = true;
    if (!cursor->begun) {
        if (journal_reader_init(&cursor->records, cursor->record_map.bytes,
                                cursor->record_map.length, JOURNAL_RECORDS) != 0)
            return -EBADMSG;
        cursor->sides = journal_reader_init(&cursor->side_reader, cursor->side_map.bytes,
                                            cursor->side_map.length, JOURNAL_SIDE) == 0;
        cursor->begun = true;
    }
    cursor->records.bytes = cursor->record_map.bytes;
    cursor->records.length = cursor->record_map.length;
    cursor->side_reader.bytes = cursor->side_map.bytes;
    cursor->side_reader.length = cursor->side_map.length;
    bool shrunk = cursor->records.offset > cursor->records.length ||
                  (cursor->sides && cursor->side_reader.offset > cursor->side_reader.length);
    return shrunk ? -EBADMSG : 0;
}

static void note_place(struct journal_cursor *cursor)
{
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(cursor->segment, ".journal", name);
    snprintf(cursor->where, sizeof(cursor->where), "%s: octet %zu", name, cursor->records.offset);
}

/* The first index of the segment after the present one. Returns 0 or -ENOENT. */
static int find_next_segment(const struct journal_cursor *cursor, uint64_t *first)
{
    struct journal_list list;
    int error = journal_list_read(cursor->directory, &list);
    if (error)
        return error;
    error = -ENOENT;
    for (size_t i = 0; i < list.count && error; i++)
        if (list.first[i] > cursor->segment) {
            *first = list.first[i];
            error = 0;
        }
    journal_list_free(&list);
    return error;
}

static void enter_segment(struct journal_cursor *cursor, uint64_t first)
{
    journal_cursor_release(cursor);
    cursor->segment = first;
    cursor->begun = false;
    cursor->records.offset = 0;
    cursor->records.next_sequence = first;
}

/* Personal values of a record that is not read (damage before it) are passed over. */
static size_t collect_sides(struct journal_cursor *cursor, uint64_t index)
{
    size_t count = 0;
    while (cursor->sides && count < JOURNAL_SIDES_MAX) {
        struct journal_reader before = cursor->side_reader;
        /* No frame is so long. To look through all the space that is kept for later, each time the
         * end is met, would cost more than all the rest. */
        if (journal_reader_is_blank(&before, BLANK_OCTETS))
            break;
        struct journal_frame frame;
        enum journal_step step = journal_reader_next(&cursor->side_reader, &frame);
        if (step == JOURNAL_CORRUPT && journal_reader_resync(&cursor->side_reader) == 0)
            continue;
        if (step != JOURNAL_FRAME) {
            cursor->side_reader = before;
            break;
        }
        struct journal_side *side = &cursor->found[count];
        if (journal_side_decode(frame.bytes, frame.length, side) != 0)
            continue;
        if (side->record_index > index) {
            cursor->side_reader = before;
            break;
        }
        count += side->record_index == index;
    }
    return count;
}

/* Damage in the file: goes on with the next whole frame, or with the next segment. */
static int step_over(struct journal_cursor *cursor, struct journal_entry *entry)
{
    entry->index = cursor->records.next_sequence;
    uint64_t next = 0;
    if (cursor->begun && cursor->mapped && journal_reader_resync(&cursor->records) == 0)
        return -EBADMSG;
    if (find_next_segment(cursor, &next) != 0)
        return -ENOENT;
    enter_segment(cursor, next);
    return -EBADMSG;
}

int journal_cursor_next(struct journal_cursor *cursor, uint64_t limit, struct journal_entry *entry)
{
    *entry = (struct journal_entry){.index = cursor->records.next_sequence};
    if (cursor->records.next_sequence >= limit)
        return 0;
    for (int segments = 0; segments < 2; segments++) {
        int error = map_segment(cursor);
        note_place(cursor);
        if (error)
            return error == -EBADMSG ? step_over(cursor, entry) : error;
        struct journal_frame frame;
        enum journal_step step = journal_reader_next(&cursor->records, &frame);
        if (step == JOURNAL_FRAME) {
            size_t count = collect_sides(cursor, frame.sequence);
            *entry = (struct journal_entry){.index = frame.sequence,
                                            .record = frame.bytes,
                                            .record_length = frame.length,
                                            .sides = cursor->found,
                                            .side_count = count};
            return 1;
        }
        if (step != JOURNAL_END)
            return step_over(cursor, entry);
        uint64_t next = 0;
        error = find_next_segment(cursor, &next);
        if (error)
            return error;
        bool gap = next != cursor->records.next_sequence;
        enter_segment(cursor, next);
        if (gap)
            return -EBADMSG;
    }
    return -EBADMSG; /* two segments without a record in between */
}

const char *journal_cursor_where(const struct journal_cursor *cursor)
{
    return cursor->where;
}

static int seek(struct journal_cursor *cursor, uint64_t index)
{
    struct journal_list list;
    int error = journal_list_read(cursor->directory, &list);
    if (error)
        return error;
    error = -ENOENT;
    for (size_t i = 0; i < list.count && list.first[i] <= index; i++) {
        enter_segment(cursor, list.first[i]);
        error = 0;
    }
    journal_list_free(&list);
    while (!error && cursor->records.next_sequence < index) {
        struct journal_entry entry;
        int got = journal_cursor_next(cursor, index, &entry);
        if (got < 0 && got != -EBADMSG)
            error = got;
    }
    return error;
}

int journal_cursor_open(const char *directory, uint64_t index, struct journal_cursor **out)
{
    struct journal_cursor *cursor = calloc(1, sizeof(*cursor));
    if (!cursor)
        return -ENOMEM;
    int error = 0;
    cursor->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cursor->directory < 0)
        error = -errno;
    if (!error)
        error = seek(cursor, index);
    if (error) {
        journal_cursor_close(cursor);
        return error;
    }
    *out = cursor;
    return 0;
}

int journal_cursor_open_first(const char *directory, uint64_t *first, struct journal_cursor **out)
{
    struct journal_list list;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = journal_list_read(fd, &list);
    close(fd);
    if (error)
        return error;
    *first = list.count ? list.first[0] : 0;
    error = list.count ? 0 : -ENOENT;
    journal_list_free(&list);
    return error ? error : journal_cursor_open(directory, *first, out);
}

void journal_cursor_close(struct journal_cursor *cursor)
{
    if (!cursor)
        return;
    journal_cursor_release(cursor);
    if (cursor->directory >= 0)
        close(cursor->directory);
    free(cursor);
}
