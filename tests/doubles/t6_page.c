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

bool t6_page_arrived(const struct fax_page_view *sent, const struct fax_page_view *received)
{
    if (received->length < sent->length || received->length - sent->length >= 256 ||
        received->width != sent->width || received->y_dpi != sent->y_dpi ||
        received->coding != sent->coding || received->lsb_first != sent->lsb_first)
        return false;
    for (size_t i = sent->length; i < received->length; i++)
        if (received->data[i])
            return false;
    return memcmp(sent->data, received->data, sent->length) == 0;
}
