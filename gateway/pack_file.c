#include "gateway/pack_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"

static const char suffix[] = ".pack", unfinished[] = ".pack.new";

enum {
    ZEROS = 4096,
    FAMILY_DIGITS = 2 * PACK_FAMILY_OCTETS,
    TEMPORARY_NAME = FAMILY_DIGITS + sizeof unfinished
};

_Static_assert(PACK_FILE_NAME == FAMILY_DIGITS + sizeof suffix, "names fit");

void pack_file_name(const uint8_t id[PACK_ID_OCTETS], char name[PACK_FILE_NAME])
{
    hex_encode(id + (PACK_ID_OCTETS - PACK_FAMILY_OCTETS), PACK_FAMILY_OCTETS, name);
    memcpy(name + FAMILY_DIGITS, suffix, sizeof suffix);
}

static bool is_name(const char *name, const char *end)
{
    uint8_t family[PACK_FAMILY_OCTETS];
    return hex_decode(name, family, sizeof family) == 0 && strcmp(name + FAMILY_DIGITS, end) == 0;
}

bool pack_file_is_name(const char *name)
{
    return is_name(name, suffix);
}

static void temporary_name(const struct pack_table *table, char name[TEMPORARY_NAME])
{
    pack_file_name(table->items[0].id, name);
    memcpy(name + FAMILY_DIGITS, unfinished, sizeof unfinished);
}

/* --- writing --- */

int pack_file_begin(int directory, const struct pack_table *table)
{
    uint8_t octets[PACK_TABLE_MAX];
    char name[TEMPORARY_NAME];
    size_t length = 0;
    if (pack_table_encode(table, octets, sizeof octets, &length) < 0)
        return -EINVAL;
    temporary_name(table, name);
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int status = file_write_all_at(fd, octets, length, 0);
    if (status < 0) {
        close(fd);
        unlinkat(directory, name, 0);
        return status;
    }
    return fd;
}

int pack_file_end(int directory, const struct pack_table *table, int fd, int status)
{
    char temporary[TEMPORARY_NAME], name[PACK_FILE_NAME];
    temporary_name(table, temporary);
    pack_file_name(table->items[0].id, name);
    if (status == 0 && fsync(fd) < 0)
        status = -errno;
    close(fd);
    bool placed = false;
    if (status == 0) {
        placed = renameat2(directory, temporary, directory, name, RENAME_NOREPLACE) == 0;
        status = placed ? 0 : -errno;
    }
    if (status == 0 && fsync(directory) < 0)
        status = -errno;
    if (status < 0)
        unlinkat(directory, placed ? name : temporary, 0);
    return status;
}

int pack_file_remove_unfinished(int directory)
{
    int status = 0, copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names) {
        status = -errno;
        if (copy >= 0)
            close(copy);
        return status;
    }
    for (const struct dirent *entry; (entry = readdir(names));)
        if (is_name(entry->d_name, unfinished) && unlinkat(directory, entry->d_name, 0) < 0)
            status = -errno;
    closedir(names);
    return status;
}

/* --- reading --- */

static int read_table(int fd, enum pack_kind kind, struct pack_table *table)
{
    uint8_t octets[PACK_TABLE_MAX];
    struct stat about;
    if (fstat(fd, &about) < 0)
        return -errno;
    uint64_t size = (uint64_t)about.st_size;
    size_t available = size < sizeof octets ? (size_t)size : sizeof octets;
    int status = file_read_all_at(fd, octets, available, 0);
    if (status == 0 && pack_table_decode(octets, available, size, kind, table) < 0)
        status = -EBADMSG;
    return status;
}

int pack_file_open(int directory, const char *name, int flags, enum pack_kind kind,
                   struct pack_table *table, int *fd)
{
    *fd = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return -errno;
    int status = read_table(*fd, kind, table);
    if (status < 0) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

int pack_file_has(int fd, const struct pack_item *item)
{
    uint8_t first;
    int status = file_read_all_at(fd, &first, 1, item->offset);
    return status < 0 ? status : first != 0;
}

int pack_file_open_item(int directory, const uint8_t id[PACK_ID_OCTETS], int flags,
                        enum pack_kind kind, struct pack_table *table,
                        const struct pack_item **item, int *fd)
{
    char name[PACK_FILE_NAME];
    pack_file_name(id, name);
    int status = pack_file_open(directory, name, flags, kind, table, fd);
    if (status < 0)
        return status;
    *item = pack_table_find(table, id);
    status = *item ? pack_file_has(*fd, *item) : 0;
    if (status > 0)
        return 0;
    close(*fd);
    *fd = -1;
    return status < 0 ? status : -ENOENT;
}

/* --- destroying --- */

static int overwrite(int fd, uint64_t offset, uint64_t length)
{
    static const uint8_t zeros[ZEROS];
    int status = 0;
    for (uint64_t done = 0; status == 0 && done < length; done += ZEROS) {
        uint64_t left = length - done;
        status = file_write_all_at(fd, zeros, left < ZEROS ? (size_t)left : ZEROS, offset + done);
    }
    return status;
}

/* Where blocks cannot be given back, it is enough that the item begins with zeros. */
static int release(int fd, const struct pack_item *item)
{
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)item->offset,
                  (off_t)item->length) == 0)
        return 0;
    return overwrite(fd, item->offset, item->length < ZEROS ? item->length : ZEROS);
}

int pack_file_remove_empty(int directory, const char *name, int fd, const struct pack_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        int there = pack_file_has(fd, &table->items[i]);
        if (there != 0)
            return there < 0 ? there : 0;
    }
    if (unlinkat(directory, name, 0) < 0)
        return errno == ENOENT ? 1 : -errno;
    return fsync(directory) < 0 ? -errno : 1;
}

int pack_file_destroy(int directory, const uint8_t id[PACK_ID_OCTETS], enum pack_kind kind,
                      enum pack_file_end how)
{
    struct pack_table table = {.count = 0};
    const struct pack_item *item = NULL;
    char name[PACK_FILE_NAME];
    int fd;
    int status = pack_file_open_item(directory, id, O_RDWR, kind, &table, &item, &fd);
    if (status < 0)
        return status;
    pack_file_name(id, name);
    status = how == PACK_RELEASE ? release(fd, item) : overwrite(fd, item->offset, item->length);
    if (status == 0 && fdatasync(fd) < 0)
        status = -errno;
    if (status == 0)
        status = pack_file_remove_empty(directory, name, fd, &table);
    close(fd);
    return status < 0 ? status : 0;
}
