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
    bool fec; /* error recovery was FEC; it was checked and skipped */
    struct udptl_field primary;
    unsigned count;
    struct udptl_field secondary[UDPTL_SECONDARIES_MAX]; /* [0] is sequence - 1 */
};

/* Fields point into the datagram. More secondaries than are kept are checked and skipped.
 * Returns 0 or FAX_EFORMAT. */
int udptl_packet_read(struct udptl_packet *p, const uint8_t *datagram, size_t length)
    __attribute__((warn_unused_result));

#endif
