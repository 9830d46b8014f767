#include "codecs/tiff_write.h"

#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/t4_encode.h"

/* Little-endian TIFF 6.0 with the fields of RFC 2306, profile F. A page is: strip, directory,
 * the two resolutions; the link of the directory before is then set. */
enum {
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_RATIONAL = 5,
    ENTRY_OCTETS = 12,
    HEADER_OCTETS = 8,
    PAGES_MAX = 65535,
};

struct field {
    uint16_t tag, type;
    uint32_t count, value;
};

static void put_le16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

static void put_le32(uint8_t *out, uint32_t value)
{
    put_le16(out, value);
    put_le16(out + 2, value >> 16);
}

static void put_field(uint8_t *out, const struct field *field)
{
    put_le16(out, field->tag);
    put_le16(out + 2, field->type);
    put_le32(out + 4, field->count);
    put_le32(out + 8, field->value);
}

/* Appends the directory of a page whose strip stands at `strip`. */
static void append_directory(struct tiff_writer *writer, const struct raster *page,
                             const uint16_t dpi[2], size_t strip, size_t strip_octets)
{
    struct wiped_buffer *buffer = &writer->buffer;
    enum { FIELDS = 20 };
    size_t at = buffer->length;
    uint32_t resolutions = (uint32_t)(at + 2 + (size_t)FIELDS * ENTRY_OCTETS + 4);
    const struct field fields[FIELDS] = {
        {254, TYPE_LONG, 1, 2}, /* NewSubfileType: a page of a document */
        {256, TYPE_LONG, 1, page->width},
        {257, TYPE_LONG, 1, page->height},
        {258, TYPE_SHORT, 1, 1}, /* BitsPerSample */
        {259, TYPE_SHORT, 1, 4}, /* Compression: T.6 */
        {262, TYPE_SHORT, 1, 0}, /* PhotometricInterpretation: min is white */
        {266, TYPE_SHORT, 1, 1}, /* FillOrder: most significant bit first */
        {273, TYPE_LONG, 1, (uint32_t)strip},
        {274, TYPE_SHORT, 1, 1}, /* Orientation: top left */
        {277, TYPE_SHORT, 1, 1}, /* SamplesPerPixel */
        {278, TYPE_LONG, 1, page->height},
        {279, TYPE_LONG, 1, (uint32_t)strip_octets},
        {282, TYPE_RATIONAL, 1, resolutions},
        {283, TYPE_RATIONAL, 1, resolutions + 8},
        {293, TYPE_LONG, 1, 0},  /* T6Options */
        {296, TYPE_SHORT, 1, 2}, /* ResolutionUnit: inch */
        {297, TYPE_SHORT, 2, writer->pages},
        {326, TYPE_LONG, 1, 0},  /* BadFaxLines */
        {327, TYPE_SHORT, 1, 0}, /* CleanFaxData: clean */
        {328, TYPE_LONG, 1, 0},  /* ConsecutiveBadFaxLines */
    };
    uint8_t *to = buffer->data + at;
    put_le16(to, FIELDS);
    to += 2;
    for (int i = 0; i < FIELDS; i++, to += ENTRY_OCTETS) {
        put_field(to, &fields[i]);
        if (fields[i].tag == 297 && writer->pages == 0)
            writer->first_number = (size_t)(to + 8 - buffer->data);
    }
    put_le32(buffer->data + writer->last_link, (uint32_t)at);
    writer->last_link = (size_t)(to - buffer->data);
    put_le32(to, 0);
    to += 4;
    for (int i = 0; i < 2; i++, to += 8) {
        put_le32(to, dpi[i]);
        put_le32(to + 4, 1);
    }
    buffer->length = (size_t)(to - buffer->data);
}

static int append_page(struct tiff_writer *writer, const struct raster *page, const uint16_t dpi[2],
                       const uint8_t *strip, size_t strip_octets)
{
    static const uint8_t header[HEADER_OCTETS] = {'I', 'I', 42, 0};
    enum { DIRECTORY_ROOM = 512 };
    struct wiped_buffer *buffer = &writer->buffer;
    size_t before = buffer->length;
    if (writer->pages >= PAGES_MAX || strip_octets > UINT32_MAX / 2 ||
        before > UINT32_MAX / 2 - DIRECTORY_ROOM)
        return FAX_ELIMIT;
    int rc = wiped_buffer_reserve(buffer, strip_octets + DIRECTORY_ROOM);
    if (rc == 0 && before == 0) {
        rc = wiped_buffer_append(buffer, header, sizeof header);
        writer->last_link = 4;
    }
    size_t at = buffer->length;
    if (rc == 0)
        rc = wiped_buffer_append(buffer, strip, strip_octets);
    if (rc == 0 && buffer->length % 2) /* directories begin at a word */
        rc = wiped_buffer_append(buffer, "", 1);
    if (rc < 0) {
        buffer->length = before;
        return rc;
    }
    append_directory(writer, page, dpi, at, strip_octets);
    writer->pages++;
    return 0;
}

int tiff_write_page(struct tiff_writer *writer, const struct raster *page, uint16_t x_dpi,
                    uint16_t y_dpi)
{
    uint8_t *strip;
    size_t strip_octets;
    const uint16_t dpi[2] = {x_dpi, y_dpi};
    if (x_dpi == 0 || y_dpi == 0)
        return FAX_EINVAL;
    int rc = t4_encode(page, PAGE_CODING_T6, 0, false, &strip, &strip_octets);
    if (rc < 0)
        return rc;
    rc = append_page(writer, page, dpi, strip, strip_octets);
    wiped_free(strip, strip_octets);
    return rc;
}

/* Writes the number of pages into the PageNumber of each directory, following the links. */
static void number_pages(struct tiff_writer *writer)
{
    uint8_t *data = writer->buffer.data;
    size_t in_directory = 0, link = 4;
    for (uint16_t i = 0; i < writer->pages; i++) {
        size_t at = (size_t)data[link] | (size_t)data[link + 1] << 8 |
                    (size_t)data[link + 2] << 16 | (size_t)data[link + 3] << 24;
        if (i == 0)
            in_directory = writer->first_number - at;
        put_le16(data + at + in_directory + 2, writer->pages);
        link = at + 2 + (size_t)(data[at] | data[at + 1] << 8) * ENTRY_OCTETS;
    }
}

int tiff_write_finish(struct tiff_writer *writer, uint8_t **data, size_t *length)
{
    *data = NULL;
    *length = 0;
    if (writer->pages == 0)
        return FAX_EEMPTY;
    number_pages(writer);
    *data = writer->buffer.data;
    *length = writer->buffer.length;
    *writer = (struct tiff_writer){0};
    return 0;
}

void tiff_write_free(struct tiff_writer *writer)
{
    if (!writer)
        return;
    wiped_buffer_free(&writer->buffer);
    *writer = (struct tiff_writer){0};
}
