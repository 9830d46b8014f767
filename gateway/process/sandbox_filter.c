#include "gateway/process/sandbox_filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a line needs when its pool, OpenSSL and time zones are warm. openat stays because memfds are
 * reopened through /proc/self/fd; Landlock denies every path. */
static const char *const line_calls[] = {
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "lseek",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fstat",
    "newfstatat",
    "statx",
    "openat",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "memfd_create",
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "mlock",
    "mlock2",
    "munlock",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "connect",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "pipe2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "membarrier",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "sigaltstack",
    "sched_yield",
    "sched_getaffinity",
    "getcpu",
    "getrusage",
    "getrlimit",
    "times",
    "uname",
    "sysinfo",
    "exit",
    "exit_group",
    "restart_syscall",
};

/* Nobody's business in any process of a gateway. */
static const char *const dangerous_calls[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "keyctl",
    "add_key",
    "request_key",
    "mount",
    "umount2",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "acct",
    "quotactl",
    "quotactl_fd",
    "open_by_handle_at",
    "name_to_handle_at",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vhangup",
    "syslog",
    "nfsservctl",
    "lookup_dcookie",
    "move_pages",
    "migrate_pages",
    "mbind",
    "set_mempolicy",
    "personality",
    "fanotify_init",
};

/* What reaches into other processes of the same account. */
static const char *const signal_calls[] = {
    "tkill",       "rt_sigqueueinfo",   "rt_tgsigqueueinfo",
    "pidfd_open",  "pidfd_send_signal", "process_mrelease",
    "setpriority", "ioprio_set",
};

static const char *const exec_calls[] = {"execve", "execveat"};
static const char *const fork_calls[] = {"fork", "vfork"};
static const char *const socket_calls[] = {"socket", "connect", "bind",  "listen",
                                           "accept", "accept4", "sendto"};

enum { SOCKET_TYPES = 16 }; /* SOCK_TYPE_MASK of the kernel, and one */

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* Names that this architecture or libseccomp does not know are passed over: they cannot be called
 * by that name here. */
static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR || number < 0)
            continue;
        int status = seccomp_rule_add(filter, action, number, 0);
        if (status < 0)
            return status;
    }
    return 0;
}

static int add_memory_rules(scmp_filter_ctx filter)
{
    int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return status;
}

static int add_line_rules(scmp_filter_ctx filter)
{
    static const unsigned long requests[] = {FIONBIO, FIOCLEX, FIONREAD};
    int status = add_calls(filter, SCMP_ACT_ALLOW, line_calls, COUNT(line_calls));
    if (status == 0)
        status = add_memory_rules(filter);
    for (size_t i = 0; status == 0 && i < COUNT(requests); i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, requests[i], 0));
    /* abort() and the sanitizers signal themselves, nobody else. */
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    /* Only reading one's own limits. */
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                                  SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
    if (status == 0)
        status = add_calls(filter, SCMP_ACT_KILL_PROCESS, exec_calls, COUNT(exec_calls));
    if (status == 0)
        status = add_calls(filter, SCMP_ACT_KILL_PROCESS, dangerous_calls, COUNT(dangerous_calls));
    return status;
}

/* New namespaces give back what was dropped; the flags of clone3 cannot be looked at, and libc
 * falls back to clone when there is none. */
static int add_clone_rules(scmp_filter_ctx filter, bool threads_only)
{
    static const unsigned long namespaces[] = {CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
                                               CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
                                               CLONE_NEWCGROUP};
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; status == 0 && i < COUNT(namespaces); i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
    if (status == 0 && threads_only)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (status == 0 && threads_only)
        status = add_calls(filter, SCMP_ACT_ERRNO(EPERM), fork_calls, COUNT(fork_calls));
    return status;
}

/* Lines and renderers have one account: none of them may end, stop, limit or slow down another.
 * kill() is left to the renderer, which ends its programs with it, until sandbox_alone(). */
static int add_signal_rules(scmp_filter_ctx filter, bool may_kill)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    static const char *const scheduling[] = {"sched_setscheduler", "sched_setparam",
                                             "sched_setattr", "sched_setaffinity", "prlimit64"};
    int status = add_calls(filter, refuse, signal_calls, COUNT(signal_calls));
    for (size_t i = 0; status == 0 && i < COUNT(scheduling); i++)
        status = seccomp_rule_add(filter, refuse, seccomp_syscall_resolve_name(scheduling[i]), 1,
                                  SCMP_A0(SCMP_CMP_NE, 0, 0));
    if (status == 0 && !may_kill)
        status = seccomp_rule_add(filter, refuse, SCMP_SYS(kill), 0);
    /* abort() signals the own process. */
    if (status == 0)
        status = seccomp_rule_add(filter, refuse, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
    return status;
}

/* TIOCSTI types into the operator's terminal, TIOCLINUX pastes into it. */
static int add_terminal_rules(scmp_filter_ctx filter)
{
    static const unsigned long requests[] = {TIOCSTI, TIOCLINUX};
    int status = 0;
    for (size_t i = 0; status == 0 && i < COUNT(requests); i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
    return status;
}

/* Families: control needs local sockets, IP, and netlink for name resolution. One rule with
 * everything above netlink and one for each lower family that is not wanted. */
static int add_family_rules(scmp_filter_ctx filter)
{
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
    for (unsigned int family = 0; status == 0 && family < AF_NETLINK; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                      SCMP_A0(SCMP_CMP_EQ, family, 0));
    return status;
}

/* A stream socket that cannot be connected reaches nobody (a datagram socket would need no
 * connection), and who connects to it has to find its path first. */
static int add_office_socket_rules(scmp_filter_ctx filter)
{
    static const char *const refused[] = {"connect", "sendto"};
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int status = add_calls(filter, refuse, refused, COUNT(refused));
    if (status == 0)
        status =
            seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    for (unsigned int type = 0; status == 0 && type < SOCKET_TYPES; type++)
        if (type != SOCK_STREAM)
            status = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 2,
                                      SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
                                      SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPES - 1, type));
    return status;
}

static int add_denials(scmp_filter_ctx filter, enum sandbox_filter kind)
{
    const bool render = kind == SANDBOX_FILTER_RENDER || kind == SANDBOX_FILTER_RENDER_OFFICE;
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int status = add_calls(filter, refuse, dangerous_calls, COUNT(dangerous_calls));
    if (status == 0)
        status = add_clone_rules(filter, !render);
    if (status == 0)
        status = add_signal_rules(filter, render);
    if (status == 0)
        status = add_terminal_rules(filter);
    if (status == 0 && !render)
        status = add_calls(filter, refuse, exec_calls, COUNT(exec_calls));
    if (status == 0 && kind == SANDBOX_FILTER_CONTROL)
        status = add_family_rules(filter);
    if (status == 0 && kind == SANDBOX_FILTER_RENDER_OFFICE)
        status = add_office_socket_rules(filter);
    else if (status == 0 && kind != SANDBOX_FILTER_CONTROL)
        status = add_calls(filter, refuse, socket_calls, COUNT(socket_calls));
    return status;
}

int sandbox_filter_load(enum sandbox_filter kind)
{
    if (kind == SANDBOX_FILTER_NONE)
        return 0;
    bool line = kind == SANDBOX_FILTER_LINE;
    scmp_filter_ctx filter = seccomp_init(line ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
    if (!filter)
        return -ENOMEM;
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A sorted tree: the filter runs at every system call of the media path. */
    if (status == 0)
        status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (status == 0)
        status = line ? add_line_rules(filter) : add_denials(filter, kind);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status;
}

/* LibreOffice would put its socket in /tmp, where it could not make one, when access() says that it
 * could write there: nothing counts as writable unless it is tried. */
static int add_access_rules(scmp_filter_ctx filter)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EACCES);
    int status =
        seccomp_rule_add(filter, refuse, SCMP_SYS(access), 1, SCMP_A1(SCMP_CMP_EQ, W_OK, 0));
    if (status == 0)
        status =
            seccomp_rule_add(filter, refuse, SCMP_SYS(faccessat), 1, SCMP_A2(SCMP_CMP_EQ, W_OK, 0));
    if (status == 0)
        status = seccomp_rule_add(filter, refuse, SCMP_SYS(faccessat2), 1,
                                  SCMP_A2(SCMP_CMP_EQ, W_OK, 0));
    return status;
}

static int make_alone(bool sockets)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return -ENOMEM;
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (status == 0)
        status = add_signal_rules(filter, false);
    if (status == 0)
        status = add_clone_rules(filter, true);
    if (status == 0)
        status = sockets
                     ? add_access_rules(filter)
                     : add_calls(filter, SCMP_ACT_ERRNO(EPERM), socket_calls, COUNT(socket_calls));
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status;
}

int sandbox_alone(void)
{
    return make_alone(false);
}

int sandbox_alone_with_sockets(void)
{
    return make_alone(true);
}
