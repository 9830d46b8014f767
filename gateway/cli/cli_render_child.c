#include "gateway/cli/cli_render_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/process/ipc.h"
#include "gateway/process/office_place.h"
#include "gateway/process/role_package.h"
#include "gateway/process/spawn.h"

enum {
    TAG = 1,
    NOBODY = 65534,
    SWEEPS_MAX = 100,
    PATIENCE_S = 150, /* between two messages; a renderer ends itself earlier */
};

/* Seccomp holds on kernels without Landlock, too. */
static const char configuration[] = "sandbox: {landlock: optional}\n";

static int fail(struct cli_rendered *out, const char *what, int error)
{
    snprintf(out->reason, sizeof out->reason, "%s: %s", what, strerror(error));
    return -1;
}

static bool lives_cb(void *user, pid_t pid)
{
    (void)user;
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* One for all of the account that renders: what a killed one left goes with the next. */
static int open_office_base(const struct account *owner, char base[STATE_PATH_MAX])
{
    char reason[OFFICE_REASON_MAX];
    int fd;

    snprintf(base, STATE_PATH_MAX, "/dev/shm/sealfax-render-%u", (unsigned)owner->uid);
    fd = office_base_open(base, owner, lives_cb, NULL, reason);
    if (fd < 0)
        base[0] = '\0'; /* an Office document is told so */
    return fd;
}

/* The render is dead, but a LibreOffice of its own may be on its way out. */
static void close_office_base(int fd, const char *base)
{
    static const struct timespec pause = {0, 10000000};

    for (int tries = 0; tries < SWEEPS_MAX && office_base_sweep(fd, lives_cb, NULL) != 0; tries++)
        nanosleep(&pause, NULL);
    office_base_close(fd, base);
}

static int make_package(const char *office)
{
    struct role_package *package = calloc(1, sizeof *package);
    int fd = -ENOMEM;

    if (package == NULL)
        return fd;
    package->magic = ROLE_PACKAGE_MAGIC;
    package->supervisor = getpid();
    snprintf(package->paths.office, sizeof package->paths.office, "%s", office);
    package->config_length = strlen(configuration);
    snprintf(package->config_name, sizeof package->config_name, "sealfax render");
    fd = role_package_make(package, configuration);
    free(package);
    return fd;
}

/* Returns its pid with *channel, or a negative errno. */
static pid_t start(const struct account *account, const char *office, int *channel)
{
    struct spawn_role role = {.role = "render", .account = account, .channel = -1};
    int pair[2] = {-1, -1};
    pid_t pid = -1;

    role.program = spawn_open_self();
    role.package = make_package(office);
    if (role.program < 0)
        pid = role.program;
    else if (role.package < 0)
        pid = role.package;
    else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        pid = -errno;
    else
        role.channel = pair[0];
    if (role.channel >= 0)
        pid = spawn_role(&role);
    if (role.program >= 0)
        close(role.program);
    if (role.package >= 0)
        close(role.package);
    if (pair[0] >= 0)
        close(pair[0]);
    *channel = pair[1];
    return pid;
}

static int take_pages(const struct msg_rendered *rendered, int fd, struct cli_rendered *out)
{
    struct stat status;
    void *map;

    if (fd < 0 || fstat(fd, &status) < 0 || rendered->octets == 0 ||
        (uint64_t)status.st_size != rendered->octets)
        return fail(out, "the renderer's answer", EBADMSG);
    map = mmap(NULL, rendered->octets, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return fail(out, "the pages cannot be read", errno);
    out->pages = map;
    out->octets = rendered->octets;
    return 0;
}

/* Returns 0 or -1 at the answer, 1 for a message that is none. */
static int take_message(const struct ipc_message *message, struct cli_rendered *out)
{
    const struct msg_rendered *rendered = ipc_message_body(message, MSG_RENDERED, sizeof *rendered);
    const struct msg_render_failed *failed =
        ipc_message_body(message, MSG_RENDER_FAILED, sizeof *failed);

    if (rendered != NULL)
        return take_pages(rendered, message->descriptors[0], out);
    if (failed == NULL)
        return 1;
    snprintf(out->reason, sizeof out->reason, "%.*s", (int)sizeof failed->reason - 1,
             failed->reason);
    return -1;
}

static int ask(int channel, const struct msg_render_document *request, int document,
               struct cli_rendered *out)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct ipc_message *message = calloc(1, sizeof *message);
    int result = 1, found = 1;

    if (message == NULL)
        return fail(out, "the document cannot be rendered", ENOMEM);
    if (setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        found = -errno;
    else
        found = ipc_send(channel, MSG_RENDER_DOCUMENT, TAG, request, sizeof *request, &document, 1);
    found = found == 0 ? 1 : found;
    while (result == 1 && found == 1) {
        found = ipc_receive(channel, message);
        if (found != 1)
            break;
        result = take_message(message, out);
        ipc_message_drop(message);
    }
    free(message);
    if (result != 1)
        return result;
    if (found == -EAGAIN)
        snprintf(out->reason, sizeof out->reason, "the renderer does not answer");
    else
        snprintf(out->reason, sizeof out->reason, "the renderer died on the document");
    return -1;
}

static int run(const struct msg_render_document *request, int document, const char *office,
               const struct account *account, struct cli_rendered *out)
{
    int channel = -1, result, status;
    pid_t pid = start(account, office, &channel);

    if (pid < 0) {
        if (channel >= 0)
            close(channel);
        return fail(out, "the renderer cannot be started", -pid);
    }
    signal(SIGPIPE, SIG_IGN);
    result = ask(channel, request, document, out);
    close(channel);
    (void)kill(pid, SIGKILL); /* it has nothing more to say */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return result;
}

int cli_render_child_run(const struct msg_render_document *request, int document,
                         struct cli_rendered *out)
{
    const struct account account = geteuid() == 0 ? (struct account){"nobody", NOBODY, NOBODY}
                                                  : (struct account){"", geteuid(), getegid()};
    char office[STATE_PATH_MAX];
    int base, result;

    memset(out, 0, sizeof *out);
    base = open_office_base(&account, office);
    result = run(request, document, office, &account, out);
    close_office_base(base, office);
    return result;
}

void cli_rendered_free(struct cli_rendered *rendered)
{
    if (rendered->pages != NULL)
        munmap((void *)(uintptr_t)rendered->pages, rendered->octets);
    memset(rendered, 0, sizeof *rendered);
}
