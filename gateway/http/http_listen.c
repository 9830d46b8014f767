#include "gateway/http/http_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int set_address(struct sockaddr_un *address, const char *path)
{
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->sun_path)
        return length ? -ENAMETOOLONG : -EINVAL;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    return 0;
}

/* The folder is locked while one starting server looks and renames. */
static int lock_folder(const char *path)
{
    char folder[108];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* 0 when the path is free or holds a socket that nobody listens on. */
static int probe(const char *path)
{
    struct stat found;
    struct sockaddr_un address;
    if (lstat(path, &found) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(found.st_mode))
        return -EEXIST;
    int error = set_address(&address, path);
    if (error < 0)
        return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    error = connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    close(fd);
    if (error == -ECONNREFUSED)
        return 0;
    return error == 0 || error == -EAGAIN ? -EADDRINUSE : error;
}

static int bind_at(const char *path, mode_t mode)
{
    struct sockaddr_un address;
    int error = set_address(&address, path);
    if (error < 0)
        return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || chmod(path, mode) < 0 ||
        listen(fd, BACKLOG) < 0) {
        error = -errno;
        close(fd);
        unlink(path);
        return error;
    }
    return fd;
}

int http_listen_unix(const char *path, mode_t mode, struct http_listen_place *place)
{
    char fresh[sizeof place->path];
    struct stat made;
    int fd = -1;
    if (strlen(path) >= sizeof place->path ||
        (size_t)snprintf(fresh, sizeof fresh, "%s.%x", path, (unsigned)getpid()) >= sizeof fresh)
        return -ENAMETOOLONG;
    int lock = lock_folder(path);
    if (lock < 0)
        return lock;
    int error = probe(path);
    if (error < 0)
        goto fail;
    /* It listens before it takes its name, so that nobody can find it dead in between. */
    fd = bind_at(fresh, mode);
    error = fd;
    if (fd < 0)
        goto fail;
    if (lstat(fresh, &made) < 0 || rename(fresh, path) < 0) {
        error = -errno;
        unlink(fresh);
        goto fail;
    }
    snprintf(place->path, sizeof place->path, "%s", path);
    place->device = made.st_dev;
    place->inode = made.st_ino;
    close(lock);
    return fd;
fail:
    if (fd >= 0)
        close(fd);
    close(lock);
    return error;
}

void http_listen_remove(const struct http_listen_place *place)
{
    struct stat found;
    if (lstat(place->path, &found) == 0 && found.st_dev == place->device &&
        found.st_ino == place->inode)
        unlink(place->path);
}
