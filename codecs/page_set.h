/* page_set.h: a list of coded pages as one block of octets, to pass pages between processes.
 *
 * Format, all numbers big-endian: 'SFPS', version (1 octet, 1), three zero octets, page count (4);
 * then a page: width (4), rows (4), x_dpi (2), y_dpi (2), coding (1), flags (1, bit 0: least
 * significant bit first, others 0), two zero octets, digest of the pixels (32, raster_digest),
 * length (4), data. */
#ifndef CODECS_PAGE_SET_H
#define CODECS_PAGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"
#include "codecs/wiped_buffer.h"

enum {
    PAGE_SET_VERSION = 1,
    PAGE_SET_HEADER_OCTETS = 12,
    PAGE_SET_PAGE_OCTETS = 52, /* header of a page, without its data */
    PAGE_SET_PAGES_MAX = 10000,
};

/* All zero is a writer without pages and without a limit; buffer.limit may be set before use. */
struct page_set_writer {
    struct wiped_buffer buffer;
    uint32_t pages;
};

/* Appends a page (copied). Errors: FAX_EINVAL (width, rows or length 0 or too large, unknown
 * coding), FAX_ELIMIT (PAGE_SET_PAGES_MAX pages or buffer.limit octets), FAX_ENOMEM; the writer is
 * then as before. */
int page_set_write(struct page_set_writer *writer, const struct coded_page *page,
                   const uint8_t digest[RASTER_DIGEST_OCTETS]) __attribute__((warn_unused_result));

/* Hands out the block (also for no page at all); the caller frees *data with wiped_free. The writer
 * is then empty. Errors: FAX_ENOMEM. */
int page_set_finish(struct page_set_writer *writer, uint8_t **data, size_t *length)
    __attribute__((warn_unused_result));

/* Drops what was written. Safe on NULL. */
void page_set_writer_free(struct page_set_writer *writer);

/* A page as it stands in the block; everything borrowed from it. */
struct page_set_entry {
    struct page_format format;
    const uint8_t *digest; /* RASTER_DIGEST_OCTETS; not verified against the data */
    const uint8_t *data;
    size_t length;
};

struct page_set_reader {
    const uint8_t *data;
    size_t length, offset;
    uint32_t pages, next;
};

/* Checks the whole block, which nobody is trusted to have written well, and starts reading. The
 * reader borrows data. `max_pages` 0 means PAGE_SET_PAGES_MAX.
 * Errors: FAX_EFORMAT (magic, reserved octets, a value out of range, octets left over),
 * FAX_EUNSUPPORTED (version), FAX_ETRUNCATED, FAX_ELIMIT (more pages than allowed). */
int page_set_open(struct page_set_reader *reader, const uint8_t *data, size_t length,
                  uint32_t max_pages) __attribute__((warn_unused_result));

/* Returns 1 with the next page, 0 after the last. */
int page_set_next(struct page_set_reader *reader, struct page_set_entry *entry)
    __attribute__((warn_unused_result));

#endif
