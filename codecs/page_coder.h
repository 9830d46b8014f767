/* page_coder.h: pages in any coding of enum page_coding, to rasters and back. */
#ifndef CODECS_PAGE_CODER_H
#define CODECS_PAGE_CODER_H

#include "codecs/page.h"
#include "codecs/raster.h"

struct page_limits {
    uint32_t max_rows;     /* more rows: FAX_ELIMIT; at most RASTER_ROWS_MAX, 0 means 10,000 */
    uint32_t max_bad_rows; /* T.4 only: damaged rows that are tolerated (no ECM); 0 with ECM */
};

struct page_report {
    uint32_t rows;     /* rows decoded, bad ones included */
    uint32_t bad_rows; /* rows replaced by a copy of the row above (T.4 only) */
};

/* Decodes a page by t4_decode or t85_decode; of `format` width, coding and lsb_first are used. The
 * octets of T.85 have one order only, so lsb_first means nothing there; its own width must be that
 * of the format. limits may be NULL. On success *out owns the rows (raster_free), on failure it is
 * empty; *report is always filled in and may be NULL. Errors as those of the two decoders. */
int page_decode(const uint8_t *data, size_t length, const struct page_format *format,
                const struct page_limits *limits, struct raster *out, struct page_report *report)
    __attribute__((warn_unused_result));

/* Codes a page by t4_encode_page, or by t85_encode as every T.85 receiver takes it, with the
 * adaptive pixel where it serves the page best. The caller frees *out with coded_page_free; on
 * failure it is all zero. Errors: FAX_EINVAL, FAX_ENOMEM. */
int page_encode(const struct raster *page, const struct page_format *format, struct coded_page *out)
    __attribute__((warn_unused_result));

#endif
