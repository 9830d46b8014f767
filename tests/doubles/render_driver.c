#include "tests/doubles/render_driver.h"

#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/office_place.h"
#include "gateway/process/roles.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SWEEPS_MAX = 100, SWEEP_PAUSE_US = 20000 };

static const char child_argument[] = "--render-process";

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

/* Of the process that drives. */
static void office_base(char path[STATE_PATH_MAX], pid_t pid)
{
    snprintf(path, STATE_PATH_MAX, "/dev/shm/sealfax-driver-%ld", (long)pid);
}

int render_driver_child(int argc, char **argv)
{
    struct config_errors errors;
    struct config *config;
    struct state_paths paths;
    struct role_context context = {.role = "render"};
    int status;

    if (argc < 3 || strcmp(argv[1], child_argument) != 0)
        return -1;
    log_start("render", LOG_LEVEL_NOTICE);
    require(sandbox_start_process() == 0, "sandbox_start_process");
    require(config_load_text(argv[2], strlen(argv[2]), "test", &config, &errors) == 0, "config");
    require(state_paths_fill(&paths, config, "/nonexistent/sealfax") == 0, "state_paths");
    office_base(paths.office, getppid());
    context.config = config;
    context.paths = &paths;
    status = render_main(IPC_CHILD_DESCRIPTOR, &context);
    config_free(config);
    return status;
}

static void become_render(int channel, const char *configuration)
{
    char *const argv[] = {(char *)(uintptr_t) "render", (char *)(uintptr_t)child_argument,
                          (char *)(uintptr_t)configuration, NULL};

    if (dup2(channel, IPC_CHILD_DESCRIPTOR) < 0)
        _exit(126);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static void take_answer(struct ipc_message *message, struct render_answer *answer)
{
    answer->type = message->header.type;
    require(message->header.tag == 7, "the tag of the question");
    if (answer->type == MSG_RENDER_FAILED) {
        require(message->header.length == sizeof answer->failed, "length");
        memcpy(&answer->failed, message->body, sizeof answer->failed);
        return;
    }
    if (answer->type != MSG_RENDERED && answer->type != MSG_EXPORTED) {
        require(message->header.length <= sizeof answer->told, "length");
        answer->told_length = message->header.length;
        memcpy(answer->told, message->body, answer->told_length);
        if (message->descriptor_count > 0) {
            answer->descriptor = message->descriptors[0];
            message->descriptors[0] = -1;
        }
        return;
    }
    require(message->header.length == sizeof answer->rendered, "length");
    memcpy(&answer->rendered, message->body, sizeof answer->rendered);
    answer->descriptor = message->descriptors[0];
    message->descriptors[0] = -1;
}

void render_driver_run(const char *configuration, uint16_t type, const void *body, size_t length,
                       int descriptor, struct render_answer *answer)
{
    render_driver_ask(configuration, type, body, length, &descriptor, 1, answer);
}

void render_driver_ask(const char *configuration, uint16_t type, const void *body, size_t length,
                       const int *descriptors, int count, struct render_answer *answer)
{
    static struct ipc_message message;
    const struct account owner = {.uid = geteuid(), .gid = getegid()};
    char base[STATE_PATH_MAX], reason[OFFICE_REASON_MAX];
    int pair[2], office;
    pid_t pid;

    memset(answer, 0, sizeof *answer);
    answer->descriptor = -1;
    signal(SIGPIPE, SIG_IGN);
    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    office_base(base, getpid());
    office = office_base_open(base, &owner, NULL, NULL, reason);
    require(office >= 0, reason);
    pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0)
        become_render(pair[1], configuration);
    close(pair[1]);
    require(ipc_send(pair[0], type, 7, body, length, descriptors, count) == 0, "ipc_send");
    while (ipc_receive(pair[0], &message) == 1) {
        if (message.header.type == MSG_RENDER_PROGRESS)
            answer->progress++;
        else
            take_answer(&message, answer);
        ipc_message_drop(&message);
    }
    close(pair[0]);
    waitpid(pid, &answer->wait_status, 0);
    for (int tries = 0; tries < SWEEPS_MAX && office_base_sweep(office, NULL, NULL) != 0; tries++)
        usleep(SWEEP_PAUSE_US); /* LibreOffice may be on its way out */
    office_base_close(office, base);
}

int render_driver_document(const char *path, uint64_t *octets)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int document = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char piece[65536];
    ssize_t n;

    require(file >= 0, path);
    require(document >= 0, "memfd");
    *octets = 0;
    while ((n = read(file, piece, sizeof piece)) > 0) {
        require(write(document, piece, (size_t)n) == n, "write");
        *octets += (uint64_t)n;
    }
    close(file);
    return document;
}
