/* line_pool.h: the line workers that control has asked for, and the calls on each.
 *
 * A line that dies takes only its own calls with it (line_call_handlers.lost); a new one is asked
 * for, with back-off. */
#ifndef GATEWAY_CONTROL_LINE_POOL_H
#define GATEWAY_CONTROL_LINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/control/supervisor_client.h"
#include "gateway/process/ipc.h"

struct line_pool;
struct pool_line;

struct line_call_handlers {
    /* A message of the call; same rights as ipc_message_cb. */
    void (*message)(void *user, struct ipc_message *message);
    /* The line has died; the call is no longer attached. */
    void (*lost)(void *user);
    void *user;
};

struct line_pool_config {
    uint32_t count;
    uint32_t max_calls; /* on each line */
    /* A line died (wait_status) with so many calls on it; for the record. May be NULL. */
    void (*died)(void *user, int pid, int wait_status, uint32_t calls);
    void (*ready)(void *user); /* a line has become ready */
    void *user;
};

/* Asks for config->count lines. Copies config. Returns 0 or -ENOMEM. */
int line_pool_new(uv_loop_t *loop, struct supervisor_client *supervisor,
                  const struct line_pool_config *config, struct line_pool **out)
    __attribute__((warn_unused_result));

/* Ends all lines; calls still attached are forgotten without a callback. done is called when every
 * handle is closed. NULL is allowed (then done is not called). */
void line_pool_close(struct line_pool *pool, void (*done)(void *user), void *user);

/* Puts a call on the ready line with the fewest calls. Errors: -EAGAIN when there is none with
 * room. */
int line_pool_attach(struct line_pool *pool, const struct line_call_handlers *handlers,
                     struct pool_line **line, uint32_t *call) __attribute__((warn_unused_result));

/* Takes the call off its line: no more callbacks. */
void line_pool_detach(struct pool_line *line, uint32_t call);

/* Sends a message of a call to its line; as ipc_channel_send. */
int line_pool_send(struct pool_line *line, uint16_t type, const void *body, size_t length,
                   const int *descriptors, int descriptor_count)
    __attribute__((warn_unused_result));

/* How many lines there are to be, and how many calls are on all of them. */
size_t line_pool_count(const struct line_pool *pool);
uint32_t line_pool_calls(const struct line_pool *pool);
/* How many more calls fit on the lines that are ready. */
uint32_t line_pool_room(const struct line_pool *pool);

/* For the status report. */
void line_pool_describe(const struct line_pool *pool, size_t index, int *pid, uint32_t *calls);

#endif
