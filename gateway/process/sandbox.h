/* sandbox.h: what a process may still do once it is warm: no_new_privs, limits, Landlock, seccomp.
 *
 * Needs no privilege and no user namespace, so that it works inside containers too. It cannot be
 * undone. Files that are open stay usable; memfds may be reopened through /proc/self/fd/N even
 * where every path is denied (they lie on no mount). */
#ifndef GATEWAY_PROCESS_SANDBOX_H
#define GATEWAY_PROCESS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/process/state_paths.h"

enum sandbox_rights {
    SANDBOX_READ = 1,    /* read files, list directories */
    SANDBOX_WRITE = 2,   /* write, create, rename, link within, truncate, remove */
    SANDBOX_EXECUTE = 4, /* execve */
};

struct sandbox_path {
    char path[STATE_PATH_MAX];
    unsigned rights; /* of enum sandbox_rights, for the path and all below it */
    bool optional;   /* no error when it does not exist */
};

enum sandbox_filter {
    SANDBOX_FILTER_NONE,
    /* Allow-list. A call that is not on it fails with EPERM, because a library that tries something
     * harmless must not cost the calls of a whole line; what only an attacker would try (execve,
     * ptrace, mount, bpf and the like) kills the process with SIGSYS. */
    SANDBOX_FILTER_LINE,
    SANDBOX_FILTER_CONTROL, /* deny-list: no exec, no other dangerous calls; sockets allowed */
    SANDBOX_FILTER_KEEPER,  /* as control, and no socket */
    SANDBOX_FILTER_RENDER,  /* as keeper, but exec allowed (Landlock says of what) */
    /* As render, and it may make Unix stream sockets and wait at them, but connect to nothing:
     * LibreOffice ends when it gets no socket. */
    SANDBOX_FILTER_RENDER_OFFICE,
};

/* Zero: not limited. */
struct sandbox_limits {
    uint64_t memory_bytes; /* RLIMIT_AS; ignored in builds with the address sanitizer */
    uint64_t cpu_seconds;  /* RLIMIT_CPU */
    uint64_t file_bytes;   /* RLIMIT_FSIZE, also of memfds */
    uint64_t descriptors;  /* RLIMIT_NOFILE */
};

enum { SANDBOX_PATHS_MAX = 48 };

struct sandbox_spec {
    enum sandbox_filter filter;
    struct sandbox_limits limits;
    bool landlock_optional; /* a kernel without Landlock is no error */
    struct sandbox_path paths[SANDBOX_PATHS_MAX];
    size_t path_count; /* 0: every path is denied */
};

enum sandbox_role { SANDBOX_KEEPER, SANDBOX_CONTROL, SANDBOX_LINE, SANDBOX_RENDER };

/* Fills the spec of a role: which paths, calls and limits it keeps. Never fails. */
void sandbox_spec_fill(struct sandbox_spec *spec, enum sandbox_role role,
                       const struct config *config, const struct state_paths *paths);

/* Adds what a render process needs to run LibreOffice: the directory, which is its own alone, and
 * LibreOffice's settings. */
void sandbox_spec_add_office(struct sandbox_spec *spec, const char *directory);

/* Puts the calling process, with all its threads where the kernel can (seccomp: yes; Landlock: only
 * the calling thread and those it starts later), into the sandbox. Call it on the main thread after
 * all that needs more is done: thread pool started, OpenSSL and time zone data loaded. Because of
 * Landlock, start the pool only after landing here where its threads must be confined as well (see
 * sandbox_enter_landlock). Returns 0 or a negative errno with a sentence in reason; the caller must
 * then exit: part of the sandbox may be on. -ENOTSUP: no Landlock in this kernel. */
int sandbox_enter(const struct sandbox_spec *spec, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* The two halves of sandbox_enter() for a process with threads: first limits and Landlock, while
 * there is one thread; then start the threads; then seccomp, which covers all threads. */
int sandbox_enter_landlock(const struct sandbox_spec *spec, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));
int sandbox_enter_seccomp(const struct sandbox_spec *spec, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* From here on the process and what it becomes by execve() can neither make processes or sockets
 * nor signal others: for what parses a document from outside. Also between fork() and execve() of a
 * process with one thread. Returns 0 or a negative errno. */
int sandbox_alone(void) __attribute__((warn_unused_result));

/* The same for LibreOffice: the sockets that the filter before allows stay, and access(W_OK) says
 * no. */
int sandbox_alone_with_sockets(void) __attribute__((warn_unused_result));

/* Sets limits on the calling process; async-signal-safe: for use between fork() and execve().
 * Returns 0 or a negative errno. */
int sandbox_set_limits(const struct sandbox_limits *limits) __attribute__((warn_unused_result));

/* What every process does first: core dumps off, not dumpable, umask 077, SIGPIPE ignored. Returns
 * 0 or a negative errno. */
int sandbox_start_process(void) __attribute__((warn_unused_result));

/* The Landlock version of the running kernel, 0 when there is none. */
int sandbox_landlock_version(void);

#endif
