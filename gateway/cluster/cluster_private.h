/* cluster_private.h: shared by the files of gateway/cluster only. */
#ifndef GATEWAY_CLUSTER_CLUSTER_PRIVATE_H
#define GATEWAY_CLUSTER_CLUSTER_PRIVATE_H

#include <stddef.h>

#include "gateway/cluster/cluster.h"

enum { CLUSTER_PASSWORD_MAX = 1001 };

/* Reads a password file (first line). Returns 0 or a negative errno with a sentence in reason. */
int cluster_read_password(const char *path, char password[CLUSTER_PASSWORD_MAX], char *reason,
                          size_t reason_size) __attribute__((warn_unused_result));

/* <state>/secrets/<owner|app|reader>. */
void cluster_password_path(const struct state_paths *paths, enum cluster_role role,
                           char out[STATE_PATH_MAX]);

/* Makes the three password files of a private cluster where they are missing. */
int cluster_make_passwords(const struct state_paths *paths, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

#endif
