/* udptl_parity.h: recovers lost IFPs from parity FEC (T.38 §9.1.4.2). Private to t38.
 *
 * Every parity field is an equation over the packets that it joins. Packets that are known are
 * taken out of it at once; when one is left, the field is that packet; a recovered one may solve
 * others. So with no loss nothing is stored but the latest packets. Bounded: the latest
 * UDPTL_FEC_WINDOW_MAX packets and UDPTL_PARITY_EQUATIONS unsolved fields, whatever a peer sends.
 */
#ifndef T38_UDPTL_PARITY_H
#define T38_UDPTL_PARITY_H

#include "t38/udptl.h"
#include "t38/udptl_packet.h"

#include <stdbool.h>

enum { UDPTL_PARITY_EQUATIONS = 64 };

struct udptl_parity;

/* Makes an empty one. The caller owns *out. Returns 0 or FAX_ENOMEM. */
int udptl_parity_new(struct udptl_parity **out) __attribute__((warn_unused_result));

/* Wipes and frees; NULL is allowed. */
void udptl_parity_free(struct udptl_parity *p);

/* Forgets everything; memory stays. */
void udptl_parity_restart(struct udptl_parity *p);

/* A packet came. */
void udptl_parity_know(struct udptl_parity *p, uint16_t sequence, const uint8_t *data,
                       size_t length);

/* A field came: the exclusive-or of `packets` packets of which the first is `first` and the others
 * follow `step` apart, each thought to be filled up with zeros to the longest. All must lie within
 * the UDPTL_FEC_WINDOW_MAX packets before the latest. Returns false when every packet is known and
 * the field is not their parity. */
bool udptl_parity_add(struct udptl_parity *p, uint16_t first, unsigned step, unsigned packets,
                      const struct udptl_field *field);

/* Takes the next recovered packet, filled up with zeros to the longest of its field; false when
 * there is none. The octets are valid until the next call of another function. */
bool udptl_parity_take(struct udptl_parity *p, uint16_t *sequence, struct udptl_field *out);

#endif
