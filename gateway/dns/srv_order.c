#include "gateway/dns/srv_order.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdbool.h>

uint32_t srv_random(void *user, uint32_t limit)
{
    uint32_t bits = 0;
    (void)user;
    if (RAND_bytes((unsigned char *)&bits, sizeof bits) != 1)
        return 0; /* then the order is that of the weights' list: no harm */
    return (uint32_t)(((uint64_t)bits * ((uint64_t)limit + 1)) >> 32);
}

static bool lowest_priority(const struct srv_item *items, size_t count, const bool *taken,
                            uint16_t *priority)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (taken[i] || (found && items[i].priority >= *priority))
            continue;
        *priority = items[i].priority;
        found = true;
    }
    return found;
}

/* The first whose running sum reaches what was drawn; those of weight 0 stand before the others. */
static size_t draw(const struct srv_item *items, size_t count, const bool *taken, uint16_t priority,
                   srv_random_fn *random, void *user)
{
    uint32_t sum = 0, running = 0;
    size_t last = 0;
    for (size_t i = 0; i < count; i++)
        if (!taken[i] && items[i].priority == priority)
            sum += items[i].weight;
    uint32_t drawn = random(user, sum);
    for (int weighted = 0; weighted < 2; weighted++) {
        for (size_t i = 0; i < count; i++) {
            if (taken[i] || items[i].priority != priority || (items[i].weight > 0) != weighted)
                continue;
            running += items[i].weight;
            last = i;
            if (running >= drawn)
                return i;
        }
    }
    return last;
}

void srv_order(const struct srv_item *items, size_t count, size_t *order, srv_random_fn *random,
               void *user)
{
    bool taken[SRV_ORDER_MAX] = {false};
    uint16_t priority = 0;
    size_t placed = 0;
    assert(count <= SRV_ORDER_MAX);
    while (lowest_priority(items, count, taken, &priority)) {
        size_t next = draw(items, count, taken, priority, random, user);
        taken[next] = true;
        order[placed++] = next;
    }
}
