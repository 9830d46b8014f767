/* tiff_read.h: reads a TIFF document in memory as fax pages, with every check that sending needs.
 *
 * libtiff does the parsing; run it in a sandboxed process when the document comes from outside. No
 * state outside the reader: many can be open at once. */
#ifndef CODECS_TIFF_READ_H
#define CODECS_TIFF_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"

enum { TIFF_READ_DETAIL = 256 }; /* octets of a detail text with its NUL */

struct tiff_read_limits {
    uint32_t width;     /* the only width accepted; 0: any up to RASTER_WIDTH_MAX */
    uint32_t max_rows;  /* rows of one page */
    uint32_t max_pages; /* pages of the document */
    bool turn;          /* pages as high as `width` and wider than that are turned clockwise */
};

/* 1728 wide (A4 and letter at 204 dpi), 10,000 rows, 1,000 pages, none turned. */
extern const struct tiff_read_limits tiff_read_send_limits;

struct tiff_reader;

/* Opens the document and checks the headers of all its pages: one bit, one sample, strips, width,
 * rows, orientation, compression, resolution. The resolution must be 204 × 98, 196 or 391 (a few
 * per cent of tolerance, so that 200 × 100, 200 × 200 and 8.04 × 7.7 a millimetre count too).
 * The reader borrows data and detail until it is closed; detail receives the cause of a failure as
 * English text ('page 2: 8 bits per sample; a fax page has 1'), the empty string on success. On
 * failure *out is NULL. Errors: FAX_EFORMAT (not a TIFF, damaged directory, page list that loops),
 * FAX_ETRUNCATED (directory or strip beyond the end), FAX_EUNSUPPORTED (a kind of page that cannot
 * be sent), FAX_ELIMIT (rows or pages above the limits), FAX_EEMPTY (no page, or page without
 * rows), FAX_ENOMEM. */
int tiff_read_open(struct tiff_reader **out, const uint8_t *data, size_t length,
                   const struct tiff_read_limits *limits, char detail[TIFF_READ_DETAIL])
    __attribute__((warn_unused_result));

/* Pages in the document, 1 or more. */
uint32_t tiff_read_page_count(const struct tiff_reader *reader);

/* Decodes the next page. Returns 1 with *page (the caller frees it with raster_free) and *format
 * (width, height, resolution as one of 204 × 98/196/391, coding PAGE_CODING_T6, lsb_first false;
 * the last two are only a proposal); 0 after the last page; on failure a negative error with *page
 * empty and the cause in the detail buffer: FAX_ETRUNCATED or FAX_EFORMAT when any row does not
 * decode cleanly, FAX_ENOMEM. */
int tiff_read_next(struct tiff_reader *reader, struct raster *page, struct page_format *format)
    __attribute__((warn_unused_result));

/* Closes and frees. Safe on NULL. */
void tiff_read_close(struct tiff_reader *reader);

#endif
