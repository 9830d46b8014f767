/* hdlc_octets.h: the order of bits in the octets of HDLC frames: T.38 has the first bit on the line
 * highest, T.30 and our guard have it lowest.
 */
#ifndef T38_HDLC_OCTETS_H
#define T38_HDLC_OCTETS_H

#include <stddef.h>
#include <stdint.h>

/* Writes n octets with their bits the other way round; out may be the same memory as octets. */
void hdlc_octets_turn(const uint8_t *octets, size_t n, uint8_t *out);

#endif
