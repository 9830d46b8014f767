/* init.h: `sealfax init`: makes what a gateway needs before its first start. */
#ifndef GATEWAY_INIT_INIT_H
#define GATEWAY_INIT_INIT_H

#include <sys/types.h>

#include "gateway/config/config.h"
#include "gateway/process/state_paths.h"

/* What init has done by other parts; filled in main.c. A NULL hook is an error when reached. */
struct init_hooks {
    /* Applies all migrations; owner_conninfo is a libpq connection string of the owner. application
     * and reader are the names of the other two roles, for the grants. Returns 0, or 1 with the
     * reason logged. */
    int (*migrate)(const char *owner_conninfo, const char *application, const char *reader);
    /* Records principal `name` with the local account uid as administrator unless there is an
     * administrator already. Returns 0 when made, 1 when there was one already (existing, filled
     * with its name), a negative errno with the reason logged. */
    int (*first_admin)(const char *owner_conninfo, const char *name, uid_t uid, char *existing,
                       size_t existing_size);
};

/* `sealfax init [--config FILE] [--state DIR] [--admin NAME] [--admin-uid UID]
 * [--create-accounts]` (argv[0] is "init"). Running it again changes nothing and says what is
 * there. Returns 0, 1 on failure, 2 on usage. */
int init_main(int argc, char **argv, const struct init_hooks *hooks);

#endif
