/* serve_options.h: what serve and init share: options and the lock of a state directory. */
#ifndef GATEWAY_PROCESS_SERVE_OPTIONS_H
#define GATEWAY_PROCESS_SERVE_OPTIONS_H

#include "gateway/process/state_paths.h"

struct serve_options {
    const char *config_path, *state_dir; /* NULL: not given */
};

/* Reads "--config FILE" and "--state DIR" from argv[1] on. Returns 0 or -EINVAL. */
int serve_parse_options(int argc, char **argv, struct serve_options *options)
    __attribute__((warn_unused_result));

/* Takes the lock of the state directory: one gateway, or init, at a time. It is held until the
 * descriptor is closed. Returns the descriptor, -EBUSY when it is held (logged, with the pid), or
 * another negative errno (logged). */
int serve_lock_state(const struct state_paths *paths) __attribute__((warn_unused_result));

#endif
