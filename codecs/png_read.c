#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/image_header.h"

enum { SIGNATURE = 8, CHUNK_HEAD = 8, CHUNK_TAIL = 4, HEADER_DATA = 13 };

static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void read_chunk(const uint8_t *chunk, uint32_t octets, struct image *out)
{
    const uint8_t *data = chunk + CHUNK_HEAD;
    if (memcmp(chunk + 4, "pHYs", 4) == 0 && octets == 9)
        out->aspect = image_aspect(big_endian(data), big_endian(data + 4));
    else if (memcmp(chunk + 4, "eXIf", 4) == 0)
        out->orientation = image_exif_orientation(data, octets);
}

/* Chunks as far as the pixels: what libpng's simple interface does not tell. */
static void read_chunks(const uint8_t *data, size_t length, struct image *out)
{
    size_t at = SIGNATURE;
    while (length - at >= CHUNK_HEAD + CHUNK_TAIL) {
        uint32_t octets = big_endian(data + at);
        if (octets > length - at - CHUNK_HEAD - CHUNK_TAIL || memcmp(data + at + 4, "IDAT", 4) == 0)
            return;
        read_chunk(data + at, octets, out);
        at += CHUNK_HEAD + CHUNK_TAIL + (size_t)octets;
    }
}

static int decode(png_image *png, struct grey_page *page, char detail[IMAGE_READ_DETAIL])
{
    static const png_color white = {255, 255, 255};
    png->format = PNG_FORMAT_GRAY;
    png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    *page = (struct grey_page){.width = png->width, .height = png->height};
    page->pixels = malloc((size_t)png->width * png->height);
    if (!page->pixels) {
        *page = (struct grey_page){0};
        return image_complain(detail, FAX_ENOMEM, "no memory for the image");
    }
    if (png_image_finish_read(png, &white, page->pixels, (png_int_32)png->width, NULL))
        return 0;
    grey_page_free(page);
    return image_complain_of(detail, FAX_EFORMAT, png->message);
}

int png_read(const uint8_t *data, size_t length, const struct image_limits *limits,
             struct image *out, char detail[IMAGE_READ_DETAIL])
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    detail[0] = '\0';
    *out = (struct image){0};
    if (length < SIGNATURE + CHUNK_HEAD + HEADER_DATA || memcmp(data, signature, SIGNATURE) != 0 ||
        memcmp(data + SIGNATURE + 4, "IHDR", 4) != 0)
        return image_complain(detail, FAX_EFORMAT, "the image is damaged: no PNG header");
    const uint8_t *header = data + SIGNATURE + CHUNK_HEAD;
    int rc = image_check_size(big_endian(header), big_endian(header + 4), limits, detail);
    if (rc < 0)
        return rc;
    out->orientation = 1;
    out->aspect = 1;
    read_chunks(data, length, out);
    if (!png_image_begin_read_from_memory(&png, data, length))
        rc = image_complain_of(detail, FAX_EFORMAT, png.message);
    else if (png.width != big_endian(header) || png.height != big_endian(header + 4))
        rc = image_complain(detail, FAX_EFORMAT, "the image is damaged: two sizes");
    else
        rc = decode(&png, &out->page, detail);
    png_image_free(&png);
    if (rc < 0)
        *out = (struct image){0};
    return rc;
}
