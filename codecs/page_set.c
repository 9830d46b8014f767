#include "codecs/page_set.h"

#include <string.h>

#include "codecs/fax_error.h"

static const uint8_t magic[8] = {'S', 'F', 'P', 'S', PAGE_SET_VERSION, 0, 0, 0};

enum { FLAG_LSB_FIRST = 1 };

static void put_be16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_be32(uint8_t *out, uint32_t value)
{
    put_be16(out, (uint16_t)(value >> 16));
    put_be16(out + 2, (uint16_t)value);
}

static uint16_t get_be16(const uint8_t *in)
{
    return (uint16_t)(in[0] << 8 | in[1]);
}

static uint32_t get_be32(const uint8_t *in)
{
    return (uint32_t)get_be16(in) << 16 | get_be16(in + 2);
}

static bool is_sound(const struct page_format *format, size_t length)
{
    return format->width > 0 && format->width <= RASTER_WIDTH_MAX && format->height > 0 &&
           format->height <= RASTER_ROWS_MAX && format->x_dpi > 0 && format->y_dpi > 0 &&
           page_coding_is_known(format->coding) && length > 0 && length <= UINT32_MAX;
}

/* The header counts the pages, so it can only be completed at the end. */
static int start(struct page_set_writer *writer)
{
    static const uint8_t no_pages[4] = {0};
    if (writer->buffer.length)
        return 0;
    int rc = wiped_buffer_reserve(&writer->buffer, PAGE_SET_HEADER_OCTETS);
    if (rc < 0)
        return rc;
    rc = wiped_buffer_append(&writer->buffer, magic, sizeof magic);
    return rc < 0 ? rc : wiped_buffer_append(&writer->buffer, no_pages, sizeof no_pages);
}

int page_set_write(struct page_set_writer *writer, const struct coded_page *page,
                   const uint8_t digest[RASTER_DIGEST_OCTETS])
{
    const struct page_format *format = &page->format;
    uint8_t header[PAGE_SET_PAGE_OCTETS] = {0};
    if (!is_sound(format, page->length))
        return FAX_EINVAL;
    if (writer->pages >= PAGE_SET_PAGES_MAX)
        return FAX_ELIMIT;
    put_be32(header, format->width);
    put_be32(header + 4, format->height);
    put_be16(header + 8, format->x_dpi);
    put_be16(header + 10, format->y_dpi);
    header[12] = (uint8_t)format->coding;
    header[13] = format->lsb_first ? FLAG_LSB_FIRST : 0;
    memcpy(header + 16, digest, RASTER_DIGEST_OCTETS);
    put_be32(header + 48, (uint32_t)page->length);
    int rc = start(writer);
    if (rc == 0)
        rc = wiped_buffer_reserve(&writer->buffer, sizeof header + page->length);
    if (rc == 0)
        rc = wiped_buffer_append(&writer->buffer, header, sizeof header);
    if (rc == 0)
        rc = wiped_buffer_append(&writer->buffer, page->data, page->length);
    if (rc == 0)
        writer->pages++;
    return rc;
}

int page_set_finish(struct page_set_writer *writer, uint8_t **data, size_t *length)
{
    *data = NULL;
    *length = 0;
    int rc = start(writer);
    if (rc < 0)
        return rc;
    put_be32(writer->buffer.data + sizeof magic, writer->pages);
    *data = writer->buffer.data;
    *length = writer->buffer.length;
    *writer = (struct page_set_writer){.buffer.limit = writer->buffer.limit};
    return 0;
}

void page_set_writer_free(struct page_set_writer *writer)
{
    if (!writer)
        return;
    wiped_buffer_free(&writer->buffer);
    writer->pages = 0;
}

/* Reads the page at reader->offset and moves behind it. */
static int take_page(struct page_set_reader *reader, struct page_set_entry *entry)
{
    const uint8_t *header = reader->data + reader->offset;
    size_t left = reader->length - reader->offset;
    if (left < PAGE_SET_PAGE_OCTETS)
        return FAX_ETRUNCATED;
    left -= PAGE_SET_PAGE_OCTETS;
    if (!page_coding_is_known(header[12]) || header[13] > FLAG_LSB_FIRST ||
        get_be16(header + 14) != 0)
        return FAX_EFORMAT;
    *entry = (struct page_set_entry){
        .format = {.width = get_be32(header),
                   .height = get_be32(header + 4),
                   .x_dpi = get_be16(header + 8),
                   .y_dpi = get_be16(header + 10),
                   .coding = (enum page_coding)header[12],
                   .lsb_first = header[13] == FLAG_LSB_FIRST},
        .digest = header + 16,
        .data = header + PAGE_SET_PAGE_OCTETS,
        .length = get_be32(header + 48),
    };
    if (!is_sound(&entry->format, entry->length))
        return FAX_EFORMAT;
    if (entry->length > left)
        return FAX_ETRUNCATED;
    reader->offset += PAGE_SET_PAGE_OCTETS + entry->length;
    reader->next++;
    return 0;
}

int page_set_open(struct page_set_reader *reader, const uint8_t *data, size_t length,
                  uint32_t max_pages)
{
    struct page_set_entry entry;
    *reader = (struct page_set_reader){.data = data, .length = length};
    if (length < PAGE_SET_HEADER_OCTETS)
        return FAX_ETRUNCATED;
    if (memcmp(data, magic, 4) != 0)
        return FAX_EFORMAT;
    if (data[4] != PAGE_SET_VERSION)
        return FAX_EUNSUPPORTED;
    if (memcmp(data, magic, sizeof magic) != 0)
        return FAX_EFORMAT;
    uint32_t pages = get_be32(data + sizeof magic);
    if (pages > (max_pages ? max_pages : PAGE_SET_PAGES_MAX))
        return FAX_ELIMIT;
    reader->offset = PAGE_SET_HEADER_OCTETS;
    while (reader->next < pages) {
        int rc = take_page(reader, &entry);
        if (rc < 0)
            return rc;
    }
    if (reader->offset != length)
        return FAX_EFORMAT;
    reader->offset = PAGE_SET_HEADER_OCTETS;
    reader->pages = pages;
    reader->next = 0;
    return 0;
}

int page_set_next(struct page_set_reader *reader, struct page_set_entry *entry)
{
    if (reader->next >= reader->pages)
        return 0;
    int rc = take_page(reader, entry);
    return rc < 0 ? rc : 1;
}
