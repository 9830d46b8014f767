#include "codecs/t4_rows.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t4_codes.h"

_Static_assert(RASTER_WIDTH_MAX + 8 < 1 << 15, "the top bit of a lane must be free");

/* The compiler takes functions with several callers out of line; here that costs half the speed. */
#define INLINED static inline __attribute__((always_inline))

/* Lane 0 is the element at the lowest address. */
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define LANE_ORDER(w) (w)
#else
#define LANE_ORDER(w)                                                                              \
    ((w) >> 48 | ((w) >> 16 & 0xFFFF0000ull) | ((w)&0xFFFF0000ull) << 16 | (w) << 48)
#endif
#define LANE_ONES 0x0001000100010001ull
#define LEFTMOST  (UINT64_C(1) << 63)
#define LANE_TOPS 0x8000800080008000ull

enum {
    FRONT = 8, /* elements before the first change */
    SEQUENCES_A_FILL = 3,
};

_Static_assert(SEQUENCES_A_FILL *T4_SEQUENCE_BITS + 2 * T4_CODE_BITS_MAX <= 56,
               "a filled window must hold them");

static const uint64_t lanes_in_use[T4_SEQUENCE_CODES + 1] = {
    0, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFF, UINT64_MAX,
};

/* Enters a code at every index of `width` bits that begins with its last `length` bits. */
static void enter_run(uint16_t *table, unsigned width, struct t4_code code, unsigned length,
                      unsigned run)
{
    unsigned free_bits = width - length, first = (unsigned)code.bits << free_bits;
    for (unsigned i = 0; i < 1u << free_bits; i++)
        table[first + i] = (uint16_t)(run << 4 | code.length);
}

static void enter_mode(struct t4_tables *tables, unsigned bits, struct t4_mode_entry entry)
{
    unsigned free_bits = T4_MODE_BITS - entry.length, first = bits << free_bits;
    for (unsigned i = 0; i < 1u << free_bits; i++)
        tables->modes[first + i] = entry;
}

static struct t4_sequence sequence_of(const struct t4_tables *tables, unsigned bits)
{
    static const struct t4_sequence unknown = {.shifts = T4_SEQUENCE_NONE, .count = 1};
    struct t4_sequence s = {0};
    for (;;) {
        unsigned left = T4_SEQUENCE_BITS - s.bits, rest = bits & ((1u << left) - 1);
        /* Bits that are not known are taken for zeros; a code that needs them does not fit. */
        struct t4_mode_entry entry =
            tables->modes[left > T4_MODE_BITS ? rest >> (left - T4_MODE_BITS)
                                              : rest << (T4_MODE_BITS - left)];
        if (entry.mode == T4_MODE_NONE || entry.length > left)
            return s.bits == 0 ? unknown : s;
        if (entry.mode != T4_MODE_VERTICAL)
            s.next = entry.mode;
        else if (s.count == T4_SEQUENCE_CODES)
            return s;
        else
            s.shifts |= (uint64_t)(unsigned)(entry.shift + 3) << 16 * s.count++;
        s.bits += entry.length;
        if (s.next != T4_MODE_NONE)
            return s;
    }
}

void t4_tables_build(struct t4_tables *tables)
{
    static const struct {
        uint8_t bits;
        struct t4_mode_entry entry;
    } modes[] = {
        {1, {T4_MODE_PASS, 4, 0}},      {1, {T4_MODE_HORIZONTAL, 3, 0}},
        {1, {T4_MODE_VERTICAL, 1, 0}},  {3, {T4_MODE_VERTICAL, 3, 1}},
        {3, {T4_MODE_VERTICAL, 6, 2}},  {3, {T4_MODE_VERTICAL, 7, 3}},
        {2, {T4_MODE_VERTICAL, 3, -1}}, {2, {T4_MODE_VERTICAL, 6, -2}},
        {2, {T4_MODE_VERTICAL, 7, -3}},
    };
    *tables = (struct t4_tables){0};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        enter_mode(tables, modes[i].bits, modes[i].entry);
    for (unsigned i = 0; i < T4_RUN_CODES; i++) {
        unsigned run = i < 64 ? i : (i - 63) * 64;
        struct t4_code white = t4_white_codes[i], black = t4_black_codes[i];
        if (white.length <= T4_RUN_BITS)
            enter_run(tables->runs[0], T4_RUN_BITS, white, white.length, run);
        else
            enter_run(tables->white_long, T4_WHITE_LONG_BITS, white, white.length - 7u, run);
        if (black.length <= T4_RUN_BITS)
            enter_run(tables->runs[1], T4_RUN_BITS, black, black.length, run);
        else
            enter_run(tables->black_long, T4_BLACK_LONG_BITS, black, black.length - 4u, run);
    }
    for (unsigned i = 0; i < 1u << T4_SEQUENCE_BITS; i++)
        tables->sequences[i] = sequence_of(tables, i);
}

static unsigned look_up_long(const struct t4_tables *tables, const struct t4_bits *bits,
                             unsigned black)
{
    if (black)
        return t4_bits_peek(bits, 4) ? 0 : tables->black_long[t4_bits_peek(bits, 13)];
    return t4_bits_peek(bits, 7) ? 0 : tables->white_long[t4_bits_peek(bits, 12)];
}

/* T.4 §4.2.4, T.6 §2.3: zeros, a one, 111: the rows go on uncompressed. */
static int judge_no_code(const struct t4_bits *bits, unsigned code_length)
{
    if (t4_bits_peek(bits, T4_EOL_BITS - 1) == 0)
        return FAX_ETRUNCATED;
    return t4_bits_peek(bits, code_length) == 15 ? FAX_EUNSUPPORTED : FAX_EFORMAT;
}

/* Reads make-up codes and a terminating code. Stops above `room`, which bounds the loop. */
INLINED int read_run(const struct t4_tables *tables, struct t4_bits *bits, unsigned black,
                     uint32_t room, uint32_t *run)
{
    uint32_t total = 0;
    for (;;) {
        unsigned entry = tables->runs[black][t4_bits_peek(bits, T4_RUN_BITS)];
        if (entry == 0 && (entry = look_up_long(tables, bits, black)) == 0)
            return judge_no_code(bits, 12);
        t4_bits_drop(bits, entry & 15);
        total += entry >> 4;
        if (total > room)
            return FAX_EFORMAT;
        if (entry >> 4 < 64)
            break;
        t4_bits_fill(bits);
    }
    *run = total;
    return 0;
}

/* Two changes at one place are none: some encoders write runs of no length. */
INLINED uint32_t push(uint16_t *changes, uint32_t n, uint32_t at, uint32_t width)
{
    if (at >= width)
        return n;
    if (n > 0 && changes[n - 1] == at)
        return n - 1;
    changes[n] = (uint16_t)at;
    return n + 1;
}

static void finish(struct t4_row *row, uint32_t n, uint32_t width)
{
    row->count = n;
    for (unsigned i = 0; i < T4_ROW_SENTINELS; i++)
        row->changes[n + i] = (uint16_t)width;
}

static size_t row_octets(uint32_t width)
{
    return ((size_t)width + FRONT + T4_ROW_SENTINELS) * sizeof(uint16_t);
}

int t4_row_init(struct t4_row *row, uint32_t width)
{
    uint16_t *changes = calloc(1, row_octets(width));
    *row = (struct t4_row){0};
    if (!changes)
        return FAX_ENOMEM;
    row->changes = changes + FRONT;
    finish(row, 0, width);
    return 0;
}

void t4_row_free(struct t4_row *row, uint32_t width)
{
    if (row->changes) {
        OPENSSL_cleanse(row->changes - FRONT, row_octets(width));
        free(row->changes - FRONT);
    }
    *row = (struct t4_row){0};
}

void t4_row_copy(struct t4_row *row, const struct t4_row *from)
{
    memcpy(row->changes, from->changes, (from->count + T4_ROW_SENTINELS) * sizeof *row->changes);
    row->count = from->count;
}

int t4_row_decode_1d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     struct t4_row *row)
{
    struct t4_bits in = *bits;
    uint32_t n = 0, at = 0, run = 0;
    unsigned black = 0;
    int rc = 0;
    while (at < width) {
        t4_bits_fill(&in);
        rc = read_run(tables, &in, black, width - at, &run);
        if (rc < 0)
            break;
        at += run;
        n = push(row->changes, n, at, width);
        black ^= 1;
    }
    *bits = in;
    finish(row, n, width);
    return rc;
}

/* How far a row is decoded: a0, the changes so far, and b1 in the row above (T.4 §4.2.1.1). */
struct progress {
    uint32_t a0, n;
    const uint16_t *b;
};

INLINED int take_horizontal(const struct t4_tables *tables, struct t4_bits *in, uint32_t width,
                            uint16_t *changes, struct progress *p)
{
    uint32_t first = 0, second = 0;
    unsigned black = p->n & 1;
    /* 56 bits hold the sequence before and two codes; make-up codes have their own filling. */
    int rc = read_run(tables, in, black, width - p->a0, &first);
    if (rc < 0)
        return rc;
    rc = read_run(tables, in, black ^ 1, width - p->a0 - first, &second);
    if (rc < 0)
        return rc;
    p->n = push(changes, p->n, p->a0 + first, width);
    p->a0 += first + second;
    p->n = push(changes, p->n, p->a0, width);
    while (*p->b <= p->a0 && p->a0 < width)
        p->b += 2;
    return 0;
}

INLINED void take_pass(struct progress *p)
{
    p->a0 = p->b[1];
    p->b += 2;
}

INLINED int take_vertical(int shift, uint32_t width, const uint16_t *first_above, uint16_t *changes,
                          struct progress *p)
{
    uint32_t a1 = *p->b + (uint32_t)shift;
    if (a1 - p->a0 > width - p->a0) /* left of a0 or beyond the row */
        return FAX_EFORMAT;
    p->n = push(changes, p->n, a1, width);
    p->a0 = a1;
    if (a1 >= width)
        return 0;
    /* After a step to the left the change before b1 may lie right of the new a0. */
    if (shift < 0 && p->b > first_above && p->b[-1] > a1)
        p->b--;
    else
        p->b++;
    while (*p->b <= a1)
        p->b += 2;
    return 0;
}

/* One code, whatever it is and wherever it leads. */
INLINED int take_code(const struct t4_tables *tables, struct t4_bits *in, uint32_t width,
                      const uint16_t *first_above, uint16_t *changes, struct progress *p)
{
    struct t4_mode_entry entry = tables->modes[t4_bits_peek(in, T4_MODE_BITS)];
    t4_bits_drop(in, entry.length);
    switch (entry.mode) {
    case T4_MODE_VERTICAL:
        return take_vertical(entry.shift, width, first_above, changes, p);
    case T4_MODE_HORIZONTAL:
        return take_horizontal(tables, in, width, changes, p);
    case T4_MODE_PASS:
        take_pass(p);
        return 0;
    default:
        return judge_no_code(in, 10);
    }
}

INLINED uint64_t load_lanes(const uint16_t *from)
{
    uint64_t w;
    memcpy(&w, from, sizeof w);
    return LANE_ORDER(w);
}

INLINED void store_lanes(uint16_t *to, uint64_t w)
{
    const uint64_t ordered = LANE_ORDER(w);
    memcpy(to, &ordered, sizeof ordered);
}

/* Takes the vertical codes of a sequence at once, four lanes of 16 bits beside each other, where
 * each leads to where it most often does: right of the one before it and of the change above that
 * lies before its b1, and left of the next change above, which is its successor's b1 then. As the
 * row above ends with its width, nothing beyond the row passes. Returns false when one does not,
 * and takes none. */
INLINED bool take_sequence(const struct t4_sequence *sequence, uint16_t *changes,
                           struct progress *p)
{
    /* Places are 3 too high, so that none is below 0. A lane's top bit stays set by a subtraction
     * that is not below 0, so that lanes do not borrow from each other. */
    uint64_t at = load_lanes(p->b) + sequence->shifts;
    uint64_t fits = ((load_lanes(p->b + 1) + 2 * LANE_ONES) | LANE_TOPS) - at;
    fits &= (at | LANE_TOPS) - (load_lanes(p->b - 1) + 3 * LANE_ONES);
    fits &= (at | LANE_TOPS) - ((at << 16 | (p->a0 + 3)) + (LANE_ONES - (p->n == 0)));
    if (~fits & LANE_TOPS & lanes_in_use[sequence->count])
        return false;
    at -= 3 * LANE_ONES;
    store_lanes(changes + p->n, at);
    p->n += sequence->count;
    p->b += sequence->count;
    if (sequence->count > 0)
        p->a0 = (uint16_t)(at >> 16 * (sequence->count - 1u));
    return true;
}

/* Takes sequences as long as 56 bits hold one more and the two codes of horizontal mode: to fill
 * the window takes about as long as to take a sequence. Returns the mode of the code that
 * comes next, which is taken but for its runs; T4_MODE_VERTICAL: one that is not taken at all. */
INLINED enum t4_mode take_sequences(const struct t4_tables *tables, struct t4_bits *in,
                                    uint16_t *changes, struct progress *p)
{
    for (unsigned i = 0; i < SEQUENCES_A_FILL; i++) {
        const struct t4_sequence *sequence = &tables->sequences[t4_bits_peek(in, T4_SEQUENCE_BITS)];
        if (!take_sequence(sequence, changes, p))
            return T4_MODE_VERTICAL;
        t4_bits_drop(in, sequence->bits);
        if (sequence->next != T4_MODE_NONE)
            return sequence->next;
    }
    return T4_MODE_NONE;
}

int t4_row_decode_2d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     const struct t4_row *above, struct t4_row *row)
{
    struct t4_bits in = *bits;
    uint16_t *changes = row->changes;
    struct progress p = {.b = above->changes};
    int rc = 0;
    while (p.a0 < width && rc == 0) {
        t4_bits_fill(&in);
        enum t4_mode next = take_sequences(tables, &in, changes, &p);
        if (next == T4_MODE_HORIZONTAL)
            rc = take_horizontal(tables, &in, width, changes, &p);
        else if (next == T4_MODE_PASS)
            take_pass(&p);
        else if (next == T4_MODE_VERTICAL)
            rc = take_code(tables, &in, width, above->changes, changes, &p);
    }
    *bits = in;
    finish(row, p.n, width);
    return rc;
}

/* Each bit becomes the sum, modulo 2, of those from the highest down to itself. */
static inline uint64_t sum_from_the_left(uint64_t x)
{
    x ^= x >> 1;
    x ^= x >> 2;
    x ^= x >> 4;
    x ^= x >> 8;
    x ^= x >> 16;
    return x ^ x >> 32;
}

/* The changes are set as single bits first; a pixel is black when their number up to it is odd. So
 * there is no branch that depends on where a run ends. */
void t4_row_paint(const struct t4_row *row, uint8_t *octets)
{
    uint64_t *words = (void *)octets;
    const uint16_t *changes = row->changes;
    if (row->count == 0)
        return;
    uint32_t last =
        row->count - 1 + (row->count & 1); /* an odd last run ends at the first sentinel */
    for (uint32_t i = 0; i < last; i++)
        words[changes[i] / 64] ^= LEFTMOST >> changes[i] % 64;
    if (changes[last] % 64) /* else it lies behind the last word */
        words[changes[last] / 64] ^= LEFTMOST >> changes[last] % 64;
    uint64_t black = 0;
    for (uint32_t i = changes[0] / 64u; i <= (changes[last] - 1u) / 64; i++) {
        uint64_t word = words[i] ? sum_from_the_left(words[i]) ^ black : black;
        words[i] = htobe64(word);
        black = 0 - (word & 1);
    }
}
