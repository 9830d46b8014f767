#include "codecs/t4_decode.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t4_codes.h"
#include "codecs/t4_rows.h"
#include "codecs/wiped_buffer.h"

enum { DEFAULT_MAX_ROWS = 10000, FIRST_ROWS = 2304 };

struct decoder {
    struct t4_tables tables;
    struct t4_bits bits;
    uint8_t *input;
    uint32_t width, max_rows, max_bad_rows;
    struct t4_row row, above;
    struct raster *out;
    struct t4_report *report;
    bool two_dimensional, seen_eol;
    bool needs_1d; /* T.4 2-D: the row above is a substitute, no row can build on it */
};

static bool only_zeros_left(const struct t4_bits *bits)
{
    if (bits->count && bits->window >> (64 - bits->count))
        return false;
    for (size_t i = bits->next; i < bits->length; i++)
        if (bits->data[i])
            return false;
    return true;
}

static void swap_rows(struct decoder *d)
{
    struct t4_row t = d->row;
    d->row = d->above;
    d->above = t;
}

static int make_room(struct decoder *d)
{
    struct raster *out = d->out;
    if (out->height >= d->max_rows)
        return FAX_ELIMIT;
    if (out->height < out->row_capacity)
        return 0;
    uint32_t rows = out->height < FIRST_ROWS ? FIRST_ROWS : out->height * 2;
    return raster_reserve(out, rows < d->max_rows ? rows : d->max_rows);
}

/* Adds d->row to the raster; it becomes the row above. */
static int keep_row(struct decoder *d)
{
    struct raster *out = d->out;
    int rc = make_room(d);
    if (rc < 0)
        return rc;
    t4_row_paint(&d->row, out->rows + out->height * out->stride);
    out->height++;
    swap_rows(d);
    return 0;
}

/* Takes zeros and the one behind at least eleven of them, wherever it comes; the fill before an EOL
 * (T.4 §4.1.3) has any length. Leaves the bits alone where there is no EOL. */
static bool take_eol(struct t4_bits *bits)
{
    struct t4_bits in = *bits;
    unsigned zeros = 0;
    t4_bits_fill(&in);
    while (in.window >> (64 - in.count) == 0) {
        if (in.next >= in.length)
            return false;
        zeros = T4_EOL_BITS; /* 56 and more */
        t4_bits_drop(&in, in.count);
        t4_bits_fill(&in);
    }
    unsigned lead = (unsigned)__builtin_clzll(in.window);
    if (zeros + lead < T4_EOL_BITS - 1)
        return false;
    t4_bits_drop(&in, lead + 1);
    *bits = in;
    return true;
}

/* Goes to the next EOL after an error, without taking it. False where none is left. */
static bool seek_eol(struct t4_bits *bits)
{
    while (bits->next - bits->count / 8 < bits->length) {
        t4_bits_fill(bits);
        unsigned lead = bits->window ? (unsigned)__builtin_clzll(bits->window) : 64;
        if (lead >= T4_EOL_BITS - 1)
            break;
        t4_bits_drop(bits, lead + 1);
    }
    struct t4_bits probe = *bits;
    return take_eol(&probe);
}

/* What a row was that was decoded with the result `rc`: zeros are its end only where nothing
 * follows. */
static int judge_row(const struct t4_bits *bits, int rc)
{
    if (t4_bits_overrun(bits))
        return FAX_ETRUNCATED;
    return rc == FAX_ETRUNCATED && !only_zeros_left(bits) ? FAX_EFORMAT : rc;
}

/* Below a white row a single V0 is a white row as well. */
static int take_white_rows(struct decoder *d)
{
    while (d->above.count == 0) {
        t4_bits_fill(&d->bits);
        if (t4_bits_peek(&d->bits, 1) == 0)
            break;
        t4_bits_drop(&d->bits, 1);
        int rc = t4_bits_overrun(&d->bits) ? FAX_ETRUNCATED : make_room(d);
        if (rc < 0)
            return rc;
        d->out->height++; /* rows of a raster are white until they are painted */
    }
    return 0;
}

/* T.6: rows until EOFB, the end of the data, or an error. */
static int decode_t6(struct decoder *d)
{
    for (;;) {
        int white = take_white_rows(d);
        if (white < 0)
            return white;
        size_t start = t4_bits_position(&d->bits);
        int rc = t4_row_decode_2d(&d->tables, &d->bits, d->width, &d->above, &d->row);
        if (rc == FAX_ETRUNCATED && t4_bits_position(&d->bits) == start) {
            if (t4_bits_peek(&d->bits, 2 * T4_EOL_BITS) == 0x001001) {
                t4_bits_drop(&d->bits, 2 * T4_EOL_BITS);
                d->report->end = T4_END_EOFB;
                return 0;
            }
            if (only_zeros_left(&d->bits)) {
                d->report->end = T4_END_DATA;
                return 0;
            }
        }
        rc = judge_row(&d->bits, rc);
        if (rc == 0)
            rc = keep_row(d);
        if (rc < 0)
            return rc;
    }
}

/* Puts the row above in the place of a damaged one; `cause` is returned when that is one too many.
 */
static int keep_bad_row(struct decoder *d, int cause)
{
    if (d->report->bad_rows >= d->max_bad_rows)
        return cause;
    t4_row_copy(&d->row, &d->above);
    d->report->bad_rows++;
    d->needs_1d = true;
    return keep_row(d);
}

/* Decodes the row that an EOL announced, and checks that EOL or the end follows. */
static int decode_t4_row(struct decoder *d, bool tagged_1d)
{
    int rc;
    struct t4_bits *bits = &d->bits;
    if (tagged_1d) {
        rc = t4_row_decode_1d(&d->tables, bits, d->width, &d->row);
        if (rc == 0)
            d->needs_1d = false;
    } else if (d->needs_1d) {
        rc = FAX_EFORMAT;
    } else {
        rc = t4_row_decode_2d(&d->tables, bits, d->width, &d->above, &d->row);
    }
    rc = judge_row(bits, rc);
    struct t4_bits probe = *bits;
    if (rc == 0 && !take_eol(&probe) && !only_zeros_left(bits))
        rc = FAX_EFORMAT;
    return rc < 0 ? keep_bad_row(d, rc) : keep_row(d);
}

/* Takes all EOLs at this place, with their tags. Returns how many. */
static unsigned take_eols(struct decoder *d, bool *tagged_1d)
{
    unsigned eols = 0;
    while (eols < T4_EOLS_OF_RTC && take_eol(&d->bits)) {
        eols++;
        if (!d->two_dimensional)
            continue;
        t4_bits_fill(&d->bits);
        *tagged_1d = t4_bits_peek(&d->bits, 1) == 1;
        t4_bits_drop(&d->bits, 1);
    }
    return eols;
}

/* T.4: EOL and row in turn until RTC, the end of the data, or one error too many. */
static int decode_t4(struct decoder *d)
{
    bool first = true;
    d->needs_1d = true;
    for (;; first = false) {
        bool tagged_1d = true;
        unsigned eols = take_eols(d, &tagged_1d);
        t4_bits_fill(&d->bits);
        if (eols == T4_EOLS_OF_RTC || (eols > 1 && only_zeros_left(&d->bits))) {
            d->report->end = T4_END_RTC;
            return 0;
        }
        /* Without EOL here is the rest of a bad row, and maybe another row behind it. */
        if (only_zeros_left(&d->bits) || (eols == 0 && !first && !seek_eol(&d->bits))) {
            d->report->end = T4_END_DATA;
            return 0;
        }
        int rc = 0;
        if (eols > 1) /* an empty row: an RTC that is none */
            rc = keep_bad_row(d, FAX_EFORMAT);
        if (rc == 0 && (eols > 0 || first))
            rc = decode_t4_row(d, tagged_1d);
        if (rc < 0)
            return rc;
    }
}

static int decode(struct decoder *d, enum page_coding coding)
{
    t4_tables_build(&d->tables);
    int rc = coding == PAGE_CODING_T6 ? decode_t6(d) : decode_t4(d);
    size_t octets = (t4_bits_position(&d->bits) + 7) / 8;
    if (octets > d->bits.length)
        octets = d->bits.length;
    d->report->rows = d->out->height;
    if (rc == 0 && d->out->height == 0)
        rc = FAX_EEMPTY;
    if (rc == 0)
        d->report->end_offset = d->report->end == T4_END_DATA ? d->bits.length : octets;
    else
        d->report->error_offset = octets;
    return rc;
}

/* The reader wants zeros behind the data, and the most significant bit first. */
static uint8_t *copy_input(const uint8_t *data, size_t length, bool lsb_first)
{
    uint8_t *copy = malloc(length + T4_BITS_PADDING);
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, data, length);
    memset(copy + length, 0, T4_BITS_PADDING);
    for (size_t i = 0; lsb_first && i < length; i += sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, copy + i, sizeof w);
        w = t4_bits_mirror(w);
        memcpy(copy + i, &w, sizeof w);
    }
    return copy;
}

static int prepare(struct decoder *d, const uint8_t *data, bool lsb_first)
{
    d->input = copy_input(data, d->bits.length, lsb_first);
    d->bits.data = d->input;
    if (!d->input || t4_row_init(&d->row, d->width) || t4_row_init(&d->above, d->width))
        return FAX_ENOMEM;
    return raster_init(d->out, d->width, 0);
}

static void drop(struct decoder *d)
{
    wiped_free(d->input, d->bits.length);
    t4_row_free(&d->row, d->width);
    t4_row_free(&d->above, d->width);
    OPENSSL_cleanse(&d->bits, sizeof d->bits);
}

int t4_decode(const uint8_t *data, size_t length, const struct page_format *format,
              const struct t4_limits *limits, struct raster *out, struct t4_report *report)
{
    struct t4_report unused;
    if (!report)
        report = &unused;
    *report = (struct t4_report){0};
    *out = (struct raster){0};
    if (!page_coding_is_known(format->coding) || format->coding == PAGE_CODING_T85 ||
        format->width == 0 || format->width > RASTER_WIDTH_MAX || length > SIZE_MAX / 16)
        return FAX_EINVAL;
    struct decoder d = {
        .bits.length = length,
        .width = format->width,
        .max_rows = limits && limits->max_rows ? limits->max_rows : DEFAULT_MAX_ROWS,
        .max_bad_rows = limits ? limits->max_bad_rows : 0,
        .out = out,
        .report = report,
        .two_dimensional = format->coding == PAGE_CODING_T4_2D,
    };
    if (d.max_rows > RASTER_ROWS_MAX)
        d.max_rows = RASTER_ROWS_MAX;
    int rc = prepare(&d, data, format->lsb_first);
    if (rc == 0)
        rc = decode(&d, format->coding);
    drop(&d);
    if (rc < 0)
        raster_free(out);
    return rc;
}
