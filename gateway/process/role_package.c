#include "gateway/process/role_package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static int write_all(int fd, const void *octets, size_t length)
{
    const char *at = octets;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

int role_package_make(const struct role_package *package, const char *config_text)
{
    int fd = memfd_create("sealfax-role", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int status = fd < 0 ? -errno : write_all(fd, package, sizeof *package);
    if (status == 0)
        status = write_all(fd, config_text, package->config_length);
    if (status == 0 && fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
        status = -errno;
    if (status == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return status;
}

/* With pread: all processes that get the same memfd share its file offset. */
static int read_all(int fd, void *octets, size_t length, off_t offset)
{
    char *at = octets;
    while (length > 0) {
        ssize_t got = pread(fd, at, length, offset);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return -EINVAL;
        if (got > 0) {
            at += got;
            offset += got;
            length -= (size_t)got;
        }
    }
    return 0;
}

int role_package_read(int fd, struct role_package *package, char **config_text)
{
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
        return -EINVAL;
    int status = read_all(fd, package, sizeof *package, 0);
    if (status < 0)
        return status;
    if (package->magic != ROLE_PACKAGE_MAGIC || package->config_length > CONFIG_TEXT_MAX)
        return -EINVAL;
    char *text = malloc(package->config_length + 1);
    if (!text)
        return -ENOMEM;
    status = read_all(fd, text, package->config_length, sizeof *package);
    if (status < 0) {
        free(text);
        return status;
    }
    text[package->config_length] = '\0';
    *config_text = text;
    return 0;
}
