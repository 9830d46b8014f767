#include "codecs/t6_top.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t4_bits.h"
#include "codecs/t4_encode.h"
#include "codecs/t4_rows.h"
#include "codecs/wiped_buffer.h"

enum { EOFB_BITS = 24, WORD = sizeof(uint64_t) };

static void mirror(uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i += WORD) { /* the buffers have room for whole words */
        uint64_t w;
        memcpy(&w, octets + i, sizeof w);
        w = t4_bits_mirror(w);
        memcpy(octets + i, &w, sizeof w);
    }
}

static uint8_t *padded_copy(const struct coded_page *page)
{
    uint8_t *copy = malloc(page->length + T4_BITS_PADDING);
    if (!copy)
        return NULL;
    if (page->length)
        memcpy(copy, page->data, page->length);
    memset(copy + page->length, 0, T4_BITS_PADDING);
    if (page->format.lsb_first)
        mirror(copy, page->length);
    memset(copy + page->length, 0, T4_BITS_PADDING);
    return copy;
}

static int decode_rows(struct t4_bits *bits, struct t4_row *row, struct t4_row *above,
                       struct raster *top)
{
    struct t4_tables tables;
    t4_tables_build(&tables);
    for (uint32_t y = 0; y < top->height; y++) {
        int rc = t4_row_decode_2d(&tables, bits, top->width, above, row);
        if (rc == 0 && t4_bits_overrun(bits))
            rc = FAX_ETRUNCATED;
        if (rc < 0)
            return rc;
        t4_row_paint(row, raster_row(top, y));
        struct t4_row spare = *above;
        *above = *row;
        *row = spare;
    }
    return 0;
}

/* Decodes the rows of `top`. *taken gets the bits that they have. */
static int decode_top(const uint8_t *input, size_t length, struct raster *top, size_t *taken)
{
    struct t4_row row = {0}, above = {0};
    struct t4_bits bits = {.data = input, .length = length};
    int rc = t4_row_init(&row, top->width);
    if (rc == 0)
        rc = t4_row_init(&above, top->width);
    if (rc == 0)
        rc = decode_rows(&bits, &row, &above, top);
    *taken = t4_bits_position(&bits);
    t4_row_free(&row, top->width);
    t4_row_free(&above, top->width);
    return rc;
}

/* Up to the last bit that is set, which is that of an EOFB if there is one. */
static size_t bits_of(const uint8_t *data, size_t length)
{
    while (length > 0 && data[length - 1] == 0)
        length--;
    return length == 0 ? 0 : length * 8 - (size_t)__builtin_ctz(data[length - 1]);
}

/* Writes the bits of `from` from bit `skip` on behind the first `used` bits of `to`, whose rest is
 * zero. `from` has padding behind its end, `to` room for a word more. */
static void append_bits(uint8_t *to, size_t used, const uint8_t *from, size_t skip, size_t bits)
{
    for (size_t done = 0; done < bits;) {
        uint64_t w, out;
        size_t at = skip + done, free_bits = 56 - used % 8;
        memcpy(&w, from + at / 8, sizeof w);
        w = be64toh(w) << at % 8; /* 57 valid bits at least */
        memcpy(&out, to + used / 8, sizeof out);
        out = be64toh(out);
        size_t n = bits - done < free_bits ? bits - done : free_bits;
        w &= ~(UINT64_MAX >> n);
        out |= w >> used % 8;
        out = htobe64(out);
        memcpy(to + used / 8, &out, sizeof out);
        used += n;
        done += n;
    }
}

/* The coded top, then all that follows the rows it stands for. */
static int join(const struct coded_page *top, const uint8_t *rest, size_t skip, size_t length,
                struct coded_page *out)
{
    size_t used = bits_of(top->data, top->length) - EOFB_BITS, end = bits_of(rest, length);
    size_t bits = end > skip ? end - skip : length * 8 - skip;
    size_t octets = (used + bits + 7) / 8;
    uint8_t *data = calloc(1, octets + 2 * (size_t)WORD);
    if (!data)
        return FAX_ENOMEM;
    memcpy(data, top->data, (used + 7) / 8);
    if (used % 8)
        data[used / 8] &= (uint8_t)(0xFF << (8 - used % 8));
    append_bits(data, used, rest, skip, bits);
    if (out->format.lsb_first)
        mirror(data, octets);
    out->data = data;
    out->length = octets;
    return 0;
}

int t6_change_top(const struct coded_page *page, uint32_t rows, t6_top_cb *change, void *user,
                  bool lsb_first, struct coded_page *out)
{
    const struct page_format format = {.coding = PAGE_CODING_T6};
    struct coded_page coded = {0};
    struct raster top = {0};
    size_t taken = 0;
    *out = (struct coded_page){0};
    if (page->format.coding != PAGE_CODING_T6)
        return FAX_EUNSUPPORTED;
    uint8_t *input = padded_copy(page);
    int rc = input ? raster_init(&top, page->format.width, rows + 1) : FAX_ENOMEM;
    if (rc == 0)
        rc = decode_top(input, page->length, &top, &taken);
    if (rc == 0)
        rc = change(user, &top);
    if (rc == 0)
        rc = t4_encode_page(&top, &format, &coded);
    if (rc == 0) {
        out->format = page->format;
        out->format.lsb_first = lsb_first;
        out->format.height = page->format.height + top.height - (rows + 1);
        rc = join(&coded, input, taken, page->length, out);
    }
    wiped_free(input, page->length);
    coded_page_free(&coded);
    raster_free(&top);
    if (rc < 0)
        *out = (struct coded_page){0};
    return rc;
}
