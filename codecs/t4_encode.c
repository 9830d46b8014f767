#include "codecs/t4_encode.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t4_bits.h"
#include "codecs/t4_codes.h"
#include "codecs/wiped_buffer.h"

enum { SENTINELS = 4, FIRST_OCTETS = 65536 };

/* Columns where the colour changes, beginning with white; then SENTINELS times the width. */
struct changes {
    uint32_t *at;
    uint32_t count;
};

struct encoder {
    struct wiped_buffer buffer;
    uint8_t *to; /* next octet to be written, inside buffer */
    uint64_t window;
    unsigned used; /* bits in window, on top; below 32 between calls */
    bool lsb_first;
    uint32_t width;
    struct changes row, above;
};

/* At most 25 bits. */
static inline void put(struct encoder *e, unsigned bits, unsigned length)
{
    e->window |= (uint64_t)bits << (64 - e->used - length);
    e->used += length;
    if (e->used < 32)
        return;
    uint64_t w = htobe64(e->lsb_first ? t4_bits_mirror(e->window) : e->window);
    memcpy(e->to, &w, sizeof w);
    e->to += e->used / 8;
    e->window <<= e->used & 56;
    e->used &= 7;
}

static inline void put_run(struct encoder *e, const struct t4_code *codes, uint32_t run)
{
    while (run >= T4_LONGEST_MAKE_UP + 64) {
        put(e, codes[T4_RUN_CODES - 1].bits, codes[T4_RUN_CODES - 1].length);
        run -= T4_LONGEST_MAKE_UP;
    }
    if (run >= 64) {
        put(e, codes[63 + run / 64].bits, codes[63 + run / 64].length);
        run %= 64;
    }
    put(e, codes[run].bits, codes[run].length);
}

static void put_ones(struct encoder *e, uint32_t n)
{
    for (; n > 24; n -= 24)
        put(e, 0xFFFFFF, 24);
    put(e, (1u << n) - 1, n);
}

static void find_changes(const uint8_t *octets, size_t stride, uint32_t width, struct changes *out)
{
    uint64_t before = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < stride / 8; i++) {
        uint64_t w;
        memcpy(&w, octets + (size_t)i * 8, sizeof w);
        w = be64toh(w);
        uint64_t edges = w ^ (w >> 1 | before << 63);
        before = w & 1;
        while (edges) {
            unsigned k = (unsigned)__builtin_clzll(edges);
            out->at[n++] = i * 64 + k;
            edges ^= 1ull << (63 - k);
        }
    }
    /* A last black pixel makes a change at the width. */
    while (n > 0 && out->at[n - 1] >= width)
        n--;
    for (uint32_t i = 0; i < SENTINELS; i++)
        out->at[n + i] = width;
    out->count = n;
}

static void encode_row_1d(struct encoder *e)
{
    uint32_t at = 0;
    for (uint32_t i = 0; at < e->width; i++) {
        uint32_t next = e->row.at[i];
        put_run(e, i & 1 ? t4_black_codes : t4_white_codes, next - at);
        at = next;
    }
}

/* V0 again and again while the changes agree with those above. */
static inline void put_equal(struct encoder *e, const uint32_t **a, const uint32_t **b,
                             uint32_t *a0)
{
    uint32_t ones = 0;
    do {
        ones++;
        *a0 = **a;
        ++*a;
        ++*b;
    } while (*a0 < e->width && **a == **b);
    put_ones(e, ones);
}

static inline void put_horizontal(struct encoder *e, const uint32_t *a, uint32_t a0)
{
    bool black = (a - e->row.at) & 1;
    put(e, 1, 3);
    put_run(e, black ? t4_black_codes : t4_white_codes, a[0] - a0);
    put_run(e, black ? t4_white_codes : t4_black_codes, a[1] - a[0]);
}

/* T.4 §4.2.1.3: the coding procedure; a stands at a1, b at b1. */
static void encode_row_2d(struct encoder *e)
{
    static const struct t4_code vertical[7] = {{2, 7}, {2, 6}, {2, 3}, {1, 1},
                                               {3, 3}, {3, 6}, {3, 7}};
    const uint32_t *a = e->row.at, *b = e->above.at;
    uint32_t a0 = 0;
    while (a0 < e->width) {
        int64_t shift = (int64_t)*a - *b;
        if (shift == 0) {
            put_equal(e, &a, &b, &a0);
        } else if (b[1] < *a) {
            put(e, 1, 4);
            a0 = b[1];
        } else if (shift >= -3 && shift <= 3) {
            put(e, vertical[shift + 3].bits, vertical[shift + 3].length);
            a0 = *a++;
            b += shift < 0 && b > e->above.at ? -1 : 1;
        } else {
            put_horizontal(e, a, a0);
            a0 = a[1];
            a += 2;
        }
        if (a0 < e->width)
            while (*b <= a0)
                b += 2;
    }
}

static int start_row(struct encoder *e, const struct raster *page, uint32_t y)
{
    struct changes spare = e->above;
    e->above = e->row;
    e->row = spare;
    find_changes(raster_row_const(page, y), page->stride, page->width, &e->row);
    /* No code takes more than 11 bits a pixel; put writes 8 octets at a time. */
    e->buffer.length = (size_t)(e->to - e->buffer.data);
    int rc = wiped_buffer_reserve(&e->buffer, (size_t)page->width * 2 + 64);
    e->to = e->buffer.data + e->buffer.length;
    return rc;
}

static void put_eol(struct encoder *e, enum page_coding coding, bool next_1d)
{
    put(e, 1, T4_EOL_BITS);
    if (coding == PAGE_CODING_T4_2D)
        put(e, next_1d, 1);
}

static int encode_rows(struct encoder *e, const struct raster *page, enum page_coding coding,
                       uint32_t k)
{
    for (uint32_t y = 0; y < page->height; y++) {
        int rc = start_row(e, page, y);
        if (rc < 0)
            return rc;
        bool one_dimensional =
            coding == PAGE_CODING_T4_1D || (coding == PAGE_CODING_T4_2D && y % k == 0);
        if (coding != PAGE_CODING_T6)
            put_eol(e, coding, one_dimensional);
        if (one_dimensional)
            encode_row_1d(e);
        else
            encode_row_2d(e);
    }
    for (int i = 0; i < (coding == PAGE_CODING_T6 ? 2 : T4_EOLS_OF_RTC); i++)
        put_eol(e, coding, true);
    /* What is left in the window; the zeros behind it fill the last octet. */
    uint64_t w = htobe64(e->lsb_first ? t4_bits_mirror(e->window) : e->window);
    size_t octets = (e->used + 7) / 8;
    memcpy(e->to, &w, octets);
    e->to += octets;
    e->buffer.length = (size_t)(e->to - e->buffer.data);
    return 0;
}

static int prepare(struct encoder *e, size_t change_octets)
{
    e->row.at = malloc(change_octets);
    e->above.at = malloc(change_octets);
    if (!e->row.at || !e->above.at)
        return FAX_ENOMEM;
    /* The row above the first is white. */
    for (int i = 0; i < SENTINELS; i++)
        e->row.at[i] = e->width;
    int rc = wiped_buffer_reserve(&e->buffer, FIRST_OCTETS);
    e->to = e->buffer.data;
    return rc;
}

int t4_encode(const struct raster *page, enum page_coding coding, uint32_t k, bool lsb_first,
              uint8_t **data, size_t *length)
{
    *data = NULL;
    *length = 0;
    if (!page_coding_is_known(coding) || coding == PAGE_CODING_T85 || page->width == 0 ||
        page->height == 0 || (coding == PAGE_CODING_T4_2D && k == 0))
        return FAX_EINVAL;
    struct encoder e = {.lsb_first = lsb_first, .width = page->width};
    size_t change_octets = (page->stride * 8 + SENTINELS) * sizeof(uint32_t);
    int rc = prepare(&e, change_octets);
    if (rc == 0)
        rc = encode_rows(&e, page, coding, k);
    if (rc == 0) {
        *data = e.buffer.data;
        *length = e.buffer.length;
    } else {
        wiped_buffer_free(&e.buffer);
    }
    if (e.row.at)
        OPENSSL_cleanse(e.row.at, change_octets);
    if (e.above.at)
        OPENSSL_cleanse(e.above.at, change_octets);
    free(e.row.at);
    free(e.above.at);
    return rc;
}

uint32_t t4_encode_k(uint16_t y_dpi)
{
    return y_dpi < 150 ? 2 : y_dpi < 300 ? 4 : 8;
}

int t4_encode_page(const struct raster *page, const struct page_format *format,
                   struct coded_page *out)
{
    struct coded_page coded = {.format = *format};
    *out = (struct coded_page){0};
    coded.format.width = page->width;
    coded.format.height = page->height;
    int rc = t4_encode(page, format->coding, t4_encode_k(format->y_dpi), format->lsb_first,
                       &coded.data, &coded.length);
    if (rc == 0)
        *out = coded;
    return rc;
}
