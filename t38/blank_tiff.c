#include "t38/blank_tiff.h"

#include "codecs/fax_error.h"

#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

enum {
    ROWS = 8,
    HEADER_OCTETS = 8,
    FIELDS = 13,
    FIELD_OCTETS = 12,
    RATIONAL_OCTETS = 8,
    DIRECTORY_OCTETS = 2 + FIELDS * FIELD_OCTETS + 4,
    PAGE_OCTETS = DIRECTORY_OCTETS + 2 * RATIONAL_OCTETS,
};

/* T.6: eight rows that repeat a white one (V0 each), then EOFB; highest bit first. All pages share
 * it. */
static const uint8_t strip[] = {0xFF, 0x00, 0x10, 0x01};

enum { FIRST_PAGE = HEADER_OCTETS + sizeof strip };

static uint8_t *put(uint8_t *to, uint32_t value, int octets)
{
    for (int i = 0; i < octets; i++)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

/* A value of two octets stands in the first two of its four. */
static uint8_t *put_field(uint8_t *to, uint32_t tag, TIFFDataType type, uint32_t value)
{
    to = put(to, tag, 2);
    to = put(to, (uint32_t)type, 2);
    to = put(to, 1, 4);
    return put(to, value, 4);
}

/* Fields stand in the order of their tags (TIFF 6.0, section 2). */
static uint8_t *put_page(uint8_t *to, uint32_t at, const struct fax_page_view *page, bool last)
{
    uint32_t rationals = at + DIRECTORY_OCTETS;
    to = put(to, FIELDS, 2);
    to = put_field(to, TIFFTAG_IMAGEWIDTH, TIFF_LONG, page->width);
    to = put_field(to, TIFFTAG_IMAGELENGTH, TIFF_LONG, ROWS);
    to = put_field(to, TIFFTAG_BITSPERSAMPLE, TIFF_SHORT, 1);
    to = put_field(to, TIFFTAG_COMPRESSION, TIFF_SHORT, COMPRESSION_CCITTFAX4);
    to = put_field(to, TIFFTAG_PHOTOMETRIC, TIFF_SHORT, PHOTOMETRIC_MINISWHITE);
    to = put_field(to, TIFFTAG_FILLORDER, TIFF_SHORT, FILLORDER_MSB2LSB);
    to = put_field(to, TIFFTAG_STRIPOFFSETS, TIFF_LONG, HEADER_OCTETS);
    to = put_field(to, TIFFTAG_SAMPLESPERPIXEL, TIFF_SHORT, 1);
    to = put_field(to, TIFFTAG_ROWSPERSTRIP, TIFF_LONG, ROWS);
    to = put_field(to, TIFFTAG_STRIPBYTECOUNTS, TIFF_LONG, sizeof strip);
    to = put_field(to, TIFFTAG_XRESOLUTION, TIFF_RATIONAL, rationals);
    to = put_field(to, TIFFTAG_YRESOLUTION, TIFF_RATIONAL, rationals + RATIONAL_OCTETS);
    to = put_field(to, TIFFTAG_RESOLUTIONUNIT, TIFF_SHORT, RESUNIT_INCH);
    to = put(to, last ? 0 : at + PAGE_OCTETS, 4);
    to = put(to, page->x_dpi, 4);
    to = put(to, 1, 4);
    to = put(to, page->y_dpi, 4);
    return put(to, 1, 4);
}

int blank_tiff_make(const struct fax_page_view *pages, uint32_t count, uint8_t **data,
                    size_t *length)
{
    *length = FIRST_PAGE + (size_t)count * PAGE_OCTETS;
    *data = malloc(*length);
    if (!*data)
        return FAX_ENOMEM;
    uint8_t *to = *data;
    *to++ = 'I';
    *to++ = 'I';
    to = put(to, 42, 2);
    to = put(to, FIRST_PAGE, 4);
    memcpy(to, strip, sizeof strip);
    to += sizeof strip;
    for (uint32_t i = 0; i < count; i++)
        to = put_page(to, FIRST_PAGE + i * PAGE_OCTETS, &pages[i], i + 1 == count);
    return 0;
}
