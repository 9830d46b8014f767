/* Takes the place of cmocka's runner, and runs each test with each of its allocations failing. */
#include "tests/allocation/allocation.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

enum {
    LONG_MS = 2000,  /* processor time; a test that takes longer is cut there */
    SPIN_MS = 15000, /* processor time that no test needs because of a failure */
    IDLE_MS = 1500,  /* so much longer than without failure may a test wait for what never comes */
    POLL_MS = 100,
    EXIT_FOUND = 99, /* as the sanitizers are told by ctest */
    FINDINGS_MAX = 20,
    TEXT_MAX = 512,
};

struct group {
    const char *name;
    const struct CMUnitTest *tests;
    size_t count;
    CMFixtureFunction setup, teardown;
};

struct places {
    struct allocation_place *list;
    size_t count;
};

enum ending { ENDED, WAITS, SPINS };

struct outcome {
    const char *wrong;
    bool cut;
};

static const struct CMUnitTest *running;

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Fixtures of the test itself may fail, those of the group not. */

static ALLOCATION_OUTERMOST int armed_setup(void **state)
{
    struct allocation_run *run = allocation_current();
    atomic_store(&run->armed, true);
    int status = running->setup_func ? running->setup_func(state) : 0;
    if (status != 0)
        atomic_store(&run->asserted, true); /* no teardown follows */
    return status;
}

static ALLOCATION_OUTERMOST void armed_test(void **state)
{
    running->test_func(state);
    atomic_store(&allocation_current()->armed, false);
}

static int disarmed_teardown(void **state)
{
    atomic_store(&allocation_current()->armed, false);
    return running->teardown_func ? running->teardown_func(state) : 0;
}

static void check_leaks(struct allocation_run *run)
{
    if (__lsan_do_recoverable_leak_check() != 0)
        atomic_store(&run->leaked, true);
}

/* What the test holds is still on the stack now, and lost afterwards, so this is the time to look
 * for what nobody holds. */
static void leave_test(struct allocation_run *run)
{
    if (run && !atomic_exchange(&run->asserted, true) && !run->lists)
        check_leaks(run);
    if (run)
        atomic_store(&run->armed, false);
}

/* cmocka leaves a test by this when an assertion fails. */
void __longjmp_chk(struct __jmp_buf_tag *environment, int value) __attribute__((noreturn));
void __interceptor___longjmp_chk(struct __jmp_buf_tag *environment, int value)
    __attribute__((noreturn));
void __longjmp_chk(struct __jmp_buf_tag *environment, int value)
{
    leave_test(allocation_current());
    __interceptor___longjmp_chk(environment, value);
}

/* What helpers of tests do when they cannot help; our own code never calls it. */
void __real_abort(void) __attribute__((noreturn));
void __wrap_abort(void) __attribute__((noreturn));
void __wrap_abort(void)
{
    if (!allocation_current())
        __real_abort();
    leave_test(allocation_current());
    _exit(0);
}

static void died_cb(void)
{
    atomic_store(&allocation_current()->died, true);
}

static __attribute__((noreturn)) void run_child(const struct group *group, size_t test, int output)
{
    struct allocation_run *run = allocation_current();
    struct CMUnitTest one = group->tests[test];
    running = &group->tests[test];
    one.test_func = armed_test;
    one.setup_func = armed_setup;
    one.teardown_func = disarmed_teardown;
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    __sanitizer_set_death_callback(died_cb);
    __real__cmocka_run_group_tests(group->name, &one, 1, group->setup, group->teardown);
    fflush(NULL);
    if (!run->lists && !atomic_load(&run->asserted))
        check_leaks(run);
    _exit(0);
}

/* What the test has started and left behind has become ours. */
static void end_orphans(void)
{
    char path[64], list[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (int round = 0; round < 100; round++) {
        FILE *file = fopen(path, "re");
        if (!file)
            return;
        size_t length = fread(list, 1, sizeof list - 1, file);
        fclose(file);
        list[length] = '\0';
        if (length == 0)
            return;
        char *rest = list;
        for (long pid = strtol(rest, &rest, 10); pid > 0; pid = strtol(rest, &rest, 10)) {
            kill((pid_t)pid, SIGKILL);
            waitpid((pid_t)pid, NULL, 0);
        }
    }
}

static int remove_entry(const char *path, const struct stat *state, int kind, struct FTW *walk)
{
    (void)state;
    (void)kind;
    (void)walk;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static void clean_up(struct allocation_run *run)
{
    end_orphans();
    for (size_t i = 0; i < run->path_count; i++)
        nftw(run->paths[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t processor_ms(clockid_t clock)
{
    struct timespec used;
    if (clock_gettime(clock, &used) < 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

/* Waits for the end of a child, but not for ever. */
static enum ending await(pid_t pid, uint64_t spin_ms, uint64_t idle_ms, int *status)
{
    enum ending ending = ENDED;
    uint64_t start_ms = now_ms();
    clockid_t clock;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    bool has_clock = clock_getcpuclockid(pid, &clock) == 0;
    while (ending == ENDED && poll(&end, 1, POLL_MS) == 0) {
        uint64_t used_ms = has_clock ? processor_ms(clock) : 0;
        if (used_ms > spin_ms)
            ending = SPINS;
        else if (now_ms() - start_ms > idle_ms + 4 * used_ms)
            ending = WAITS;
    }
    if (ending != ENDED)
        kill(pid, SIGKILL);
    waitpid(pid, status, 0);
    close(fd);
    return ending;
}

/* Runs one test in a child; place NULL: lists its places. Tells what is wrong with how it ended, or
 * NULL, and whether it was cut. */
static struct outcome try_test(const struct group *group, size_t test,
                               const struct allocation_place *place, int output)
{
    struct allocation_run *run = allocation_current();
    int status = 0;
    memset(run, 0, offsetof(struct allocation_run, places));
    run->path_count = 0;
    run->lists = place == NULL;
    run->target = place ? place->hash : 0;
    run->test = test;
    if (ftruncate(output, 0) < 0 || lseek(output, 0, SEEK_SET) < 0)
        return (struct outcome){"cannot keep its output", false};
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return (struct outcome){"cannot be started", false};
    if (pid == 0)
        run_child(group, test, output);
    bool is_long = !place || place->cut;
    enum ending ending = await(pid, is_long ? LONG_MS : SPIN_MS,
                               is_long ? LONG_MS + IDLE_MS : place->wall_ms + IDLE_MS, &status);
    clean_up(run);
    if (atomic_load(&run->died) || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FOUND))
        return (struct outcome){"is ended by a sanitizer", false};
    if (atomic_load(&run->leaked))
        return (struct outcome){"leaks memory", false};
    if (ending != ENDED)
        return (struct outcome){!is_long && ending == SPINS ? "runs on for ever" : NULL, true};
    if (WIFSIGNALED(status))
        return (struct outcome){strsignal(WTERMSIG(status)), false};
    return (struct outcome){NULL, false};
}

extern char __executable_start, etext;

/* The innermost call in our program, as file:line function. False: the test's own. */
static bool describe(const struct allocation_place *place, char text[TEXT_MAX])
{
    for (int i = 0; i < place->frame_count; i++) {
        char *pc = place->frames[i];
        if (pc < &__executable_start || pc >= &etext)
            continue;
        __sanitizer_symbolize_pc(pc - 1, "%f %s:%l", text, TEXT_MAX);
        return strstr(text, "tests/unit/") == NULL && strstr(text, "tests/doubles/") == NULL;
    }
    return false;
}

static struct allocation_place *find_place(struct places *places, uint64_t hash)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->list[i].hash == hash)
            return &places->list[i];
    return NULL;
}

static void add_places(struct places *places, const struct allocation_run *run, uint64_t wall_ms,
                       bool cut)
{
    for (size_t i = 0; i < run->place_count; i++) {
        struct allocation_place *place = find_place(places, run->places[i].hash);
        bool known = place != NULL;
        if (known && place->wall_ms <= wall_ms)
            continue;
        if (!known && places->count == ALLOCATION_PLACES_MAX)
            return;
        if (!known)
            place = &places->list[places->count++];
        *place = run->places[i];
        place->wall_ms = wall_ms;
        place->cut = cut;
    }
}

/* Leaves out what belongs to the tests. */
static void spare_tests(struct places *places)
{
    char text[TEXT_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < places->count; i++)
        if (describe(&places->list[i], text))
            places->list[kept++] = places->list[i];
    places->count = kept;
}

static void report(const struct group *group, const struct allocation_place *place,
                   const char *what, int output)
{
    char text[TEXT_MAX], line[4096];
    printf("%s %s when this allocation fails:\n", group->tests[place->test].name, what);
    for (int i = 0; i < place->frame_count; i++) {
        __sanitizer_symbolize_pc((char *)place->frames[i] - 1, "    %f %s:%l", text, sizeof text);
        puts(text);
    }
    puts("  and it says:");
    fflush(stdout);
    lseek(output, 0, SEEK_SET);
    ssize_t length;
    while ((length = read(output, line, sizeof line)) > 0)
        if (write(STDOUT_FILENO, line, (size_t)length) < 0)
            return;
}

/* Far from each other first, so that a short time sees something of everything. */
static size_t nth(size_t i, size_t count)
{
    size_t stride = count * 5 / 8 + 1;
    for (;; stride++) {
        size_t a = stride, b = count;
        while (b) {
            size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return i * stride % count;
    }
}

static int try_places(const struct group *group, const struct places *places, uint64_t end_ms,
                      int output)
{
    int findings = 0;
    size_t i = 0, unreached = 0, cut = 0;
    for (; i < places->count && findings < FINDINGS_MAX && now_ms() < end_ms; i++) {
        const struct allocation_place *place = &places->list[nth(i, places->count)];
        struct outcome outcome = try_test(group, place->test, place, output);
        unreached += !atomic_load(&allocation_current()->failed);
        cut += outcome.cut;
        if (outcome.wrong) {
            report(group, place, outcome.wrong, output);
            findings++;
        }
    }
    printf("%zu of %zu places that allocate have failed, %zu of them were not reached again, %zu "
           "runs were not waited for: %d findings\n",
           i, places->count, unreached, cut, findings);
    return findings;
}

static int list_places(const struct group *group, struct places *places, int output)
{
    for (size_t test = 0; test < group->count; test++) {
        uint64_t start_ms = now_ms();
        struct outcome outcome = try_test(group, test, NULL, output);
        if (outcome.wrong) {
            printf("%s %s without any failure\n", group->tests[test].name, outcome.wrong);
            return -1;
        }
        add_places(places, allocation_current(), now_ms() - start_ms, outcome.cut);
    }
    spare_tests(places);
    return 0;
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const char *seconds = getenv("SEALFAX_ALLOCATION");
    if (!seconds)
        return __real__cmocka_run_group_tests(name, tests, count, setup, teardown);
    const struct group group = {name, tests, count, setup, teardown};
    struct places places = {0};
    uint64_t limit_s = strtoull(seconds, NULL, 10);
    uint64_t start_ms = now_ms();
    places.list = calloc(ALLOCATION_PLACES_MAX, sizeof *places.list);
    int output = memfd_create("output", MFD_CLOEXEC);
    int findings = -1;
    if (places.list && output >= 0 && allocation_start() && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) {
        findings = list_places(&group, &places, output);
        if (findings == 0)
            findings = try_places(&group, &places, now_ms() + limit_s * 1000, output);
    }
    printf("%llu ms\n", (unsigned long long)(now_ms() - start_ms));
    free(places.list);
    close(output);
    return findings ? 1 : 0;
}
