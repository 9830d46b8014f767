/* roles.h: the processes of one gateway, their entry points, and what each gets.
 *
 * `sealfax serve` is a supervisor that parses nothing from outside. It starts its own program again
 * as `sealfax role NAME` with a channel on descriptor 3 (see ipc.h) and everything else that the
 * role may know in a sealed memfd on descriptor 4: the text of the configuration, paths, and the
 * database access of that role. A role therefore opens no configuration file. */
#ifndef GATEWAY_PROCESS_ROLES_H
#define GATEWAY_PROCESS_ROLES_H

#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/process/office_place.h"
#include "gateway/process/sandbox.h"
#include "gateway/process/state_paths.h"

enum {
    ROLE_PACKAGE_DESCRIPTOR = 4,
    ROLE_CONNINFO_MAX = 2048,

    /* Exit statuses with a meaning for the supervisor; any other is a crash. */
    ROLE_EXIT_OK = 0,
    ROLE_EXIT_FAILED = 1,
    ROLE_EXIT_UNAVAILABLE = 75, /* migrate: the database cannot be reached (may be tried again) */
    ROLE_EXIT_PERMANENT = 78,   /* do not start it again: the gateway stops. The reason is logged */
    ROLE_EXIT_WRONG_KEY = 79,   /* keeper: master key does not match the key store */
};

/* Read-only for the role, valid until it returns. */
struct role_context {
    const char *role; /* "keeper", "control", "line", "render", "migrate" */
    const struct config *config;
    const struct state_paths *paths;
    const char *conninfo; /* libpq connection string with password: application role for control,
                             owner for migrate; NULL for the others */
    const char *reader_conninfo;       /* control: log reader, or NULL */
    uint64_t number;                   /* the child's tag of MSG_SPAWN; 0 for others */
    const struct office_place *office; /* render fills it in before its sandbox; NULL: none */
};

/* A role's main: fd is its channel (not yet non-blocking; -1 for migrate). It enters its sandbox by
 * itself when it is warm (role_enter_sandbox). The return value is the exit status. When the
 * channel ends it has to return at once. */
typedef int role_main_fn(int fd, const struct role_context *context);

/* The table in main.c, ended by {NULL, NULL}. It must name keeper, control, line, render, migrate.
 */
struct role_entry {
    const char *name;
    role_main_fn *main;
};

role_main_fn keeper_main;  /* gateway/keeper/ */
role_main_fn control_main; /* gateway/control/ */
role_main_fn line_main;    /* gateway/line/ */
role_main_fn render_main;  /* gateway/render/ */
role_main_fn migrate_main; /* gateway/db/ */

/* `sealfax role NAME [NUMBER]` (argv[0] is "role"): the first code of every child. Hardens the
 * process, closes descriptors that were not passed, reads the package, starts the log, calls the
 * table's main. Returns the exit status; 2 when called by hand. */
int role_main(int argc, char **argv, const struct role_entry *roles);

/* Landlock confines only the calling thread and those it starts later, seccomp all: a role with
 * threads enters the first half, starts its threads, then enters the second. */
enum role_sandbox_step {
    ROLE_SANDBOX_ALL,            /* both halves; a process without threads */
    ROLE_SANDBOX_BEFORE_THREADS, /* limits and Landlock */
    ROLE_SANDBOX_AFTER_THREADS,  /* seccomp */
};

/* Enters the sandbox of the context's role (or a half of it) and logs what went wrong. Returns 0 or
 * a negative errno: then return ROLE_EXIT_PERMANENT. */
int role_enter_sandbox(const struct role_context *context, enum role_sandbox_step step)
    __attribute__((warn_unused_result));

/* `sealfax serve [--config FILE] [--state DIR]` (argv[0] is "serve"): the supervisor
 * (gateway/process/serve.c). Returns the exit status of the program: 0 after a clean stop, 1 on
 * failure, 2 on usage. */
int serve_main(int argc, char **argv);

#endif
