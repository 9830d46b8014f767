/* grey_page.h: grey pages as a renderer writes them, and their conversion to fax pages. */
#ifndef CODECS_GREY_PAGE_H
#define CODECS_GREY_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"

/* 8 bits a pixel, 0 is black, rows without padding. The contents are confidential. */
struct grey_page {
    uint32_t width, height;
    uint8_t *pixels; /* width × height octets, owned */
};

/* Wipes and frees; the page is then all zero. Safe on NULL and on an all-zero page. */
void grey_page_free(struct grey_page *page);

struct grey_limits {
    uint32_t max_width, max_height; /* pixels; at most 65,535 each */
    uint64_t max_pixels;            /* width × height of one page */
};

/* Reads concatenated binary PGM images (P5, maxval 255, as `pdftoppm -gray` writes them to a pipe).
 */
struct grey_reader;

/* On failure *out is NULL. Errors: FAX_EINVAL (a limit of 0 or above 65,535), FAX_ENOMEM. */
int grey_reader_new(struct grey_reader **out, const struct grey_limits *limits)
    __attribute__((warn_unused_result));

/* Takes octets as they arrive. *used is how many were consumed. Returns 0 when all were consumed
 * and the page is not complete; 1 when a page is complete: *page is then the caller's
 * (grey_page_free), and the call is to be repeated with the octets not consumed. After an error the
 * reader can only be freed. Errors: FAX_EFORMAT (not P5, bad number, maxval other than 255),
 * FAX_EUNSUPPORTED (another PNM kind), FAX_ELIMIT (size above the limits), FAX_EEMPTY (width or
 * height 0), FAX_ENOMEM, FAX_ESTATE. */
int grey_reader_feed(struct grey_reader *reader, const uint8_t *data, size_t length, size_t *used,
                     struct grey_page *page) __attribute__((warn_unused_result));

/* Tells the end of the input. Returns 0, or FAX_ETRUNCATED inside a page. */
int grey_reader_end(const struct grey_reader *reader) __attribute__((warn_unused_result));

/* Wipes and frees. Safe on NULL. */
void grey_reader_free(struct grey_reader *reader);

/* What a grey page was rendered at and what it is to become. */
struct grey_conversion {
    uint32_t width;                      /* of the fax page, 1728 */
    uint16_t source_x_dpi, source_y_dpi; /* resolution the page was rendered at */
    uint16_t x_dpi, y_dpi;               /* of the fax page: 204 × 98, 196 or 391 */
    uint32_t max_rows;                   /* of the fax page; more: FAX_ELIMIT */
};

/* Turns a grey page into a bilevel one of conversion->width.
 *
 * The page keeps its real size; narrower pages are centred on white, wider ones are made smaller in
 * both directions (area average). The paper white is taken from the page itself; text, lines and
 * fills are thresholded against their surroundings, so that grey text and thin lines stay; areas of
 * continuous tone (photographs) get a clustered-dot screen of 45°. On success the caller frees *out
 * with raster_free; on failure it is empty. Errors: FAX_EINVAL (a zero in the conversion, width
 * above RASTER_WIDTH_MAX), FAX_ELIMIT, FAX_EEMPTY, FAX_ENOMEM. */
int grey_page_convert(const struct grey_page *page, const struct grey_conversion *conversion,
                      struct raster *out) __attribute__((warn_unused_result));

#endif
