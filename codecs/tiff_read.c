#include "codecs/tiff_read.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "codecs/fax_error.h"

enum { LIBTIFF_MEMORY_MAX = 32 << 20, LIBTIFF_MESSAGE = 160 };

const struct tiff_read_limits tiff_read_send_limits = {
    .width = 1728, .max_rows = 10000, .max_pages = 1000};

struct tiff_reader {
    TIFF *tiff;
    const uint8_t *data;
    size_t length, position;
    struct tiff_read_limits limits;
    char *detail;
    char message[LIBTIFF_MESSAGE]; /* the first error or warning of libtiff since it was cleared */
    uint32_t pages, next;
};

/* Says what is wrong with a page (number from 1; 0: the document). Returns `error`. */
__attribute__((format(printf, 4, 5))) static int
complain(const struct tiff_reader *reader, int error, uint32_t number, const char *format, ...)
{
    char text[TIFF_READ_DETAIL - 32];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    if (number > 0)
        (void)snprintf(reader->detail, TIFF_READ_DETAIL, "page %u: %s", number, text);
    else
        (void)snprintf(reader->detail, TIFF_READ_DETAIL, "%s", text);
    return error;
}

static tmsize_t source_read(thandle_t handle, void *to, tmsize_t octets)
{
    struct tiff_reader *reader = handle;
    size_t left = reader->position < reader->length ? reader->length - reader->position : 0;
    size_t take = octets > 0 && (size_t)octets < left ? (size_t)octets : left;
    if (take)
        memcpy(to, reader->data + reader->position, take);
    reader->position += take;
    return (tmsize_t)take;
}

static tmsize_t source_write(thandle_t handle, void *from, tmsize_t octets)
{
    (void)handle;
    (void)from;
    (void)octets;
    return -1;
}

static toff_t source_seek(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_reader *reader = handle;
    toff_t base = whence == SEEK_CUR ? reader->position : whence == SEEK_END ? reader->length : 0;
    if (offset > SIZE_MAX - base)
        return (toff_t)-1;
    reader->position = base + offset;
    return reader->position;
}

static int source_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t source_size(thandle_t handle)
{
    const struct tiff_reader *reader = handle;
    return reader->length;
}

/* Mapped, the coded page is read in place instead of into a buffer of libtiff that is freed
 * unwiped. */
static int source_map(thandle_t handle, void **base, toff_t *size)
{
    const struct tiff_reader *reader = handle;
    *base = (void *)(uintptr_t)reader->data;
    *size = reader->length;
    return 1;
}

static void source_unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle;
    (void)base;
    (void)size;
}

/* Keeps the first message as printable text; the document can put any octets into it. */
__attribute__((format(printf, 4, 0))) static int
take_message_cb(TIFF *tiff, void *user_data, const char *module, const char *format, va_list args)
{
    struct tiff_reader *reader = user_data;
    (void)tiff;
    (void)module;
    if (reader->message[0])
        return 1;
    if (vsnprintf(reader->message, sizeof reader->message, format, args) <= 0)
        (void)snprintf(reader->message, sizeof reader->message, "unknown fault");
    for (char *c = reader->message; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return 1;
}

static TIFF *open_source(struct tiff_reader *reader)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, LIBTIFF_MEMORY_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, take_message_cb, reader);
    TIFFOpenOptionsSetWarningHandlerExtR(options, take_message_cb, reader);
    TIFF *tiff = TIFFClientOpenExt("document", "r", reader, source_read, source_write, source_seek,
                                   source_close, source_size, source_map, source_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* Absent fields take the default of TIFF 6.0, or 0. */
static uint16_t get_short(TIFF *tiff, uint32_t tag)
{
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static uint32_t get_long(TIFF *tiff, uint32_t tag)
{
    uint32_t value = 0;
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static const char *colour_name(uint16_t photometric)
{
    switch (photometric) {
    case PHOTOMETRIC_RGB:
        return "RGB colour";
    case PHOTOMETRIC_PALETTE:
        return "palette colour";
    case PHOTOMETRIC_SEPARATED:
        return "CMYK colour";
    case PHOTOMETRIC_YCBCR:
        return "YCbCr colour";
    case PHOTOMETRIC_MASK:
        return "a transparency mask";
    default:
        return "an unknown colour space";
    }
}

static int check_pixels(const struct tiff_reader *reader, uint32_t number)
{
    TIFF *tiff = reader->tiff;
    uint16_t photometric = get_short(tiff, TIFFTAG_PHOTOMETRIC);
    uint16_t samples = get_short(tiff, TIFFTAG_SAMPLESPERPIXEL);
    uint16_t bits = get_short(tiff, TIFFTAG_BITSPERSAMPLE);
    if (photometric != PHOTOMETRIC_MINISWHITE && photometric != PHOTOMETRIC_MINISBLACK)
        return complain(reader, FAX_EUNSUPPORTED, number, "%s; a fax page is black and white",
                        colour_name(photometric));
    if (bits != 1)
        return complain(reader, FAX_EUNSUPPORTED, number, "%u bits per sample; a fax page has 1",
                        bits);
    if (samples != 1)
        return complain(reader, FAX_EUNSUPPORTED, number, "%u samples per pixel; a fax page has 1",
                        samples);
    if (TIFFIsTiled(tiff))
        return complain(reader, FAX_EUNSUPPORTED, number, "stored in tiles; strips are needed");
    if (get_short(tiff, TIFFTAG_ORIENTATION) != ORIENTATION_TOPLEFT)
        return complain(reader, FAX_EUNSUPPORTED, number, "not stored from the top left corner");
    return 0;
}

static int check_compression(const struct tiff_reader *reader, uint32_t number)
{
    uint16_t compression = get_short(reader->tiff, TIFFTAG_COMPRESSION);
    switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_PACKBITS:
        return 0;
    default:
        return complain(reader, FAX_EUNSUPPORTED, number, "compression scheme %u is not supported",
                        compression);
    }
}

/* A page scanned sideways: as high as a fax page is wide. */
static bool is_turned(const struct tiff_reader *reader)
{
    uint32_t width = get_long(reader->tiff, TIFFTAG_IMAGEWIDTH);
    return reader->limits.turn && reader->limits.width && width > reader->limits.width &&
           get_long(reader->tiff, TIFFTAG_IMAGELENGTH) == reader->limits.width;
}

static int check_size(const struct tiff_reader *reader, uint32_t number)
{
    const struct tiff_read_limits *limits = &reader->limits;
    uint32_t width = get_long(reader->tiff, TIFFTAG_IMAGEWIDTH);
    uint32_t rows = get_long(reader->tiff, TIFFTAG_IMAGELENGTH);
    if (width == 0 || rows == 0)
        return complain(reader, FAX_EEMPTY, number, "no pixels");
    if (is_turned(reader)) {
        uint32_t turned = rows;
        rows = width;
        width = turned;
    }
    if (limits->width && width != limits->width)
        return complain(reader, FAX_EUNSUPPORTED, number, "%u pixels wide; a fax page has %u",
                        width, limits->width);
    if (width > RASTER_WIDTH_MAX)
        return complain(reader, FAX_ELIMIT, number, "%u pixels wide; at most %d are allowed", width,
                        RASTER_WIDTH_MAX);
    if (rows > limits->max_rows || rows > RASTER_ROWS_MAX)
        return complain(reader, FAX_ELIMIT, number, "%u rows; at most %u are allowed", rows,
                        limits->max_rows);
    return 0;
}

static bool is_near(double value, double nominal)
{
    return value >= nominal * 0.95 && value <= nominal * 1.05;
}

static int check_resolution(const struct tiff_reader *reader, uint32_t number,
                            struct page_format *format)
{
    static const uint16_t vertical[] = {98, 196, 391};
    float x = 0, y = 0;
    if (!TIFFGetField(reader->tiff, TIFFTAG_XRESOLUTION, &x) ||
        !TIFFGetField(reader->tiff, TIFFTAG_YRESOLUTION, &y) ||
        get_short(reader->tiff, TIFFTAG_RESOLUTIONUNIT) == RESUNIT_NONE)
        return complain(reader, FAX_EUNSUPPORTED, number,
                        "no resolution; 204 by 98, 196 or 391 dpi is needed");
    double unit =
        get_short(reader->tiff, TIFFTAG_RESOLUTIONUNIT) == RESUNIT_CENTIMETER ? 2.54 : 1.0;
    double x_dpi = (is_turned(reader) ? y : x) * unit, y_dpi = (is_turned(reader) ? x : y) * unit;
    format->x_dpi = 204;
    format->y_dpi = 0;
    for (size_t i = 0; i < sizeof vertical / sizeof vertical[0]; i++)
        if (is_near(x_dpi, 204) && is_near(y_dpi, vertical[i]))
            format->y_dpi = vertical[i];
    if (format->y_dpi == 0)
        return complain(reader, FAX_EUNSUPPORTED, number,
                        "%.1f by %.1f dpi; 204 by 98, 196 or 391 dpi is needed", x_dpi, y_dpi);
    return 0;
}

static int check_strips(const struct tiff_reader *reader, uint32_t number)
{
    uint32_t strips = TIFFNumberOfStrips(reader->tiff);
    for (uint32_t i = 0; i < strips; i++) {
        uint64_t offset = TIFFGetStrileOffset(reader->tiff, i);
        uint64_t octets = TIFFGetStrileByteCount(reader->tiff, i);
        if (offset > reader->length || octets > reader->length - offset)
            return complain(reader, FAX_ETRUNCATED, number,
                            "the document ends before strip %u does", i + 1);
    }
    return 0;
}

/* Checks the current directory and describes its page. */
static int check_page(const struct tiff_reader *reader, uint32_t number, struct page_format *format)
{
    *format = (struct page_format){.coding = PAGE_CODING_T6};
    int rc = check_pixels(reader, number);
    if (rc == 0)
        rc = check_compression(reader, number);
    if (rc == 0)
        rc = check_size(reader, number);
    if (rc == 0)
        rc = check_resolution(reader, number, format);
    if (rc == 0)
        rc = check_strips(reader, number);
    if (rc < 0)
        return rc;
    format->width = get_long(reader->tiff, TIFFTAG_IMAGEWIDTH);
    format->height = get_long(reader->tiff, TIFFTAG_IMAGELENGTH);
    return 0;
}

static int check_pages(struct tiff_reader *reader)
{
    struct page_format format;
    for (;;) {
        if (reader->pages >= reader->limits.max_pages)
            return complain(reader, FAX_ELIMIT, 0, "more than %u pages", reader->limits.max_pages);
        int rc = check_page(reader, ++reader->pages, &format);
        if (rc < 0)
            return rc;
        reader->message[0] = '\0';
        if (TIFFLastDirectory(reader->tiff))
            break;
        if (!TIFFReadDirectory(reader->tiff)) /* also where the list loops */
            return complain(reader, FAX_EFORMAT, reader->pages + 1, "damaged page directory: %s",
                            reader->message);
    }
    if (!TIFFSetDirectory(reader->tiff, 0))
        return complain(reader, FAX_EFORMAT, 1, "damaged page directory: %s", reader->message);
    return 0;
}

int tiff_read_open(struct tiff_reader **out, const uint8_t *data, size_t length,
                   const struct tiff_read_limits *limits, char detail[TIFF_READ_DETAIL])
{
    int rc;
    *out = NULL;
    detail[0] = '\0';
    struct tiff_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return FAX_ENOMEM;
    reader->data = data;
    reader->length = length;
    reader->limits = *limits;
    reader->detail = detail;
    if (length == 0)
        rc = complain(reader, FAX_EEMPTY, 0, "the document is empty");
    else if (length < 8)
        rc = complain(reader, FAX_ETRUNCATED, 0, "the document ends inside its header");
    else if (!(reader->tiff = open_source(reader)))
        rc = complain(reader, FAX_EFORMAT, 0, "not a TIFF document: %s", reader->message);
    else
        rc = check_pages(reader);
    if (rc < 0) {
        tiff_read_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

uint32_t tiff_read_page_count(const struct tiff_reader *reader)
{
    return reader->pages;
}

/* Any warning of libtiff means that it made rows up. */
static int decode_rows(struct tiff_reader *reader, struct raster *page)
{
    bool invert = get_short(reader->tiff, TIFFTAG_PHOTOMETRIC) == PHOTOMETRIC_MINISBLACK;
    size_t octets = raster_row_octets(page);
    if (TIFFScanlineSize(reader->tiff) != (tmsize_t)octets)
        return complain(reader, FAX_EFORMAT, reader->next, "rows of an unexpected size");
    for (uint32_t y = 0; y < page->height; y++) {
        uint8_t *row = raster_row(page, y);
        int got = TIFFReadScanline(reader->tiff, row, y, 0);
        if (got != 1 || reader->message[0])
            return complain(reader, FAX_EFORMAT, reader->next, "row %u does not decode: %s", y + 1,
                            reader->message[0] ? reader->message : "unknown fault");
        if (invert)
            for (size_t i = 0; i < octets; i++)
                row[i] ^= 0xFF;
        if (page->width % 8)
            row[octets - 1] &= (uint8_t)(0xFF << (8 - page->width % 8));
    }
    return 0;
}

static int turn(struct raster *page, struct page_format *format)
{
    struct raster turned;
    int rc = raster_turn(page, &turned);
    raster_free(page);
    if (rc < 0)
        return rc;
    *page = turned;
    format->width = page->width;
    format->height = page->height;
    return 0;
}

int tiff_read_next(struct tiff_reader *reader, struct raster *page, struct page_format *format)
{
    *page = (struct raster){0};
    if (reader->next >= reader->pages)
        return 0;
    if (reader->next > 0 && !TIFFReadDirectory(reader->tiff))
        return complain(reader, FAX_EFORMAT, reader->next + 1, "damaged page directory: %s",
                        reader->message);
    reader->next++;
    int rc = check_page(reader, reader->next, format);
    if (rc == 0)
        rc = raster_init(page, format->width, format->height);
    reader->message[0] = '\0';
    if (rc == 0)
        rc = decode_rows(reader, page);
    if (rc == 0 && is_turned(reader))
        rc = turn(page, format);
    if (rc < 0) {
        raster_free(page);
        return rc;
    }
    return 1;
}

void tiff_read_close(struct tiff_reader *reader)
{
    if (!reader)
        return;
    if (reader->tiff)
        TIFFClose(reader->tiff);
    free(reader);
}
