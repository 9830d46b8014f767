/* keeper.h: the process that holds the long-lived keys.
 *
 * It serves MSG_KEY_* and MSG_SIGN_CHECKPOINT of messages.h on its channel, one after the other,
 * and parses nothing from outside. Directory layout and rules are in key_store.h. */
#ifndef GATEWAY_KEEPER_KEEPER_H
#define GATEWAY_KEEPER_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "gateway/process/roles.h"

/* Makes the master key file (32 random octets, mode 0600) unless it exists; it is never
 * overwritten. *made tells whether it did. Owner is given to uid and gid when not (uid_t)-1.
 * Returns 0 or a negative errno. */
int keeper_make_master_key(const char *path, uid_t uid, gid_t gid, bool *made)
    __attribute__((warn_unused_result));

#endif
