/* t4_fill.h: a page in T.4 as it goes over a line without error correction: with fill, so that no
 * row takes less than the receiver's minimum time (T.4 §4.1.3, T.30 table 2 bits 21 to 23). Put in
 * while the page is read, as the bits that the time takes follow the rate of the line. */
#ifndef CODECS_T4_FILL_H
#define CODECS_T4_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"

struct t4_fill {
    const uint8_t *data; /* borrowed */
    size_t length, at;   /* octets; the next to be looked at */
    uint32_t least_bits; /* of a row, its EOL and tag bit included */
    uint32_t row_bits;   /* since the last EOL */
    uint32_t zeros;      /* the latest bits */
    uint32_t fill;       /* zeros to be put out first */
    uint32_t eol_bits;   /* of an EOL with its tag bit: a row of no more is none */
    bool lsb_first;
    uint16_t rest; /* then these bits, the next one lowest */
    unsigned rest_bits;
    uint64_t out; /* what is ready, the next bit lowest */
    unsigned out_bits;
};

/* Starts at the top of a page that t4_encode made in T.4 1-D or 2-D, in either order of bits;
 * `page` (data included) must stay. least_bits: what a row must have at least, from the end of an
 * EOL to the end of the next; 0 for none. Neither what stands before the first EOL nor the RTC gets
 * any. */
void t4_fill_begin(struct t4_fill *fill, const uint8_t *data, size_t length,
                   const struct page_format *format, uint32_t least_bits);

/* Gives the next octets, the first bit lowest. Returns how many: less than capacity at the end of
 * the page only, 0 after it. The last octet is filled up with zeros. */
size_t t4_fill_read(struct t4_fill *fill, uint8_t *octets, size_t capacity);

/* Whether all has been given. */
bool t4_fill_ended(const struct t4_fill *fill);

#endif
