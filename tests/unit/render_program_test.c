/* run_program: no limit can be passed, nothing outlives it, nothing it writes stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/render/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct taken {
    char text[256];
    size_t length;
    int answer;
};

static int take(void *user, const uint8_t *data, size_t length)
{
    struct taken *taken = user;

    if (length > sizeof taken->text - 1 - taken->length)
        length = sizeof taken->text - 1 - taken->length;
    memcpy(taken->text + taken->length, data, length);
    taken->length += length;
    return taken->answer;
}

struct run {
    struct taken taken;
    struct program_result result;
    char errors[32];
};

static void run_script(struct run *run, const char *script, uint32_t wall_ms, uint64_t cpu_seconds,
                       enum program_walls walls)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct program program = {
        .argv = argv,
        .input_fd = input,
        .limits = {.cpu_seconds = cpu_seconds},
        .deadline_ms = program_now_ms() + wall_ms,
        .output = take,
        .user = &run->taken,
        .errors = run->errors,
        .errors_capacity = sizeof run->errors,
        .walls = walls,
    };

    program_run(&program, &run->result);
    close(input);
}

static void run_shell(struct run *run, const char *script, uint32_t wall_ms, uint64_t cpu_seconds)
{
    run_script(run, script, wall_ms, cpu_seconds, PROGRAM_FREE);
}

static void test_alone(void **state)
{
    struct run run = {0};

    (void)state;
    run_script(&run, "kill -0 $PPID || echo no signal; sleep 0 || echo never", 20000, 0, true);
    assert_string_equal(run.taken.text, "no signal\n");
    assert_int_equal(run.result.end, PROGRAM_EXITED);
    assert_int_not_equal(run.result.exit_status, 0);
}

static void test_output_errors_and_status(void **state)
{
    struct run run = {0};

    (void)state;
    run_shell(&run, "echo out; echo a very long message that is cut somewhere >&2; exit 3", 20000,
              0);
    assert_int_equal(run.result.end, PROGRAM_EXITED);
    assert_int_equal(run.result.exit_status, 3);
    assert_string_equal(run.taken.text, "out\n");
    assert_string_equal(run.errors, "a very long message that is cut");
}

static void test_clean_surroundings(void **state)
{
    struct run run = {0};

    (void)state;
    assert_int_equal(setenv("SEALFAX_TEST_SECRET", "x", 1), 0);
    run_shell(&run, "env | grep -c SECRET; ls /proc/self/fd | wc -l", 20000, 0);
    assert_string_equal(run.taken.text, "0\n4\n"); /* 0, 1, 2 and the directory itself */
}

static void test_not_installed(void **state)
{
    const char *const argv[] = {"no-such-program-here", NULL};
    struct run run = {0};
    struct program program = {argv,         0,          {0},        program_now_ms() + 20000,
                              take,         &run.taken, run.errors, sizeof run.errors,
                              PROGRAM_FREE, NULL};

    (void)state;
    program_run(&program, &run.result);
    assert_int_equal(run.result.end, PROGRAM_EXITED);
    assert_int_equal(run.result.exit_status, 127);
}

/* Its children in the background go with it. */
static void test_wall_limit_kills_the_group(void **state)
{
    struct run run = {0};
    bool gone = false;
    pid_t child;

    (void)state;
    run_shell(&run, "sleep 300 & echo $!; wait", 300, 0);
    assert_int_equal(run.result.end, PROGRAM_WALL_LIMIT);
    child = (pid_t)strtol(run.taken.text, NULL, 10);
    assert_true(child > 1);
    for (int i = 0; i < 500 && !gone; i++) {
        char path[64], stat_text[256] = "";
        int fd;

        snprintf(path, sizeof path, "/proc/%d/stat", child);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            assert_true(read(fd, stat_text, sizeof stat_text - 1) >= 0);
            close(fd);
        }
        gone = fd < 0 || strstr(stat_text, ") Z ") != NULL;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_true(gone);
}

static void test_closed_streams_do_not_end_the_watch(void **state)
{
    struct run run = {0};

    (void)state;
    run_shell(&run, "exec >&- 2>&-; sleep 300", 300, 0);
    assert_int_equal(run.result.end, PROGRAM_WALL_LIMIT);
}

static void test_cpu_limit(void **state)
{
    struct run run = {0};

    (void)state;
    run_shell(&run, "while :; do :; done", 60000, 1);
    assert_int_equal(run.result.end, PROGRAM_CPU_LIMIT);
}

static void test_killed(void **state)
{
    struct run run = {0};

    (void)state;
    run_shell(&run, "kill -SEGV $$", 20000, 0);
    assert_int_equal(run.result.end, PROGRAM_KILLED);
    assert_int_equal(run.result.signal_number, SIGSEGV);
}

/* SIGKILL has one number and several senders. */
static void test_who_killed_it(void **state)
{
    struct run run = {0};

    (void)state;
    run_shell(&run, "kill -KILL $$", 20000, 60);
    assert_int_equal(run.result.end, PROGRAM_KILLED_OUTSIDE);
    assert_int_equal(run.result.signal_number, SIGKILL);
    run_shell(&run, "kill -KILL $$", 20000, 0);
    assert_int_equal(run.result.end, PROGRAM_KILLED_OUTSIDE);
    /* Who ignores the soft limit is killed at the hard one; here they are the same. */
    run_shell(&run, "trap '' XCPU; while :; do :; done", 60000, 1);
    assert_int_equal(run.result.end, PROGRAM_CPU_LIMIT);
    run_shell(&run, "trap '' TERM; sleep 300 & wait", 100, 60);
    assert_int_equal(run.result.end, PROGRAM_WALL_LIMIT);
}

static void test_output_can_stop_it(void **state)
{
    struct run run = {.taken.answer = -EPIPE};

    (void)state;
    run_shell(&run, "while :; do echo more; done", 60000, 0);
    assert_int_equal(run.result.end, PROGRAM_STOPPED);
    assert_int_equal(run.result.output_error, -EPIPE);
}

static void test_files_cannot_grow(void **state)
{
    char path[] = "/tmp/sealfax-program-XXXXXX", script[128];
    struct run run = {0};
    struct stat status;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    snprintf(script, sizeof script, "exec head -c 1000 /dev/zero > %s", path);
    run_shell(&run, script, 20000, 0);
    assert_int_equal(run.result.end, PROGRAM_KILLED);
    assert_int_equal(run.result.signal_number, SIGXFSZ);
    assert_int_equal(fstat(fd, &status), 0);
    assert_true(status.st_size <= 1);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_errors_and_status),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_clean_surroundings),
        cmocka_unit_test(test_not_installed),
        cmocka_unit_test(test_wall_limit_kills_the_group),
        cmocka_unit_test(test_closed_streams_do_not_end_the_watch),
        cmocka_unit_test(test_cpu_limit),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_who_killed_it),
        cmocka_unit_test(test_output_can_stop_it),
        cmocka_unit_test(test_files_cannot_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
