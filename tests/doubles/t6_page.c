#include "tests/doubles/t6_page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tiffio.h>
#include <unistd.h>

enum { WIDTH = 1728, ROW_OCTETS = WIDTH / 8, ROWS = 2200, SHORT_ROWS = 200, LINE_ROWS = 36 };

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Marks of some octets' width that stay for four rows, on half of the rows. */
static void draw_text(uint8_t *row, uint32_t y, uint32_t seed)
{
    if (y % LINE_ROWS >= LINE_ROWS / 2)
        return;
    uint32_t state = seed * 2654435761u + y / 5 + 1;
    for (int x = 12; x < ROW_OCTETS - 12; x++)
        if (next(&state) % 4 == 0)
            row[x] = (uint8_t)(0x3C << (next(&state) % 3));
}

static void draw_noise(uint8_t *row, uint32_t y, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + y + 1;
    for (int x = 0; x < ROW_OCTETS; x++)
        row[x] = next(&state) % 3 ? (uint8_t)(next(&state) & next(&state)) : 0;
}

static TIFF *open_memory(int fd, const char *mode)
{
    lseek(fd, 0, SEEK_SET);
    TIFF *t = TIFFFdOpen(dup(fd), "page", mode);
    if (!t)
        abort();
    return t;
}

static void write_rows(int fd, enum t6_page_kind kind, uint32_t rows, uint32_t seed)
{
    uint8_t row[ROW_OCTETS];
    TIFF *t = open_memory(fd, "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, WIDTH);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(t, TIFFTAG_FILLORDER, FILLORDER_LSB2MSB);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows);
    for (uint32_t y = 0; y < rows; y++) {
        memset(row, 0, sizeof row);
        if (kind == T6_PAGE_PHOTO)
            draw_noise(row, y, seed);
        else
            draw_text(row, y, seed);
        if (TIFFWriteScanline(t, row, y, 0) != 1)
            abort();
    }
    TIFFClose(t);
}

struct fax_page t6_page_make(enum t6_page_kind kind, uint32_t seed)
{
    struct fax_page page = {0};
    int fd = memfd_create("t6", MFD_CLOEXEC);
    uint32_t rows = kind == T6_PAGE_SHORT ? SHORT_ROWS : ROWS;
    write_rows(fd, kind, rows, seed);
    TIFF *t = open_memory(fd, "r");
    tmsize_t length = TIFFRawStripSize(t, 0);
    page.buffer = malloc((size_t)length);
    if (!page.buffer || TIFFReadRawStrip(t, 0, page.buffer, length) != length)
        abort();
    TIFFClose(t);
    close(fd);
    page.capacity = (size_t)length;
    page.view = (struct fax_page_view){.coding = FAX_PAGE_T6,
                                       .lsb_first = true,
                                       .width = WIDTH,
                                       .rows = rows,
                                       .x_dpi = 204,
                                       .y_dpi = 196,
                                       .data = page.buffer,
                                       .length = (size_t)length};
    return page;
}

static bool same_octets(const struct fax_page_view *sent, const struct fax_page_view *received)
{
    if (received->coding != sent->coding || received->length < sent->length ||
        received->length - sent->length >= 256)
        return false;
    for (size_t i = sent->length; i < received->length; i++)
        if (received->data[i])
            return false;
    return memcmp(sent->data, received->data, sent->length) == 0;
}

static TIFF *open_coded(const struct fax_page_view *page, uint32_t rows)
{
    int fd = memfd_create("coded", MFD_CLOEXEC);
    TIFF *t = open_memory(fd, "w");
    bool t6 = page->coding == FAX_PAGE_T6;
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, page->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(t, TIFFTAG_COMPRESSION, t6 ? COMPRESSION_CCITTFAX4 : COMPRESSION_CCITTFAX3);
    if (page->coding == FAX_PAGE_T4_2D)
        TIFFSetField(t, TIFFTAG_GROUP3OPTIONS, GROUP3OPT_2DENCODING);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(t, TIFFTAG_FILLORDER, page->lsb_first ? FILLORDER_LSB2MSB : FILLORDER_MSB2LSB);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows);
    uint8_t *copy = malloc(page->length);
    if (!copy)
        abort();
    memcpy(copy, page->data, page->length);
    TIFFWriteRawStrip(t, 0, copy, (tmsize_t)page->length);
    free(copy);
    TIFFClose(t);
    t = open_memory(fd, "r");
    close(fd);
    return t;
}

static bool same_pixels(const struct fax_page_view *sent, const struct fax_page_view *received)
{
    uint8_t a[ROW_OCTETS], b[ROW_OCTETS];
    TIFF *ta = open_coded(sent, sent->rows), *tb = open_coded(received, sent->rows);
    bool same = true;
    for (uint32_t y = 0; y < sent->rows && same; y++)
        same = TIFFReadScanline(ta, a, y, 0) == 1 && TIFFReadScanline(tb, b, y, 0) == 1 &&
               memcmp(a, b, sizeof a) == 0;
    TIFFClose(ta);
    TIFFClose(tb);
    return same;
}

bool t6_page_arrived(const struct fax_page_view *sent, const struct fax_page_view *received)
{
    if (received->width != sent->width || received->y_dpi != sent->y_dpi || !received->length)
        return false;
    if (same_octets(sent, received))
        return true;
    return sent->coding != FAX_PAGE_T85 && received->coding != FAX_PAGE_T85 &&
           same_pixels(sent, received);
}
