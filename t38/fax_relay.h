/* fax_relay.h: T.38 through the gateway, from one leg to the other, each packet judged: what no fax
 * sends is dropped and counted, a control frame that T.30 does not know leaves with a bad FCS, and
 * each leg gets the version of T.38 that was agreed with it. Pure.
 */
#ifndef T38_FAX_RELAY_H
#define T38_FAX_RELAY_H

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
    uint8_t frame[FAX_RELAY_FRAME_MAX]; /* V.21 octets so far, as T.30 has them */
    size_t frame_length;                /* beyond FAX_RELAY_FRAME_MAX: it is spoilt */
    struct fax_relay_counters counters;
};

/* Takes a packet of the leg and writes what leaves for the other one; packet (may be NULL) gets its
 * parts, as they leave. Returns 0; FAX_EFORMAT or FAX_ELIMIT: it is dropped, and counted. */
int fax_relay_pass(struct fax_relay *r, const uint8_t *ifp, size_t length,
                   uint8_t out[FAX_RELAY_IFP_MAX], size_t *out_length, struct ifp_packet *packet)
    __attribute__((warn_unused_result));

/* To be called every 20 ms or oftener: FAX_RELAY_PER_TICK packets pass between two calls. */
void fax_relay_tick(struct fax_relay *r);

/* Whether a signal that leaves is worth sending more than once: indicators and the end of data
 * (T.38 has no answer by which a loss would be noticed). */
int fax_relay_copies(const struct ifp_packet *packet);

#endif
