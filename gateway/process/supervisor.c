#include "gateway/process/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/process/log.h"

uint64_t supervisor_next_backoff(uint64_t backoff_ms, uint64_t alive_ms)
{
    if (backoff_ms == 0 || alive_ms >= SUPERVISOR_ALIVE_MS)
        return SUPERVISOR_BACKOFF_FIRST_MS;
    return backoff_ms * 2 > SUPERVISOR_BACKOFF_MAX_MS ? SUPERVISOR_BACKOFF_MAX_MS : backoff_ms * 2;
}

static void close_handle_cb(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(struct supervisor *supervisor)
{
    ipc_channel_close(supervisor->channel);
    supervisor->channel = NULL;
    if (supervisor->keeper_end >= 0)
        close(supervisor->keeper_end);
    supervisor->keeper_end = -1;
    uv_walk(&supervisor->loop, close_handle_cb, NULL);
}

static void stop_timeout_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    if (supervisor->phase == PHASE_STOPPING) {
        log_write(LOG_LEVEL_WARNING, "calls did not end in time: ending them");
        if (supervisor->control.pid)
            kill(supervisor->control.pid, SIGKILL);
        supervisor_kill_children(supervisor);
    } else if (supervisor->phase == PHASE_KEEPER && supervisor->keeper.pid) {
        kill(supervisor->keeper.pid, SIGKILL);
    } else if (supervisor->phase == PHASE_DATABASE && supervisor->database.pid) {
        log_write(LOG_LEVEL_WARNING, "PostgreSQL does not end: stopping it at once");
        kill(supervisor->database.pid, SIGQUIT);
    }
}

static void wait_at_most(struct supervisor *supervisor, uint64_t timeout_ms)
{
    uv_timer_start(&supervisor->stop_timer, stop_timeout_cb, timeout_ms, 1000);
}

/* Goes on to the next phase of the stop when the present one is complete. */
void supervisor_continue_stop(struct supervisor *supervisor)
{
    if (supervisor->phase == PHASE_STOPPING) {
        if (supervisor->control.pid || supervisor->children || supervisor->migrate.pid)
            return;
        supervisor->phase = PHASE_KEEPER;
        /* Its channel has ended; it finishes what it writes and exits. */
        if (supervisor->keeper_end >= 0)
            close(supervisor->keeper_end);
        supervisor->keeper_end = -1;
        wait_at_most(supervisor, SUPERVISOR_ORPHAN_MS);
    }
    if (supervisor->phase == PHASE_KEEPER) {
        if (supervisor->keeper.pid)
            return;
        supervisor->phase = PHASE_DATABASE;
        if (supervisor->database.pid)
            kill(supervisor->database.pid, SIGINT); /* fast shutdown */
        wait_at_most(supervisor, SUPERVISOR_DATABASE_STOP_MS);
    }
    if (supervisor->phase == PHASE_DATABASE && !supervisor->database.pid)
        finish(supervisor);
}

void supervisor_stop(struct supervisor *supervisor, int exit_status)
{
    if (exit_status)
        supervisor->exit_status = exit_status;
    if (supervisor->phase >= PHASE_STOPPING)
        return;
    supervisor->phase = PHASE_STOPPING;
    supervisor->control_wanted = false;
    uv_timer_stop(&supervisor->database.timer);
    uv_timer_stop(&supervisor->keeper.timer);
    uv_timer_stop(&supervisor->control.timer);
    uv_timer_stop(&supervisor->migrate.timer);
    uv_timer_stop(&supervisor->ready_timer);
    wait_at_most(supervisor,
                 (uint64_t)supervisor->config->stop.drain_timeout_ms + SUPERVISOR_STOP_GRACE_MS);
    if (supervisor->migrate.pid)
        kill(supervisor->migrate.pid, SIGTERM);
    if (!supervisor->channel ||
        ipc_channel_send(supervisor->channel, MSG_STOP, 0, NULL, 0, NULL, 0) < 0)
        supervisor_kill_children(supervisor);
    if (!supervisor->channel && supervisor->control.pid)
        kill(supervisor->control.pid, SIGKILL);
    supervisor_continue_stop(supervisor);
}

static void stop_signal_cb(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;
    bool again = supervisor->phase >= PHASE_STOPPING;
    log_write(LOG_LEVEL_NOTICE, "%s: stopping%s", number == SIGINT ? "SIGINT" : "SIGTERM",
              again ? " at once" : "");
    if (!again) {
        supervisor_stop(supervisor, 0);
    } else if (supervisor->phase == PHASE_STOPPING && !supervisor->hurried && supervisor->channel &&
               ipc_channel_send(supervisor->channel, MSG_STOP, 0, NULL, 0, NULL, 0) == 0) {
        /* Control ends its calls now and still records how; only then it is killed. */
        supervisor->hurried = true;
        wait_at_most(supervisor, SUPERVISOR_HURRY_MS);
    } else {
        stop_timeout_cb(&supervisor->stop_timer);
    }
}

static void hangup_cb(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
    log_write(LOG_LEVEL_NOTICE, "SIGHUP: the configuration is read at the start only");
}

static void child_signal_cb(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;
    struct service *const services[] = {&supervisor->database, &supervisor->migrate,
                                        &supervisor->keeper, &supervisor->control};
    int status;
    pid_t pid;
    (void)number;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (supervisor_child_ended(supervisor, pid, status))
            continue;
        for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
            if (services[i]->pid == pid)
                supervisor_service_ended(supervisor, services[i], status);
    }
    if (supervisor->phase >= PHASE_STOPPING)
        supervisor_continue_stop(supervisor);
    else
        supervisor_start_control_when_clear(supervisor);
}

static int open_handles(struct supervisor *supervisor)
{
    uv_timer_t *const timers[] = {
        &supervisor->orphan_timer, &supervisor->stop_timer,     &supervisor->ready_timer,
        &supervisor->line_timer,   &supervisor->database.timer, &supervisor->migrate.timer,
        &supervisor->keeper.timer, &supervisor->control.timer,  &supervisor->office_timer};
    const struct {
        uv_signal_t *handle;
        uv_signal_cb callback;
        int number;
    } signals[] = {{&supervisor->child_signal, child_signal_cb, SIGCHLD},
                   {&supervisor->term_signal, stop_signal_cb, SIGTERM},
                   {&supervisor->int_signal, stop_signal_cb, SIGINT},
                   {&supervisor->hangup_signal, hangup_cb, SIGHUP}};
    int status = 0;
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        uv_timer_init(&supervisor->loop, timers[i]);
        timers[i]->data = supervisor;
    }
    for (size_t i = 0; status == 0 && i < sizeof signals / sizeof signals[0]; i++) {
        status = uv_signal_init(&supervisor->loop, signals[i].handle);
        signals[i].handle->data = supervisor;
        if (status == 0)
            status = uv_signal_start(signals[i].handle, signals[i].callback, signals[i].number);
    }
    return status;
}

int supervisor_run(struct supervisor *supervisor)
{
    int status = uv_loop_init(&supervisor->loop);
    supervisor->keeper_end = -1;
    if (status < 0) {
        log_write(LOG_LEVEL_ERROR, "event loop: %s", uv_strerror(status));
        return 1;
    }
    status = open_handles(supervisor);
    if (status < 0) {
        log_write(LOG_LEVEL_ERROR, "event loop: %s", uv_strerror(status));
        supervisor->exit_status = 1;
        finish(supervisor);
    } else {
        supervisor_start_services(supervisor);
    }
    uv_run(&supervisor->loop, UV_RUN_DEFAULT);
    uv_loop_close(&supervisor->loop);
    log_write(LOG_LEVEL_NOTICE, "stopped");
    return supervisor->exit_status;
}
