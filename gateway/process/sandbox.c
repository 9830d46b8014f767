#include "gateway/process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/process/sandbox_filter.h"

/* Later than the headers of Debian 12; the kernel that runs decides what is used. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define ACCESS_FS_IOCTL_DEV    (1ULL << 15)
#define ACCESS_NET_BIND_TCP    (1ULL << 0)
#define ACCESS_NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX    (1ULL << 0)
#define SCOPE_SIGNAL           (1ULL << 1)

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };

/* struct landlock_ruleset_attr as of version 6; a kernel takes longer structs whose tail is zero.
 */
struct ruleset_attributes {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

static const uint64_t rights_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t rights_write =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t rights_of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                        LANDLOCK_ACCESS_FS_WRITE_FILE |
                                        LANDLOCK_ACCESS_FS_TRUNCATE | ACCESS_FS_IOCTL_DEV;
static const uint64_t rights_others = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
                                      ACCESS_FS_IOCTL_DEV;

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef WITH_ADDRESS_SANITIZER
/* The leak check at exit wants to ptrace the process, which must not work here. */
static bool leak_check_impossible;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return leak_check_impossible;
}
#endif

int sandbox_start_process(void)
{
    const struct rlimit none = {0, 0};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    umask(077);
#ifdef WITH_ADDRESS_SANITIZER
    leak_check_impossible = true;
#endif
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return -errno;
    return 0;
}

static int set_limit(int resource, uint64_t value)
{
    struct rlimit limit;
    if (value == 0)
        return 0;
    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
        return -errno;
    if (limit.rlim_max == RLIM_INFINITY || value < limit.rlim_max)
        limit.rlim_max = value;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

int sandbox_set_limits(const struct sandbox_limits *limits)
{
    int status = 0;
#ifndef WITH_ADDRESS_SANITIZER
    status = set_limit(RLIMIT_AS, limits->memory_bytes);
#endif
    if (status == 0)
        status = set_limit(RLIMIT_CPU, limits->cpu_seconds);
    if (status == 0)
        status = set_limit(RLIMIT_FSIZE, limits->file_bytes);
    if (status == 0)
        status = set_limit(RLIMIT_NOFILE, limits->descriptors);
    return status;
}

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static uint64_t handled_rights(int version)
{
    uint64_t handled = rights_read | rights_write | rights_others;
    if (version < ABI_REFER)
        handled &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
    if (version < ABI_TRUNCATE)
        handled &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version < ABI_IOCTL)
        handled &= ~ACCESS_FS_IOCTL_DEV;
    return handled;
}

static int add_path(int ruleset, const struct sandbox_path *path, uint64_t handled)
{
    struct stat about;
    struct landlock_path_beneath_attr rule = {0};
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return path->optional && (errno == ENOENT || errno == EACCES) ? 0 : -errno;
    rule.parent_fd = fd;
    if (path->rights & SANDBOX_READ)
        rule.allowed_access |= rights_read;
    if (path->rights & SANDBOX_WRITE)
        rule.allowed_access |= rights_write;
    if (path->rights & SANDBOX_EXECUTE)
        rule.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
    rule.allowed_access &= handled;
    int status = fstat(fd, &about) < 0 ? -errno : 0;
    if (status == 0 && !S_ISDIR(about.st_mode))
        rule.allowed_access &= rights_of_files;
    if (status == 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        status = -errno;
    close(fd);
    return status;
}

static int restrict_paths(const struct sandbox_spec *spec, int version, char *reason,
                          size_t reason_size)
{
    struct ruleset_attributes attributes = {.handled_access_fs = handled_rights(version)};
    int status = 0;
    if (version >= ABI_NET && spec->filter != SANDBOX_FILTER_CONTROL &&
        spec->filter != SANDBOX_FILTER_NONE)
        attributes.handled_access_net = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP;
    if (version >= ABI_SCOPE)
        attributes.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) {
        status = -errno;
        snprintf(reason, reason_size, "Landlock: %s", strerror(-status));
        return status;
    }
    for (size_t i = 0; status == 0 && i < spec->path_count; i++) {
        status = add_path(ruleset, &spec->paths[i], attributes.handled_access_fs);
        if (status < 0)
            snprintf(reason, reason_size, "Landlock: %s: %s", spec->paths[i].path,
                     strerror(-status));
    }
    if (status == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
        status = -errno;
        snprintf(reason, reason_size, "Landlock: %s", strerror(-status));
    }
    close(ruleset);
    return status;
}

int sandbox_enter_landlock(const struct sandbox_spec *spec, char *reason, size_t reason_size)
{
    int status = sandbox_set_limits(&spec->limits);
    if (status == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        status = -errno;
    if (status < 0) {
        snprintf(reason, reason_size, "limits: %s", strerror(-status));
        return status;
    }
    int version = sandbox_landlock_version();
    if (version > 0)
        return restrict_paths(spec, version, reason, reason_size);
    if (spec->landlock_optional)
        return 0;
    snprintf(reason, reason_size,
             "this kernel has no Landlock (enable it with lsm=landlock,..., or set "
             "sandbox.landlock: optional and accept that a process that was broken into can read "
             "what its account can read)");
    return -ENOTSUP;
}

int sandbox_enter_seccomp(const struct sandbox_spec *spec, char *reason, size_t reason_size)
{
    int status = sandbox_filter_load(spec->filter);
    if (status < 0)
        snprintf(reason, reason_size, "seccomp: %s", strerror(-status));
    return status;
}

int sandbox_enter(const struct sandbox_spec *spec, char *reason, size_t reason_size)
{
    int status = sandbox_enter_landlock(spec, reason, reason_size);
    return status < 0 ? status : sandbox_enter_seccomp(spec, reason, reason_size);
}
