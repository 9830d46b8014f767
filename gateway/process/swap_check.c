#include "gateway/process/swap_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_OCTETS = 64, DEPTH_MAX = 8, ATTRIBUTE_MAX = 128 };

/* The start of an attribute's text, without its line end. */
static bool read_attribute(const char *directory, const char *name, char text[ATTRIBUTE_MAX])
{
    char path[PATH_MAX];
    ssize_t length;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    length = read(fd, text, ATTRIBUTE_MAX - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return length >= 0;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* dm-integrity and dm-verity bear the same mark, but what they hold is clear. */
static bool is_encrypted(const char *directory)
{
    char uuid[ATTRIBUTE_MAX];

    return read_attribute(directory, "dm/uuid", uuid) && begins_with(uuid, "CRYPT-") &&
           !begins_with(uuid, "CRYPT-INTEGRITY") && !begins_with(uuid, "CRYPT-VERITY");
}

static bool device_is_safe(const char *sysfs, const char *name, int depth);

/* Whether it stands on others, which all are safe. */
static bool stands_on_safe(const char *sysfs, const char *directory, int depth)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    bool safe = true, any = false;
    DIR *slaves;

    if (snprintf(path, sizeof path, "%s/slaves", directory) >= (int)sizeof path)
        return false;
    slaves = opendir(path);
    if (slaves == NULL)
        return false;
    while (safe && (entry = readdir(slaves)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        any = true;
        safe = device_is_safe(sysfs, entry->d_name, depth + 1);
    }
    closedir(slaves);
    return any && safe;
}

static bool device_is_safe(const char *sysfs, const char *name, int depth)
{
    char directory[PATH_MAX], backing[ATTRIBUTE_MAX];

    if (depth > DEPTH_MAX || name[0] == '.' || strchr(name, '/') != NULL ||
        snprintf(directory, sizeof directory, "%s/class/block/%s", sysfs, name) >=
            (int)sizeof directory ||
        access(directory, F_OK) < 0)
        return false;
    if (begins_with(name, "zram")) /* a kernel that cannot write back has no such attribute */
        return !read_attribute(directory, "backing_dev", backing) || strcmp(backing, "none") == 0;
    return is_encrypted(directory) || stands_on_safe(sysfs, directory, depth);
}

/* /dev/mapper/NAME is a link to the device that sysfs knows. */
static bool find_name(const char *path, char name[NAME_MAX_OCTETS])
{
    static const char prefix[] = "/dev/";
    char *resolved = realpath(path, NULL);
    const char *device = resolved != NULL ? resolved : path;
    bool found = begins_with(device, prefix) &&
                 snprintf(name, NAME_MAX_OCTETS, "%s", device + strlen(prefix)) < NAME_MAX_OCTETS;

    free(resolved);
    return found && name[0] != '\0';
}

static bool refuse(char *reason, const char *what, const char *why)
{
    char shown[NAME_MAX_OCTETS];
    size_t length = 0;

    for (; length < sizeof shown - 1 && what[length] != '\0'; length++)
        shown[length] = what[length] >= ' ' && what[length] < 127 ? what[length] : '?';
    shown[length] = '\0';
    snprintf(reason, SWAP_REASON_MAX, "%s %s", shown, why);
    return false;
}

/* A line: 'PATH TYPE SIZE USED PRIORITY', blanks in the path as \040. */
static bool line_is_safe(char *line, const char *sysfs, char *reason)
{
    char *rest = NULL, name[NAME_MAX_OCTETS];
    const char *path = strtok_r(line, " \t", &rest), *type = strtok_r(NULL, " \t", &rest);

    if (path == NULL || type == NULL)
        return refuse(reason, "a line of /proc/swaps", "cannot be read");
    if (strcmp(type, "partition") != 0)
        return refuse(reason, path, "is a file, which may lie on a disk in clear");
    if (!find_name(path, name) || !device_is_safe(sysfs, name, 0))
        return refuse(reason, path, "is not known to be encrypted");
    return true;
}

bool swap_text_is_safe(const char *text, size_t length, const char *sysfs, char *reason)
{
    char line[PATH_MAX];
    bool first = true;

    if (length > SWAP_TEXT_MAX)
        return refuse(reason, "/proc/swaps", "is too long");
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t octets = end != NULL ? (size_t)(end - text) : length;

        if (octets >= sizeof line || memchr(text, '\0', octets) != NULL)
            return refuse(reason, "a line of /proc/swaps", "cannot be read");
        memcpy(line, text, octets);
        line[octets] = '\0';
        if (first && !begins_with(line, "Filename"))
            return refuse(reason, "the first line of /proc/swaps", "cannot be read");
        if (!first && octets > 0 && !line_is_safe(line, sysfs, reason))
            return false;
        first = false;
        text += octets + (end != NULL);
        length -= octets + (end != NULL);
    }
    return true;
}

bool swap_is_safe(char *reason)
{
    int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n = 1;
    bool safe;
    char *text;

    if (fd < 0)
        return errno == ENOENT && access("/proc/self", F_OK) == 0
                   ? true
                   : refuse(reason, "/proc/swaps", "cannot be read");
    text = malloc(SWAP_TEXT_MAX + 1);
    while (text != NULL && n > 0 && used <= SWAP_TEXT_MAX) {
        n = read(fd, text + used, SWAP_TEXT_MAX + 1 - used);
        used += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    safe = text != NULL && n >= 0 ? swap_text_is_safe(text, used, "/sys", reason)
                                  : refuse(reason, "/proc/swaps", "cannot be read");
    free(text);
    return safe;
}
