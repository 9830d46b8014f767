/* hdlc_stuffing.h: counts the zero bits that HDLC inserts after five ones (T.30 §5.3, ISO/IEC 13239
 * §4.4.2).
 */
#ifndef T38_HDLC_STUFFING_H
#define T38_HDLC_STUFFING_H

#include <stddef.h>
#include <stdint.h>

/* Returns how many bits stuffing adds to n octets sent lowest bit first, starting after a zero. */
unsigned hdlc_stuffing_count(const uint8_t *octets, size_t n);

#endif
