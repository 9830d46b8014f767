/* t4_bits.h: bit reader over page data; part of the decoder, no interface of its own. */
#ifndef CODECS_T4_BITS_H
#define CODECS_T4_BITS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Octets of zeros that must follow the data. */
enum { T4_BITS_PADDING = 8 };

/* `window` holds the next bits, the first one on top. Behind the end of the data come zeros without
 * end, so that a look-up needs no check; t4_bits_overrun tells when they were taken for data. */
struct t4_bits {
    const uint8_t *data; /* most significant bit first, T4_BITS_PADDING zeros behind it */
    size_t length, next; /* next may run past length */
    uint64_t window;
    unsigned count; /* valid bits in window */
};

/* Mirrors the bits within each octet. */
static inline uint64_t t4_bits_mirror(uint64_t w)
{
    w = (w >> 4 & 0x0F0F0F0F0F0F0F0Full) | (w & 0x0F0F0F0F0F0F0F0Full) << 4;
    w = (w >> 2 & 0x3333333333333333ull) | (w & 0x3333333333333333ull) << 2;
    return (w >> 1 & 0x5555555555555555ull) | (w & 0x5555555555555555ull) << 1;
}

/* Makes count at least 56. */
static inline void t4_bits_fill(struct t4_bits *bits)
{
    if (bits->next <= bits->length) {
        uint64_t w;
        memcpy(&w, bits->data + bits->next, sizeof w);
        /* Bits below count may be set already: they are the same ones. */
        bits->window |= be64toh(w) >> bits->count;
    }
    bits->next += (63 - bits->count) / 8;
    bits->count |= 56;
}

/* n must not be above count, nor above 63. */
static inline void t4_bits_drop(struct t4_bits *bits, unsigned n)
{
    bits->window <<= n;
    bits->count -= n;
}

static inline unsigned t4_bits_peek(const struct t4_bits *bits, unsigned n)
{
    return (unsigned)(bits->window >> (64 - n));
}

/* Bits taken so far. */
static inline size_t t4_bits_position(const struct t4_bits *bits)
{
    return bits->next * 8 - bits->count;
}

/* Whether bits behind the end of the data were taken. */
static inline bool t4_bits_overrun(const struct t4_bits *bits)
{
    return t4_bits_position(bits) > bits->length * 8;
}

#endif
