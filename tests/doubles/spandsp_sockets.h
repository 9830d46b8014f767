/* spandsp_sockets.h: plain spandsp terminals, as the library is shipped, that fax one page in pairs
 * over bare sockets: what a line would cost without a line. Our UDPTL (redundancy 3) carries the
 * packets, as spandsp has none. */
#ifndef TESTS_DOUBLES_SPANDSP_SOCKETS_H
#define TESTS_DOUBLES_SPANDSP_SOCKETS_H

#include <stdint.h>

#include "t38/fax_page.h"

struct spandsp_sockets_side {
    double cpu_us;
    double call_seconds;
    unsigned good;             /* calls that ended well */
    uint64_t longest_stall_us; /* of its 5 ms tick */
    long memory_kb;            /* growth of resident memory at its highest */
};

struct spandsp_sockets {
    struct spandsp_sockets_side sides[2]; /* sending, receiving */
};

/* Runs `calls` pairs, each beginning stagger_ms after the one before, all with the same page: one
 * process sends and one receives, each with a connected socket a call, an epoll set of its own and
 * a 5 ms tick; terminals are visited every 20 ms. Aborts when there is no memory. */
void spandsp_sockets_run(struct spandsp_sockets *out, const struct fax_page_view *page,
                         unsigned calls, uint32_t stagger_ms);

#endif
