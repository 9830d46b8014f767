#include "codecs/t4_rows.h"

#include "codecs/fax_error.h"
#include "codecs/t4_codes.h"

/* The compiler takes functions with several callers out of line; here that costs half the speed. */
#define INLINED static inline __attribute__((always_inline))

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
INLINED uint32_t push(uint32_t *changes, uint32_t n, uint32_t at, uint32_t width)
{
    if (at >= width)
        return n;
    if (n > 0 && changes[n - 1] == at)
        return n - 1;
    changes[n] = at;
    return n + 1;
}

static void finish(struct t4_row *row, uint32_t n, uint32_t width)
{
    row->count = n;
    for (int i = 0; i < T4_ROW_SENTINELS; i++)
        row->changes[n + (uint32_t)i] = width;
}

void t4_row_clear(struct t4_row *row, uint32_t width)
{
    finish(row, 0, width);
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
    const uint32_t *b;
};

INLINED int take_horizontal(const struct t4_tables *tables, struct t4_bits *in, uint32_t width,
                            uint32_t *changes, struct progress *p)
{
    uint32_t first = 0, second = 0;
    unsigned black = p->n & 1;
    int rc = read_run(tables, in, black, width - p->a0, &first);
    if (rc < 0)
        return rc;
    /* 56 bits hold the mode and two codes, but not a third. */
    t4_bits_fill(in);
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

INLINED int take_vertical(int shift, uint32_t width, const uint32_t *first_above, uint32_t *changes,
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

/* Takes up to `ones` V0 codes at once: each copies a change from above. Returns how many fitted. */
static inline unsigned take_v0(unsigned ones, uint32_t width, uint32_t *changes, struct progress *p)
{
    const uint32_t *b = p->b;
    uint32_t n = p->n;
    unsigned used = 0;
    while (used < ones) {
        uint32_t at = *b;
        used++;
        p->a0 = at;
        if (at >= width)
            break;
        changes[n++] = at;
        b++;
    }
    p->b = b;
    p->n = n;
    return used;
}

int t4_row_decode_2d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     const struct t4_row *above, struct t4_row *row)
{
    struct t4_bits in = *bits;
    uint32_t *changes = row->changes;
    struct progress p = {.b = above->changes};
    int rc = 0;
    while (p.a0 < width && rc == 0) {
        t4_bits_fill(&in);
        if (t4_bits_peek(&in, 8) == 0xFF) {
            unsigned ones = (unsigned)__builtin_clzll(~in.window | 1);
            t4_bits_drop(&in, take_v0(ones < in.count ? ones : in.count, width, changes, &p));
            continue;
        }
        struct t4_mode_entry entry = tables->modes[t4_bits_peek(&in, T4_MODE_BITS)];
        t4_bits_drop(&in, entry.length);
        if (entry.mode == T4_MODE_VERTICAL) {
            rc = take_vertical(entry.shift, width, above->changes, changes, &p);
        } else if (entry.mode == T4_MODE_HORIZONTAL) {
            rc = take_horizontal(tables, &in, width, changes, &p);
        } else if (entry.mode == T4_MODE_PASS) {
            p.a0 = p.b[1];
            p.b += 2;
        } else {
            rc = judge_no_code(&in, 10);
        }
    }
    *bits = in;
    finish(row, p.n, width);
    return rc;
}

static inline void paint_run(uint64_t *words, uint32_t from, uint32_t to)
{
    uint32_t i = from / 64, last = to / 64;
    uint64_t head = UINT64_MAX >> (from % 64);
    uint64_t tail = to % 64 ? ~(UINT64_MAX >> (to % 64)) : 0;
    if (i == last) {
        words[i] |= htobe64(head & tail);
        return;
    }
    words[i++] |= htobe64(head);
    while (i < last)
        words[i++] = UINT64_MAX;
    if (tail)
        words[last] |= htobe64(tail);
}

void t4_row_paint(const struct t4_row *row, uint8_t *octets)
{
    uint64_t *words = (void *)octets;
    /* An odd last run ends at the first sentinel. */
    for (uint32_t i = 0; i < row->count; i += 2)
        paint_run(words, row->changes[i], row->changes[i + 1]);
}
