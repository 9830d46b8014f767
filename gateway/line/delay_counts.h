/* delay_counts.h: how long something took, for percentiles over the life of a process. Fixed
 * memory. All zero is empty. */
#ifndef GATEWAY_LINE_DELAY_COUNTS_H
#define GATEWAY_LINE_DELAY_COUNTS_H

#include <stdint.h>

enum { DELAY_COUNTS = 2000, DELAY_COUNTS_STEP_US = 250 };

struct delay_counts {
    uint32_t counts[DELAY_COUNTS]; /* of 250 us each; the last one: all that took longer */
    uint32_t total;
    uint64_t longest_us;
};

void delay_counts_add(struct delay_counts *delays, uint64_t us);

/* The time within which `permille` of all were done, rounded up to the next step, but not above the
 * longest. 0 when there were none. */
uint64_t delay_counts_within_us(const struct delay_counts *delays, unsigned permille);

#endif
