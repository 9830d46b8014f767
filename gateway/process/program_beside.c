#include "gateway/process/program_beside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/process/state_paths.h"

int program_beside(const char *name, char *path, size_t size)
{
    char own[STATE_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;

    path[0] = '\0';
    if (length < 0)
        return -errno;
    own[length] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL)
        return -ENOENT;
    *slash = '\0';
    if (snprintf(path, size, "%s/%s", own, name) < (int)size)
        return 0;
    path[0] = '\0';
    return -ENAMETOOLONG;
}
