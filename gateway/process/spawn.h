/* spawn.h: starts processes of the gateway by fork and exec (private to gateway/process, and for
 * gateway/cluster). The caller must have no threads. */
#ifndef GATEWAY_PROCESS_SPAWN_H
#define GATEWAY_PROCESS_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "gateway/process/state_paths.h"

struct spawn_role {
    int program; /* open descriptor of the sealfax program */
    const char *role;
    uint64_t number;
    int channel;                   /* becomes descriptor 3; -1: none */
    int package;                   /* becomes descriptor 4 */
    const struct account *account; /* NULL: stay what the caller is */
    int niceness;                  /* added to the caller's; less than 0 only if it may, else not */
};

/* Opens the running program itself (/proc/self/exe), so that it can be started again by accounts
 * that cannot enter its directory. Close-on-exec. Returns a descriptor or a negative errno. */
int spawn_open_self(void) __attribute__((warn_unused_result));

/* Starts `sealfax role ROLE`: session of its own, account changed, every other descriptor closed,
 * standard input from /dev/null, standard output to standard error, a minimal environment. The
 * caller keeps its descriptors. Returns the pid or a negative errno. */
pid_t spawn_role(const struct spawn_role *start) __attribute__((warn_unused_result));

struct spawn_program {
    const char *path; /* absolute */
    char *const *arguments;
    const char *directory; /* working directory */
    const struct account *account;
    int input;        /* standard input; -1: /dev/null */
    int output;       /* standard output and error; -1: standard error of the caller */
    int death_signal; /* sent to it when the caller dies; 0: none */
};

/* Starts another program in the same manner, core dumps off. Returns the pid or a negative errno;
 * exit status 127 when it cannot be executed. */
pid_t spawn_program(const struct spawn_program *start) __attribute__((warn_unused_result));

#endif
