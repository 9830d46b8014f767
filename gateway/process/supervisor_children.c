#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/process/log.h"
#include "gateway/process/spawn.h"
#include "gateway/process/state_format.h"
#include "gateway/process/supervisor.h"

/* A line has to keep the time of its calls, audio's above all; a render computes for seconds. */
enum { LINE_NICENESS = -5, RENDER_NICENESS = 5 };

static const char *kind_name(uint32_t kind)
{
    return kind == CHILD_LINE ? "line" : "render";
}

static void tell_control(struct supervisor *supervisor, uint16_t type, uint64_t tag,
                         const void *body, size_t length, int descriptor)
{
    if (supervisor->channel && ipc_channel_send(supervisor->channel, type, tag, body, length,
                                                &descriptor, descriptor >= 0) < 0)
        log_write(LOG_LEVEL_WARNING, "control does not take messages");
}

static void remove_child(struct supervisor *supervisor, struct child *child)
{
    for (struct child **at = &supervisor->children; *at; at = &(*at)->next) {
        if (*at == child) {
            *at = child->next;
            supervisor->child_count--;
            free(child);
            return;
        }
    }
}

static void start_child(struct supervisor *supervisor, struct child *child)
{
    struct msg_spawned answer = {0};
    int pair[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        answer.status = -errno;
    } else {
        const struct spawn_role start = {
            .program = supervisor->program,
            .role = kind_name(child->what.kind),
            .number = child->tag,
            .channel = pair[0],
            .package = supervisor->package_plain,
            .account = &supervisor->accounts->line,
            .niceness = child->what.kind == CHILD_LINE ? LINE_NICENESS : RENDER_NICENESS,
        };
        answer.pid = spawn_role(&start);
        close(pair[0]);
    }
    if (answer.pid < 0) {
        answer.status = answer.pid;
        answer.pid = 0;
    }
    uv_update_time(&supervisor->loop);
    child->started_ms = uv_now(&supervisor->loop);
    child->pid = answer.pid;
    tell_control(supervisor, MSG_SPAWNED, child->tag, &answer, sizeof answer,
                 answer.status == 0 ? pair[1] : -1);
    if (pair[1] >= 0)
        close(pair[1]);
    if (answer.status < 0) {
        log_write(LOG_LEVEL_ERROR, "cannot start a %s: %s", kind_name(child->what.kind),
                  strerror(-answer.status));
        remove_child(supervisor, child);
    }
}

static bool must_wait(const struct supervisor *supervisor, const struct child *child)
{
    return child->what.kind == CHILD_LINE &&
           uv_now(&supervisor->loop) < supervisor->line_not_before_ms;
}

void supervisor_line_timer_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    for (struct child *child = supervisor->children, *next; child; child = next) {
        next = child->next;
        if (child->pid == 0 && !must_wait(supervisor, child))
            start_child(supervisor, child);
    }
}

static void spawn_for_control(struct supervisor *supervisor, uint64_t tag,
                              const struct msg_spawn *what)
{
    struct msg_spawned refused = {0};
    bool known = what->kind == CHILD_LINE || what->kind == CHILD_RENDER;
    for (const struct child *child = supervisor->children; child; child = child->next)
        if (child->tag == tag)
            refused.status = -EEXIST;
    if (!known || supervisor->phase != PHASE_RUNNING)
        refused.status = known ? -ESHUTDOWN : -EINVAL;
    else if (supervisor->child_count >= SUPERVISOR_CHILDREN_MAX)
        refused.status = -EAGAIN;
    struct child *child = refused.status == 0 ? calloc(1, sizeof *child) : NULL;
    if (!child) {
        refused.status = refused.status ? refused.status : -ENOMEM;
        tell_control(supervisor, MSG_SPAWNED, tag, &refused, sizeof refused, -1);
        return;
    }
    child->what = *what;
    child->tag = tag;
    child->next = supervisor->children;
    supervisor->children = child;
    supervisor->child_count++;
    if (!must_wait(supervisor, child))
        start_child(supervisor, child);
    else
        uv_timer_start(&supervisor->line_timer, supervisor_line_timer_cb,
                       supervisor->line_not_before_ms - uv_now(&supervisor->loop), 0);
}

static void kill_for_control(struct supervisor *supervisor, uint64_t tag)
{
    const struct msg_exited exited = {0};
    for (struct child *child = supervisor->children; child; child = child->next) {
        if (child->tag != tag)
            continue;
        if (child->pid) {
            kill(child->pid, SIGKILL);
        } else {
            remove_child(supervisor, child);
            tell_control(supervisor, MSG_EXITED, tag, &exited, sizeof exited, -1);
        }
        return;
    }
}

/* From here on the directory is this version's. */
static void note_ready(const struct supervisor *supervisor)
{
    int status = state_format_write(supervisor->paths->root);
    if (status < 0)
        log_write(LOG_LEVEL_WARNING, "%s/format: %s", supervisor->paths->root, strerror(-status));
    log_write(LOG_LEVEL_NOTICE, "the gateway is ready");
}

void supervisor_control_message_cb(void *user, struct ipc_channel *channel,
                                   struct ipc_message *message)
{
    struct supervisor *supervisor = user;
    const struct msg_spawn *spawn = ipc_message_body(message, MSG_SPAWN, sizeof *spawn);
    (void)channel;
    if (spawn)
        spawn_for_control(supervisor, message->header.tag, spawn);
    else if (ipc_message_body(message, MSG_KILL, 0))
        kill_for_control(supervisor, message->header.tag);
    else if (ipc_message_body(message, MSG_READY, 0))
        note_ready(supervisor);
    else if (supervisor->control.pid) {
        log_write(LOG_LEVEL_ERROR, "control sent an unknown message (%u): restarting it",
                  message->header.type);
        kill(supervisor->control.pid, SIGKILL);
    }
}

static bool is_render_cb(void *user, pid_t pid)
{
    const struct supervisor *supervisor = user;

    for (const struct child *child = supervisor->children; child; child = child->next)
        if (child->pid == pid && pid != 0)
            return true;
    return false;
}

static void sweep_timer_cb(uv_timer_t *timer)
{
    supervisor_sweep_office(timer->data);
}

void supervisor_sweep_office(struct supervisor *supervisor)
{
    if (office_base_sweep(supervisor->office_base, is_render_cb, supervisor) != 0)
        uv_timer_start(&supervisor->office_timer, sweep_timer_cb, SUPERVISOR_SWEEP_MS, 0);
}

bool supervisor_child_ended(struct supervisor *supervisor, pid_t pid, int status)
{
    struct child *child = supervisor->children;
    while (child && child->pid != pid)
        child = child->next;
    if (!child)
        return false;
    uv_update_time(&supervisor->loop);
    uint64_t now_ms = uv_now(&supervisor->loop);
    const struct msg_exited exited = {(int32_t)pid, status};
    if (status != 0 && !child->orphan && supervisor->phase == PHASE_RUNNING) {
        log_write(LOG_LEVEL_ERROR, "%s (pid %ld) ended %s %d", kind_name(child->what.kind),
                  (long)pid, WIFSIGNALED(status) ? "by signal" : "with status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        if (child->what.kind == CHILD_LINE) {
            supervisor->line_backoff_ms =
                supervisor_next_backoff(supervisor->line_backoff_ms, now_ms - child->started_ms);
            supervisor->line_not_before_ms = now_ms + supervisor->line_backoff_ms;
        }
    }
    if (!child->orphan)
        tell_control(supervisor, MSG_EXITED, child->tag, &exited, sizeof exited, -1);
    bool render = child->what.kind == CHILD_RENDER;
    remove_child(supervisor, child);
    if (render)
        supervisor_sweep_office(supervisor);
    return true;
}

void supervisor_kill_children(struct supervisor *supervisor)
{
    for (struct child *child = supervisor->children, *next; child; child = next) {
        next = child->next;
        if (child->pid)
            kill(child->pid, SIGKILL);
        else
            remove_child(supervisor, child);
    }
}

static void orphans_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    supervisor_kill_children(supervisor);
    if (supervisor->keeper.pid && supervisor->keeper_end < 0)
        kill(supervisor->keeper.pid, SIGKILL);
}

void supervisor_orphan_children(struct supervisor *supervisor)
{
    for (struct child *child = supervisor->children, *next; child; child = next) {
        next = child->next;
        child->orphan = true;
        if (child->pid == 0)
            remove_child(supervisor, child);
    }
    uv_timer_start(&supervisor->orphan_timer, orphans_cb, SUPERVISOR_ORPHAN_MS, 0);
}
