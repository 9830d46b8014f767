/* Runs a program under the part of an engine's usual seccomp profile that matters here: no
 * namespaces, no mounts, no foreign memory, whatever the capabilities. usage: confine PROGRAM
 * [ARGUMENT...] */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int forbid(scmp_filter_ctx filter)
{
    static const char *const calls[] = {
        "unshare",   "setns",    "mount",           "umount2",    "pivot_root", "bpf",
        "keyctl",    "add_key",  "perf_event_open", "fsopen",     "fsmount",    "move_mount",
        "open_tree", "fsconfig", "userfaultfd",     "request_key"};
    static const unsigned long spaces[] = {CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
                                           CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
                                           CLONE_NEWCGROUP};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
                                      seccomp_syscall_resolve_name(calls[i]), 0);
        if (status < 0)
            return status;
    }
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                      SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
        if (status < 0)
            return status;
    }
    /* Its flags lie in memory, where no filter can look: callers then use clone. */
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (argc < 2 || !filter)
        return 2;
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    if (status == 0)
        status = forbid(filter);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    if (status < 0) {
        fprintf(stderr, "confine: %s\n", strerror(-status));
        return 1;
    }
    execv(argv[1], argv + 1);
    fprintf(stderr, "confine: %s: %s\n", argv[1], strerror(errno));
    return 127;
}
