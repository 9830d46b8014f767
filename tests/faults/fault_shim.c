/* Linked into sealfax_faulty, which is the gateway's own objects and this: the C library's fsync(),
 * fdatasync(), clock_gettime() and time(), which may be slow, fail, or show another time, and its
 * write() and pwrite(), which may end the process in the middle, as a page of memory says that the
 * harness shares. The page is mapped before the sandbox closes, so that every process of the
 * gateway has it, and needs no rights.
 *
 * The page is the file "faults.page" beside the program; without it nothing is different. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* As in shim.py. */
struct fault_page {
    int32_t sync_delay_ms;
    int32_t sync_errno;
    int64_t clock_offset_ms; /* of CLOCK_REALTIME */
    uint32_t sync_roles;     /* bits: 1 control, 2 keeper, 4 line, 8 others */
    uint32_t sync_times;     /* how many calls are disturbed; 0: all */
    uint64_t tear_device;    /* of the file system on which a write is cut short; 0: none */
    uint32_t tear_roles;     /* as sync_roles */
    uint32_t tear_skip;      /* so many writes there go well before */
    uint32_t tear_share;     /* of the octets that are written, in 1/1000 */
    uint32_t torn;           /* set when it has happened */
};

enum { ROLE_CONTROL = 1, ROLE_KEEPER = 2, ROLE_LINE = 4, ROLE_OTHER = 8 };

typedef int clock_gettime_function(clockid_t, struct timespec *);

static volatile struct fault_page *page;
static uint32_t own_role = ROLE_OTHER;
static clock_gettime_function *real_clock_gettime;

static void find_clock(void)
{
    void *found = dlsym(RTLD_NEXT, "clock_gettime");
    memcpy(&real_clock_gettime, &found, sizeof real_clock_gettime);
}

__attribute__((constructor)) static void open_page(int argc, char **argv)
{
    char path[PATH_MAX + 16];
    if (!real_clock_gettime)
        find_clock();
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length <= 0)
        return;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    snprintf(slash, 16, "/faults.page");
    if (argc > 2 && strcmp(argv[1], "role") == 0)
        own_role = strcmp(argv[2], "control") == 0  ? ROLE_CONTROL
                   : strcmp(argv[2], "keeper") == 0 ? ROLE_KEEPER
                   : strcmp(argv[2], "line") == 0   ? ROLE_LINE
                                                    : ROLE_OTHER;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        page = map;
}

static bool is_disturbed(void)
{
    if (!page || !(page->sync_roles & own_role) || (!page->sync_delay_ms && !page->sync_errno))
        return false;
    if (page->sync_times == 0)
        return true;
    if (page->sync_times == 1) {
        page->sync_roles = 0;
        return true;
    }
    page->sync_times--;
    return true;
}

/* 0, or -1 with errno when the call is to fail. */
static int disturb(void)
{
    if (!is_disturbed())
        return 0;
    int delay_ms = page->sync_delay_ms, error = page->sync_errno;
    struct timespec pause = {delay_ms / 1000, (long)(delay_ms % 1000) * 1000000};
    while (delay_ms > 0 && nanosleep(&pause, &pause) < 0 && errno == EINTR)
        ;
    errno = error;
    return error ? -1 : 0;
}

/* The parameters of the C library have names that are reserved. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
int fsync(int fd)
{
    return disturb() < 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return disturb() < 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static bool is_torn(int fd)
{
    struct stat about;
    if (!page || page->torn || !page->tear_device || !(page->tear_roles & own_role))
        return false;
    /* What has no name is memory, not a file. */
    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) || about.st_nlink == 0 ||
        about.st_dev != page->tear_device)
        return false;
    if (page->tear_skip > 0) {
        page->tear_skip--;
        return false;
    }
    page->torn = 1;
    return true;
}

static size_t share_of(size_t length)
{
    return length * page->tear_share / 1000;
}

ssize_t write(int fd, const void *octets, size_t length)
{
    if (is_torn(fd)) {
        syscall(SYS_write, fd, octets, share_of(length));
        __builtin_trap();
    }
    return syscall(SYS_write, fd, octets, length);
}

ssize_t pwrite(int fd, const void *octets, size_t length, off_t offset)
{
    if (is_torn(fd)) {
        syscall(SYS_pwrite64, fd, octets, share_of(length), offset);
        __builtin_trap();
    }
    return syscall(SYS_pwrite64, fd, octets, length, offset);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (!real_clock_gettime)
        find_clock();
    int rc = real_clock_gettime(clock, out);
    if (rc == 0 && page && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += page->clock_offset_ms / 1000;
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        return -1;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
