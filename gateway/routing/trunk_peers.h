/* trunk_peers.h: the list of a trunk's peers as people write it:
 * "sbc1.example,192.0.2.7:5062;priority=2;weight=10,[2001:db8::7]:5060". Pure. */
#ifndef GATEWAY_ROUTING_TRUNK_PEERS_H
#define GATEWAY_ROUTING_TRUNK_PEERS_H

#include <stddef.h>
#include <stdint.h>

enum { TRUNK_PEERS_MAX = 8, TRUNK_PEERS_TEXT = 1000, TRUNK_HOST_TEXT = 256 };

struct trunk_peer {
    char host[TRUNK_HOST_TEXT]; /* name or address literal, without brackets */
    uint16_t port;              /* 0: not given */
    uint16_t priority, weight;  /* srv_order.h; not given: its place in the list from 1, and 0 */
};

/* Reads a list. Returns the number of peers, at most `most`, or -EINVAL. Names are checked by
 * dns_name_valid(). */
int trunk_peers_read(const char *text, struct trunk_peer *peers, size_t most)
    __attribute__((warn_unused_result));

#endif
