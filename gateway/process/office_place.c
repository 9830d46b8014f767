#include "gateway/process/office_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gateway/process/swap_check.h"

enum { LOOKS_MAX = 2 * 1000 * 1000 };

static int fail(char *reason, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(char *reason, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, OFFICE_REASON_MAX, format, arguments);
    va_end(arguments);
    return error;
}

/* --- removing --- */

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_directory(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

    if (directory == NULL && fd >= 0)
        close(fd);
    return directory;
}

struct removal {
    int top;        /* descriptor of the directory that becomes empty */
    uint32_t names; /* given to directories that were brought up to it */
    uint32_t done;  /* removed or brought up */
    uint32_t looks; /* at entries */
};

/* Removes the files of a directory and brings its directories up to the top: however deep a hostile
 * document made them nest, nothing here does. */
static void flatten(struct removal *removal, const char *name)
{
    const struct dirent *entry;
    DIR *directory;

    (void)!fchmodat(removal->top, name, 0700, 0); /* a directory, not a link: unlinkat said so */
    directory = open_directory(removal->top, name);
    while (directory != NULL && removal->looks < LOOKS_MAX &&
           (entry = readdir(directory)) != NULL) {
        char new_name[32];

        if (is_dots(entry->d_name))
            continue;
        removal->looks++;
        if (unlinkat(dirfd(directory), entry->d_name, 0) < 0) {
            snprintf(new_name, sizeof new_name, ".%u", removal->names++);
            (void)!fchmodat(dirfd(directory), entry->d_name, 0700, 0);
            if (renameat(dirfd(directory), entry->d_name, removal->top, new_name) < 0)
                continue;
        }
        removal->done++;
    }
    if (directory != NULL)
        closedir(directory);
}

/* One pass over the top. Returns whether it found something. */
static bool remove_entries(struct removal *removal, DIR *top)
{
    const struct dirent *entry;
    bool found = false;

    rewinddir(top);
    while (removal->looks < LOOKS_MAX && (entry = readdir(top)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        found = true;
        removal->looks++;
        if (unlinkat(removal->top, entry->d_name, 0) < 0 &&
            unlinkat(removal->top, entry->d_name, AT_REMOVEDIR) < 0) {
            flatten(removal, entry->d_name);
            if (unlinkat(removal->top, entry->d_name, AT_REMOVEDIR) < 0)
                continue;
        }
        removal->done++;
    }
    return found;
}

/* Empties the directory name of parent. Passes go on while they find something and get further. */
static int empty_directory(int parent, const char *name)
{
    DIR *top = open_directory(parent, name);
    struct removal removal = {0};
    uint32_t before;
    bool found;

    if (top == NULL)
        return errno == ENOENT ? 0 : -EAGAIN;
    removal.top = dirfd(top);
    do {
        before = removal.done;
        found = remove_entries(&removal, top);
    } while (found && removal.done > before && removal.looks < LOOKS_MAX);
    closedir(top);
    return found ? -EAGAIN : 0;
}

static int remove_directory(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    (void)!fchmodat(parent, name, 0700, 0);
    if (empty_directory(parent, name) != 0 || unlinkat(parent, name, AT_REMOVEDIR) < 0)
        return -EAGAIN;
    return 0;
}

/* --- who starts renders --- */

/* It becomes part of a URL and of a socket's path. */
static bool is_plain(const char *base)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-/";

    return base[0] == '/' && strlen(base) <= OFFICE_BASE_PATH_MAX &&
           base[strspn(base, allowed)] == '\0';
}

/* The directory that it lies in may be everybody's: another's directory of that name is refused. */
static int claim(int fd, const struct account *owner, bool alone, const char *base, char *reason)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return fail(reason, -errno, "%s: %s", base, strerror(errno));
    if (status.st_uid == geteuid() && status.st_uid != owner->uid &&
        fchown(fd, owner->uid, owner->gid) == 0)
        status.st_uid = owner->uid;
    if (status.st_uid != owner->uid)
        return fail(reason, -EPERM, "%s belongs to another account", base);
    if (fchmod(fd, 0700) < 0)
        return fail(reason, -errno, "%s: %s", base, strerror(errno));
    if (flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
        return fail(reason, -EBUSY, "%s is in use by another gateway", base);
    return 0;
}

int office_base_open(const char *base, const struct account *owner, office_in_use_cb *in_use,
                     void *user, char *reason)
{
    int fd, status;

    if (!is_plain(base))
        return fail(reason, -EINVAL,
                    "%.100s: a path of at most %d letters, digits, '.', '_', '-' and '/' is needed",
                    base, OFFICE_BASE_PATH_MAX);
    if (mkdir(base, 0700) < 0 && errno != EEXIST)
        return fail(reason, -errno, "%s cannot be made: %s", base, strerror(errno));
    fd = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(reason, -errno, "%s: %s", base, strerror(errno));
    status = claim(fd, owner, in_use == NULL, base, reason);
    if (status == 0 && office_base_sweep(fd, in_use, user) != 0)
        status = fail(reason, -EAGAIN, "%s: what is left from earlier cannot be removed", base);
    if (status < 0) {
        close(fd);
        return status;
    }
    return fd;
}

int office_base_sweep(int base_fd, office_in_use_cb *in_use, void *user)
{
    DIR *base = base_fd >= 0 ? open_directory(base_fd, ".") : NULL;
    const struct dirent *entry;
    int status = 0;

    if (base == NULL)
        return base_fd >= 0 ? -EAGAIN : 0;
    while ((entry = readdir(base)) != NULL) {
        if (is_dots(entry->d_name) ||
            (in_use != NULL && in_use(user, (pid_t)strtol(entry->d_name, NULL, 10))))
            continue;
        if (remove_directory(dirfd(base), entry->d_name) != 0)
            status = -EAGAIN;
    }
    closedir(base);
    return status;
}

void office_base_close(int base_fd, const char *base)
{
    if (base_fd < 0)
        return;
    (void)rmdir(base);
    close(base_fd);
}

/* --- the render process --- */

static const char *find_program(void)
{
    static const char *const programs[] = {"/usr/lib/libreoffice/program/soffice.bin",
                                           "/usr/lib64/libreoffice/program/soffice.bin"};

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

static int check_base(const char *base, char *reason)
{
    struct statfs system;
    struct stat status;

    if (lstat(base, &status) < 0)
        return fail(reason, -errno, "%s: %s", base, strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fail(reason, -EPERM, "%s is not a private directory", base);
    if (statfs(base, &system) < 0)
        return fail(reason, -errno, "%s: %s", base, strerror(errno));
    if (system.f_type != TMPFS_MAGIC)
        return fail(reason, -EPERM, "%s is not on a tmpfs (render.office_tmpfs)", base);
    return 0;
}

void office_place_make(struct office_place *place, const char *base)
{
    char swap[SWAP_REASON_MAX], directory[STATE_PATH_MAX];
    char *reason = place->refusal;

    memset(place, 0, sizeof *place);
    place->program = find_program();
    if (place->program == NULL) {
        (void)fail(reason, -ENOENT, "LibreOffice is not installed");
        return;
    }
    if (base == NULL || base[0] == '\0') {
        (void)fail(reason, -ENOENT, "it has no place for its files (render.office_tmpfs)");
        return;
    }
    if (!swap_is_safe(swap)) {
        (void)fail(reason, -EPERM, "its pages could reach a disk: the swap %s", swap);
        return;
    }
    if (check_base(base, reason) < 0)
        return;
    if (snprintf(directory, sizeof directory, "%s/%ld", base, (long)getpid()) >=
            (int)sizeof directory ||
        remove_directory(AT_FDCWD, directory) < 0 || mkdir(directory, 0700) < 0) {
        (void)fail(reason, -EEXIST, "no directory can be made in %s", base);
        return;
    }
    memcpy(place->directory, directory, sizeof place->directory);
}

int office_place_empty(const struct office_place *place)
{
    return place->directory[0] != '\0' ? empty_directory(AT_FDCWD, place->directory) : 0;
}
