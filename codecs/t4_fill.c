#include "codecs/t4_fill.h"

#include "codecs/t4_bits.h"
#include "codecs/t4_codes.h"

#include <string.h>

enum {
    ZEROS_OF_EOL = T4_EOL_BITS - 1, /* codes in a row have ten at most */
    AT_ONCE = 32,
};

void t4_fill_begin(struct t4_fill *fill, const uint8_t *data, size_t length,
                   const struct page_format *format, uint32_t least_bits)
{
    *fill = (struct t4_fill){
        .data = data,
        .length = length,
        .least_bits = least_bits,
        .eol_bits = T4_EOL_BITS + (format->coding == PAGE_CODING_T4_2D),
        .lsb_first = format->lsb_first,
    };
}

static unsigned octet_at(const struct t4_fill *f, size_t at)
{
    unsigned octet = f->data[at];
    return f->lsb_first ? octet : (unsigned)t4_bits_mirror(octet);
}

static unsigned zeros_on_top(unsigned octet)
{
    return (unsigned)__builtin_clz(octet) - (unsigned)(sizeof octet - 1) * 8;
}

/* An EOL is known by its zeros, and nothing in the codes looks like it. Its last bit is the first
 * one in an octet, as more zeros than an octet has stand before it; the fill goes there. */
static bool ends_eol(unsigned octet, uint32_t zeros)
{
    return octet != 0 && zeros + (unsigned)__builtin_ctz(octet) >= ZEROS_OF_EOL;
}

/* Octets within a row, of which most are: all that change is where their bits stand. */
static size_t copy_within_row(struct t4_fill *f, uint8_t *octets, size_t capacity)
{
    uint64_t out = f->out;
    uint32_t zeros = f->zeros;
    size_t n = 0, left = f->length - f->at;
    if (capacity > left)
        capacity = left;
    for (; n < capacity; n++) {
        unsigned octet = octet_at(f, f->at + n);
        if (ends_eol(octet, zeros))
            break;
        zeros = octet ? zeros_on_top(octet) : zeros + 8;
        out |= (uint64_t)octet << f->out_bits;
        octets[n] = (uint8_t)out;
        out >>= 8;
    }
    f->at += n;
    f->row_bits += (uint32_t)n * 8;
    f->zeros = zeros;
    f->out = out;
    return n;
}

static void take_octet(struct t4_fill *f)
{
    unsigned octet = octet_at(f, f->at++);
    f->rest = (uint16_t)octet;
    f->rest_bits = 8;
    if (ends_eol(octet, f->zeros)) {
        unsigned first = (unsigned)__builtin_ctz(octet);
        uint32_t row = f->row_bits + first + 1;
        f->fill = row > f->eol_bits && row < f->least_bits ? f->least_bits - row : 0;
        f->row_bits = 7 - first;
    } else {
        f->row_bits += 8;
    }
    f->zeros = octet ? zeros_on_top(octet) : f->zeros + 8;
}

/* Makes more bits ready. Returns false at the end. */
static bool advance(struct t4_fill *f)
{
    if (f->fill > 0) {
        unsigned n = f->fill < AT_ONCE ? f->fill : AT_ONCE;
        f->out_bits += n;
        f->fill -= n;
    } else if (f->rest_bits > 0) {
        f->out |= (uint64_t)f->rest << f->out_bits;
        f->out_bits += f->rest_bits;
        f->rest_bits = 0;
    } else if (f->at < f->length) {
        take_octet(f);
    } else {
        return false;
    }
    return true;
}

static uint8_t next_octet(struct t4_fill *f)
{
    uint8_t octet = (uint8_t)f->out;
    f->out >>= 8;
    f->out_bits = f->out_bits > 8 ? f->out_bits - 8 : 0;
    return octet;
}

size_t t4_fill_read(struct t4_fill *fill, uint8_t *octets, size_t capacity)
{
    size_t n = 0;
    while (n < capacity) {
        if (fill->out_bits < 8 && fill->fill == 0 && fill->rest_bits == 0)
            n += copy_within_row(fill, octets + n, capacity - n);
        if (n == capacity)
            break;
        if (fill->out_bits >= 8 || (!advance(fill) && fill->out_bits > 0))
            octets[n++] = next_octet(fill);
        else if (t4_fill_ended(fill))
            break;
    }
    return n;
}

bool t4_fill_ended(const struct t4_fill *fill)
{
    return fill->at == fill->length && fill->fill == 0 && fill->rest_bits == 0 &&
           fill->out_bits == 0;
}
