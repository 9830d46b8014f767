#include "tests/doubles/line_driver.h"

#include "gateway/line/vault_pages.h"
#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_AT_ONCE = 64 };

static const char child_argument[] = "--line-process";

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

uint64_t driver_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int line_driver_child(int argc, char **argv)
{
    static const char text[] = "lines:\n  max_calls: 4000\n";
    struct config_errors errors;
    struct config *config;
    struct state_paths paths;
    struct role_context context = {.role = "line"};
    int status;

    if (argc < 2 || strcmp(argv[1], child_argument) != 0)
        return -1;
    log_start("line", LOG_LEVEL_NOTICE);
    require(sandbox_start_process() == 0, "sandbox_start_process");
    require(config_load_text(text, sizeof text - 1, "test", &config, &errors) == 0, "config");
    require(state_paths_fill(&paths, config, "/nonexistent/sealfax") == 0, "state_paths");
    context.config = config;
    context.paths = &paths;
    status = line_main(IPC_CHILD_DESCRIPTOR, &context);
    config_free(config);
    return status;
}

void line_driver_init(struct line_driver *driver, const char *directory)
{
    memset(driver, 0, sizeof *driver);
    snprintf(driver->directory, sizeof driver->directory, "%s", directory);
    signal(SIGPIPE, SIG_IGN);
}

static void become_line(int channel, int log_fd)
{
    char *const argv[] = {(char *)(uintptr_t) "line", (char *)(uintptr_t)child_argument, NULL};

    /* dup2 clears close-on-exec on the copy. */
    if (dup2(log_fd, STDERR_FILENO) < 0 || dup2(channel, IPC_CHILD_DESCRIPTOR) < 0)
        _exit(126);
    execv("/proc/self/exe", argv);
    _exit(127);
}

void line_driver_start_line(struct line_driver *driver, struct line_process *line)
{
    struct ipc_message message;
    int pair[2];

    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    line->log_fd = memfd_create("log", MFD_CLOEXEC);
    require(line->log_fd >= 0, "memfd");
    line->pid = fork();
    require(line->pid >= 0, "fork");
    if (line->pid == 0)
        become_line(pair[1], line->log_fd);
    close(pair[1]);
    line->channel = pair[0];
    if (ipc_receive(line->channel, &message) != 1 || message.header.type != MSG_LINE_HELLO) {
        char log[2000] = "";

        (void)!pread(line->log_fd, log, sizeof log - 1, 0);
        fprintf(stderr, "the line did not start: %s\n", log);
        abort();
    }
    ipc_message_drop(&message);
    driver->lines[driver->line_count++] = line;
}

int line_process_stop(struct line_process *line)
{
    int status = 0;

    if (line->channel >= 0)
        close(line->channel);
    line->channel = -1;
    for (int i = 0; i < 1000; i++) {
        if (waitpid(line->pid, &status, WNOHANG) == line->pid)
            return status;
        usleep(10000);
    }
    kill(line->pid, SIGKILL);
    waitpid(line->pid, &status, 0);
    return status;
}

void driver_call_prepare(struct line_driver *driver, struct driver_call *call,
                         struct line_process *line, bool sender)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof call->address;

    memset(call, 0, sizeof *call);
    call->line = line;
    call->sender = sender;
    driver->calls[driver->call_count++] = call;
    call->number = driver->call_count;
    call->media_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    require(call->media_fd >= 0, "socket");
    require(bind(call->media_fd, (struct sockaddr *)&any, sizeof any) == 0, "bind");
    require(getsockname(call->media_fd, (struct sockaddr *)&call->address, &length) == 0, "name");
    vault_file_id_new(&call->id);
    call->vault_fd = vault_file_new(driver->directory, &call->id);
    call->start = (struct msg_call_start){
        .call = call->number,
        .sender = sender,
        .ecm = 1,
        .attempt = 1,
        .max_rate = 14400,
        .max_pages = 100,
        .no_media_timeout_ms = 10000,
    };
    memcpy(call->start.fax_id, call->id.fax_id, sizeof call->start.fax_id);
    memcpy(call->start.data_key, call->id.data_key, sizeof call->start.data_key);
    snprintf(call->start.local_ident, sizeof call->start.local_ident, "+49 30 %s",
             sender ? "1111" : "2222");
}

void driver_call_add_page(struct driver_call *call, uint32_t number, const struct raster *page)
{
    vault_file_add_page_at(call->vault_fd, &call->id, VAULT_STREAM_RENDITION, 0, number, page,
                           call->y_dpi != 0 ? call->y_dpi : 196);
}

void driver_call_share_pages(struct driver_call *call, const struct driver_call *with)
{
    close(call->vault_fd);
    call->vault_fd = fcntl(with->vault_fd, F_DUPFD_CLOEXEC, 0);
    require(call->vault_fd >= 0, "dup");
    call->id = with->id;
    memcpy(call->start.fax_id, with->id.fax_id, sizeof call->start.fax_id);
    memcpy(call->start.data_key, with->id.data_key, sizeof call->start.data_key);
}

static void send_message(struct driver_call *call, uint16_t type, const void *body, size_t length,
                         const int *descriptors, int count)
{
    /* A line that was killed on purpose takes no more messages. */
    if (call->line->channel >= 0)
        (void)!ipc_send(call->line->channel, type, 0, body, length, descriptors, count);
}

void driver_call_start(struct driver_call *call)
{
    const int descriptors[] = {call->media_fd, call->vault_fd};

    send_message(call, MSG_CALL_START, &call->start, sizeof call->start, descriptors, 2);
}

void driver_call_media(struct driver_call *call, const struct sockaddr_storage *peer)
{
    struct msg_call_media media = {
        .call = call->number,
        .peer = *peer,
        .t38_version = call->t38_version,
        .redundancy = 3,
        .max_datagram = call->express ? 1400 : 400,
        .max_rate = 14400,
        .express = call->express,
    };

    send_message(call, MSG_CALL_MEDIA, &media, sizeof media, NULL, 0);
}

void driver_connect(struct driver_call *a, struct driver_call *b)
{
    driver_call_media(a, &b->address);
    driver_call_media(b, &a->address);
}

void driver_call_stop(struct driver_call *call, const char *reason)
{
    struct msg_call_stop stop = {.call = call->number};

    snprintf(stop.reason, sizeof stop.reason, "%s", reason);
    send_message(call, MSG_CALL_STOP, &stop, sizeof stop, NULL, 0);
}

static void note_progress(struct driver_call *call, const struct msg_call_progress *progress)
{
    call->media_seen |= progress->kind == PROGRESS_MEDIA_SEEN;
    call->trained += progress->kind == PROGRESS_TRAINED;
    call->confirmed += progress->kind == PROGRESS_PAGE_CONFIRMED;
    if (progress->kind == PROGRESS_PAGE_CONFIRMED)
        call->last_confirmed = progress->page;
    call->pending += progress->kind == PROGRESS_PAGE_PENDING;
}

static void note_sealed(struct line_driver *driver, struct driver_call *call,
                        const struct msg_page_sealed *sealed)
{
    call->sealed++;
    call->last_sealed = *sealed;
    if (sealed->status != 0 || call->answer == DRIVER_SILENT)
        return;
    driver->waiting += call->answer_at_ms == 0;
    call->answer_page = sealed->page;
    call->answer_at_ms = driver_now_ms() + call->hold_ms;
}

static void note_message(struct line_driver *driver, const struct ipc_message *message)
{
    struct driver_call *call;
    uint32_t number;

    /* Every message of a line about a call begins with its number. */
    memcpy(&number, message->body, sizeof number);
    require(message->header.length >= sizeof number && number >= 1 && number <= driver->call_count,
            "call number");
    call = driver->calls[number - 1];
    switch (message->header.type) {
    case MSG_CALL_READY:
        memcpy(&call->ready, message->body, sizeof call->ready);
        driver->ready_count += !call->is_ready;
        call->is_ready = true;
        break;
    case MSG_CALL_PROGRESS:
        note_progress(call, (const struct msg_call_progress *)(const void *)message->body);
        break;
    case MSG_PAGE_SEALED:
        note_sealed(driver, call, (const struct msg_page_sealed *)(const void *)message->body);
        break;
    case MSG_CALL_DONE:
        memcpy(&call->done, message->body, sizeof call->done);
        driver->done_count += !call->is_done;
        call->is_done = true;
        call->dones++;
        break;
    case MSG_CALL_TRACE: /* for people */
        break;
    default:
        require(false, "unexpected message");
    }
}

static void give_answer(struct line_driver *driver, struct driver_call *call)
{
    struct msg_page_journaled answer = {
        .call = call->number,
        .page = call->answer_page,
        .status = call->answer == DRIVER_REFUSE ? -ENOSPC : 0,
    };

    call->answer_at_ms = 0;
    driver->waiting--;
    send_message(call, MSG_PAGE_JOURNALED, &answer, sizeof answer, NULL, 0);
}

static void give_answers(struct line_driver *driver)
{
    uint64_t now_ms = driver_now_ms();

    for (unsigned i = 0; driver->waiting > 0 && i < driver->call_count; i++) {
        struct driver_call *call = driver->calls[i];

        if (call->answer_at_ms != 0 && call->answer_at_ms <= now_ms)
            give_answer(driver, call);
    }
}

static void receive_from(struct line_driver *driver, struct line_process *line)
{
    struct pollfd more = {line->channel, POLLIN, 0};

    for (unsigned i = 0; i < MESSAGES_AT_ONCE && line->channel >= 0; i++) {
        struct ipc_message message;

        if (ipc_receive(line->channel, &message) != 1) {
            close(line->channel);
            line->channel = -1;
            return;
        }
        note_message(driver, &message);
        ipc_message_drop(&message);
        if (poll(&more, 1, 0) != 1)
            return;
    }
}

bool line_driver_run(struct line_driver *driver, bool (*condition)(void *user), void *user,
                     uint32_t timeout_ms)
{
    uint64_t end_ms = driver_now_ms() + timeout_ms;

    while (!condition(user)) {
        struct pollfd polled[DRIVER_LINES_MAX];

        if (driver_now_ms() >= end_ms)
            return false;
        for (unsigned i = 0; i < driver->line_count; i++)
            polled[i] = (struct pollfd){driver->lines[i]->channel, POLLIN, 0};
        (void)!poll(polled, driver->line_count, 10);
        for (unsigned i = 0; i < driver->line_count; i++)
            if (polled[i].revents != 0)
                receive_from(driver, driver->lines[i]);
        give_answers(driver);
    }
    return true;
}

bool driver_all_ready(void *user)
{
    const struct line_driver *driver = user;

    return driver->ready_count == driver->call_count;
}

/* Calls of a line that is gone have nobody to report. */
bool driver_all_done(void *user)
{
    const struct line_driver *driver = user;
    bool all_there = true;

    for (unsigned i = 0; i < driver->line_count; i++)
        all_there = all_there && driver->lines[i]->channel >= 0;
    if (all_there)
        return driver->done_count == driver->call_count;
    for (unsigned i = 0; i < driver->call_count; i++)
        if (!driver->calls[i]->is_done && driver->calls[i]->line->channel >= 0)
            return false;
    return true;
}

bool driver_call_stored(const struct driver_call *call,
                        void (*draw)(struct raster *page, uint32_t number, void *user), void *user,
                        uint32_t pages)
{
    const struct vault_pages_source source = {call->vault_fd, call->id.fax_id, call->id.data_key,
                                              VAULT_STREAM_PAGES, call->start.attempt};
    struct vault_pages *reader;
    struct page_format format;
    struct raster found, expected;
    bool equal = vault_pages_open(&reader, &source) == 0;

    for (uint32_t number = 1; equal && number <= pages; number++) {
        equal = vault_pages_next(reader, &found, &format) == 1;
        if (equal) {
            draw(&expected, number, user);
            equal = raster_equal(&expected, &found);
            raster_free(&expected);
            raster_free(&found);
        }
    }
    if (equal)
        equal = vault_pages_next(reader, &found, &format) == 0;
    vault_pages_close(reader);
    return equal;
}

void driver_call_free(struct driver_call *call)
{
    close(call->media_fd);
    close(call->vault_fd);
}
