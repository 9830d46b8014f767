#include "gateway/render/sealed_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/file_octets.h"

int sealed_memfd_new(const char *name, const uint8_t *data, size_t length)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error;

    if (fd < 0)
        return -errno;
    error = file_write_all(fd, data, length);
    if (error == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}
