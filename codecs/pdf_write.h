/* pdf_write.h: writes pages as a PDF 1.4 document into memory, one T.6 image at real size a page.
 *
 * No date, host or program name, so the same pages give the same octets. */
#ifndef CODECS_PDF_WRITE_H
#define CODECS_PDF_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"
#include "codecs/wiped_buffer.h"

/* All zero is a writer without pages. */
struct pdf_writer {
    struct wiped_buffer buffer;
    size_t *offsets; /* three objects a page: page, contents, image */
    uint32_t pages, page_capacity;
};

/* Appends a page of width × 72 / x_dpi by height × 72 / y_dpi points; the raster is only read.
 * Errors: FAX_EINVAL (empty page, resolution 0), FAX_ELIMIT (100,000 pages or the 10^10 octets that
 * PDF's table can address), FAX_ENOMEM; the writer is then as before. */
int pdf_write_page(struct pdf_writer *writer, const struct raster *page, uint16_t x_dpi,
                   uint16_t y_dpi) __attribute__((warn_unused_result));

/* Hands out the document; the caller frees *data with wiped_free. The writer is then empty.
 * Errors: FAX_EEMPTY (no page was written), FAX_ENOMEM (the writer must then be freed). */
int pdf_write_finish(struct pdf_writer *writer, uint8_t **data, size_t *length)
    __attribute__((warn_unused_result));

/* Drops what was written. Safe on NULL. */
void pdf_write_free(struct pdf_writer *writer);

#endif
