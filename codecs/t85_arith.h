/* t85_arith.h: the arithmetic coder of T.82 §6.8 in both directions; part of the T.85 coders, no
 * interface of its own.
 *
 * A context holds an entry of t85_states itself, so that a pixel costs one look-up: LSZ in bits 48
 * to 63, the next state after LPS in bits 8 to 15 and after MPS in bits 0 to 7. States are twice
 * the number of T.82 table 24 plus the more probable symbol; so bit 0 of an entry is that symbol.
 */
#ifndef CODECS_T85_ARITH_H
#define CODECS_T85_ARITH_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { T85_STATES = 226, T85_CONTEXTS = 1024, T85_LSZ_SHIFT = 48 };

extern const uint64_t t85_states[T85_STATES];

/* All contexts to state 0, more probable symbol 0 (T.82 §6.8.2.5). */
void t85_contexts_reset(uint64_t contexts[T85_CONTEXTS]);

static inline uint64_t t85_after_mps(uint64_t entry)
{
    return t85_states[entry & 0xFF];
}

static inline uint64_t t85_after_lps(uint64_t entry)
{
    return t85_states[entry >> 8 & 0xFF];
}

/* ---- coding ---- */

/* T.82's C has its low 16 bits in the place of A; here octets leave it four at a time, and a carry
 * runs back through what was written already. */
struct t85_coder {
    uint64_t c;
    uint32_t a;
    unsigned pending; /* bits of c above the 16, without the carry; below 32 between calls */
    uint8_t *to;
};

/* Octets that a pixel can take at most: a renormalisation shifts by 15. Four more may follow. */
enum { T85_OCTETS_A_PIXEL = 2, T85_CODER_SPARE = 64 };

static inline void t85_coder_start(struct t85_coder *e, uint8_t *to)
{
    *e = (struct t85_coder){.a = 0x10000, .to = to};
}

/* The code is below 1, so a carry always finds an octet that is not 0xFF. */
static inline void t85_coder_carry(uint8_t *to)
{
    while (++*--to == 0)
        ;
}

static inline void t85_coder_renormalise(struct t85_coder *e)
{
    unsigned n = (unsigned)__builtin_clz(e->a) - 16;
    e->a <<= n;
    e->c <<= n;
    e->pending += n;
    if (e->pending < 32)
        return;
    unsigned rest = e->pending - 32 + 16;
    uint64_t out = e->c >> rest;
    if (out >> 32)
        t85_coder_carry(e->to);
    uint32_t octets = htobe32((uint32_t)out);
    memcpy(e->to, &octets, sizeof octets);
    e->to += sizeof octets;
    e->c &= (1ull << rest) - 1;
    e->pending -= 32;
}

/* T.82 §6.8.2.3 and 6.8.2.4: CODELPS and CODEMPS with conditional exchange. */
static inline void t85_coder_put(struct t85_coder *e, uint64_t *context, unsigned bit)
{
    uint64_t entry = *context;
    uint32_t lsz = (uint32_t)(entry >> T85_LSZ_SHIFT);
    e->a -= lsz;
    if (((unsigned)entry & 1) == bit) {
        if (e->a & 0x8000)
            return;
        if (e->a < lsz) {
            e->c += e->a;
            e->a = lsz;
        }
        *context = t85_after_mps(entry);
    } else {
        if (e->a >= lsz) {
            e->c += e->a;
            e->a = lsz;
        }
        *context = t85_after_lps(entry);
    }
    t85_coder_renormalise(e);
}

/* The same for n zeros in a row in one context. */
static inline void t85_coder_put_zeros(struct t85_coder *e, uint64_t *context, unsigned n)
{
    while (n > 0) {
        uint64_t entry = *context;
        if (n > 3 && !(entry & 1) && e->a >= 0x8000) {
            /* As long as A stays at 0x8000 or above, a more probable symbol only shortens it. */
            uint32_t lsz = (uint32_t)(entry >> T85_LSZ_SHIFT), steps = (e->a - 0x8000) / lsz;
            steps = steps < n ? steps : n;
            e->a -= steps * lsz;
            n -= steps;
            if (n == 0)
                return;
        }
        t85_coder_put(e, context, 0);
        n--;
    }
}

/* Writes out what is left (T.82 §6.8.2.8, FLUSH) without the zeros at the end; `start` is where the
 * stripe began. Returns its end. */
uint8_t *t85_coder_flush(struct t85_coder *e, const uint8_t *start);

/* ---- decoding ---- */

/* T.82's CHIGH and A lie at the top of 64 bits; the bits below CHIGH are those that come next. */
struct t85_reader {
    uint64_t c, a;
    int ahead; /* bits below CHIGH that are data; refilled when it would be negative */
    const uint8_t *from, *end; /* four zeros stand at end; behind it come zeros without end */
};

enum { T85_READER_PADDING = 4 };

static inline void t85_reader_refill(struct t85_reader *d)
{
    uint32_t octets;
    memcpy(&octets, d->from, sizeof octets);
    /* ahead is -1 to -15 here, or -16 at the start: the new 32 bits continue the old ones. */
    d->c |= (uint64_t)be32toh(octets) << (16 - d->ahead);
    size_t left = (size_t)(d->end - d->from);
    d->from += left < sizeof octets ? left : sizeof octets;
    d->ahead += 32;
}

static inline void t85_reader_start(struct t85_reader *d, const uint8_t *from, const uint8_t *end)
{
    *d = (struct t85_reader){.from = from, .end = end};
    uint32_t octets;
    memcpy(&octets, from, sizeof octets);
    d->c = (uint64_t)be32toh(octets) << 32;
    size_t left = (size_t)(end - from);
    d->from += left < sizeof octets ? left : sizeof octets;
    d->ahead = 16;
    d->a = 0; /* 0x10000 without its top bit, which the first subtraction borrows */
}

static inline void t85_reader_renormalise(struct t85_reader *d)
{
    int n = __builtin_clzll(d->a);
    d->a <<= n;
    d->c <<= n;
    d->ahead -= n;
    if (d->ahead < 0)
        t85_reader_refill(d);
}

/* T.82 §6.8.3.2: DECODE with conditional exchange. */
static inline unsigned t85_reader_get(struct t85_reader *d, uint64_t *context)
{
    uint64_t entry = *context, lsz = entry & 0xFFFFull << T85_LSZ_SHIFT;
    unsigned bit = (unsigned)entry & 1;
    d->a -= lsz;
    if (d->c < d->a) {
        if (d->a >> 63)
            return bit;
        if (d->a < lsz) {
            bit ^= 1;
            *context = t85_after_lps(entry);
        } else {
            *context = t85_after_mps(entry);
        }
    } else {
        d->c -= d->a;
        if (d->a < lsz) {
            *context = t85_after_mps(entry);
        } else {
            bit ^= 1;
            *context = t85_after_lps(entry);
        }
        d->a = lsz;
    }
    t85_reader_renormalise(d);
    return bit;
}

/* How many of at most n symbols in one context are zeros that need no renormalisation; they are
 * taken. */
static inline unsigned t85_reader_take_zeros(struct t85_reader *d, const uint64_t *context,
                                             unsigned n)
{
    uint64_t entry = *context;
    if ((entry & 1) || !(d->a >> 63))
        return 0;
    /* A must stay above C and at 0x8000 or above. */
    uint32_t a = (uint32_t)(d->a >> T85_LSZ_SHIFT), floor = (uint32_t)(d->c >> 48) + 1;
    uint32_t lsz = (uint32_t)(entry >> T85_LSZ_SHIFT);
    if (floor < 0x8000)
        floor = 0x8000;
    if (a <= floor)
        return 0;
    uint32_t steps = (a - floor) / lsz;
    steps = steps < n ? steps : n;
    d->a -= (uint64_t)(steps * lsz) << T85_LSZ_SHIFT;
    return steps;
}

#endif
