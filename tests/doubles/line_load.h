/* line_load.h: many paced calls of one text page between two real line processes, everything on
 * (sockets, guard, sealing, fsync, sandbox), control's answers given by this program; and what
 * they cost. The first pair goes through a relay that writes its datagrams down, for udp_replay.h.
 */
#ifndef TESTS_DOUBLES_LINE_LOAD_H
#define TESTS_DOUBLES_LINE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/raster.h"
#include "tests/doubles/line_driver.h"
#include "tests/doubles/udp_replay.h"

/* What one line did. */
struct line_load_side {
    double cpu_us, call_seconds;
    long memory_before_kb, memory_prepared_kb, memory_idle_kb, memory_peak_kb, memory_after_kb;
    double stall_ms, busy_ms;   /* longest time between two ticks beyond their distance; most CPU
                                 * between two turns of the loop */
    unsigned turns, busy_turns; /* of the loop, and those with a millisecond of CPU and more */
    double confirm_p50_ms, confirm_p99_ms, confirm_longest_ms;
};

struct line_load {
    unsigned calls;      /* set by the caller, like the next two */
    uint32_t stagger_ms; /* between the beginnings of media */
    bool without_ecm;    /* the receivers have none */

    struct line_driver driver;
    struct line_process lines[2]; /* sending, receiving */
    struct driver_call (*pairs)[2];
    unsigned started, connected, most_at_once, failed;
    uint64_t media_ms, sample_ms, progress_ms;
    double seconds; /* from the first beginning to the last end */
    struct udp_relay relay;
    struct line_load_side sides[2];
};

/* Runs the calls and stops the lines. Returns NULL when all were delivered, otherwise why there is
 * nothing to report (static storage); what is known is filled in all the same. The relay's trace
 * stays. */
const char *line_load_run(struct line_load *load, const struct raster *page);

#endif
