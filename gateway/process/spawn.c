#include "gateway/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/process/ipc.h"
#include "gateway/process/roles.h"

enum {
    PROGRAM_DESCRIPTOR = 5, /* in the child, until exec */
    PARKED_DESCRIPTOR = 16, /* lowest number used while descriptors change places */
    ENVIRONMENT_MAX = 12,
    EXIT_CANNOT_EXECUTE = 127,
};

int spawn_open_self(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Everything below runs between fork and exec of a process without threads. */

static void fail_child(const char *what)
{
    dprintf(STDERR_FILENO, "sealfax: cannot start a process: %s: %s\n", what, strerror(errno));
    _exit(EXIT_CANNOT_EXECUTE);
}

/* Groups before the user: afterwards there is no right to change them. */
static void change_account(const struct account *account)
{
    if (!account || geteuid() != 0)
        return;
    if (setgroups(0, NULL) < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
        setresuid(account->uid, account->uid, account->uid) < 0)
        fail_child(account->name);
    if (account->uid != 0 && setuid(0) == 0)
        fail_child("account could be changed back");
}

static void start_child(int input, int output)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < SIGRTMAX; number++)
        sigaction(number, &standard, NULL);
    setsid();
    umask(077);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(input >= 0 ? input : null, STDIN_FILENO) < 0 ||
        (output >= 0 && dup2(output, STDERR_FILENO) < 0) || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        fail_child("standard descriptors");
}

/* Only what changes how libraries work, never how ours does; no HOME, no LD_*. */
static void fill_environment(char *environment[ENVIRONMENT_MAX])
{
    static char path[] = "PATH=/usr/bin:/bin", language[] = "LC_ALL=C.UTF-8";
    static const char *const kept[] = {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=",
                                       "LLVM_PROFILE_FILE=", "UV_THREADPOOL_SIZE="};
    size_t count = 0;
    environment[count++] = path;
    environment[count++] = language;
    for (char **entry = environ; *entry; entry++)
        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (strncmp(*entry, kept[i], strlen(kept[i])) == 0 && count < ENVIRONMENT_MAX - 1)
                environment[count++] = *entry;
    environment[count] = NULL;
}

/* Moves the three descriptors out of each other's way first. */
static void place_descriptors(const struct spawn_role *start)
{
    int channel = -1;
    int package = fcntl(start->package, F_DUPFD_CLOEXEC, PARKED_DESCRIPTOR);
    int program = fcntl(start->program, F_DUPFD_CLOEXEC, PARKED_DESCRIPTOR);
    if (start->channel >= 0)
        channel = fcntl(start->channel, F_DUPFD_CLOEXEC, PARKED_DESCRIPTOR);
    else
        close(IPC_CHILD_DESCRIPTOR);
    if (package < 0 || program < 0 || (start->channel >= 0 && channel < 0) ||
        (channel >= 0 && dup2(channel, IPC_CHILD_DESCRIPTOR) < 0) ||
        dup2(package, ROLE_PACKAGE_DESCRIPTOR) < 0 ||
        dup3(program, PROGRAM_DESCRIPTOR, O_CLOEXEC) < 0 ||
        syscall(SYS_close_range, PROGRAM_DESCRIPTOR + 1, ~0U, 0) < 0)
        fail_child("descriptors");
}

pid_t spawn_role(const struct spawn_role *start)
{
    char number[24];
    char *environment[ENVIRONMENT_MAX];
    static char program[] = "sealfax", word[] = "role";
    char role[32];
    snprintf(role, sizeof role, "%s", start->role);
    snprintf(number, sizeof number, "%llu", (unsigned long long)start->number);
    char *const arguments[] = {program, word, role, number, NULL};
    fill_environment(environment);
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    start_child(-1, -1);
    place_descriptors(start);
    if (start->niceness != 0 && nice(start->niceness) < 0)
        errno = 0; /* not allowed, or the result is below 0 */
    change_account(start->account);
    syscall(SYS_execveat, PROGRAM_DESCRIPTOR, "", arguments, environment, AT_EMPTY_PATH);
    fail_child("exec");
    return -1;
}

pid_t spawn_program(const struct spawn_program *start)
{
    char *environment[ENVIRONMENT_MAX];
    const struct rlimit none = {0, 0};
    pid_t parent = getpid();
    fill_environment(environment);
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    start_child(start->input, start->output);
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    setrlimit(RLIMIT_CORE, &none);
    change_account(start->account);
    if (start->directory && chdir(start->directory) < 0)
        fail_child(start->directory);
    /* After the account: changing it clears this. */
    if (start->death_signal && prctl(PR_SET_PDEATHSIG, start->death_signal, 0, 0, 0) < 0)
        fail_child("parent death signal");
    if (start->death_signal && getppid() != parent)
        _exit(EXIT_CANNOT_EXECUTE);
    execve(start->path, start->arguments, environment);
    fail_child(start->path);
    return -1;
}
