#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cluster/cluster.h"
#include "gateway/process/log.h"
#include "gateway/process/spawn.h"
#include "gateway/process/supervisor.h"

static void start_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    struct service *const services[] = {&supervisor->database, &supervisor->migrate,
                                        &supervisor->keeper, &supervisor->control};
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (&services[i]->timer == timer)
            services[i]->start(supervisor);
}

static void start_later(struct service *service, uint64_t alive_ms)
{
    service->backoff_ms = supervisor_next_backoff(service->backoff_ms, alive_ms);
    log_write(LOG_LEVEL_NOTICE, "starting %s again in %llu ms", service->name,
              (unsigned long long)service->backoff_ms);
    uv_timer_start(&service->timer, start_cb, service->backoff_ms, 0);
}

static void note_start(struct supervisor *supervisor, struct service *service, pid_t pid)
{
    uv_update_time(&supervisor->loop);
    service->started_ms = uv_now(&supervisor->loop);
    if (pid > 0) {
        service->pid = pid;
        return;
    }
    log_write(LOG_LEVEL_ERROR, "cannot start %s: %s", service->name, strerror(-(int)pid));
    start_later(service, 0);
}

static void send_keeper_up(struct supervisor *supervisor)
{
    if (!supervisor->channel || supervisor->keeper_end < 0)
        return;
    if (ipc_channel_send(supervisor->channel, MSG_KEEPER_UP, 0, NULL, 0, &supervisor->keeper_end,
                         1) < 0)
        return; /* control is going; the next one gets a new keeper */
    close(supervisor->keeper_end);
    supervisor->keeper_end = -1;
}

static int open_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
}

static void start_keeper(struct supervisor *supervisor)
{
    int pair[2];
    pid_t pid = open_pair(pair);
    if (pid == 0) {
        const struct spawn_role start = {
            .program = supervisor->program,
            .role = "keeper",
            .channel = pair[0],
            .package = supervisor->package_plain,
            .account = &supervisor->accounts->keeper,
        };
        pid = spawn_role(&start);
        close(pair[0]);
        if (pid > 0)
            supervisor->keeper_end = pair[1];
        else
            close(pair[1]);
    }
    note_start(supervisor, &supervisor->keeper, pid);
    send_keeper_up(supervisor);
}

static void control_gone_cb(void *user, struct ipc_channel *channel, int status)
{
    struct supervisor *supervisor = user;
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "channel of control: %s", strerror(-status));
    ipc_channel_close(channel);
    supervisor->channel = NULL;
    /* Without its channel it cannot be stopped or served; usually it is dead already. A stop ends
     * with a clean exit of control, which may take a moment after it closed. */
    if (supervisor->control.pid && supervisor->phase < PHASE_STOPPING)
        kill(supervisor->control.pid, SIGKILL);
}

static void start_control(struct supervisor *supervisor)
{
    supervisor->control_wanted = true;
    supervisor_start_control_when_clear(supervisor);
}

void supervisor_start_control_when_clear(struct supervisor *supervisor)
{
    const struct ipc_handlers handlers = {supervisor_control_message_cb, control_gone_cb,
                                          supervisor};
    int pair[2];
    if (!supervisor->control_wanted || supervisor->control.pid)
        return;
    /* Old lines may still be writing, and the old keeper has no channel to the new control. */
    if (supervisor->children || (supervisor->keeper.pid && supervisor->keeper_end < 0))
        return;
    supervisor->control_wanted = false;
    uv_timer_stop(&supervisor->orphan_timer);
    pid_t pid = open_pair(pair);
    if (pid == 0) {
        const struct spawn_role start = {
            .program = supervisor->program,
            .role = "control",
            .channel = pair[0],
            .package = supervisor->package_control,
            .account = &supervisor->accounts->control,
        };
        pid = spawn_role(&start);
        close(pair[0]);
        int status = ipc_channel_open(&supervisor->loop, pair[1], &handlers, &supervisor->channel);
        if (status < 0) {
            log_write(LOG_LEVEL_ERROR, "channel of control: %s", strerror(-status));
            supervisor->channel = NULL; /* the child sees the end and exits */
        }
    }
    note_start(supervisor, &supervisor->control, pid);
    send_keeper_up(supervisor);
}

static void start_gateway(struct supervisor *supervisor)
{
    supervisor->phase = PHASE_RUNNING;
    start_keeper(supervisor);
    start_control(supervisor);
}

static void start_migrate(struct supervisor *supervisor)
{
    const struct spawn_role start = {
        .program = supervisor->program,
        .role = "migrate",
        .channel = -1,
        .package = supervisor->package_migrate,
        .account = &supervisor->accounts->database,
    };
    note_start(supervisor, &supervisor->migrate, spawn_role(&start));
}

static void ready_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    if (!supervisor->database.pid || !cluster_is_ready(supervisor->paths, supervisor->database.pid))
        return;
    uv_timer_stop(timer);
    log_write(LOG_LEVEL_NOTICE, "PostgreSQL is ready");
    if (supervisor->phase == PHASE_STARTING && !supervisor->migrate.pid)
        start_migrate(supervisor);
}

static void start_database(struct supervisor *supervisor)
{
    note_start(supervisor, &supervisor->database,
               cluster_start(supervisor->config, supervisor->paths, supervisor->accounts));
    uv_timer_start(&supervisor->ready_timer, ready_cb, SUPERVISOR_READY_POLL_MS,
                   SUPERVISOR_READY_POLL_MS);
}

void supervisor_start_services(struct supervisor *supervisor)
{
    supervisor->database.name = "PostgreSQL";
    supervisor->database.start = start_database;
    supervisor->migrate.name = "migrate";
    supervisor->migrate.start = start_migrate;
    supervisor->keeper.name = "keeper";
    supervisor->keeper.start = start_keeper;
    supervisor->control.name = "control";
    supervisor->control.start = start_control;
    supervisor->phase = PHASE_STARTING;
    if (cluster_is_private(supervisor->config))
        start_database(supervisor);
    else
        start_gateway(supervisor);
}

static void log_end(const struct service *service, int status, bool expected)
{
    enum log_level level = expected ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR;
    if (WIFSIGNALED(status))
        log_write(level, "%s (pid %ld) ended by signal %d", service->name, (long)service->pid,
                  WTERMSIG(status));
    else if (!expected || WEXITSTATUS(status) != 0)
        log_write(level, "%s (pid %ld) ended with status %d", service->name, (long)service->pid,
                  WEXITSTATUS(status));
}

static void keeper_ended(struct supervisor *supervisor, int status)
{
    struct msg_exited exited = {(int32_t)supervisor->keeper.pid, status};
    if (supervisor->keeper_end >= 0)
        close(supervisor->keeper_end);
    supervisor->keeper_end = -1;
    if (supervisor->channel && ipc_channel_send(supervisor->channel, MSG_KEEPER_DOWN, 0, &exited,
                                                sizeof exited, NULL, 0) < 0)
        log_write(LOG_LEVEL_WARNING, "control does not take messages");
}

static void migrate_ended(struct supervisor *supervisor, int status, uint64_t alive_ms)
{
    if (supervisor->phase != PHASE_STARTING)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_OK) {
        start_gateway(supervisor);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_UNAVAILABLE) {
        start_later(&supervisor->migrate, alive_ms);
    } else {
        log_write(LOG_LEVEL_ERROR, "the database could not be brought up to date: stopping");
        supervisor_stop(supervisor, ROLE_EXIT_FAILED);
    }
}

void supervisor_service_ended(struct supervisor *supervisor, struct service *service, int status)
{
    int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool stopping = supervisor->phase >= PHASE_STOPPING;
    uv_update_time(&supervisor->loop);
    uint64_t alive_ms = uv_now(&supervisor->loop) - service->started_ms;
    /* A keeper ends by itself when its control has. */
    bool expected = stopping || (exit_status == 0 &&
                                 (service == &supervisor->migrate ||
                                  (service == &supervisor->keeper && !supervisor->control.pid)));
    log_end(service, status, expected);
    if (service == &supervisor->keeper)
        keeper_ended(supervisor, status);
    service->pid = 0;
    if (service == &supervisor->control) {
        ipc_channel_close(supervisor->channel);
        supervisor->channel = NULL;
        supervisor_orphan_children(supervisor);
    }
    if (stopping)
        return;
    if (service == &supervisor->keeper && exit_status == ROLE_EXIT_WRONG_KEY) {
        log_write(LOG_LEVEL_ERROR, "master key does not match the key store (%s, %s): stopping",
                  supervisor->paths->master_key, supervisor->paths->keeper);
        supervisor_stop(supervisor, ROLE_EXIT_FAILED);
    } else if (service == &supervisor->migrate) {
        migrate_ended(supervisor, status, alive_ms);
    } else if (exit_status == ROLE_EXIT_PERMANENT && service != &supervisor->database) {
        log_write(LOG_LEVEL_ERROR, "%s cannot run: stopping", service->name);
        supervisor_stop(supervisor, ROLE_EXIT_FAILED);
    } else {
        start_later(service, expected ? SUPERVISOR_ALIVE_MS : alive_ms);
    }
}
