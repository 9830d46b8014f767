/* run_program.h: runs a program of the system on a document, with hard limits, and hands its output
 * on as it comes. Blocking; for the render process only. */
#ifndef GATEWAY_RENDER_RUN_PROGRAM_H
#define GATEWAY_RENDER_RUN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/process/sandbox.h"

enum program_end {
    PROGRAM_EXITED,         /* exit_status tells */
    PROGRAM_CPU_LIMIT,      /* killed for its CPU time */
    PROGRAM_WALL_LIMIT,     /* killed at the deadline */
    PROGRAM_KILLED,         /* died of another signal */
    PROGRAM_KILLED_OUTSIDE, /* by SIGKILL that was neither for a limit nor ours: out of memory */
    PROGRAM_STOPPED,        /* killed because output() said so: output_error */
    PROGRAM_NOT_POSSIBLE,   /* could not be started or watched: start_error, a negative errno */
};

enum program_walls {
    PROGRAM_ALONE,  /* it may make no processes and sockets, and signal nobody (sandbox_alone) */
    PROGRAM_OFFICE, /* the same, but for Unix sockets that reach nobody */
    PROGRAM_FREE,   /* the caller's own walls only */
};

/* Takes a piece of standard output. Returns 0, or a negative error that stops the program. */
typedef int program_output_cb(void *user, const uint8_t *data, size_t length);

struct program {
    const char *const *argv; /* ended by NULL; argv[0] is looked for in the system's directories */
    int input_fd;            /* becomes standard input; stays the caller's */
    struct sandbox_limits limits;
    uint64_t deadline_ms; /* CLOCK_MONOTONIC, milliseconds */
    program_output_cb *output;
    void *user;
    char *errors; /* receives the start of standard error, NUL-terminated */
    size_t errors_capacity;
    enum program_walls walls;
    const char *directory; /* PROGRAM_OFFICE: HOME, TMPDIR and where it starts; only there files may
                              grow, up to limits.file_bytes each */
};

struct program_result {
    enum program_end end;
    int exit_status; /* 127: the program is not installed */
    int signal_number;
    int output_error;
    int start_error;
};

/* Runs it to its end. It has a process group of its own, which is killed as a whole whenever this
 * function stops it, an environment without anything of ours, and no file may grow by its hand
 * (but for PROGRAM_OFFICE). When the caller dies, the kernel kills it. */
void program_run(const struct program *program, struct program_result *result);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t program_now_ms(void);

#endif
