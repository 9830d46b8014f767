#include "gateway/process/role_package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/file_octets.h"

enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

int role_package_make(const struct role_package *package, const char *config_text)
{
    int fd = memfd_create("sealfax-role", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int status = fd < 0 ? -errno : file_write_all(fd, package, sizeof *package);
    if (status == 0)
        status = file_write_all(fd, config_text, package->config_length);
    if (status == 0 && fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
        status = -errno;
    if (status == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return status;
}

int role_package_read(int fd, struct role_package *package, char **config_text)
{
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
        return -EINVAL;
    int status = file_read_all_at(fd, package, sizeof *package, 0);
    if (status < 0)
        return status;
    if (package->magic != ROLE_PACKAGE_MAGIC || package->config_length > CONFIG_TEXT_MAX)
        return -EINVAL;
    char *text = malloc(package->config_length + 1);
    if (!text)
        return -ENOMEM;
    status = file_read_all_at(fd, text, package->config_length, sizeof *package);
    if (status < 0) {
        free(text);
        return status;
    }
    text[package->config_length] = '\0';
    *config_text = text;
    return 0;
}
