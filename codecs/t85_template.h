/* t85_template.h: the neighbours that a pixel's context is made of (T.82 §6.7.2); part of the T.85
 * coders, no interface of its own.
 *
 * Contexts are numbered as the pixels of the template from the top left, the first one in bit 9:
 *
 *   three lines    9 8 7        two lines    9 8 7 6 5 A
 *                6 5 4 3 A                 3 2 1 0 ?
 *                1 0 ?
 *
 * A is the adaptive pixel, in its nominal place or in the row itself. Rows are words, the leftmost
 * pixel on top, with one word of zeros behind the last one. */
#ifndef CODECS_T85_TEMPLATE_H
#define CODECS_T85_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { T85_TYPICAL_THREE = 0x0E5, T85_TYPICAL_TWO = 0x195 }; /* SLNTP, T.82 §6.7.3 */

/* Which template; constants wherever it is used, so that the compiler makes a loop for each. */
struct t85_template {
    bool two_line;
    bool moved; /* A lies in the row, at_x to the left of the pixel */
};

struct t85_rows {
    uint64_t *row, *above, *above_that;
    uint32_t width;
};

/* The last 128 pixels of a row, for a moved A. */
struct t85_history {
    uint64_t near, far;
};

static inline void t85_history_add(struct t85_history *h, unsigned pixel)
{
    h->far = h->far << 1 | h->near >> 63;
    h->near = h->near << 1 | pixel;
}

static inline unsigned t85_history_pixel(const struct t85_history *h, unsigned at_x)
{
    return (unsigned)(at_x > 64 ? h->far >> (at_x - 65) : h->near >> (at_x - 1)) & 1;
}

/* Bits that a context keeps from the one before, shifted. */
static inline unsigned t85_kept_bits(struct t85_template t)
{
    if (t.two_line)
        return t.moved ? 0x3CE : 0x3EE;
    return t.moved ? 0x372 : 0x37A;
}

/* Place of the pixel of the row above that is new in a context. */
static inline unsigned t85_above_bit(struct t85_template t)
{
    unsigned nominal = t.two_line ? 4 : 2;
    return t.moved ? nominal + 1 : nominal;
}

static inline unsigned t85_adaptive_bit(struct t85_template t)
{
    return t.two_line ? 4 : 2;
}

static inline uint64_t t85_word_ahead(const uint64_t *row, size_t i, unsigned pixels)
{
    return row[i] << pixels | row[i + 1] >> (64 - pixels);
}

/* Word i of the row above and of the one above that, moved so that the pixel that enters a context
 * lies in the place of the pixel that is coded. */
static inline uint64_t t85_above_word(struct t85_template t, const struct t85_rows *rows, size_t i)
{
    return t85_word_ahead(rows->above, i, t.moved ? 1 : 2);
}

static inline uint64_t t85_above_that_word(struct t85_template t, const struct t85_rows *rows,
                                           size_t i)
{
    return t.two_line ? 0 : t85_word_ahead(rows->above_that, i, 1);
}

/* The context left of the first pixel. */
static inline unsigned t85_first_context(struct t85_template t, const struct t85_rows *rows)
{
    unsigned above = (unsigned)(t.moved ? rows->above[0] >> 63 : rows->above[0] >> 62);
    unsigned context = above << t85_above_bit(t);
    return t.two_line ? context : context | (unsigned)(rows->above_that[0] >> 63) << 7;
}

/* The context of the pixel at bit `k` of the words; before: the context and pixel left of it. */
static inline unsigned t85_next_context(struct t85_template t, unsigned context, unsigned pixel,
                                        uint64_t above, uint64_t above_that, unsigned k)
{
    context =
        (context << 1 & t85_kept_bits(t)) | pixel | (unsigned)(above >> k & 1) << t85_above_bit(t);
    return t.two_line ? context : context | (unsigned)(above_that >> k & 1) << 7;
}

#endif
