/* t4_encode.h: encoder for T.4 (1-D and 2-D) and T.6 page data. */
#ifndef CODECS_T4_ENCODE_H
#define CODECS_T4_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"

/* T.4 §4.2.2: a 1-D row at least every k rows; 2 at standard, 4 at fine, 8 at superfine resolution.
 */
uint32_t t4_encode_k(uint16_t y_dpi);

/* Codes a page. T.6 ends with EOFB (T.6 §2.4.1.1); T.4 starts each row with EOL and ends with RTC
 * (T.4 §4.1.4), without minimum row lengths. k is used by PAGE_CODING_T4_2D only (1 or more).
 * The last octet is filled up with zeros.
 * On success *data is the caller's, freed with wiped_free(*data, *length) (wiped_buffer.h); on
 * failure it is NULL. Errors: FAX_EINVAL (empty raster, k of 0, a coding of another encoder),
 * FAX_ENOMEM. */
int t4_encode(const struct raster *page, enum page_coding coding, uint32_t k, bool lsb_first,
              uint8_t **data, size_t *length) __attribute__((warn_unused_result));

/* The same into a coded page: coding, bit order and resolution are taken from *format, width and
 * height from the raster, k from the resolution. The caller frees *out with coded_page_free; on
 * failure it is all zero. Errors as t4_encode. */
int t4_encode_page(const struct raster *page, const struct page_format *format,
                   struct coded_page *out) __attribute__((warn_unused_result));

#endif
