/* udptl_packet.h: reads one UDPTL datagram (T.38 §9.1.3, ASN.1 in basic aligned PER). Private to
 * t38. */
#ifndef T38_UDPTL_PACKET_H
#define T38_UDPTL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UDPTL_SECONDARIES_MAX = 32 };

struct udptl_field {
    const uint8_t *data;
    size_t length;
};

struct udptl_packet {
    uint16_t sequence;
    bool fec;
    struct udptl_field primary;
    unsigned count;                                   /* of fields that are kept */
    struct udptl_field fields[UDPTL_SECONDARIES_MAX]; /* secondaries, [0] is sequence - 1; or
                                                         parity, in the order of the datagram */
    unsigned fec_packets; /* fec-npackets; 0 when parity is not usable */
    bool fec_refused;     /* the parity is over the limits of udptl.h */
};

/* Fields point into the datagram. More secondaries than are kept are checked and skipped, parity
 * over the limits likewise. Returns 0 or FAX_EFORMAT. */
int udptl_packet_read(struct udptl_packet *p, const uint8_t *datagram, size_t length)
    __attribute__((warn_unused_result));

/* Says whether a datagram is RTP or RTCP as it looks (RFC 3550 §5.1, §6.4): version 2, its header
 * whole, a payload type that audio uses. For datagrams that are no UDPTL. */
bool udptl_packet_is_rtp(const uint8_t *datagram, size_t length);

#endif
