#include "codecs/header_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codecs/fax_error.h"
#include "codecs/header_font.h"

enum {
    NOMINAL_DPI = 196,
    LINE_ROWS = 28, /* at the nominal resolution, like the next */
    TEXT_ROWS = 21,
    PIXEL_WIDTH = 2, /* columns of a pixel of the font, at 204 dpi like the next two */
    CELL_WIDTH = (HEADER_FONT_COLUMNS + 1) * PIXEL_WIDTH,
    SIDE_MARGIN = 24,
    WIDTH_AT_204_MAX = 2432, /* A3; wider pages have 408 pixels an inch */
    WIDTH_MIN = 256,
    DPI_MAX = 1200,
    CELLS_MAX = RASTER_WIDTH_MAX / CELL_WIDTH,
    OFFSET_MAX_MINUTES = 18 * 60,
};

static uint32_t scale(uint32_t rows, uint16_t y_dpi)
{
    uint32_t scaled = (rows * y_dpi + NOMINAL_DPI / 2) / NOMINAL_DPI;
    return scaled ? scaled : 1;
}

uint32_t header_line_rows(uint16_t y_dpi)
{
    return scale(LINE_ROWS, y_dpi);
}

/* Copies a text as printable ASCII, cut to `room`. Returns its length. */
static uint32_t copy_ascii(char *to, uint32_t room, const char *text)
{
    uint32_t n = 0;
    for (const char *c = text ? text : ""; *c && n < room; c++) {
        if (((unsigned char)*c & 0xC0) == 0x80) /* UTF-8: its first octet made the '?' */
            continue;
        to[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
    }
    return n;
}

/* Lays the three texts out on a line of `cells` characters. The right one (the page number) is
 * never cut for another. */
static void compose(char *line, uint32_t cells, const char *left, const char *middle,
                    const char *right)
{
    char text[CELLS_MAX];
    memset(line, ' ', cells);
    uint32_t end = cells - copy_ascii(text, cells, right);
    memcpy(line + end, text, cells - end);
    end -= end < cells && end > 0; /* a space in between */
    uint32_t start = copy_ascii(line, end, left);
    start += start > 0 && start < end;
    uint32_t n = copy_ascii(text, end - start, middle);
    uint32_t at = (cells - n) / 2;
    if (at + n > end)
        at = end - n;
    if (at < start)
        at = start;
    memcpy(line + at, text, n);
}

static void draw_span(uint8_t *row, uint32_t x, uint32_t pixels)
{
    for (; pixels > 0; pixels--, x++)
        row[x / 8] |= (uint8_t)(0x80 >> (x % 8));
}

static uint32_t columns_factor(const struct raster *page)
{
    return page->width > WIDTH_AT_204_MAX ? 2 : 1;
}

static void draw_text_row(uint8_t *row, const char *line, uint32_t cells, uint32_t font_row,
                          uint32_t factor)
{
    for (uint32_t i = 0; i < cells; i++) {
        uint8_t bits = header_font[line[i] - HEADER_FONT_FIRST][font_row];
        uint32_t x = factor * (SIDE_MARGIN + i * CELL_WIDTH);
        for (uint32_t c = 0; c < HEADER_FONT_COLUMNS; c++)
            if (bits & (0x10 >> c))
                draw_span(row, x + factor * c * PIXEL_WIDTH, factor * PIXEL_WIDTH);
    }
}

static bool is_blank(const struct raster *page, uint32_t y)
{
    const uint8_t *row = raster_row_const(page, y);
    for (size_t i = 0; i < page->stride; i++)
        if (row[i])
            return false;
    return true;
}

/* Makes the first `rows` rows white, by new rows where there is something on them. */
static int make_room(struct raster *page, uint32_t rows)
{
    uint32_t blank = 0;
    while (blank < rows && blank < page->height && is_blank(page, blank))
        blank++;
    uint32_t more = rows - blank;
    if (more == 0)
        return 0;
    if (page->height > RASTER_ROWS_MAX - more)
        return FAX_ELIMIT;
    int rc = raster_reserve(page, page->height + more);
    if (rc < 0)
        return rc;
    memmove(page->rows + more * page->stride, page->rows, page->height * page->stride);
    memset(page->rows, 0, more * page->stride);
    page->height += more;
    return 0;
}

int header_line_draw(struct raster *page, uint16_t y_dpi, const char *left, const char *middle,
                     const char *right)
{
    char line[CELLS_MAX];
    if (page->height == 0 || page->width < WIDTH_MIN || y_dpi == 0 || y_dpi > DPI_MAX)
        return FAX_EINVAL;
    uint32_t factor = columns_factor(page);
    uint32_t cells = (page->width / factor - 2 * SIDE_MARGIN) / CELL_WIDTH;
    uint32_t rows = header_line_rows(y_dpi), text_rows = scale(TEXT_ROWS, y_dpi);
    int rc = make_room(page, rows);
    if (rc < 0)
        return rc;
    compose(line, cells, left, middle, right);
    uint32_t top = (rows - text_rows) / 2;
    for (uint32_t y = 0; y < text_rows; y++)
        draw_text_row(raster_row(page, top + y), line, cells, y * HEADER_FONT_ROWS / text_rows,
                      factor);
    return 0;
}

int header_line_time(char *out, size_t size, int64_t unix_seconds, int utc_offset_minutes)
{
    struct tm local;
    if (size < HEADER_LINE_TIME || utc_offset_minutes < -OFFSET_MAX_MINUTES ||
        utc_offset_minutes > OFFSET_MAX_MINUTES || unix_seconds < 0 || unix_seconds > INT64_MAX / 2)
        return FAX_EINVAL;
    time_t shifted = (time_t)(unix_seconds + (int64_t)utc_offset_minutes * 60);
    if (!gmtime_r(&shifted, &local) || local.tm_year < 70 || local.tm_year > 8099)
        return FAX_EINVAL;
    int minutes = utc_offset_minutes < 0 ? -utc_offset_minutes : utc_offset_minutes;
    int n = snprintf(out, size, "%04d-%02d-%02d %02d:%02d %c%02d%02d", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
                     utc_offset_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return n > 0 && (size_t)n < size ? 0 : FAX_EINVAL;
}
