#include "codecs/pdf_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/t4_encode.h"

/* Objects 1 and 2 are catalogue and page tree; page n (from 0) has 3 + 3n (page), 4 + 3n
 * (contents) and 5 + 3n (image). The tree names all pages, so it is written last. */
enum { OBJECTS_A_PAGE = 3, FIRST_PAGE_OBJECT = 3, PAGES_MAX = 100000, TEXT_MAX = 512 };

#define OCTETS_MAX 9999999999ull /* what ten digits of the table can say */

__attribute__((format(printf, 2, 3))) static int append_text(struct wiped_buffer *buffer,
                                                             const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        return FAX_ELIMIT;
    return wiped_buffer_append(buffer, text, (size_t)n);
}

static int reserve_offsets(struct pdf_writer *writer)
{
    if (writer->pages < writer->page_capacity)
        return 0;
    uint32_t capacity = writer->page_capacity ? writer->page_capacity * 2 : 16;
    size_t *offsets = realloc(writer->offsets, (size_t)capacity * OBJECTS_A_PAGE * sizeof *offsets);
    if (!offsets)
        return FAX_ENOMEM;
    writer->offsets = offsets;
    writer->page_capacity = capacity;
    return 0;
}

/* A length in points with three decimals; no printf of floating point, which follows the locale. */
struct points {
    uint64_t whole, thousandths;
};

static struct points to_points(uint32_t pixels, uint16_t dpi)
{
    uint64_t t = ((uint64_t)pixels * 72000 + dpi / 2) / dpi;
    return (struct points){t / 1000, t % 1000};
}

static int append_image(struct pdf_writer *writer, const struct raster *page, uint32_t object,
                        const uint8_t *data, size_t length)
{
    struct wiped_buffer *buffer = &writer->buffer;
    /* BlackIs1 stays false: decoded bits are then 1 for white, as DeviceGray wants them. */
    int rc = append_text(buffer,
                         "%u 0 obj\n<< /Type /XObject /Subtype /Image /Width %u /Height %u "
                         "/ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode "
                         "/DecodeParms << /K -1 /Columns %u /Rows %u /BlackIs1 false >> "
                         "/Length %zu >>\nstream\n",
                         object, page->width, page->height, page->width, page->height, length);
    if (rc == 0)
        rc = wiped_buffer_append(buffer, data, length);
    return rc < 0 ? rc : append_text(buffer, "\nendstream\nendobj\n");
}

static int append_page(struct pdf_writer *writer, const struct raster *page, const uint16_t dpi[2],
                       const uint8_t *data, size_t length)
{
    struct wiped_buffer *buffer = &writer->buffer;
    struct points w = to_points(page->width, dpi[0]), h = to_points(page->height, dpi[1]);
    size_t *offsets = writer->offsets + (size_t)writer->pages * OBJECTS_A_PAGE;
    uint32_t object = FIRST_PAGE_OBJECT + writer->pages * OBJECTS_A_PAGE;
    char contents[128];
    int n = snprintf(contents, sizeof contents,
                     "q %" PRIu64 ".%03" PRIu64 " 0 0 %" PRIu64 ".%03" PRIu64 " 0 0 cm /I Do Q\n",
                     w.whole, w.thousandths, h.whole, h.thousandths);
    int rc = 0;
    if (buffer->length == 0) /* the octets above 127 tell programs that this is no text */
        rc = append_text(buffer, "%%PDF-1.4\n%%\xE2\xE3\xCF\xD3\n");
    offsets[0] = buffer->length;
    if (rc == 0)
        rc = append_text(buffer,
                         "%u 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %" PRIu64
                         ".%03" PRIu64 " %" PRIu64 ".%03" PRIu64 "] /Contents %u 0 R "
                         "/Resources << /XObject << /I %u 0 R >> >> >>\nendobj\n",
                         object, w.whole, w.thousandths, h.whole, h.thousandths, object + 1,
                         object + 2);
    offsets[1] = buffer->length;
    if (rc == 0)
        rc = append_text(buffer, "%u 0 obj\n<< /Length %d >>\nstream\n%sendstream\nendobj\n",
                         object + 1, n, contents);
    offsets[2] = buffer->length;
    return rc < 0 ? rc : append_image(writer, page, object + 2, data, length);
}

int pdf_write_page(struct pdf_writer *writer, const struct raster *page, uint16_t x_dpi,
                   uint16_t y_dpi)
{
    uint8_t *data;
    size_t length, before = writer->buffer.length;
    const uint16_t dpi[2] = {x_dpi, y_dpi};
    if (x_dpi == 0 || y_dpi == 0)
        return FAX_EINVAL;
    if (writer->pages >= PAGES_MAX)
        return FAX_ELIMIT;
    int rc = reserve_offsets(writer);
    if (rc < 0)
        return rc;
    rc = t4_encode(page, PAGE_CODING_T6, 0, false, &data, &length);
    if (rc < 0)
        return rc;
    /* Room also for the table and the tree: an entry of 20 octets an object, a name a page. */
    if (before + length + ((uint64_t)writer->pages + 2) * 128 > OCTETS_MAX)
        rc = FAX_ELIMIT;
    else
        rc = append_page(writer, page, dpi, data, length);
    wiped_free(data, length);
    if (rc < 0)
        writer->buffer.length = before;
    else
        writer->pages++;
    return rc;
}

static int append_tree(struct pdf_writer *writer)
{
    struct wiped_buffer *buffer = &writer->buffer;
    int rc = append_text(buffer, "2 0 obj\n<< /Type /Pages /Count %u /Kids [", writer->pages);
    for (uint32_t i = 0; rc == 0 && i < writer->pages; i++)
        rc = append_text(buffer, "%s%u 0 R", i % 16 ? " " : "\n",
                         FIRST_PAGE_OBJECT + i * OBJECTS_A_PAGE);
    return rc < 0 ? rc : append_text(buffer, "] >>\nendobj\n");
}

static int append_table(struct pdf_writer *writer, size_t catalogue, size_t tree)
{
    struct wiped_buffer *buffer = &writer->buffer;
    size_t table = buffer->length;
    uint32_t objects = FIRST_PAGE_OBJECT + writer->pages * OBJECTS_A_PAGE;
    int rc =
        append_text(buffer, "xref\n0 %u\n0000000000 65535 f \n%010zu 00000 n \n%010zu 00000 n \n",
                    objects, catalogue, tree);
    for (uint32_t i = 0; rc == 0 && i < objects - FIRST_PAGE_OBJECT; i++)
        rc = append_text(buffer, "%010zu 00000 n \n", writer->offsets[i]);
    if (rc == 0)
        rc = append_text(buffer, "trailer\n<< /Size %u /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
                         objects, table);
    return rc;
}

int pdf_write_finish(struct pdf_writer *writer, uint8_t **data, size_t *length)
{
    *data = NULL;
    *length = 0;
    if (writer->pages == 0)
        return FAX_EEMPTY;
    size_t catalogue = writer->buffer.length;
    int rc = append_text(&writer->buffer, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    size_t tree = writer->buffer.length;
    if (rc == 0)
        rc = append_tree(writer);
    if (rc == 0)
        rc = append_table(writer, catalogue, tree);
    if (rc < 0)
        return rc;
    *data = writer->buffer.data;
    *length = writer->buffer.length;
    writer->buffer = (struct wiped_buffer){0};
    pdf_write_free(writer);
    return 0;
}

void pdf_write_free(struct pdf_writer *writer)
{
    if (!writer)
        return;
    wiped_buffer_free(&writer->buffer);
    free(writer->offsets);
    *writer = (struct pdf_writer){0};
}
