/* sandbox_filter.h: the system calls that each kind of process keeps (private to sandbox.c). */
#ifndef GATEWAY_PROCESS_SANDBOX_FILTER_H
#define GATEWAY_PROCESS_SANDBOX_FILTER_H

#include "gateway/process/sandbox.h"

/* Loads the seccomp filter for all threads of the process. Returns 0 or a negative errno. */
int sandbox_filter_load(enum sandbox_filter kind) __attribute__((warn_unused_result));

#endif
