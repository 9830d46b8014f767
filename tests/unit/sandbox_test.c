#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "gateway/process/sandbox.h"

struct fixture {
    struct config *config;
    struct state_paths paths;
    char root[64];
    struct sandbox_spec spec;
    bool office; /* a render that LibreOffice may be run in, with <root>/vault as its place */
};

static const char *const directories[] = {"", "/vault", "/journal", "/keeper", "/run", "/run/db"};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static struct config_errors errors;
    char path[128];
    snprintf(f->root, sizeof f->root, "/tmp/sandbox_test.XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(config_load_text("", 0, "", &f->config, &errors), 0);
    assert_int_equal(state_paths_fill(&f->paths, f->config, f->root), 0);
    for (size_t i = 1; i < sizeof directories / sizeof directories[0]; i++) {
        snprintf(path, sizeof path, "%s%s", f->root, directories[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/keeper/master.key", f->root);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "key", 3), 3);
    close(fd);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char path[128];
    static const char *const files[] = {"/keeper/master.key", "/keeper/a", "/vault/a"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s%s", f->root, files[i]);
        unlink(path);
    }
    for (size_t i = sizeof directories / sizeof directories[0]; i > 0; i--) {
        snprintf(path, sizeof path, "%s%s", f->root, directories[i - 1]);
        assert_int_equal(rmdir(path), 0);
    }
    config_free(f->config);
    free(f);
    return 0;
}

typedef int probe_fn(const struct fixture *f);

/* Runs a probe in a child inside the role's sandbox. Returns its wait status; the probe returns 0
 * when all was as expected, else the number of the line that was not. */
static int run_inside(struct fixture *f, enum sandbox_role role, probe_fn *probe)
{
    char reason[300];
    int status = 0;
    sandbox_spec_fill(&f->spec, role, f->config, &f->paths);
    if (f->office)
        sandbox_spec_add_office(&f->spec, f->paths.vault);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (sandbox_start_process() < 0)
            _exit(100);
        if (sandbox_enter(&f->spec, reason, sizeof reason) < 0) {
            fprintf(stderr, "%s\n", reason);
            _exit(101);
        }
        int line = probe(f);
        if (line)
            dprintf(STDERR_FILENO, "sandbox_test.c:%d: not as expected, errno %d\n", line, errno);
        _exit(line ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__;                                                                       \
    } while (0)

static bool can_open(const struct fixture *f, const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", name[0] == '!' ? "" : f->root, name + (name[0] == '!'));
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A memfd opens again through its link, as spandsp does with the pages. */
static bool memfd_reopens(void)
{
    char path[64], text[4] = "";
    int fd = memfd_create("page", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    bool good = fd >= 0 && again >= 0 && write(fd, "abc", 3) == 3 &&
                pread(again, text, 3, 0) == 3 && memcmp(text, "abc", 3) == 0;
    close(fd);
    close(again);
    return good;
}

static bool makes_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid > 0;
}

static int probe_keeper(const struct fixture *f)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    EXPECT(can_open(f, "/keeper/master.key", O_RDWR));
    EXPECT(can_open(f, "/keeper/a", O_WRONLY | O_CREAT | O_EXCL));
    EXPECT(!can_open(f, "/vault/a", O_WRONLY | O_CREAT));
    EXPECT(!can_open(f, "!/etc/passwd", O_RDONLY));
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
    EXPECT(execv("/bin/true", arguments) < 0);
    EXPECT(!makes_process());
    EXPECT(ptrace(PTRACE_TRACEME, 0, 0, 0) < 0);
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
    return 0;
}

static int probe_control(const struct fixture *f)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    EXPECT(can_open(f, "/vault/a", O_RDWR | O_CREAT));
    EXPECT(!can_open(f, "/keeper/master.key", O_RDONLY));
    EXPECT(can_open(f, "!/etc/hosts", O_RDONLY));
    EXPECT(!can_open(f, "!/etc/shadow", O_RDONLY));
    EXPECT(!can_open(f, "!/tmp/sandbox_test", O_WRONLY | O_CREAT));
    EXPECT(socket(AF_INET, SOCK_DGRAM, 0) >= 0);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0);
    EXPECT(socket(AF_ALG, SOCK_SEQPACKET, 0) < 0);
    EXPECT(execv("/bin/true", arguments) < 0);
    EXPECT(!makes_process());
    return 0;
}

static int probe_render(const struct fixture *f)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    char *const none[] = {NULL};
    int status = -1;
    EXPECT(memfd_reopens());
    EXPECT(!can_open(f, "/vault/a", O_RDONLY | O_CREAT));
    EXPECT(!can_open(f, "/keeper/master.key", O_RDONLY));
    EXPECT(!can_open(f, "!/etc/passwd", O_RDONLY));
    EXPECT(!can_open(f, "!/tmp/sandbox_test", O_WRONLY | O_CREAT));
    EXPECT(can_open(f, "!/dev/null", O_RDWR));
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
    pid_t pid = fork();
    if (pid == 0) {
        execve("/usr/bin/true", arguments, none);
        _exit(99);
    }
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

/* As if a renderer had been taken over: it shares its account with the lines. */
static bool touches(pid_t other)
{
    struct rlimit none = {0, 0};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    return prlimit(other, RLIMIT_CPU, &none, NULL) == 0 ||
           sched_setaffinity(other, sizeof one, &one) == 0 ||
           setpriority(PRIO_PROCESS, (id_t)other, 19) == 0 ||
           syscall(SYS_tgkill, other, other, 0) == 0 || syscall(SYS_tkill, other, 0) == 0 ||
           syscall(SYS_pidfd_open, other, 0) >= 0 || sigqueue(other, 0, (union sigval){0}) == 0;
}

static int probe_render_alone(const struct fixture *f)
{
    pid_t victim = getppid();
    (void)f;
    EXPECT(!touches(victim));
    EXPECT(kill(getpid(), 0) == 0);
    EXPECT(sandbox_alone() == 0);
    EXPECT(!touches(victim));
    EXPECT(kill(victim, 0) < 0 && errno == EPERM);
    EXPECT(kill(-1, 0) < 0 && errno == EPERM);
    EXPECT(!makes_process());
    EXPECT(syscall(SYS_tgkill, getpid(), gettid(), 0) == 0);
    return 0;
}

/* Sockets that LibreOffice may have lead nowhere, and poppler, which has none, gets none. */
static int probe_render_office(const struct fixture *f)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX}, other = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(listener >= 0 && client >= 0);
    snprintf(path.sun_path, sizeof path.sun_path, "%s/vault/s", f->root);
    snprintf(other.sun_path, sizeof other.sun_path, "%s/journal/s", f->root);
    EXPECT(bind(listener, (struct sockaddr *)&path, sizeof path) == 0 && listen(listener, 1) == 0);
    EXPECT(bind(client, (struct sockaddr *)&other, sizeof other) < 0 && errno == EACCES);
    EXPECT(connect(client, (struct sockaddr *)&path, sizeof path) < 0 && errno == EPERM);
    EXPECT(sendto(client, "", 1, 0, (struct sockaddr *)&path, sizeof path) < 0 && errno == EPERM);
    EXPECT(socket(AF_UNIX, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_INET6, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    EXPECT(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EPERM);
    EXPECT(unlink(path.sun_path) == 0);
    EXPECT(can_open(f, "/vault/a", O_RDWR | O_CREAT) &&
           !can_open(f, "/keeper/master.key", O_RDONLY));
    EXPECT(!can_open(f, "!/etc/passwd", O_RDONLY));
    pid_t office = fork();
    if (office == 0) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s/vault", f->root);
        bool good = sandbox_alone_with_sockets() == 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
                    access(path.sun_path, W_OK) < 0 && errno == EACCES &&
                    access(path.sun_path, R_OK) == 0 && !makes_process();
        _exit(good ? 0 : 1);
    }
    int status = -1;
    EXPECT(office > 0 && waitpid(office, &status, 0) == office && status == 0);
    EXPECT(sandbox_alone() == 0);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
    return 0;
}

static int probe_line(const struct fixture *f)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    EXPECT(memfd_reopens());
    EXPECT(!can_open(f, "/vault/a", O_RDONLY));
    EXPECT(!can_open(f, "!/etc/passwd", O_RDONLY));
    EXPECT(!can_open(f, "!/dev/null", O_RDONLY));
    EXPECT(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    EXPECT(bind(0, (struct sockaddr *)&any, sizeof any) < 0 && errno == EPERM);
    EXPECT(fork() < 0 && errno == EPERM);
    EXPECT(kill(getppid(), 0) < 0);
    EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED);
    EXPECT(ioctl(0, TIOCSTI, "x") < 0);
    free(malloc(3000000));
    return 0;
}

static int probe_line_exec(const struct fixture *f)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    (void)f;
    execv("/bin/true", arguments);
    return __LINE__;
}

static int probe_line_ptrace(const struct fixture *f)
{
    (void)f;
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    return __LINE__;
}

static void keeper_keeps_only_its_directory(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_KEEPER, probe_keeper), 0);
}

static void control_cannot_reach_keys_nor_exec(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_CONTROL, probe_control), 0);
}

static void render_runs_programs_without_files_or_network(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_RENDER, probe_render), 0);
}

static void render_touches_no_other_process(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_RENDER, probe_render_alone), 0);
}

static void line_has_memory_and_nothing_else(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_LINE, probe_line), 0);
}

static void line_that_attacks_is_killed(void **state)
{
    int status = run_inside(*state, SANDBOX_LINE, probe_line_exec);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    status = run_inside(*state, SANDBOX_LINE, probe_line_ptrace);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* What a line really does: a loop, its pool, timers, fsync on the pool, UDP on passed sockets. The
 * halves of the sandbox go on around the start of the pool, so that its threads are confined too.
 */
struct line_run {
    uv_loop_t loop;
    uv_fs_t sync;
    uv_work_t work;
    uv_timer_t timer;
    int opened, synced, ticks;
};

static void work_cb(uv_work_t *work)
{
    struct line_run *run = work->data;
    run->opened =
        open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static void worked_cb(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

static void warm_cb(uv_work_t *work)
{
    (void)work;
}

static void synced_cb(uv_fs_t *request)
{
    struct line_run *run = request->data;
    run->synced = request->result == 0;
    uv_fs_req_cleanup(request);
}

static void tick_cb(uv_timer_t *timer)
{
    struct line_run *run = timer->data;
    if (++run->ticks == 3)
        uv_close((uv_handle_t *)timer, NULL);
}

static int run_line_loop(const struct fixture *f, int receive, int vault)
{
    struct line_run run = {0};
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char reason[300], octets[8];
    uv_work_t warm;
    EXPECT(uv_loop_init(&run.loop) == 0);
    EXPECT(sandbox_enter_landlock(&f->spec, reason, sizeof reason) == 0);
    EXPECT(uv_queue_work(&run.loop, &warm, warm_cb, worked_cb) == 0);
    EXPECT(uv_run(&run.loop, UV_RUN_DEFAULT) == 0);
    EXPECT(sandbox_enter_seccomp(&f->spec, reason, sizeof reason) == 0);
    run.work.data = run.sync.data = run.timer.data = &run;
    EXPECT(uv_queue_work(&run.loop, &run.work, work_cb, worked_cb) == 0);
    EXPECT(pwrite(vault, "frame", 5, 0) == 5);
    EXPECT(uv_fs_fdatasync(&run.loop, &run.sync, vault, synced_cb) == 0);
    EXPECT(uv_timer_init(&run.loop, &run.timer) == 0);
    EXPECT(uv_timer_start(&run.timer, tick_cb, 1, 1) == 0);
    EXPECT(uv_run(&run.loop, UV_RUN_DEFAULT) == 0);
    EXPECT(run.synced && run.ticks == 3 && !run.opened);
    EXPECT(getsockname(receive, (struct sockaddr *)&address, &length) == 0);
    EXPECT(connect(receive, (struct sockaddr *)&address, length) == 0);
    EXPECT(send(receive, "udptl", 5, 0) == 5);
    EXPECT(recv(receive, octets, sizeof octets, 0) == 5);
    return 0;
}

static void line_loop_works_inside(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char path[128];
    int status = 0;
    sandbox_spec_fill(&f->spec, SANDBOX_LINE, f->config, &f->paths);
    snprintf(path, sizeof path, "%s/vault/a", f->root);
    int vault = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(udp, (struct sockaddr *)&any, sizeof any), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int line = run_line_loop(f, udp, vault);
        if (line)
            dprintf(STDERR_FILENO, "sandbox_test.c:%d: not as expected, errno %d\n", line, errno);
        _exit(line ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(vault);
    close(udp);
}

static int probe_limits(const struct fixture *f)
{
    (void)f;
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur == 60);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 64);
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT(getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == 1024ul << 20);
    EXPECT(mmap(NULL, 1100ul << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
#endif
    return 0;
}

static void render_with_office_reaches_nobody(void **state)
{
    struct fixture *f = *state;
    f->office = true;
    assert_int_equal(run_inside(f, SANDBOX_RENDER, probe_render_office), 0);
}

static void render_is_limited(void **state)
{
    assert_int_equal(run_inside(*state, SANDBOX_RENDER, probe_limits), 0);
}

static void missing_path_is_named(void **state)
{
    struct fixture *f = *state;
    char reason[300] = "";
    sandbox_spec_fill(&f->spec, SANDBOX_KEEPER, f->config, &f->paths);
    snprintf(f->spec.paths[0].path, STATE_PATH_MAX, "%s/nowhere", f->root);
    int status = 0, pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        status = sandbox_enter(&f->spec, reason, sizeof reason);
        ssize_t ignored = write(pipes[1], reason, strlen(reason));
        (void)ignored;
        _exit(status == -ENOENT ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(read(pipes[0], reason, sizeof reason - 1) > 0);
    assert_non_null(strstr(reason, "/nowhere: No such file"));
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeper_keeps_only_its_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(control_cannot_reach_keys_nor_exec, set_up, tear_down),
        cmocka_unit_test_setup_teardown(render_runs_programs_without_files_or_network, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(render_touches_no_other_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(line_has_memory_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(line_that_attacks_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(line_loop_works_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(render_with_office_reaches_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(render_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_path_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
