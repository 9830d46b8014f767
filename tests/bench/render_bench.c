/* What rendering costs: a text document of 36 pages in a real, sandboxed render process, as pages
 * for each second of processor time, its helpers' included. The baseline is the renderer alone with
 * its output thrown away. One JSON object a line. use: render_bench [render.text_pages] */
#include "gateway/process/messages.h"
#include "tests/doubles/render_driver.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 36, RUNS = 3 };

extern char **environ;

static double children_cpu_s(void)
{
    struct rusage r;

    getrusage(RUSAGE_CHILDREN, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs a program with its output thrown away. Returns whether it exited with 0. */
static bool run(const char *const *argv)
{
    posix_spawn_file_actions_t actions;
    int status = -1;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) == 0)
        waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    return status == 0;
}

/* Three times ten pages and six times one. */
static bool make_document(const char *path)
{
    static const char ten[] = TESTS_DIR "/data/text_10p.pdf", one[] = TESTS_DIR "/data/text_a4.pdf";
    const char *const argv[] = {"pdfunite", ten, ten, ten, one,  one,
                                one,        one, one, one, path, NULL};

    return run(argv);
}

struct measured {
    double cpu_s, wall_s;
};

static bool measure(const char *path, struct measured *ours, struct measured *bare)
{
    const char *const argv[] = {"pdftoppm", "-gray", "-rx", "204", "-ry", "196", path, NULL};
    struct msg_render_document request = {
        .max_pages = 100, .x_dpi = 204, .y_dpi = 196, .width = 1728};
    int document = render_driver_document(path, &request.document_octets);
    struct render_answer answer;
    double cpu = children_cpu_s(), wall = wall_s();
    bool good;

    render_driver_run("", MSG_RENDER_DOCUMENT, &request, sizeof request, document, &answer);
    ours->cpu_s += children_cpu_s() - cpu;
    ours->wall_s += wall_s() - wall;
    close(document);
    good = answer.type == MSG_RENDERED && answer.rendered.pages == PAGES;
    if (answer.descriptor >= 0)
        close(answer.descriptor);
    cpu = children_cpu_s();
    wall = wall_s();
    good = run(argv) && good;
    bare->cpu_s += children_cpu_s() - cpu;
    bare->wall_s += wall_s() - wall;
    return good;
}

static int fail(const char *why)
{
    printf("{\"name\":\"render.text_pages\",\"value\":null,\"reason\":\"%s\"}\n", why);
    return 1;
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/sealfax-render-bench-XXXXXX";
    struct measured ours = {0, 0}, bare = {0, 0};
    int status = render_driver_child(argc, argv), fd;
    bool good;

    if (status >= 0)
        return status;
    if (argc > 1 && strcmp(argv[1], "render.text_pages") != 0)
        return 0;
    fd = mkstemp(path);
    if (fd < 0)
        return fail("no temporary file");
    close(fd);
    good = make_document(path);
    if (!good) {
        unlink(path);
        return fail("pdfunite cannot make the document");
    }
    for (int i = 0; i < RUNS && good; i++)
        good = measure(path, &ours, &bare);
    unlink(path);
    if (!good)
        return fail("the document was not rendered whole");
    printf("{\"name\":\"render.text_pages\",\"value\":%.1f,\"unit\":\"pages/s a core\","
           "\"baseline\":{\"name\":\"pdftoppm -gray alone\",\"value\":%.1f},"
           "\"load\":{\"pages\":%d,\"runs\":%d,\"pages_per_s_wall\":%.1f}}\n",
           PAGES * RUNS / ours.cpu_s, PAGES * RUNS / bare.cpu_s, PAGES, RUNS,
           PAGES * RUNS / ours.wall_s);
    return 0;
}
