/* line_bridges.h: all bridged calls of a line: control's messages to them, their sockets and their
 * visits. Private to gateway/line/. */
#ifndef GATEWAY_LINE_LINE_BRIDGES_H
#define GATEWAY_LINE_LINE_BRIDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/line/call_wheel.h"
#include "gateway/line/line.h"

struct line_bridge;
struct bridge_leg;

struct line_bridges {
    struct line *line;
    int epoll_fd; /* media sockets of all legs */
    struct call_wheel wheel;
    struct line_bridge *first;
    unsigned count;
};

/* Returns 0 or a negative errno. The line owns *out. */
int line_bridges_new(struct line *line, struct line_bridges **out)
    __attribute__((warn_unused_result));

/* There must be none left; NULL is allowed here, and for _count, _tick and _wait: a line without.
 */
void line_bridges_free(struct line_bridges *bridges);

unsigned line_bridges_count(const struct line_bridges *bridges);

/* Takes a message of control if it is one of a bridged call, also one that has ended; false: it is
 * not. */
bool line_bridges_message(struct line_bridges *bridges, struct ipc_message *message);

/* The line's tick: drains the sockets, visits the calls that are due. */
void line_bridges_tick(struct line_bridges *bridges, uint64_t now_ms);

/* Whether a call waits for a visit. */
bool line_bridges_wait(const struct line_bridges *bridges);

/* Control is gone: all end without a word. */
void line_bridges_end(struct line_bridges *bridges);

/* line_bridge.c's: one more, one less. */
void line_bridges_add(struct line_bridges *bridges, struct line_bridge *b);
void line_bridges_remove(struct line_bridges *bridges, struct line_bridge *b);

#endif
