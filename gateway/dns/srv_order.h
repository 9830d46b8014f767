/* srv_order.h: in which order equivalent servers are tried: by priority, among equals by chance and
 * weight (RFC 2782). Pure. */
#ifndef GATEWAY_DNS_SRV_ORDER_H
#define GATEWAY_DNS_SRV_ORDER_H

#include <stddef.h>
#include <stdint.h>

enum { SRV_ORDER_MAX = 64 };

struct srv_item {
    uint16_t priority; /* lower ones first */
    uint16_t weight;   /* 0: hardly ever first, where others have more */
};

/* A number from 0 to limit, both included. */
typedef uint32_t srv_random_fn(void *user, uint32_t limit);

/* By OpenSSL's generator; user is not used. */
srv_random_fn srv_random;

/* Writes the positions of the items to order, in the order of trial. count is at most
 * SRV_ORDER_MAX. */
void srv_order(const struct srv_item *items, size_t count, size_t *order, srv_random_fn *random,
               void *user);

#endif
