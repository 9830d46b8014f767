/* state_paths.h: where things lie in the state directory of a gateway, and who may enter them. */
#ifndef GATEWAY_PROCESS_STATE_PATHS_H
#define GATEWAY_PROCESS_STATE_PATHS_H

#include <limits.h>
#include <sys/types.h>

#include "gateway/config/config.h"

enum {
    STATE_PATH_MAX = 1024,
    STATE_SOCKET_PATH_MAX = 100, /* longest path of a Unix socket that is used (sun_path has 108) */
};

/* As root (account in brackets) every directory has mode 0700 for the account that it belongs to;
 * what several accounts must pass through (root, run) has 0711. Unprivileged all belong to the
 * caller and have 0700. */
struct state_paths {
    char root[STATE_PATH_MAX];       /* the state directory [root] */
    char lock[STATE_PATH_MAX];       /* <root>/lock: held by the supervisor, contains its pid */
    char vault[STATE_PATH_MAX];      /* <root>/vault: sealed faxes [control] */
    char journal[STATE_PATH_MAX];    /* <root>/journal [control] */
    char keeper[STATE_PATH_MAX];     /* <root>/keeper: keys [keeper] */
    char master_key[STATE_PATH_MAX]; /* keys.master_key_file, or <root>/keeper/master.key */
    char database[STATE_PATH_MAX];   /* <root>/database: private cluster [db] */
    char secrets[STATE_PATH_MAX];    /* <root>/secrets: passwords owner, app, reader [root] */
    char run[STATE_PATH_MAX];        /* <root>/run [control] */
    char database_socket[STATE_PATH_MAX]; /* directory of the cluster's socket: <root>/run/db, or
                                             /run/sealfax-<hash> (unprivileged: below /tmp) when
                                             that would be too long for a socket [db] */
    char api_socket[STATE_PATH_MAX];      /* api.socket, or <root>/run/api.sock */
    char office[STATE_PATH_MAX]; /* render.office_tmpfs/sealfax-office-<hash> (office_place.h), or
                                    "": Office documents are refused [line] */
};

/* Fills paths from the configuration. Touches no file. state_dir overrides the configuration when
 * not NULL; otherwise config->state_dir, otherwise /var/lib/sealfax for root, else
 * $XDG_STATE_HOME/sealfax or ~/.local/state/sealfax. Made absolute. Returns 0; -ENAMETOOLONG
 * (choose a shorter state_dir or set api.socket);
 * -ENOENT when no default can be found (no home directory). */
int state_paths_fill(struct state_paths *paths, const struct config *config, const char *state_dir)
    __attribute__((warn_unused_result));

/* The accounts the processes run as. All equal to the caller's when it is not root. */
struct account {
    char name[64];
    uid_t uid;
    gid_t gid;
};

struct accounts {
    int privileged; /* 1: started as root, each process changes to its account */
    struct account control, keeper, line, database;
};

/* Looks the accounts of the configuration up. Returns 0, or -ENOENT with a sentence in reason that
 * names what is missing and the adduser command that makes it. */
int accounts_find(struct accounts *accounts, const struct config *config, char *reason,
                  size_t reason_size) __attribute__((warn_unused_result));

#endif
