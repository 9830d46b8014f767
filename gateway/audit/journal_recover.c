#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/audit/journal_writer.h"
#include "policy/policy_error.h"

struct recovery {
    struct journal_writer *writer;
    journal_seen_cb *seen;
    void *user;
    struct journal_recovery *report;
};

__attribute__((format(printf, 2, 3))) static int damage(const struct recovery *recovery,
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(recovery->report->message, sizeof(recovery->report->message), format, arguments);
    va_end(arguments);
    return -EBADMSG;
}

static const char *header_fault(int problem)
{
    return problem == FAX_EP_VERSION ? "it was written by a newer sealfax"
                                     : "its header is damaged";
}

static bool is_zero(const struct journal_map *map)
{
    return map->length == 0 ||
           (map->bytes[0] == 0 && memcmp(map->bytes, map->bytes + 1, map->length - 1) == 0);
}

static int cut(const struct recovery *recovery, const char *name, uint64_t offset)
{
    int fd = openat(recovery->writer->directory, name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = ftruncate(fd, (off_t)offset) == 0 && fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return error;
}

static int take_frame(const struct recovery *recovery, const struct journal_frame *frame)
{
    struct merkle_tree *tree = &recovery->writer->tree;
    struct merkle_hash leaf;
    if (merkle_leaf_hash(frame->bytes, frame->length, &leaf) != 0 ||
        merkle_tree_append(tree, &leaf) != 0)
        return -EIO;
    return recovery->seen ? recovery->seen(recovery->user, frame, tree) : 0;
}

static int read_frames(const struct recovery *recovery, const char *name,
                       struct journal_reader *reader, bool last)
{
    struct journal_frame frame;
    enum journal_step step;
    while ((step = journal_reader_next(reader, &frame)) == JOURNAL_FRAME) {
        int error = take_frame(recovery, &frame);
        if (error)
            return error;
    }
    if (step == JOURNAL_CORRUPT || (step == JOURNAL_TORN && !last))
        return damage(recovery, "%s: record %" PRIu64 " at octet %zu is damaged", name,
                      reader->next_sequence, reader->offset);
    if (step == JOURNAL_TORN)
        recovery->report->torn_bytes = reader->length - reader->offset;
    return last ? cut(recovery, name, reader->offset) : 0;
}

static int read_records(const struct recovery *recovery, uint64_t first, bool last)
{
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(first, ".journal", name);
    if (first != recovery->writer->tree.size)
        return damage(recovery, "%s: it should begin with record %" PRIu64, name,
                      recovery->writer->tree.size);
    struct journal_map map;
    int error = journal_map_open(recovery->writer->directory, name, &map);
    if (error)
        return error;
    struct journal_reader reader;
    int rc = journal_reader_init(&reader, map.bytes, map.length, JOURNAL_RECORDS);
    /* A header that was never written: nothing in it was acknowledged. */
    bool blank = rc == FAX_EP_TRUNCATED && last && is_zero(&map);
    if (rc && !blank)
        error = damage(recovery, "%s: %s", name, header_fault(rc));
    else if (!rc && (reader.header.first_sequence != first ||
                     strcmp(reader.header.node, recovery->writer->node) != 0))
        error = damage(recovery, "%s: it belongs to node %s, record %" PRIu64, name,
                       reader.header.node, reader.header.first_sequence);
    else if (!rc)
        error = read_frames(recovery, name, &reader, last);
    journal_map_close(&map);
    return error;
}

/* Counts the side frames; in the last segment cuts off those of records that are not there. */
static int read_sides(const struct recovery *recovery, uint64_t first, bool last)
{
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(first, ".side", name);
    struct journal_map map;
    int error = journal_map_open(recovery->writer->directory, name, &map);
    if (error)
        return error == -ENOENT ? 0 : error;
    struct journal_reader reader;
    uint64_t end = 0;
    int rc = journal_reader_init(&reader, map.bytes, map.length, JOURNAL_SIDE);
    if (rc && !(last && is_zero(&map)))
        error = damage(recovery, "%s: %s", name, header_fault(rc));
    else if (!rc && reader.header.first_sequence > recovery->writer->side_size)
        recovery->writer->side_size = reader.header.first_sequence; /* older ones are not read */
    while (!rc && !error) {
        struct journal_frame frame;
        struct journal_side side;
        end = reader.offset;
        enum journal_step step = journal_reader_next(&reader, &frame);
        if (step == JOURNAL_END || (step == JOURNAL_TORN && last))
            break;
        if (step != JOURNAL_FRAME || journal_side_decode(frame.bytes, frame.length, &side) != 0)
            error =
                damage(recovery, "%s: personal values at octet %" PRIu64 " are damaged", name, end);
        else if (side.record_index >= recovery->writer->tree.size)
            break;
        else
            recovery->writer->side_size = frame.sequence + 1;
    }
    journal_map_close(&map);
    return error || !last || rc ? error : cut(recovery, name, end);
}

/* The segment to begin with: that of record covered - 1, or an older one if its frontier cannot be
 * read. */
static int find_begin(const struct recovery *recovery, const struct journal_list *list,
                      uint64_t covered, size_t *begin)
{
    size_t at = 0;
    while (at + 1 < list->count && list->first[at + 1] < covered)
        at++;
    int error;
    while ((error = journal_tree_read(recovery->writer->directory, list->first[at],
                                      &recovery->writer->tree)) != 0 &&
           at > 0)
        at--;
    *begin = at;
    return error ? damage(recovery, "%016" PRIx64 ".tree: missing or damaged", list->first[at]) : 0;
}

int journal_writer_recover(struct journal_writer *writer, uint64_t covered, journal_seen_cb *seen,
                           void *user, struct journal_recovery *report)
{
    struct recovery recovery = {.writer = writer, .seen = seen, .user = user, .report = report};
    *report = (struct journal_recovery){0};
    merkle_tree_init(&writer->tree);
    struct journal_list list;
    size_t begin = 0;
    int error = journal_list_read(writer->directory, &list);
    if (error)
        return error;
    if (list.count) {
        report->first_index = list.first[0];
        error = find_begin(&recovery, &list, covered, &begin);
        report->begun = list.first[begin];
    }
    for (size_t i = begin; i < list.count && !error; i++) {
        bool last = i + 1 == list.count;
        error = read_records(&recovery, list.first[i], last);
        if (!error)
            error = read_sides(&recovery, list.first[i], last);
    }
    report->size = writer->tree.size;
    journal_list_free(&list);
    return error;
}

int journal_segment_check(int directory, const char *node, uint64_t first, struct merkle_tree *tree,
                          struct journal_recovery *report)
{
    struct journal_writer reading = {.directory = directory, .tree = *tree};
    struct recovery recovery = {.writer = &reading, .report = report};
    snprintf(reading.node, sizeof(reading.node), "%s", node);
    int error = read_records(&recovery, first, false);
    if (!error)
        error = read_sides(&recovery, first, false);
    *tree = reading.tree;
    return error;
}
