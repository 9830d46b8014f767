/* supervisor_client.h: control's side of the channel to the supervisor, which starts children for
 * it. */
#ifndef GATEWAY_CONTROL_SUPERVISOR_CLIENT_H
#define GATEWAY_CONTROL_SUPERVISOR_CLIENT_H

#include <stdint.h>
#include <uv.h>

#include "gateway/process/messages.h"

struct supervisor_client;

struct supervisor_handlers {
    void (*keeper_up)(void *user, int descriptor); /* takes the descriptor over */
    void (*stop)(void *user);                      /* stop cleanly, then exit */
    void (*gone)(void *user);                      /* the supervisor died: exit at once */
    void *user;
};

/* One child as its owner sees it. Either started is called with a negative status and nothing more
 * follows, or with 0 and then ended once. Never before supervisor_spawn() returns. */
struct child_handlers {
    void (*started)(void *user, int status, int pid, int descriptor); /* takes the descriptor */
    void (*ended)(void *user, int wait_status);                       /* as from waitpid() */
    void *user;
};

/* Takes the descriptor over, also on failure. handlers are copied. Returns 0 or a negative errno.
 */
int supervisor_client_new(uv_loop_t *loop, int descriptor,
                          const struct supervisor_handlers *handlers,
                          struct supervisor_client **out) __attribute__((warn_unused_result));

/* No callback follows. NULL is allowed. */
void supervisor_client_free(struct supervisor_client *client);

/* Asks for a child; *tag names it. Errors: negative errno, then no callback follows. */
int supervisor_spawn(struct supervisor_client *client, enum child_kind kind,
                     const struct child_handlers *handlers, uint64_t *tag)
    __attribute__((warn_unused_result));

/* Wants the child gone; ended follows. */
void supervisor_kill(struct supervisor_client *client, uint64_t tag);

/* Wants the child gone and no more callbacks about it; a descriptor that still arrives is closed.
 */
void supervisor_abandon(struct supervisor_client *client, uint64_t tag);

/* No more callbacks about a child that ends by itself, as its channel has been closed. */
void supervisor_forget(struct supervisor_client *client, uint64_t tag);

/* Tells that control serves now. */
int supervisor_say_ready(struct supervisor_client *client) __attribute__((warn_unused_result));

#endif
