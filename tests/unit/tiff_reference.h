/* tiff_reference.h: libtiff as the reference for our T.4 and T.6 coders, on memory; and random
 * pages. */
#ifndef TESTS_UNIT_TIFF_REFERENCE_H
#define TESTS_UNIT_TIFF_REFERENCE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "codecs/page.h"
#include "codecs/raster.h"

struct memory_file {
    uint8_t *data;
    size_t length, capacity, position;
};

static inline tmsize_t memory_file_read(thandle_t h, void *to, tmsize_t n)
{
    struct memory_file *f = h;
    size_t left = f->position < f->length ? f->length - f->position : 0;
    size_t take = (size_t)n < left ? (size_t)n : left;
    if (take)
        memcpy(to, f->data + f->position, take);
    f->position += take;
    return (tmsize_t)take;
}

static inline tmsize_t memory_file_write(thandle_t h, void *from, tmsize_t n)
{
    struct memory_file *f = h;
    size_t end = f->position + (size_t)n;
    if (end > f->capacity) {
        size_t capacity = end * 2 + 65536;
        f->data = realloc(f->data, capacity);
        assert(f->data);
        memset(f->data + f->capacity, 0, capacity - f->capacity);
        f->capacity = capacity;
    }
    memcpy(f->data + f->position, from, (size_t)n);
    f->position = end;
    if (end > f->length)
        f->length = end;
    return n;
}

static inline toff_t memory_file_seek(thandle_t h, toff_t offset, int whence)
{
    struct memory_file *f = h;
    size_t base = whence == SEEK_CUR ? f->position : whence == SEEK_END ? f->length : 0;
    f->position = base + (size_t)offset;
    return f->position;
}

static inline int memory_file_close(thandle_t h)
{
    (void)h;
    return 0;
}

static inline toff_t memory_file_size(thandle_t h)
{
    return ((struct memory_file *)h)->length;
}

static inline TIFF *memory_file_open(struct memory_file *f, const char *mode)
{
    f->position = 0;
    return TIFFClientOpen("memory", mode, f, memory_file_read, memory_file_write, memory_file_seek,
                          memory_file_close, memory_file_size, NULL, NULL);
}

static inline void reference_set_tags(TIFF *t, const struct page_format *format, uint32_t rows)
{
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, format->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(t, TIFFTAG_FILLORDER, format->lsb_first ? FILLORDER_LSB2MSB : FILLORDER_MSB2LSB);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows);
    TIFFSetField(t, TIFFTAG_YRESOLUTION, format->y_dpi ? (double)format->y_dpi : 196.0);
    TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    if (format->coding == PAGE_CODING_T6) {
        TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
    } else {
        TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX3);
        TIFFSetField(t, TIFFTAG_GROUP3OPTIONS,
                     format->coding == PAGE_CODING_T4_2D ? GROUP3OPT_2DENCODING : 0);
    }
}

/* The strip libtiff makes of a page; the caller frees it. */
static inline uint8_t *reference_encode(const struct raster *page, const struct page_format *format,
                                        size_t *length)
{
    struct memory_file f = {0};
    TIFF *t = memory_file_open(&f, "w");
    assert(t);
    reference_set_tags(t, format, page->height);
    uint8_t *row = malloc(raster_row_octets(page) + 8);
    for (uint32_t y = 0; y < page->height; y++) {
        memcpy(row, raster_row_const(page, y), raster_row_octets(page));
        if (TIFFWriteScanline(t, row, y, 0) != 1)
            abort();
    }
    free(row);
    TIFFClose(t);
    t = memory_file_open(&f, "r");
    assert(t);
    tmsize_t size = TIFFRawStripSize(t, 0);
    uint8_t *data = malloc((size_t)size);
    *length = (size_t)TIFFReadRawStrip(t, 0, data, size);
    TIFFClose(t);
    free(f.data);
    return data;
}

/* What libtiff makes of a strip; the height must be known. */
static inline bool reference_decode(const uint8_t *data, size_t length,
                                    const struct page_format *format, uint32_t rows,
                                    struct raster *out)
{
    struct memory_file f = {0};
    TIFF *t = memory_file_open(&f, "w");
    assert(t);
    reference_set_tags(t, format, rows);
    uint8_t *copy = malloc(length);
    memcpy(copy, data, length);
    if (TIFFWriteRawStrip(t, 0, copy, (tmsize_t)length) != (tmsize_t)length)
        abort();
    free(copy);
    TIFFClose(t);
    t = memory_file_open(&f, "r");
    bool ok = t && raster_init(out, format->width, rows) == 0;
    for (uint32_t y = 0; ok && y < rows; y++)
        ok = TIFFReadScanline(t, raster_row(out, y), y, 0) == 1;
    if (t)
        TIFFClose(t);
    free(f.data);
    return ok;
}

/* xorshift64*: the same pages on every run. */
static inline uint32_t reference_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 2685821657736338717ull) >> 32);
}

static inline void reference_set_pixel(struct raster *page, uint32_t x, uint32_t y)
{
    raster_row(page, y)[x / 8] |= (uint8_t)(0x80 >> (x % 8));
}

/* Random runs of up to longest pixels; rows repeat the one above, shifted by up to 4, with the
 * likelihood of `similar` in 256. */
static inline void reference_random_page(struct raster *page, uint32_t width, uint32_t rows,
                                         uint32_t longest, uint32_t similar, uint64_t *state)
{
    if (raster_init(page, width, rows) < 0)
        abort();
    for (uint32_t y = 0; y < rows; y++) {
        bool copy = y > 0 && reference_random(state) % 256 < similar;
        int shift = (int)(reference_random(state) % 9) - 4;
        bool black = reference_random(state) & 1;
        for (uint32_t x = 0; x < width;) {
            uint32_t run = copy ? 1 : 1 + reference_random(state) % longest;
            for (uint32_t i = 0; i < run && x < width; i++, x++) {
                int64_t from = (int64_t)x + shift;
                bool set = black;
                if (copy)
                    set = from >= 0 && from < width &&
                          (raster_row(page, y - 1)[from / 8] & (0x80 >> (from % 8)));
                if (set)
                    reference_set_pixel(page, x, y);
            }
            black = !black;
        }
    }
}

#endif
