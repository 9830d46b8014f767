/* fax_relay.h: T.38 through the gateway, from one leg to the other, each packet judged: what no fax
 * sends is dropped and counted, a control frame that T.30 does not know leaves with a bad FCS, and
 * each leg gets the version of T.38 that was agreed with it. Pure.
 */
#ifndef T38_FAX_RELAY_H
#define T38_FAX_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "t38/ifp_packet.h"

enum { FAX_RELAY_IFP_MAX = 1400, FAX_RELAY_FRAME_MAX = 264, FAX_RELAY_PER_TICK = 256 };

struct fax_relay_counters {
    uint64_t passed;
    uint64_t ifps_refused;   /* malformed, too many, or of a kind no fax uses */
    uint64_t frames_refused; /* control frames that were spoilt */
};

/* One direction. All zero but the versions: at its beginning. */
struct fax_relay {
    int version_in, version_out; /* 0 to 3 */
    unsigned in_tick;
    bool begun;
    uint16_t sequence;                  /* of the latest packet */
    uint8_t frame[FAX_RELAY_FRAME_MAX]; /* V.21 octets so far, as T.30 has them */
    size_t frame_length;
    bool frame_spoilt; /* some of it was lost, or it is too long */
    struct fax_relay_counters counters;
};

/* Takes packet `sequence` of the leg (each number once, rising; what is left out was lost: the
 * frame that it was of leaves with a bad FCS, since the other leg cannot see the gap) and writes
 * what leaves for the other one; packet (may be NULL) gets its parts, as they leave. Returns 0;
 * FAX_EFORMAT or FAX_ELIMIT: it is dropped, and counted. */
int fax_relay_pass(struct fax_relay *r, uint16_t sequence, const uint8_t *ifp, size_t length,
                   uint8_t out[FAX_RELAY_IFP_MAX], size_t *out_length, struct ifp_packet *packet)
    __attribute__((warn_unused_result));

/* To be called every 20 ms or oftener: FAX_RELAY_PER_TICK packets pass between two calls. */
void fax_relay_tick(struct fax_relay *r);

/* How often a packet is to leave: indicators and ends of signals more than once, as nothing answers
 * them by which their loss would be noticed. */
int fax_relay_copies(const struct ifp_packet *packet);

#endif
