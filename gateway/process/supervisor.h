/* supervisor.h: keeps the processes of a gateway running (private to gateway/process).
 *
 * It parses nothing from outside: only fixed messages of control. The order at the start is
 * PostgreSQL (private cluster), migrate, keeper, control; control asks for lines and renders. */
#ifndef GATEWAY_PROCESS_SUPERVISOR_H
#define GATEWAY_PROCESS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/process/ipc.h"
#include "gateway/process/messages.h"
#include "gateway/process/roles.h"

enum {
    SUPERVISOR_BACKOFF_FIRST_MS = 100,
    SUPERVISOR_BACKOFF_MAX_MS = 10000,
    SUPERVISOR_ALIVE_MS = 30000, /* so long alive: the next failure starts from the first */
    SUPERVISOR_ORPHAN_MS = 2000, /* children of a dead control end by themselves, or are killed */
    SUPERVISOR_READY_POLL_MS = 50,
    SUPERVISOR_CHILDREN_MAX = 1024,
    SUPERVISOR_DATABASE_STOP_MS = 20000,
    SUPERVISOR_STOP_GRACE_MS = 2000, /* for control, past the time that it gives its calls */
    SUPERVISOR_SWEEP_MS = 500,       /* until what could not be removed is tried again */
    SUPERVISOR_HURRY_MS = 10000,     /* for control after a second signal */
};

struct supervisor;

/* A process that is always wanted. */
struct service {
    struct supervisor *owner;
    const char *name;
    void (*start)(struct supervisor *supervisor);
    pid_t pid; /* 0: not running */
    uint64_t started_ms;
    uint64_t backoff_ms; /* before the next start; 0: none failed yet */
    uv_timer_t timer;    /* the next start */
};

/* A line or render of control. */
struct child {
    struct child *next;
    struct msg_spawn what;
    uint64_t tag;
    pid_t pid; /* 0: waits for its start (line_timer) */
    uint64_t started_ms;
    bool orphan; /* its control is dead: nobody is told */
};

enum supervisor_phase {
    PHASE_STARTING,
    PHASE_RUNNING,
    PHASE_STOPPING,
    PHASE_KEEPER,
    PHASE_DATABASE
};

struct supervisor {
    uv_loop_t loop;
    uv_signal_t child_signal, term_signal, int_signal, hangup_signal;
    uv_timer_t orphan_timer, stop_timer, ready_timer, line_timer, office_timer;
    const struct config *config;
    const struct state_paths *paths;
    const struct accounts *accounts;
    int program;
    int package_plain, package_control, package_migrate; /* memfds of role_package.h; migrate: -1 */
    struct service database, migrate, keeper, control;
    struct ipc_channel *channel; /* to control */
    int office_base;             /* office_base_open(), the caller's; or -1 */
    int keeper_end; /* control's end of the keeper's channel, not given out yet; or -1 */
    struct child *children;
    size_t child_count;
    uint64_t line_backoff_ms, line_not_before_ms;
    enum supervisor_phase phase;
    bool hurried;        /* a second signal has been passed on */
    bool control_wanted; /* its start is due, but something of the old one is still there */
    int exit_status;
};

/* Starts everything and runs until a stop is complete. The caller has filled config, paths,
 * accounts, program and packages. Returns the exit status for the program. */
int supervisor_run(struct supervisor *supervisor);

/* supervisor_services.c */
void supervisor_start_services(struct supervisor *supervisor);
void supervisor_service_ended(struct supervisor *supervisor, struct service *service, int status);
void supervisor_start_control_when_clear(struct supervisor *supervisor);

/* supervisor_children.c */
/* Removes what renders that have ended left of Office documents. */
void supervisor_sweep_office(struct supervisor *supervisor);
void supervisor_control_message_cb(void *user, struct ipc_channel *channel,
                                   struct ipc_message *message);
void supervisor_orphan_children(struct supervisor *supervisor);
void supervisor_kill_children(struct supervisor *supervisor);
void supervisor_line_timer_cb(uv_timer_t *timer);
/* Was it one of them? */
bool supervisor_child_ended(struct supervisor *supervisor, pid_t pid, int status);

/* supervisor.c */
void supervisor_stop(struct supervisor *supervisor, int exit_status);
void supervisor_continue_stop(struct supervisor *supervisor);
uint64_t supervisor_next_backoff(uint64_t backoff_ms, uint64_t alive_ms);

#endif
