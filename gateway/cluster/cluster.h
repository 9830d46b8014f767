/* cluster.h: the private PostgreSQL of a gateway that has no configured database.
 *
 * One cluster in <state>/database, on a Unix socket only, with SCRAM passwords and three roles:
 * sealfax_owner (migrations), sealfax_app (the gateway), sealfax_reader (reads the log). The
 * superuser of the cluster cannot log in at all. With database.dsn configured only
 * cluster_conninfo() applies. */
#ifndef GATEWAY_CLUSTER_CLUSTER_H
#define GATEWAY_CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gateway/config/config.h"
#include "gateway/process/state_paths.h"

enum cluster_role { CLUSTER_OWNER, CLUSTER_APPLICATION, CLUSTER_READER };

#define CLUSTER_DATABASE         "sealfax"
#define CLUSTER_OWNER_NAME       "sealfax_owner"
#define CLUSTER_APPLICATION_NAME "sealfax_app"
#define CLUSTER_READER_NAME      "sealfax_reader"

/* Is a private cluster used? */
bool cluster_is_private(const struct config *config);

/* Writes the libpq connection string of a role, password included, to out: from the files in
 * <state>/secrets, or from the configured DSN and password file. Returns 0; -ENOENT when nothing is
 * configured for this role; another negative errno with a sentence in reason. Wipe it after use. */
int cluster_conninfo(const struct config *config, const struct state_paths *paths,
                     enum cluster_role role, char *out, size_t out_size, char *reason,
                     size_t reason_size) __attribute__((warn_unused_result));

/* Makes passwords and the cluster where they do not exist yet (initdb, roles, database sealfax),
 * all or nothing: it is built beside its place and renamed. *made tells whether it did. Blocks for
 * a second or two. Returns 0 or a negative errno with a sentence in reason. */
int cluster_make(const struct config *config, const struct state_paths *paths,
                 const struct accounts *accounts, bool *made, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* Ends a server that an earlier supervisor left behind: found by postmaster.pid, verified by its
 * working directory, stopped by SIGINT (fast shutdown), SIGQUIT after half of timeout_ms. Also
 * makes the socket directory. Returns 0 when none runs (any more) or a negative errno. */
int cluster_stop_orphan(const struct state_paths *paths, const struct accounts *accounts,
                        int timeout_ms, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* Starts the server as a child of the caller under its account; it gets SIGINT (fast shutdown) when
 * the caller dies. Returns its pid or a negative errno. */
pid_t cluster_start(const struct config *config, const struct state_paths *paths,
                    const struct accounts *accounts) __attribute__((warn_unused_result));

/* Does the server started as pid accept connections? Reads postmaster.pid; does not block. */
bool cluster_is_ready(const struct state_paths *paths, pid_t pid);

#endif
