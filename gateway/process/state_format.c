#include "gateway/process/state_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "gateway/process/state_paths.h"

enum { LINE_MAX_OCTETS = 200, PATH_OCTETS = STATE_PATH_MAX + 16 };

static const char start[] = "sealfax state ";

/* Returns the octets of the line, without its end, or a negative errno. */
static int read_line(const char *root, char line[LINE_MAX_OCTETS])
{
    char path[PATH_OCTETS];
    snprintf(path, sizeof path, "%s/format", root);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t length = read(fd, line, LINE_MAX_OCTETS - 1);
    int error = length < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return (int)strlen(line);
}

int state_format_check(const char *root, char *reason, size_t reason_size)
{
    char line[LINE_MAX_OCTETS];
    int length = read_line(root, line);
    if (length == -ENOENT)
        return 0;
    if (length < 0) {
        snprintf(reason, reason_size, "%s/format: %s", root, strerror(-length));
        return length;
    }
    char *end = line;
    unsigned long format = 0;
    if (strncmp(line, start, sizeof start - 1) == 0)
        format = strtoul(line + sizeof start - 1, &end, 10);
    if (format == 0 || strncmp(end, ", written by ", 13) != 0) {
        snprintf(reason, reason_size, "%s/format does not say which version wrote this directory",
                 root);
        return -EBADMSG;
    }
    if (format <= STATE_FORMAT)
        return 0;
    snprintf(reason, reason_size,
             "%s was written by a newer sealfax (%.60s, state format %lu); this is "
             "sealfax " SEALFAX_VERSION ", which knows formats up to %d: nothing was touched",
             root, end + 13, format, STATE_FORMAT);
    return -EPROTONOSUPPORT;
}

int state_format_write(const char *root)
{
    char wanted[LINE_MAX_OCTETS], line[LINE_MAX_OCTETS], path[PATH_OCTETS], temporary[PATH_OCTETS];
    int length = snprintf(wanted, sizeof wanted, "%s%d, written by " SEALFAX_VERSION "\n", start,
                          STATE_FORMAT);
    if (read_line(root, line) == length - 1 && strncmp(line, wanted, (size_t)length - 1) == 0)
        return 0;
    snprintf(path, sizeof path, "%s/format", root);
    snprintf(temporary, sizeof temporary, "%s/format.new", root);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    int error = file_write_all(fd, wanted, (size_t)length);
    if (!error && fsync(fd) < 0)
        error = -errno;
    close(fd);
    if (!error && rename(temporary, path) < 0)
        error = -errno;
    int directory = error ? -1 : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!error && (directory < 0 || fsync(directory) < 0))
        error = -errno;
    if (directory >= 0)
        close(directory);
    return error;
}
