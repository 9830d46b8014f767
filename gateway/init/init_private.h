/* init_private.h: shared by the files of gateway/init only. */
#ifndef GATEWAY_INIT_INIT_PRIVATE_H
#define GATEWAY_INIT_INIT_PRIVATE_H

#include "gateway/init/init.h"

enum { INIT_REASON_MAX = 600, INIT_DATABASE_START_MS = 60000, INIT_DATABASE_STOP_MS = 30000 };

struct init_options {
    const char *config_path, *state_dir; /* NULL: not given */
    const char *admin;
    uid_t admin_uid;
    bool create_accounts;
};

/* Says on standard output what was made or found: "made", "there already" and the like. */
void init_say(const char *what, const char *state) __attribute__((nonnull));

/* Says on standard error what failed. */
__attribute__((format(printf, 1, 2))) void init_complain(const char *format, ...);

/* Makes the accounts that are missing by adduser (only as root). Returns 0 or a negative errno,
 * complained about. */
int init_make_accounts(const struct config *config) __attribute__((warn_unused_result));

/* Makes the state directory itself with its parents. Returns 0 or a negative errno, complained
 * about. */
int init_make_root(const struct state_paths *paths) __attribute__((warn_unused_result));

/* Makes the directories below it; one that exists must be of the right account. */
int init_make_directories(const struct config *config, const struct state_paths *paths,
                          const struct accounts *accounts) __attribute__((warn_unused_result));

/* Makes or checks the database, migrates it and records the first administrator. */
int init_make_database(const struct config *config, const struct state_paths *paths,
                       const struct accounts *accounts, const struct init_options *options,
                       const struct init_hooks *hooks) __attribute__((warn_unused_result));

#endif
