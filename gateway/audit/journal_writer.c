#include "gateway/audit/journal_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"

#define RESERVE_NAME "reserve"

static int reserve_make(struct journal_writer *writer)
{
    int fd = openat(writer->directory, RESERVE_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = -posix_fallocate(fd, 0, (off_t)writer->reserve_bytes);
    close(fd);
    if (error)
        unlinkat(writer->directory, RESERVE_NAME, 0);
    return error;
}

/* With the disk full the reserve becomes the last segments: half of it each, so that the events
 * that say so, and those that end what runs, can still be written. */
static int begin_segment(struct journal_writer *writer)
{
    struct journal_segment_plan plan = {
        .node = writer->node,
        .first = writer->tree.size,
        .side_first = writer->side_size,
        .bytes = writer->segment_bytes,
        .tree = &writer->tree,
    };
    int error = journal_segment_create(writer->directory, &plan, &writer->segment);
    if (!error) {
        writer->low_space = reserve_make(writer) != 0;
        return 0;
    }
    if (error != -ENOSPC && error != -EDQUOT)
        return error;
    writer->low_space = true;
    if (unlinkat(writer->directory, RESERVE_NAME, 0) != 0 && errno != ENOENT)
        return -errno;
    plan.bytes = writer->reserve_bytes / 2;
    return journal_segment_create(writer->directory, &plan, &writer->segment);
}

int journal_writer_repair(struct journal_writer *writer)
{
    writer->damaged = true;
    int error = journal_segment_finish(&writer->segment);
    if (error)
        return error;
    error = begin_segment(writer);
    if (!error)
        writer->damaged = false;
    return error;
}

static int buffer_reserve(struct journal_buffer *buffer, size_t more)
{
    if (buffer->length + more <= buffer->capacity)
        return 0;
    size_t capacity = (buffer->length + more) * 2;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

static int add_frame(struct journal_buffer *buffer, enum journal_kind kind,
                     const struct journal_frame *frame)
{
    size_t needed = journal_frame_length(frame->length);
    int error = buffer_reserve(buffer, needed);
    if (error)
        return error;
    size_t length = 0;
    if (journal_frame_encode(kind, frame, buffer->bytes + buffer->length, needed, &length) != 0)
        return -EINVAL;
    buffer->length += length;
    return 0;
}

static int add_sides(struct journal_writer *writer, const struct journal_waiter *waiter,
                     uint64_t *sequence)
{
    const uint8_t *at = waiter->bytes + waiter->record_length;
    const uint8_t *end = at + waiter->sides_length;
    while (at < end) {
        uint32_t length;
        memcpy(&length, at, sizeof(length));
        struct journal_frame frame = {.sequence = *sequence,
                                      .durable = writer->side_size,
                                      .bytes = at + sizeof(length),
                                      .length = length};
        int error = add_frame(&writer->sides, JOURNAL_SIDE, &frame);
        if (error)
            return error;
        at += sizeof(length) + length;
        ++*sequence;
    }
    return 0;
}

static int encode(struct journal_writer *writer, const struct journal_waiter *waiter, size_t count,
                  struct merkle_tree *tree, uint64_t *side_size)
{
    writer->records.length = writer->sides.length = 0;
    for (; count > 0; count--, waiter = waiter->next) {
        assert(waiter->index == tree->size);
        struct journal_frame frame = {.sequence = waiter->index,
                                      .durable = writer->tree.size,
                                      .bytes = waiter->bytes,
                                      .length = waiter->record_length};
        struct merkle_hash leaf;
        int error = add_frame(&writer->records, JOURNAL_RECORDS, &frame);
        if (!error)
            error = add_sides(writer, waiter, side_size);
        if (error)
            return error;
        if (merkle_leaf_hash(waiter->bytes, waiter->record_length, &leaf) != 0 ||
            merkle_tree_append(tree, &leaf) != 0)
            return -EIO;
    }
    return 0;
}

static int write_durably(int fd, const struct journal_buffer *buffer, uint64_t offset)
{
    if (buffer->length == 0)
        return 0;
    int error = file_write_all_at(fd, buffer->bytes, buffer->length, offset);
    if (!error && fdatasync(fd) != 0)
        error = -errno;
    return error;
}

/* A new segment is begun before the old one would outgrow what was preallocated. */
static int make_room(struct journal_writer *writer)
{
    const struct journal_segment *segment = &writer->segment;
    bool fits = segment->record_offset + writer->records.length <= segment->capacity &&
                segment->side_offset + writer->sides.length <= segment->capacity / 2;
    bool empty = segment->record_offset == JOURNAL_HEADER_OCTETS;
    return fits || (empty && !writer->low_space) ? 0 : journal_writer_repair(writer);
}

static int commit(struct journal_writer *writer, const struct journal_waiter *first, size_t count)
{
    struct merkle_tree tree = writer->tree;
    uint64_t side_size = writer->side_size;
    int error = writer->damaged ? journal_writer_repair(writer) : 0;
    if (!error)
        error = encode(writer, first, count, &tree, &side_size);
    if (!error)
        error = make_room(writer);
    struct journal_segment *segment = &writer->segment;
    if (!error)
        error = write_durably(segment->side_fd, &writer->sides, segment->side_offset);
    if (!error)
        error = write_durably(segment->record_fd, &writer->records, segment->record_offset);
    if (error)
        return error;
    segment->side_offset += writer->sides.length;
    segment->record_offset += writer->records.length;
    writer->tree = tree;
    writer->side_size = side_size;
    return 0;
}

int journal_writer_commit(struct journal_writer *writer, const struct journal_waiter *first,
                          size_t count)
{
    int error = commit(writer, first, count);
    if (error)
        writer->damaged = true;
    return error;
}

static int open_directory(struct journal_writer *writer, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return -errno;
    writer->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writer->directory < 0)
        return -errno;
    if (flock(writer->directory, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return 0;
}

int journal_writer_open(struct journal_writer *writer, const struct journal_config *config,
                        journal_seen_cb *seen, void *user, struct journal_recovery *recovery)
{
    *writer = (struct journal_writer){
        .directory = -1,
        .segment_bytes = config->segment_bytes,
        .reserve_bytes = config->reserve_bytes,
        .segment = {.record_fd = -1, .side_fd = -1},
    };
    if (config->segment_bytes < JOURNAL_SEGMENT_MIN ||
        config->reserve_bytes < JOURNAL_SEGMENT_MIN || strlen(config->node) >= sizeof(writer->node))
        return -EINVAL;
    snprintf(writer->node, sizeof(writer->node), "%s", config->node);
    int error = open_directory(writer, config->directory);
    if (!error)
        error = journal_writer_recover(writer, config->covered, seen, user, recovery);
    if (!error)
        error = begin_segment(writer);
    if (error) {
        if (!recovery->message[0])
            snprintf(recovery->message, sizeof(recovery->message), "%s: %s", config->directory,
                     strerror(-error));
        journal_writer_close(writer);
    }
    return error;
}

void journal_writer_close(struct journal_writer *writer)
{
    if (!writer->damaged)
        (void)!journal_segment_finish(&writer->segment);
    journal_segment_drop(&writer->segment);
    if (writer->directory >= 0)
        close(writer->directory);
    writer->directory = -1;
    free(writer->records.bytes);
    free(writer->sides.bytes);
    writer->records = writer->sides = (struct journal_buffer){0};
}
