/* role_package.h: what the supervisor hands to a role in a sealed memfd (private to
 * gateway/process). Both ends are the same program. */
#ifndef GATEWAY_PROCESS_ROLE_PACKAGE_H
#define GATEWAY_PROCESS_ROLE_PACKAGE_H

#include <stdint.h>

#include "gateway/process/roles.h"
#include "gateway/process/state_paths.h"

enum { ROLE_PACKAGE_MAGIC = 0x73666178, ROLE_CONFIG_NAME_MAX = 256 };

struct role_package {
    uint32_t magic;
    int32_t supervisor; /* pid */
    struct state_paths paths;
    char config_name[ROLE_CONFIG_NAME_MAX];
    char conninfo[ROLE_CONNINFO_MAX]; /* "": none */
    char reader_conninfo[ROLE_CONNINFO_MAX];
    uint64_t config_length; /* octets of YAML that follow */
};

/* Makes the memfd (close-on-exec, all seals). Returns the descriptor or a negative errno. */
int role_package_make(const struct role_package *package, const char *config_text)
    __attribute__((warn_unused_result));

/* Reads it; *config_text is NUL-terminated and free()d by the caller. Returns 0; -EINVAL when fd is
 * not such a package; another negative errno. */
int role_package_read(int fd, struct role_package *package, char **config_text)
    __attribute__((warn_unused_result));

#endif
