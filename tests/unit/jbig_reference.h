/* jbig_reference.h: libjbig's T.85 coder as the reference for ours. */
#ifndef TESTS_UNIT_JBIG_REFERENCE_H
#define TESTS_UNIT_JBIG_REFERENCE_H

#include <jbig85.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/raster.h"

struct jbig_bie {
    uint8_t *data;
    size_t length, capacity;
};

static inline void jbig_collect(unsigned char *start, size_t length, void *user)
{
    struct jbig_bie *bie = user;
    if (bie->length + length > bie->capacity) {
        bie->capacity = (bie->length + length) * 2;
        bie->data = realloc(bie->data, bie->capacity);
        if (!bie->data)
            abort();
    }
    memcpy(bie->data + bie->length, start, length);
    bie->length += length;
}

/* Rows are only read, but the prototype of libjbig does not say so. */
static inline unsigned char *jbig_row(const struct raster *page, uint32_t y)
{
    return page->rows + (size_t)y * page->stride;
}

/* Codes a page; options of jbig85.h; with JBG_VLENGTH the number of rows is told at the end only.
 * at_max: 0 keeps the adaptive pixel in its place. The caller frees data. */
static inline struct jbig_bie jbig_encode(const struct raster *page, int options,
                                          uint32_t stripe_rows, int at_max)
{
    struct jbig_bie bie = {0};
    struct jbg85_enc_state s;
    bool variable = options & JBG_VLENGTH;
    jbg85_enc_init(&s, page->width, variable ? 0xFFFFFFFF : page->height, jbig_collect, &bie);
    jbg85_enc_options(&s, options, stripe_rows, at_max);
    for (uint32_t y = 0; y < page->height; y++)
        jbg85_enc_lineout(&s, jbig_row(page, y), y > 0 ? jbig_row(page, y - 1) : NULL,
                          y > 1 ? jbig_row(page, y - 2) : NULL);
    if (variable)
        jbg85_enc_newlen(&s, page->height);
    return bie;
}

static inline int jbig_take_row(const struct jbg85_dec_state *s, unsigned char *row, size_t length,
                                unsigned long y, void *user)
{
    struct raster *out = user;
    if (y == 0 && raster_init(out, (uint32_t)s->x0, 0) < 0)
        abort();
    return length != raster_row_octets(out) || raster_append_row(out, row, 20000) < 0;
}

static inline bool jbig_decode(const uint8_t *data, size_t length, struct raster *out)
{
    struct jbg85_dec_state s;
    uint8_t rows[3 * (RASTER_WIDTH_MAX / 8 + 1)], *copy = malloc(length);
    size_t used;
    memcpy(copy, data, length);
    memset(out, 0, sizeof *out);
    jbg85_dec_init(&s, rows, sizeof rows, jbig_take_row, out);
    int rc = jbg85_dec_in(&s, copy, length, &used);
    if (rc == JBG_EAGAIN)
        rc = jbg85_dec_end(&s);
    free(copy);
    return rc == JBG_EOK;
}

#endif
