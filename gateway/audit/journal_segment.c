#include "gateway/audit/journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"

void journal_name_make(uint64_t first, const char *suffix, char name[JOURNAL_NAME_TEXT])
{
    snprintf(name, JOURNAL_NAME_TEXT, "%016" PRIx64 "%s", first, suffix);
}

static int compare_first(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int list_add(struct journal_list *list, const char *name)
{
    char *end = NULL;
    uint64_t first = strtoull(name, &end, 16);
    if (end != name + 16 || strcmp(end, ".journal") != 0)
        return 0;
    uint64_t *grown = realloc(list->first, (list->count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    list->first = grown;
    list->first[list->count++] = first;
    return 0;
}

int journal_list_read(int directory, struct journal_list *list)
{
    *list = (struct journal_list){0};
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    int error = 0;
    for (struct dirent *entry = readdir(stream); entry && !error; entry = readdir(stream))
        error = list_add(list, entry->d_name);
    closedir(stream);
    if (error) {
        journal_list_free(list);
        return error;
    }
    if (list->count > 1)
        qsort(list->first, list->count, sizeof(*list->first), compare_first);
    return 0;
}

void journal_list_free(struct journal_list *list)
{
    free(list->first);
    *list = (struct journal_list){0};
}

int journal_map_open(int directory, const char *name, struct journal_map *map)
{
    *map = (struct journal_map){0};
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat state;
    int error = fstat(fd, &state) == 0 ? 0 : -errno;
    if (!error && state.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED)
            error = -errno;
        else
            *map = (struct journal_map){.bytes = bytes, .length = (size_t)state.st_size};
    }
    close(fd);
    return error;
}

void journal_map_close(struct journal_map *map)
{
    union {
        const uint8_t *given;
        void *taken;
    } bytes = {.given = map->bytes};
    if (bytes.taken)
        munmap(bytes.taken, map->length);
    *map = (struct journal_map){0};
}

/* A file with its first octets, preallocated and durable. */
static int create_file(int directory, const char *name, const uint8_t *head, size_t length,
                       uint64_t bytes, int *out)
{
    if (unlinkat(directory, name, 0) != 0 && errno != ENOENT)
        return -errno;
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = bytes ? -posix_fallocate(fd, 0, (off_t)bytes) : 0;
    if (!error)
        error = file_write_all_at(fd, head, length, 0);
    if (!error && fsync(fd) != 0)
        error = -errno;
    if (error) {
        close(fd);
        unlinkat(directory, name, 0);
        return error;
    }
    *out = fd;
    return 0;
}

static int create_frames(int directory, const struct journal_segment_plan *plan,
                         enum journal_kind kind, int *fd)
{
    char name[JOURNAL_NAME_TEXT];
    uint8_t head[JOURNAL_HEADER_OCTETS];
    struct journal_header header = {
        .kind = kind,
        .first_sequence = kind == JOURNAL_RECORDS ? plan->first : plan->side_first,
    };
    snprintf(header.node, sizeof(header.node), "%s", plan->node);
    if (journal_header_encode(&header, head) != 0)
        return -EINVAL;
    journal_name_make(plan->first, kind == JOURNAL_RECORDS ? ".journal" : ".side", name);
    uint64_t bytes = kind == JOURNAL_RECORDS ? plan->bytes : plan->bytes / 2;
    return create_file(directory, name, head, sizeof(head), bytes, fd);
}

static int create_tree(int directory, const struct journal_segment_plan *plan)
{
    char name[JOURNAL_NAME_TEXT];
    uint8_t state[MERKLE_STATE_MAX];
    size_t length = 0;
    if (merkle_tree_encode(plan->tree, state, sizeof(state), &length) != 0)
        return -EINVAL;
    journal_name_make(plan->first, ".tree", name);
    int fd = -1;
    int error = create_file(directory, name, state, length, 0, &fd);
    if (!error)
        close(fd);
    return error;
}

int journal_segment_create(int directory, const struct journal_segment_plan *plan,
                           struct journal_segment *segment)
{
    *segment = (struct journal_segment){.first = plan->first,
                                        .capacity = plan->bytes,
                                        .record_fd = -1,
                                        .side_fd = -1,
                                        .record_offset = JOURNAL_HEADER_OCTETS,
                                        .side_offset = JOURNAL_HEADER_OCTETS};
    /* The record file last: where it stands the others stand too. */
    int error = create_tree(directory, plan);
    if (!error)
        error = create_frames(directory, plan, JOURNAL_SIDE, &segment->side_fd);
    if (!error)
        error = create_frames(directory, plan, JOURNAL_RECORDS, &segment->record_fd);
    if (!error && fsync(directory) != 0)
        error = -errno;
    if (error) {
        journal_segment_drop(segment);
        (void)!journal_segment_remove(directory, plan->first);
    }
    return error;
}

int journal_segment_finish(struct journal_segment *segment)
{
    if (segment->record_fd < 0)
        return 0;
    if (ftruncate(segment->record_fd, (off_t)segment->record_offset) != 0 ||
        ftruncate(segment->side_fd, (off_t)segment->side_offset) != 0 ||
        fsync(segment->record_fd) != 0 || fsync(segment->side_fd) != 0)
        return -errno;
    journal_segment_drop(segment);
    return 0;
}

void journal_segment_drop(struct journal_segment *segment)
{
    if (segment->record_fd >= 0)
        close(segment->record_fd);
    if (segment->side_fd >= 0)
        close(segment->side_fd);
    segment->record_fd = segment->side_fd = -1;
}

int journal_segment_remove(int directory, uint64_t first)
{
    static const char *const suffixes[] = {".journal", ".side", ".tree"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        char name[JOURNAL_NAME_TEXT];
        journal_name_make(first, suffixes[i], name);
        if (unlinkat(directory, name, 0) != 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

int journal_tree_read(int directory, uint64_t first, struct merkle_tree *tree)
{
    merkle_tree_init(tree);
    if (first == 0)
        return 0;
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(first, ".tree", name);
    struct journal_map map;
    int error = journal_map_open(directory, name, &map);
    if (error)
        return error;
    if (merkle_tree_decode(map.bytes, map.length, tree) != 0 || tree->size != first)
        error = -EBADMSG;
    journal_map_close(&map);
    return error;
}
