#include "gateway/audit/checkpoint_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/audit/journal_segment.h"
#include "gateway/file_octets.h"

#define FILE_NAME      "checkpoints"
#define SIGNATURE_MARK "\xe2\x80\x94 "

/* Some hundred notes. */
enum { END_OCTETS = 65536 };

/* The length of the first note of a text: up to the last of its signature lines; 0 when the text
 * ends before. */
static size_t note_length(const char *text, size_t length)
{
    size_t at = 0;
    size_t end = 0;
    bool blank = false;
    while (at < length) {
        const char *newline = memchr(text + at, '\n', length - at);
        if (!newline)
            break;
        size_t next = (size_t)(newline - text) + 1;
        size_t mark = sizeof(SIGNATURE_MARK) - 1;
        bool signature = blank && next - at > mark && memcmp(text + at, SIGNATURE_MARK, mark) == 0;
        if (end && !signature)
            return end;
        if (signature)
            end = next;
        blank = blank || next - at == 1;
        at = next;
    }
    return at == length ? end : 0;
}

int checkpoint_list_add(struct checkpoint_list *list, const char *note, size_t length)
{
    struct checkpoint_note added;
    if (checkpoint_parse(note, length, &added.checkpoint) != 0)
        return -EBADMSG;
    added.note = strndup(note, length);
    struct checkpoint_note *notes =
        realloc(list->notes, (list->count + 1) * sizeof(struct checkpoint_note));
    if (notes)
        list->notes = notes;
    if (!notes || !added.note) {
        free(added.note);
        return -ENOMEM;
    }
    size_t place = list->count++;
    while (place > 0 && notes[place - 1].checkpoint.size > added.checkpoint.size) {
        notes[place] = notes[place - 1];
        place--;
    }
    notes[place] = added;
    return 0;
}

static int parse_all(struct checkpoint_list *list, const char *text, size_t length)
{
    while (list->whole_bytes < length) {
        const char *at = text + list->whole_bytes;
        size_t octets = note_length(at, length - list->whole_bytes);
        if (octets == 0)
            return 0;
        int error = checkpoint_list_add(list, at, octets);
        if (error)
            return error;
        list->whole_bytes += octets;
    }
    return 0;
}

static int open_file(const char *directory, int flags)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int file = openat(fd, FILE_NAME, flags | O_CLOEXEC, 0600);
    int error = errno;
    if (file >= 0 && (flags & O_CREAT) && fsync(fd) != 0) {
        error = errno;
        close(file);
        file = -1;
    }
    close(fd);
    return file < 0 ? -error : file;
}

/* Where the first note begins after offset: behind a line of signature that is the last of its
 * note. */
static size_t next_note(const char *text, size_t length, size_t offset)
{
    const size_t mark = sizeof(SIGNATURE_MARK) - 1;
    bool signature = false;
    while (offset < length) {
        const char *newline = memchr(text + offset, '\n', length - offset);
        size_t next = newline ? (size_t)(newline - text) + 1 : length;
        bool is_mark = length - next > mark && memcmp(text + next, SIGNATURE_MARK, mark) == 0;
        if (signature && !is_mark && newline)
            return next;
        signature = is_mark;
        offset = next;
    }
    return length;
}

static int read_notes(const char *directory, size_t end_octets, struct checkpoint_list *list)
{
    *list = (struct checkpoint_list){0};
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    struct journal_map map;
    int error = journal_map_open(fd, FILE_NAME, &map);
    close(fd);
    if (error)
        return error == -ENOENT ? 0 : error;
    const char *text = (const char *)map.bytes;
    list->file_bytes = map.length;
    if (map.length > end_octets) {
        size_t begin = next_note(text, map.length, map.length - end_octets);
        list->whole_bytes = begin < map.length ? begin : 0;
    }
    error = parse_all(list, text, map.length);
    journal_map_close(&map);
    return error;
}

int checkpoint_file_read(const char *directory, struct checkpoint_list *list)
{
    return read_notes(directory, SIZE_MAX, list);
}

int checkpoint_file_read_end(const char *directory, struct checkpoint_list *list)
{
    return read_notes(directory, END_OCTETS, list);
}

void checkpoint_list_free(struct checkpoint_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->notes[i].note);
    free(list->notes);
    *list = (struct checkpoint_list){0};
}

int checkpoint_file_cut(const char *directory, const struct checkpoint_list *list)
{
    if (list->whole_bytes == list->file_bytes)
        return 0;
    int fd = open_file(directory, O_WRONLY);
    if (fd < 0)
        return fd;
    int error = ftruncate(fd, (off_t)list->whole_bytes) == 0 && fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return error;
}

int checkpoint_file_append(const char *directory, const char *note)
{
    int fd = open_file(directory, O_WRONLY | O_CREAT);
    if (fd < 0)
        return fd;
    off_t end = lseek(fd, 0, SEEK_END);
    int error = end < 0 ? -errno : 0;
    if (!error)
        error = file_write_all_at(fd, note, strlen(note), (uint64_t)end);
    if (!error && fdatasync(fd) != 0)
        error = -errno;
    if (error && end >= 0)
        (void)!ftruncate(fd, end);
    close(fd);
    return error;
}
