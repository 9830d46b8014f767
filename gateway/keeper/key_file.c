#include "gateway/keeper/key_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"

static const char unfinished[] = ".new";

static int write_whole(int fd, const uint8_t *octets, size_t length)
{
    int status = file_write_all(fd, octets, length);
    if (status < 0)
        return status;
    return fsync(fd) < 0 ? -errno : 0;
}

static int unfinished_name(const char *name, char temporary[KEY_FILE_NAME_MAX + sizeof unfinished])
{
    size_t size = KEY_FILE_NAME_MAX + sizeof unfinished;
    return snprintf(temporary, size, "%s%s", name, unfinished) < (int)size ? 0 : -ENAMETOOLONG;
}

int key_file_create(int directory, const char *name, const uint8_t *octets, size_t length)
{
    char temporary[KEY_FILE_NAME_MAX + sizeof unfinished];
    if (unfinished_name(name, temporary) < 0)
        return -ENAMETOOLONG;
    if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
        return -errno;
    int fd =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int status = write_whole(fd, octets, length);
    if (close(fd) < 0 && status == 0)
        status = -errno;
    if (status == 0 && renameat2(directory, temporary, directory, name, RENAME_NOREPLACE) < 0)
        status = -errno;
    if (status == 0)
        return fsync(directory) < 0 ? -errno : 0;
    unlinkat(directory, temporary, 0);
    return status;
}

int key_file_read(int directory, const char *name, uint8_t *octets, size_t capacity, size_t *length)
{
    size_t used = 0;
    int status = 0;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (used < capacity) {
        ssize_t got = read(fd, octets + used, capacity - used);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR) {
            status = -errno;
            break;
        }
        if (got > 0)
            used += (size_t)got;
    }
    uint8_t more;
    if (status == 0 && used == capacity && read(fd, &more, 1) > 0)
        status = -EFBIG;
    close(fd);
    *length = used;
    return status;
}

int key_file_destroy(int directory, const char *name)
{
    static const uint8_t zeros[512];
    char temporary[KEY_FILE_NAME_MAX + sizeof unfinished];
    struct stat about;
    if (unfinished_name(name, temporary) == 0)
        (void)unlinkat(directory, temporary, 0); /* of a keeper that died while it made the key */
    int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = fstat(fd, &about) < 0 ? -errno : 0;
    for (off_t at = 0; status == 0 && at < about.st_size; at += (off_t)sizeof zeros) {
        off_t left = about.st_size - at;
        size_t length = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
        if (pwrite(fd, zeros, length, at) != (ssize_t)length)
            status = -EIO;
    }
    if (status == 0 && fsync(fd) < 0)
        status = -errno;
    close(fd);
    /* Removed also when it could not be overwritten (a full disk that copies on write): then the
     * removal is what destroys, as it is on such a disk anyway. */
    (void)status;
    if (unlinkat(directory, name, 0) < 0)
        return -errno;
    return fsync(directory) < 0 ? -errno : 0;
}

int key_file_open_directory(int directory, const char *name)
{
    bool made = mkdirat(directory, name, 0700) == 0;
    if (!made && errno != EEXIST)
        return -errno;
    if (made && fsync(directory) < 0)
        return -errno;
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int key_file_remove_unfinished(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names) {
        int status = -errno;
        if (copy >= 0)
            close(copy);
        return status;
    }
    for (const struct dirent *entry; (entry = readdir(names));) {
        size_t length = strlen(entry->d_name);
        if (length > sizeof unfinished - 1 &&
            strcmp(entry->d_name + length - (sizeof unfinished - 1), unfinished) == 0 &&
            unlinkat(directory, entry->d_name, 0) < 0) {
            int status = -errno;
            closedir(names);
            return status;
        }
    }
    closedir(names);
    return 0;
}
