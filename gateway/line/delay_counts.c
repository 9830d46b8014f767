#include "gateway/line/delay_counts.h"

void delay_counts_add(struct delay_counts *delays, uint64_t us)
{
    uint64_t at = us / DELAY_COUNTS_STEP_US;

    delays->counts[at < DELAY_COUNTS ? at : DELAY_COUNTS - 1]++;
    delays->total++;
    if (us > delays->longest_us)
        delays->longest_us = us;
}

uint64_t delay_counts_within_us(const struct delay_counts *delays, unsigned permille)
{
    uint64_t wanted = ((uint64_t)delays->total * permille + 999) / 1000, seen = 0, us;
    unsigned i = 0;

    if (delays->total == 0)
        return 0;
    while (i < DELAY_COUNTS - 1 && (seen += delays->counts[i]) < wanted)
        i++;
    us = (uint64_t)(i + 1) * DELAY_COUNTS_STEP_US;
    return us < delays->longest_us && i < DELAY_COUNTS - 1 ? us : delays->longest_us;
}
