#include "gateway/render/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE_OCTETS = 64 * 1024,
    EXIT_NOT_FOUND = 127,
    EXIT_NOT_SET_UP = 126,
    PATH_OCTETS = 128,
    ENVIRONMENT_MAX = 5,
    SECOND_US = 1000000,
};

static const char search_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";

uint64_t program_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

struct streams {
    int output[2], errors[2]; /* read end, write end; -1: closed */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_streams(struct streams *streams)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&streams->output[i]);
        close_fd(&streams->errors[i]);
    }
}

struct surroundings {
    char home[PATH_OCTETS], temporary[PATH_OCTETS];
    const char *variables[ENVIRONMENT_MAX];
};

static int surround(struct surroundings *around, const struct program *program)
{
    const char *home = program->directory != NULL ? program->directory : "/nonexistent";
    const char *const variables[ENVIRONMENT_MAX] = {search_path, "LC_ALL=C.UTF-8", around->home,
                                                    program->directory != NULL ? around->temporary
                                                                               : NULL};

    memcpy(around->variables, variables, sizeof around->variables);
    if (snprintf(around->home, PATH_OCTETS, "HOME=%s", home) >= PATH_OCTETS ||
        snprintf(around->temporary, PATH_OCTETS, "TMPDIR=%s", home) >= PATH_OCTETS)
        return -ENAMETOOLONG;
    return 0;
}

static int enter_walls(const struct program *program)
{
    switch (program->walls) {
    case PROGRAM_ALONE:
        return sandbox_alone();
    case PROGRAM_OFFICE:
        return sandbox_alone_with_sockets();
    case PROGRAM_FREE:
        break;
    }
    return 0;
}

/* Between fork and exec: only what is safe there. */
static void become(const struct program *program, const struct streams *streams,
                   const struct surroundings *around, pid_t parent)
{
    struct sandbox_limits limits = program->limits;

    if (program->directory == NULL)
        limits.file_bytes = 1; /* a renderer that writes a temporary file is killed, not obeyed */
    if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent ||
        dup2(program->input_fd, STDIN_FILENO) < 0 || dup2(streams->output[1], STDOUT_FILENO) < 0 ||
        dup2(streams->errors[1], STDERR_FILENO) < 0)
        _exit(EXIT_NOT_SET_UP);
    if (close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0 ||
        (program->directory != NULL && chdir(program->directory) < 0))
        _exit(EXIT_NOT_SET_UP);
    signal(SIGPIPE, SIG_DFL);
    if (sandbox_set_limits(&limits) != 0 || enter_walls(program) != 0)
        _exit(EXIT_NOT_SET_UP);
    execvpe(program->argv[0], (char *const *)(uintptr_t)program->argv,
            (char *const *)(uintptr_t)around->variables);
    _exit(EXIT_NOT_FOUND);
}

static pid_t start(const struct program *program, struct streams *streams)
{
    struct surroundings around;
    pid_t parent = getpid(), child;

    errno = -surround(&around, program);
    if (errno != 0 || pipe2(streams->output, O_CLOEXEC) < 0 ||
        pipe2(streams->errors, O_CLOEXEC) < 0)
        return -1;
    child = fork();
    if (child == 0)
        become(program, streams, &around, parent);
    if (child > 0) {
        (void)setpgid(child, child); /* whoever of the two comes first */
        close_fd(&streams->output[1]);
        close_fd(&streams->errors[1]);
    }
    return child;
}

static void keep_errors(const struct program *program, size_t *used, const uint8_t *data,
                        size_t length)
{
    size_t room = program->errors_capacity - 1 - *used;

    if (length > room)
        length = room;
    memcpy(program->errors + *used, data, length);
    *used += length;
    program->errors[*used] = '\0';
}

/* Reads one piece from a stream. Returns 1, 0 at its end, or a negative errno. */
static int read_piece(int fd, uint8_t *piece, size_t *length)
{
    ssize_t n;

    do
        n = read(fd, piece, PIECE_OCTETS);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    *length = (size_t)n;
    return n > 0;
}

/* One turn of waiting and reading. Returns 1 to go on, 0 when both streams have ended. */
static int pump(const struct program *program, struct streams *streams, uint8_t *piece,
                size_t *errors_used, struct program_result *result)
{
    struct pollfd polled[2] = {{streams->output[0], POLLIN, 0}, {streams->errors[0], POLLIN, 0}};
    uint64_t now_ms = program_now_ms();
    size_t length = 0;
    uint64_t left_ms;

    if (streams->output[0] < 0 && streams->errors[0] < 0)
        return 0;
    if (now_ms >= program->deadline_ms) {
        result->end = PROGRAM_WALL_LIMIT;
        return 0;
    }
    left_ms = program->deadline_ms - now_ms;
    if (poll(polled, 2, left_ms > INT_MAX ? INT_MAX : (int)left_ms) < 0)
        return errno == EINTR;
    if (polled[0].revents != 0) {
        if (read_piece(streams->output[0], piece, &length) <= 0)
            close_fd(&streams->output[0]);
        else if ((result->output_error = program->output(program->user, piece, length)) != 0) {
            result->end = PROGRAM_STOPPED;
            return 0;
        }
    }
    if (polled[1].revents != 0) {
        if (read_piece(streams->errors[0], piece, &length) <= 0)
            close_fd(&streams->errors[0]);
        else
            keep_errors(program, errors_used, piece, length);
    }
    return 1;
}

/* The streams are closed, but the program may live on: it gets what is left of its time. It is not
 * reaped yet, so that its group's number stays its own until the group is killed. */
static int wait_for(pid_t child, uint64_t deadline_ms)
{
    static const struct timespec pause = {0, 2000000};

    for (;;) {
        siginfo_t info = {0};

        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == child)
            return 0;
        if (program_now_ms() >= deadline_ms)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
}

/* Who sent a SIGKILL that is not ours is not said anywhere. The kernel sends it at the hard limit.
 * It counts ticks for that, whereas what is told of a process is exact: on a machine that others
 * share, one that was killed for 2 s has been seen to have had 1.75. */
static bool used_up(const struct rusage *usage, uint64_t cpu_seconds)
{
    uint64_t used_us = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * SECOND_US +
                       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);

    return cpu_seconds != 0 && used_us >= cpu_seconds * SECOND_US / 2;
}

static void judge(struct program_result *result, int status, const struct rusage *usage,
                  uint64_t cpu_seconds)
{
    if (result->end != PROGRAM_EXITED)
        return;
    if (WIFEXITED(status)) {
        result->exit_status = WEXITSTATUS(status);
        return;
    }
    result->signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (result->signal_number == SIGXCPU ||
        (result->signal_number == SIGKILL && used_up(usage, cpu_seconds)))
        result->end = PROGRAM_CPU_LIMIT;
    else if (result->signal_number == SIGKILL)
        result->end = PROGRAM_KILLED_OUTSIDE;
    else
        result->end = PROGRAM_KILLED;
}

static void finish(const struct program *program, pid_t child, struct program_result *result)
{
    struct rusage usage = {0};
    int status = 0;

    if (result->end == PROGRAM_EXITED && wait_for(child, program->deadline_ms) != 0)
        result->end = PROGRAM_WALL_LIMIT;
    /* The whole group, also after a clean exit: nothing that it started may outlive it. */
    (void)kill(-child, SIGKILL);
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    judge(result, status, &usage, program->limits.cpu_seconds);
}

void program_run(const struct program *program, struct program_result *result)
{
    struct streams streams = {{-1, -1}, {-1, -1}};
    uint8_t *piece = malloc(PIECE_OCTETS);
    size_t errors_used = 0;
    pid_t child = -1;

    memset(result, 0, sizeof *result);
    program->errors[0] = '\0';
    if (piece != NULL)
        child = start(program, &streams);
    if (child < 0) {
        result->end = PROGRAM_NOT_POSSIBLE;
        result->start_error = piece == NULL ? -ENOMEM : -errno;
    } else {
        while (pump(program, &streams, piece, &errors_used, result) == 1) {
        }
        finish(program, child, result);
    }
    close_streams(&streams);
    if (piece != NULL)
        explicit_bzero(piece, PIECE_OCTETS);
    free(piece);
}
