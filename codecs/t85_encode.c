#include "codecs/t85_encode.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/t85_arith.h"
#include "codecs/t85_bie.h"
#include "codecs/t85_template.h"

enum { STRIPE_ROWS = 128, FIRST_OCTETS = 32768 };

struct t85_encoder {
    struct t85_header header;
    struct t85_options options;
    struct wiped_buffer *to;
    struct wiped_buffer stripe; /* the coded stripe, before ESC is stuffed */
    struct t85_coder coder;
    struct t85_rows rows;
    uint64_t *words; /* of the three rows */
    size_t row_words;
    uint32_t y, stripe_y; /* rows so far, of them in this stripe */
    bool typical_before;  /* the row before was like the one above it */
    uint64_t contexts[T85_CONTEXTS];
};

/* Codes one row. `zeros` are pixels that are due: white ones with a white neighbourhood. */
static inline __attribute__((always_inline)) void encode_row(struct t85_coder *coder,
                                                             uint64_t *contexts,
                                                             const struct t85_rows *rows,
                                                             struct t85_template t, unsigned at_x)
{
    struct t85_coder e = *coder;
    struct t85_history history = {0};
    unsigned context = t85_first_context(t, rows), pixel = 0, zeros = 0;
    for (uint32_t x = 0, i = 0; x < rows->width; x += 64, i++) {
        uint64_t row = rows->row[i], above = t85_above_word(t, rows, i);
        uint64_t above_that = t85_above_that_word(t, rows, i);
        unsigned count = rows->width - x < 64 ? rows->width - x : 64;
        for (unsigned j = 0; j < count; j++) {
            context = t85_next_context(t, context, pixel, above, above_that, 63 - j);
            if (t.moved)
                context |= t85_history_pixel(&history, at_x) << t85_adaptive_bit(t);
            pixel = (unsigned)(row >> (63 - j)) & 1;
            if ((context | pixel) == 0 && (!t.moved || (history.near | history.far) == 0)) {
                uint64_t next = (row | above | above_that) << j;
                unsigned run = next ? (unsigned)__builtin_clzll(next) : 64;
                run = run < count - j ? run : count - j;
                zeros += run;
                j += run - 1;
                continue;
            }
            if (zeros > 0) {
                t85_coder_put_zeros(&e, &contexts[0], zeros);
                zeros = 0;
            }
            t85_coder_put(&e, &contexts[context], pixel);
            if (t.moved)
                t85_history_add(&history, pixel);
        }
    }
    t85_coder_put_zeros(&e, &contexts[0], zeros);
    *coder = e;
}

static void encode_pixels(struct t85_encoder *e)
{
    static const struct t85_template three = {false, false}, three_moved = {false, true},
                                     two = {true, false}, two_moved = {true, true};
    uint8_t at_x = e->options.at_x;
    if (e->options.two_line && at_x)
        encode_row(&e->coder, e->contexts, &e->rows, two_moved, at_x);
    else if (e->options.two_line)
        encode_row(&e->coder, e->contexts, &e->rows, two, 0);
    else if (at_x)
        encode_row(&e->coder, e->contexts, &e->rows, three_moved, at_x);
    else
        encode_row(&e->coder, e->contexts, &e->rows, three, 0);
}

/* T.82 §6.7.3: whether the row is like the one above is said by a change of that answer. Returns
 * true when it is. */
static bool encode_typical(struct t85_encoder *e)
{
    bool typical = memcmp(e->rows.row, e->rows.above, e->row_words * sizeof(uint64_t)) == 0;
    unsigned context = e->options.two_line ? T85_TYPICAL_TWO : T85_TYPICAL_THREE;
    t85_coder_put(&e->coder, &e->contexts[context], typical == e->typical_before);
    e->typical_before = typical;
    return typical;
}

/* Octets of the row to words, in the place of the oldest of the three. */
static void take_row(struct t85_encoder *e, const uint8_t *octets)
{
    struct t85_rows *r = &e->rows;
    uint64_t *row = r->above_that;
    size_t length = (r->width + 7) / 8;
    r->above_that = r->above;
    r->above = r->row;
    r->row = row;
    row[e->row_words - 1] = 0;
    memcpy(row, octets, length);
    for (size_t i = 0; i < e->row_words; i++)
        row[i] = be64toh(row[i]);
    if (r->width % 64)
        row[e->row_words - 1] &= ~0ull << (64 - r->width % 64);
}

static void forget_rows(struct t85_encoder *e)
{
    memset(e->words, 0, 3 * (e->row_words + 1) * sizeof(uint64_t));
    t85_contexts_reset(e->contexts);
    e->typical_before = false;
}

static int put_marker(struct t85_encoder *e, enum t85_marker marker)
{
    const uint8_t octets[] = {T85_ESC, (uint8_t)marker};
    return wiped_buffer_append(e->to, octets, sizeof octets);
}

static int put_at_move(struct t85_encoder *e)
{
    const uint8_t octets[T85_ATMOVE_OCTETS] = {T85_ESC, T85_ATMOVE, 0, 0, 0, 0, e->options.at_x, 0};
    return wiped_buffer_append(e->to, octets, sizeof octets);
}

static int put_new_length(struct t85_encoder *e)
{
    uint8_t octets[T85_NEWLEN_OCTETS] = {T85_ESC, T85_NEWLEN};
    t85_write_u32(e->y, octets + 2);
    int rc = wiped_buffer_append(e->to, octets, sizeof octets);
    /* The marker stands before a stripe, though this one has no row. */
    return rc < 0 ? rc : put_marker(e, T85_SDNORM);
}

static int begin_stripe(struct t85_encoder *e)
{
    int rc = 0;
    if (e->options.at_x && (e->y == 0 || e->options.reset_stripes))
        rc = put_at_move(e);
    e->stripe.length = 0;
    t85_coder_start(&e->coder, e->stripe.data);
    return rc;
}

/* ESC within the data gets a zero behind it (T.82 §6.2.5). */
static int end_stripe(struct t85_encoder *e)
{
    uint8_t *from = e->stripe.data, *end = t85_coder_flush(&e->coder, from);
    int rc = 0;
    while (rc == 0 && from < end) {
        uint8_t *escape = memchr(from, T85_ESC, (size_t)(end - from));
        uint8_t *to = escape ? escape + 1 : end;
        rc = wiped_buffer_append(e->to, from, (size_t)(to - from));
        if (rc == 0 && escape)
            rc = wiped_buffer_append(e->to, "", 1);
        from = to;
    }
    if (rc == 0)
        rc = put_marker(e, e->options.reset_stripes ? T85_SDRST : T85_SDNORM);
    if (e->options.reset_stripes)
        forget_rows(e);
    e->stripe_y = 0;
    return rc;
}

static int reserve_row(struct t85_encoder *e)
{
    e->stripe.length = (size_t)(e->coder.to - e->stripe.data);
    int rc = wiped_buffer_reserve(&e->stripe,
                                  (size_t)e->rows.width * T85_OCTETS_A_PIXEL + T85_CODER_SPARE);
    e->coder.to = e->stripe.data + e->stripe.length;
    return rc;
}

int t85_encoder_row(struct t85_encoder *e, const uint8_t *row)
{
    if (e->y >= e->header.rows)
        return FAX_ESTATE;
    int rc = e->stripe_y == 0 ? begin_stripe(e) : 0;
    if (rc == 0)
        rc = reserve_row(e);
    if (rc < 0)
        return rc;
    take_row(e, row);
    if (e->options.not_typical || !encode_typical(e))
        encode_pixels(e);
    e->y++;
    e->stripe_y++;
    return e->stripe_y == e->header.stripe_rows || e->y == e->header.rows ? end_stripe(e) : 0;
}

int t85_encoder_finish(struct t85_encoder *e)
{
    if (e->y == 0 || (!e->header.variable_length && e->y < e->header.rows))
        return FAX_ESTATE;
    int rc = e->stripe_y > 0 ? end_stripe(e) : 0;
    return rc == 0 && e->header.variable_length ? put_new_length(e) : rc;
}

static bool options_are_valid(const struct t85_options *o, uint32_t width, uint32_t rows)
{
    uint8_t nearest = o->two_line ? 5 : 3;
    return width > 0 && width <= RASTER_WIDTH_MAX && rows < T85_ROWS_UNKNOWN &&
           o->at_x <= T85_MX_MAX && (o->at_x == 0 || o->at_x >= nearest);
}

int t85_encoder_new(struct t85_encoder **out, uint32_t width, uint32_t rows,
                    const struct t85_options *options, struct wiped_buffer *to)
{
    *out = NULL;
    if (!options_are_valid(options, width, rows))
        return FAX_EINVAL;
    struct t85_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return FAX_ENOMEM;
    e->options = *options;
    e->to = to;
    e->header = (struct t85_header){
        .width = width,
        .rows = rows ? rows : T85_ROWS_UNKNOWN,
        .stripe_rows = options->stripe_rows ? options->stripe_rows : STRIPE_ROWS,
        .at_max = options->at_x,
        .two_line = options->two_line,
        .variable_length = rows == 0,
        .typical = !options->not_typical,
    };
    e->rows.width = width;
    e->row_words = (width + 63) / 64;
    e->words = calloc(3 * (e->row_words + 1), sizeof *e->words);
    int rc = e->words ? wiped_buffer_reserve(&e->stripe, FIRST_OCTETS) : FAX_ENOMEM;
    if (rc == 0) {
        uint8_t octets[T85_HEADER_OCTETS];
        t85_header_write(&e->header, octets);
        rc = wiped_buffer_append(to, octets, sizeof octets);
    }
    if (rc < 0) {
        t85_encoder_free(e);
        return rc;
    }
    e->rows.row = e->words;
    e->rows.above = e->words + e->row_words + 1;
    e->rows.above_that = e->words + 2 * (e->row_words + 1);
    t85_contexts_reset(e->contexts);
    *out = e;
    return 0;
}

void t85_encoder_free(struct t85_encoder *e)
{
    if (!e)
        return;
    if (e->words)
        OPENSSL_cleanse(e->words, 3 * (e->row_words + 1) * sizeof *e->words);
    free(e->words);
    wiped_buffer_free(&e->stripe);
    OPENSSL_cleanse(e, sizeof *e);
    free(e);
}

int t85_encode(const struct raster *page, const struct t85_options *options, uint8_t **data,
               size_t *length)
{
    static const struct t85_options usual = {0};
    struct wiped_buffer to = {0};
    struct t85_encoder *e = NULL;
    *data = NULL;
    *length = 0;
    if (page->height == 0)
        return FAX_EINVAL;
    int rc = t85_encoder_new(&e, page->width, page->height, options ? options : &usual, &to);
    for (uint32_t y = 0; rc == 0 && y < page->height; y++)
        rc = t85_encoder_row(e, raster_row_const(page, y));
    if (rc == 0)
        rc = t85_encoder_finish(e);
    t85_encoder_free(e);
    if (rc < 0) {
        wiped_buffer_free(&to);
        return rc;
    }
    *data = to.data;
    *length = to.length;
    return 0;
}
