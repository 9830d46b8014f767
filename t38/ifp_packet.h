/* ifp_packet.h: an IFP packet in its parts (T.38 §8), so that it can be altered or written for
 * another version of T.38. Pure; nothing is allocated.
 */
#ifndef T38_IFP_PACKET_H
#define T38_IFP_PACKET_H

#include "t38/ifp.h"

struct ifp_field {
    enum ifp_field_type type;
    const uint8_t *data; /* inside the packet that was read; NULL: none */
    size_t length;
};

struct ifp_packet {
    bool indicator;
    bool has_fields; /* data: the packet has a data field, though maybe of no items */
    unsigned type;   /* as in struct ifp_summary */
    unsigned fields;
    struct ifp_field field[IFP_FIELDS_MAX];
};

/* Reads a packet of that version. Returns 0 or what ifp_check returns; out is undefined then. */
int ifp_packet_read(const uint8_t *ifp, size_t length, int version, struct ifp_packet *out)
    __attribute__((warn_unused_result));

/* Writes a packet in the syntax of that version, and its length to *length. Returns 0, FAX_EINVAL
 * for what no packet can have, or FAX_ELIMIT when capacity does not suffice. */
int ifp_packet_write(const struct ifp_packet *packet, int version, uint8_t *out, size_t capacity,
                     size_t *length) __attribute__((warn_unused_result));

#endif
