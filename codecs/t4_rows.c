#include "codecs/t4_rows.h"

#include "codecs/fax_error.h"
#include "codecs/t4_codes.h"

/* T.4 table 4: the modes, by the next seven bits. */
enum mode { MODE_VERTICAL, MODE_PASS, MODE_HORIZONTAL, MODE_EXTENSION, MODE_NONE };

struct mode_entry {
    uint8_t mode, length;
    int8_t shift; /* of vertical mode: right is positive */
};

static struct mode_entry look_up_mode(unsigned seven_bits)
{
    static const struct mode_entry small[16] = {
        [0] = {MODE_NONE, 0, 0},     [1] = {MODE_EXTENSION, 7, 0}, [2] = {MODE_VERTICAL, 7, -3},
        [3] = {MODE_VERTICAL, 7, 3}, [4] = {MODE_VERTICAL, 6, -2}, [5] = {MODE_VERTICAL, 6, -2},
        [6] = {MODE_VERTICAL, 6, 2}, [7] = {MODE_VERTICAL, 6, 2},  [8] = {MODE_PASS, 4, 0},
        [9] = {MODE_PASS, 4, 0},     [10] = {MODE_PASS, 4, 0},     [11] = {MODE_PASS, 4, 0},
        [12] = {MODE_PASS, 4, 0},    [13] = {MODE_PASS, 4, 0},     [14] = {MODE_PASS, 4, 0},
        [15] = {MODE_PASS, 4, 0},
    };
    static const struct mode_entry large[8] = {
        [0] = {MODE_NONE, 0, 0},     [1] = {MODE_HORIZONTAL, 3, 0}, [2] = {MODE_VERTICAL, 3, -1},
        [3] = {MODE_VERTICAL, 3, 1}, [4] = {MODE_VERTICAL, 1, 0},   [5] = {MODE_VERTICAL, 1, 0},
        [6] = {MODE_VERTICAL, 1, 0}, [7] = {MODE_VERTICAL, 1, 0},
    };
    return seven_bits < 16 ? small[seven_bits] : large[seven_bits >> 4];
}

/* Enters a code of `length` bits at every index of `width` bits that begins with it. */
static void enter(uint16_t *table, unsigned width, unsigned bits, unsigned length, unsigned run,
                  unsigned full_length)
{
    unsigned free_bits = width - length, first = bits << free_bits;
    for (unsigned i = 0; i < 1u << free_bits; i++)
        table[first + i] = (uint16_t)(run << 4 | full_length);
}

void t4_tables_build(struct t4_tables *tables)
{
    *tables = (struct t4_tables){0};
    for (unsigned i = 0; i < T4_RUN_CODES; i++) {
        unsigned run = i < 64 ? i : (i - 63) * 64;
        struct t4_code white = t4_white_codes[i], black = t4_black_codes[i];
        if (white.length <= T4_WHITE_BITS)
            enter(tables->white, T4_WHITE_BITS, white.bits, white.length, run, white.length);
        else
            enter(tables->extended, 5, white.bits, white.length - 7u, run, white.length);
        if (black.length <= T4_BLACK_BITS)
            enter(tables->black, T4_BLACK_BITS, black.bits, black.length, run, black.length);
        else
            enter(tables->black_long, T4_LONG_BITS, black.bits, black.length - 4u, run,
                  black.length);
    }
}

static inline unsigned look_up_white(const struct t4_tables *tables, const struct t4_bits *bits)
{
    unsigned entry = tables->white[t4_bits_peek(bits, T4_WHITE_BITS)];
    if (entry == 0 && t4_bits_peek(bits, 7) == 0)
        entry = tables->extended[t4_bits_peek(bits, 12)];
    return entry;
}

static inline unsigned look_up_black(const struct t4_tables *tables, const struct t4_bits *bits)
{
    unsigned entry = tables->black[t4_bits_peek(bits, T4_BLACK_BITS)];
    if (entry == 0 && t4_bits_peek(bits, 4) == 0)
        entry = tables->black_long[t4_bits_peek(bits, T4_CODE_BITS_MAX)];
    return entry;
}

/* T.4 §4.2.4, T.6 §2.3: zeros, a one, 111: the rows go on uncompressed. */
static int judge_no_code(const struct t4_bits *bits, unsigned code_length)
{
    return t4_bits_peek(bits, code_length) == 15 ? FAX_EUNSUPPORTED : FAX_EFORMAT;
}

/* Reads a run of make-up codes and a terminating code. Stops above `room`, which bounds the loop.
 */
static inline int read_run(const struct t4_tables *tables, struct t4_bits *bits, unsigned black,
                           uint32_t room, uint32_t *run)
{
    uint32_t total = 0;
    for (;;) {
        t4_bits_fill(bits);
        unsigned entry = black ? look_up_black(tables, bits) : look_up_white(tables, bits);
        if (entry == 0)
            return judge_no_code(bits, 12);
        t4_bits_drop(bits, entry & 15);
        total += entry >> 4;
        if (total > room)
            return FAX_EFORMAT;
        if (entry >> 4 < 64)
            break;
    }
    *run = total;
    return 0;
}

/* Two changes at one place are none: some encoders write runs of no length. */
static inline uint32_t push(uint32_t *changes, uint32_t n, uint32_t at, uint32_t width)
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

/* The changes of a row so far, and the place in the row above; b stands at b1 (T.4 §4.2.1.1). */
struct row_state {
    uint32_t a0, n;
    const uint32_t *b;
};

/* The next change above of the other colour, right of a0. The sentinels end the search. */
static inline const uint32_t *seek_b1(const uint32_t *b, uint32_t a0)
{
    while (*b <= a0)
        b += 2;
    return b;
}

static inline int take_horizontal(const struct t4_tables *tables, struct t4_bits *in,
                                  uint32_t width, uint32_t *changes, struct row_state *s)
{
    uint32_t first = 0, second = 0;
    unsigned black = s->n & 1;
    int rc = read_run(tables, in, black, width - s->a0, &first);
    if (rc < 0)
        return rc;
    rc = read_run(tables, in, !black, width - s->a0 - first, &second);
    if (rc < 0)
        return rc;
    s->n = push(changes, s->n, s->a0 + first, width);
    s->a0 += first + second;
    s->n = push(changes, s->n, s->a0, width);
    if (s->a0 < width)
        s->b = seek_b1(s->b, s->a0);
    return 0;
}

static inline int take_vertical(int shift, uint32_t width, const uint32_t *first_above,
                                uint32_t *changes, struct row_state *s)
{
    int64_t a1 = (int64_t)*s->b + shift;
    if (a1 < s->a0 || a1 > width)
        return FAX_EFORMAT;
    s->a0 = (uint32_t)a1;
    s->n = push(changes, s->n, s->a0, width);
    /* After a step to the left the change before b1 may lie right of the new a0. */
    s->b += shift < 0 && s->b > first_above ? -1 : 1;
    if (s->a0 < width)
        s->b = seek_b1(s->b, s->a0);
    return 0;
}

/* Takes up to `ones` V0 codes at once: each copies a change from above. Returns how many fitted. */
static inline unsigned take_v0(unsigned ones, uint32_t width, uint32_t *changes,
                               struct row_state *s)
{
    const uint32_t *b = s->b;
    uint32_t n = s->n;
    unsigned used = 0;
    while (used < ones) {
        uint32_t at = *b;
        used++;
        s->a0 = at;
        if (at >= width)
            break;
        changes[n++] = at;
        b++;
    }
    s->b = b;
    s->n = n;
    return used;
}

static inline unsigned count_ones(const struct t4_bits *in)
{
    uint64_t inverse = ~in->window;
    unsigned ones = inverse ? (unsigned)__builtin_clzll(inverse) : 64;
    return ones < in->count ? ones : in->count;
}

int t4_row_decode_2d(const struct t4_tables *tables, struct t4_bits *bits, uint32_t width,
                     const struct t4_row *above, struct t4_row *row)
{
    struct t4_bits in = *bits;
    uint32_t *changes = row->changes;
    struct row_state s = {.b = above->changes};
    int rc = 0;
    while (s.a0 < width && rc == 0) {
        t4_bits_fill(&in);
        unsigned ones = count_ones(&in);
        if (ones > 0) {
            unsigned used = take_v0(ones < 63 ? ones : 63, width, changes, &s);
            t4_bits_drop(&in, used);
            continue;
        }
        struct mode_entry entry = look_up_mode(t4_bits_peek(&in, 7));
        if (entry.mode == MODE_NONE || entry.mode == MODE_EXTENSION) {
            rc = judge_no_code(&in, 10);
            break;
        }
        t4_bits_drop(&in, entry.length);
        if (entry.mode == MODE_HORIZONTAL) {
            rc = take_horizontal(tables, &in, width, changes, &s);
        } else if (entry.mode == MODE_VERTICAL) {
            rc = take_vertical(entry.shift, width, above->changes, changes, &s);
        } else {
            s.a0 = s.b[1];
            if (s.a0 < width)
                s.b = seek_b1(s.b, s.a0);
        }
    }
    *bits = in;
    finish(row, s.n, width);
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
