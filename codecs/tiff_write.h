/* tiff_write.h: writes pages as a multi-page TIFF/F document (RFC 2306, T.6 coded) into memory.
 *
 * One strip a page, most significant bit first, min-is-white, page numbers; no date, host or
 * program name, so the same pages give the same octets. */
#ifndef CODECS_TIFF_WRITE_H
#define CODECS_TIFF_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"
#include "codecs/wiped_buffer.h"

/* All zero is a writer without pages. */
struct tiff_writer {
    struct wiped_buffer buffer;
    size_t last_link;    /* where the offset of the next directory is to be written */
    size_t first_number; /* where the first page's PageNumber value stands */
    uint16_t pages;
};

/* Appends a page; the raster is only read. Errors: FAX_EINVAL (empty page, resolution 0),
 * FAX_ELIMIT (65,535 pages or 2 GiB), FAX_ENOMEM; the writer is then as before. */
int tiff_write_page(struct tiff_writer *writer, const struct raster *page, uint16_t x_dpi,
                    uint16_t y_dpi) __attribute__((warn_unused_result));

/* Hands out the document; the caller frees *data with wiped_free. The writer is then empty.
 * Errors: FAX_EEMPTY (no page was written). */
int tiff_write_finish(struct tiff_writer *writer, uint8_t **data, size_t *length)
    __attribute__((warn_unused_result));

/* Drops what was written. Safe on NULL. */
void tiff_write_free(struct tiff_writer *writer);

#endif
