/* line_here.h: a whole line in the test's own process and loop, with a driver that plays control
 * and one call, of which the test can see everything. What must not fail aborts the test program.
 */
#ifndef TESTS_DOUBLES_LINE_HERE_H
#define TESTS_DOUBLES_LINE_HERE_H

#include "gateway/line/line.h"
#include "gateway/line/line_call.h"
#include "tests/doubles/line_driver.h"

#include <stdbool.h>

struct line_here {
    struct line line;
    struct line_process process; /* this one */
    struct line_driver driver;
    struct driver_call call; /* prepared, not started */
};

/* Makes it, the call included; to be freed with line_here_close, which ends the call. */
struct line_here *line_here_open(bool sender);
void line_here_close(struct line_here *here);

/* The call as the line has it; NULL: not yet, or no longer. */
struct line_call *line_here_call(struct line_here *here);

/* Conditions for line_driver_run (user: the line_here), which let the loop turn: the call is over,
 * is ready for media, has media. */
bool line_here_is_done(void *here);
bool line_here_is_ready(void *here);
bool line_here_is_running(void *here);

#endif
