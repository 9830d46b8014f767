#include "gateway/file_octets.h"

#include <errno.h>
#include <unistd.h>

int file_write_all(int fd, const void *octets, size_t length)
{
    const uint8_t *at = octets;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

int file_write_all_at(int fd, const void *octets, size_t length, uint64_t offset)
{
    const uint8_t *at = octets;
    while (length > 0) {
        ssize_t written = pwrite(fd, at, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        at += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return 0;
}

int file_read_all_at(int fd, void *octets, size_t length, uint64_t offset)
{
    uint8_t *at = octets;
    while (length > 0) {
        ssize_t got = pread(fd, at, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EBADMSG;
        at += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return 0;
}
