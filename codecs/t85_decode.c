#include "codecs/t85_decode.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t85_arith.h"
#include "codecs/t85_bie.h"
#include "codecs/t85_template.h"
#include "codecs/wiped_buffer.h"

enum { DEFAULT_MAX_ROWS = 10000, FIRST_ROWS = 2304, AT_MOVES_MAX = 4, ZEROS_WORTH_IT = 4 };

struct at_move {
    uint32_t row; /* of the stripe, from which it applies */
    uint8_t x;
};

struct t85_decoder {
    const uint8_t *data;
    size_t length, next; /* next: where the next stripe begins */
    struct t85_header header;
    uint32_t max_rows;
    int error; /* the one that ended it */
    struct wiped_buffer stripe;
    struct t85_reader reader;
    struct t85_rows rows;
    uint64_t *words; /* of the three rows */
    size_t row_words;
    uint32_t y, stripe_y, stripe_rows; /* rows so far, of them in this stripe, which has so many */
    struct at_move moves[AT_MOVES_MAX];
    unsigned move_count;
    uint8_t at_x;
    bool typical_before;
    bool reset; /* the stripe before ended with SDRST */
    uint64_t contexts[T85_CONTEXTS];
};

/* Takes white pixels as far as nothing black enters the context (`entering`, the next pixel on
 * top). Returns how many; 0 when that is not worth it or none is certain. */
static inline unsigned take_white(struct t85_reader *d, const uint64_t *contexts, uint64_t entering,
                                  unsigned limit)
{
    unsigned run = entering ? (unsigned)__builtin_clzll(entering) : 64;
    run = run < limit ? run : limit;
    return run >= ZEROS_WORTH_IT ? t85_reader_take_zeros(d, &contexts[0], run) : 0;
}

/* Decodes one row; where the neighbourhood is white, many pixels at a time. */
static inline __attribute__((always_inline)) void decode_row(struct t85_reader *reader,
                                                             uint64_t *contexts,
                                                             const struct t85_rows *rows,
                                                             struct t85_template t, unsigned at_x)
{
    struct t85_reader d = *reader;
    struct t85_history history = {0};
    unsigned context = t85_first_context(t, rows), pixel = 0;
    for (uint32_t x = 0, i = 0; x < rows->width; x += 64, i++) {
        uint64_t row = 0, above = t85_above_word(t, rows, i);
        uint64_t above_that = t85_above_that_word(t, rows, i);
        unsigned count = rows->width - x < 64 ? rows->width - x : 64;
        for (unsigned j = 0; j < count; j++) {
            context = t85_next_context(t, context, pixel, above, above_that, 63 - j);
            if (t.moved)
                context |= t85_history_pixel(&history, at_x) << t85_adaptive_bit(t);
            unsigned run = 0;
            if (context == 0 && (!t.moved || (history.near | history.far) == 0))
                run = take_white(&d, contexts, (above | above_that) << j, count - j);
            if (run > 0) {
                pixel = 0;
                j += run - 1;
                continue;
            }
            pixel = t85_reader_get(&d, &contexts[context]);
            row |= (uint64_t)pixel << (63 - j);
            if (t.moved)
                t85_history_add(&history, pixel);
        }
        rows->row[i] = row;
    }
    *reader = d;
}

static void decode_pixels(struct t85_decoder *d)
{
    static const struct t85_template three = {false, false}, three_moved = {false, true},
                                     two = {true, false}, two_moved = {true, true};
    if (d->header.two_line && d->at_x)
        decode_row(&d->reader, d->contexts, &d->rows, two_moved, d->at_x);
    else if (d->header.two_line)
        decode_row(&d->reader, d->contexts, &d->rows, two, 0);
    else if (d->at_x)
        decode_row(&d->reader, d->contexts, &d->rows, three_moved, d->at_x);
    else
        decode_row(&d->reader, d->contexts, &d->rows, three, 0);
}

/* T.82 §6.7.3 */
static bool decode_typical(struct t85_decoder *d)
{
    unsigned context = d->header.two_line ? T85_TYPICAL_TWO : T85_TYPICAL_THREE;
    if (!t85_reader_get(&d->reader, &d->contexts[context]))
        d->typical_before = !d->typical_before;
    return d->typical_before;
}

/* ESC NEWLEN, T.82 §6.2.6.2: the image may only become shorter. */
static int read_new_length(struct t85_decoder *d, const uint8_t *marker)
{
    uint32_t rows = t85_read_u32(marker + 2);
    if (!d->header.variable_length || rows > d->header.rows || rows < d->y)
        return FAX_EFORMAT;
    d->header.rows = rows;
    return 0;
}

/* ESC ATMOVE, T.82 §6.2.6.3; T.85 leaves the pixel in its row. */
static int read_at_move(struct t85_decoder *d, const uint8_t *marker)
{
    struct at_move move = {.row = t85_read_u32(marker + 2), .x = marker[6]};
    uint8_t nearest = d->header.two_line ? 5 : 3;
    uint32_t from = d->move_count ? d->moves[d->move_count - 1].row : 0;
    if (move.x > d->header.at_max || (move.x && move.x < nearest) || marker[7] || move.row < from)
        return FAX_EFORMAT;
    if (d->move_count == AT_MOVES_MAX)
        return FAX_EUNSUPPORTED;
    d->moves[d->move_count++] = move;
    return 0;
}

/* Octets of the marker segment at `at` that may stand between stripes; 0 when there is none, which
 * is where a stripe's data begin. */
static int64_t marker_length(const struct t85_decoder *d, size_t at)
{
    size_t left = d->length - at, length;
    if (left < 2 || d->data[at] != T85_ESC)
        return 0;
    switch (d->data[at + 1]) {
    case T85_NEWLEN:
        length = T85_NEWLEN_OCTETS;
        break;
    case T85_ATMOVE:
        length = T85_ATMOVE_OCTETS;
        break;
    case T85_COMMENT:
        if (left < T85_COMMENT_OCTETS)
            return FAX_ETRUNCATED;
        length = T85_COMMENT_OCTETS + (size_t)t85_read_u32(d->data + at + 2);
        break;
    default:
        return 0;
    }
    return length > left ? FAX_ETRUNCATED : (int64_t)length;
}

/* Takes the marker segments before a stripe. With only_new_length what else stands there is left
 * for later, and what is torn is not there. */
static int read_markers(struct t85_decoder *d, size_t *at, bool only_new_length)
{
    for (;;) {
        int64_t length = marker_length(d, *at);
        if (length <= 0)
            return only_new_length ? 0 : (int)length;
        const uint8_t *marker = d->data + *at;
        int rc = 0;
        if (marker[1] == T85_NEWLEN)
            rc = read_new_length(d, marker);
        else if (marker[1] == T85_ATMOVE && !only_new_length)
            rc = read_at_move(d, marker);
        if (rc < 0)
            return rc;
        *at += (size_t)length;
    }
}

/* Copies a stripe's data without the zeros behind ESC. Returns the marker that ends it. */
static int copy_stripe(struct t85_decoder *d)
{
    size_t at = d->next;
    d->stripe.length = 0;
    for (;;) {
        const uint8_t *from = d->data + at;
        const uint8_t *escape = memchr(from, T85_ESC, d->length - at);
        if (!escape || escape + 1 == d->data + d->length) {
            d->next = d->length;
            return FAX_ETRUNCATED;
        }
        bool stuffed = escape[1] == T85_STUFF;
        int rc = wiped_buffer_append(&d->stripe, from, (size_t)(escape - from) + stuffed);
        if (rc < 0)
            return rc;
        at = (size_t)(escape - d->data) + 2;
        if (stuffed)
            continue;
        d->next = at;
        return escape[1];
    }
}

static void forget_rows(struct t85_decoder *d)
{
    memset(d->words, 0, 3 * (d->row_words + 1) * sizeof *d->words);
    t85_contexts_reset(d->contexts);
    d->typical_before = false;
    d->at_x = 0;
}

/* Begins a stripe, or finds that the image ended before it. How many rows it has may be told only
 * by a NEWLEN behind it. */
static int begin_stripe(struct t85_decoder *d)
{
    d->move_count = 0;
    int rc = read_markers(d, &d->next, false);
    if (rc < 0 || d->y == d->header.rows)
        return rc;
    if (d->reset)
        forget_rows(d);
    int marker = copy_stripe(d);
    if (marker < 0)
        return marker;
    if (marker != T85_SDNORM && marker != T85_SDRST)
        return FAX_EFORMAT;
    d->reset = marker == T85_SDRST;
    size_t behind = d->next;
    rc = d->header.variable_length ? read_markers(d, &behind, true) : 0;
    if (rc == 0)
        rc = wiped_buffer_reserve(&d->stripe, T85_READER_PADDING);
    if (rc < 0)
        return rc;
    memset(d->stripe.data + d->stripe.length, 0, T85_READER_PADDING);
    t85_reader_start(&d->reader, d->stripe.data, d->stripe.data + d->stripe.length);
    uint32_t left = d->header.rows - d->y;
    d->stripe_rows = left < d->header.stripe_rows ? left : d->header.stripe_rows;
    d->stripe_y = 0;
    return 0;
}

static void apply_moves(struct t85_decoder *d)
{
    for (unsigned i = 0; i < d->move_count; i++)
        if (d->moves[i].row == d->stripe_y)
            d->at_x = d->moves[i].x;
}

static void next_row(struct t85_decoder *d)
{
    struct t85_rows *r = &d->rows;
    uint64_t *row = r->above_that;
    r->above_that = r->above;
    r->above = r->row;
    r->row = row;
    apply_moves(d);
    if (d->header.typical && decode_typical(d))
        memcpy(r->row, r->above, d->row_words * sizeof *r->row);
    else
        decode_pixels(d);
    d->y++;
    d->stripe_y++;
}

static void give_row(const struct t85_decoder *d, uint8_t *to)
{
    size_t octets = (d->header.width + 7) / 8, i = 0;
    for (; i < octets / 8; i++) {
        uint64_t w = htobe64(d->rows.row[i]);
        memcpy(to + i * 8, &w, sizeof w);
    }
    if (octets % 8) {
        uint64_t w = htobe64(d->rows.row[i]);
        memcpy(to + i * 8, &w, octets % 8);
    }
}

int t85_decoder_next(struct t85_decoder *d, uint8_t *row)
{
    if (d->error < 0)
        return d->error;
    if (d->stripe_y == d->stripe_rows && d->y < d->header.rows) {
        d->error = begin_stripe(d);
        if (d->error < 0)
            return d->error;
    }
    if (d->y == d->header.rows)
        return 0;
    if (d->y >= d->max_rows) {
        d->error = FAX_ELIMIT;
        return d->error;
    }
    next_row(d);
    give_row(d, row);
    return 1;
}

static int check_header(const struct t85_decoder *d, const struct t85_limits *limits)
{
    const struct t85_header *h = &d->header;
    if (limits && limits->width && h->width != limits->width)
        return FAX_EFORMAT;
    if (h->width > RASTER_WIDTH_MAX || (!h->variable_length && h->rows > d->max_rows))
        return FAX_ELIMIT;
    return 0;
}

int t85_decoder_new(struct t85_decoder **out, const uint8_t *data, size_t length,
                    const struct t85_limits *limits)
{
    *out = NULL;
    struct t85_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return FAX_ENOMEM;
    d->data = data;
    d->length = length;
    d->next = T85_HEADER_OCTETS;
    d->max_rows = limits && limits->max_rows ? limits->max_rows : DEFAULT_MAX_ROWS;
    if (d->max_rows > RASTER_ROWS_MAX)
        d->max_rows = RASTER_ROWS_MAX;
    int rc = t85_header_read(data, length, &d->header);
    if (rc == 0)
        rc = check_header(d, limits);
    if (rc == 0) {
        d->rows.width = d->header.width;
        d->row_words = (d->header.width + 63) / 64;
        d->words = calloc(3 * (d->row_words + 1), sizeof *d->words);
        rc = d->words ? 0 : FAX_ENOMEM;
    }
    if (rc < 0) {
        t85_decoder_free(d);
        return rc;
    }
    d->rows.row = d->words;
    d->rows.above = d->words + d->row_words + 1;
    d->rows.above_that = d->words + 2 * (d->row_words + 1);
    t85_contexts_reset(d->contexts);
    *out = d;
    return 0;
}

uint32_t t85_decoder_width(const struct t85_decoder *d)
{
    return d->header.width;
}

void t85_decoder_report(const struct t85_decoder *d, struct t85_report *out)
{
    *out = (struct t85_report){.rows = d->y};
    if (d->error < 0)
        out->error_offset = d->next;
    else
        out->end_offset = d->next;
}

void t85_decoder_free(struct t85_decoder *d)
{
    if (!d)
        return;
    if (d->words)
        OPENSSL_cleanse(d->words, 3 * (d->row_words + 1) * sizeof *d->words);
    free(d->words);
    wiped_buffer_free(&d->stripe);
    OPENSSL_cleanse(d, sizeof *d);
    free(d);
}

/* Makes room for one more row. What the header announces is believed only as far as one page. */
static int reserve_row(struct raster *out, const struct t85_decoder *d)
{
    if (out->height < out->row_capacity)
        return 0;
    uint32_t rows = out->height < FIRST_ROWS ? FIRST_ROWS : out->height * 2;
    rows = rows < d->header.rows ? rows : d->header.rows;
    return raster_reserve(out, rows < d->max_rows ? rows : d->max_rows);
}

static int decode_rows(struct t85_decoder *d, struct raster *out)
{
    int rc = raster_init(out, d->header.width, 0);
    while (rc == 0) {
        uint8_t end;
        bool full = d->y == d->header.rows || d->y >= d->max_rows;
        rc = full ? 0 : reserve_row(out, d);
        if (rc < 0)
            break;
        rc = t85_decoder_next(d, full ? &end : out->rows + out->height * out->stride);
        if (rc <= 0)
            break;
        out->height++;
        rc = 0;
    }
    return rc == 0 && out->height == 0 ? FAX_EEMPTY : rc;
}

int t85_decode(const uint8_t *data, size_t length, const struct t85_limits *limits,
               struct raster *out, struct t85_report *report)
{
    struct t85_decoder *d;
    *out = (struct raster){0};
    if (report)
        *report = (struct t85_report){0};
    int rc = t85_decoder_new(&d, data, length, limits);
    if (rc < 0)
        return rc;
    rc = decode_rows(d, out);
    if (report)
        t85_decoder_report(d, report);
    t85_decoder_free(d);
    if (rc < 0)
        raster_free(out);
    return rc;
}
