/* t4_decode.h: decoder for T.4 (1-D and 2-D) and T.6 page data of unknown height.
 *
 * Input is hostile: time and memory are bounded by the length of the data and by max_rows. */
#ifndef CODECS_T4_DECODE_H
#define CODECS_T4_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"

struct t4_limits {
    uint32_t max_rows;     /* more rows: FAX_ELIMIT; at most RASTER_ROWS_MAX, 0 means 10,000 */
    uint32_t max_bad_rows; /* T.4 only: damaged rows that are tolerated (no ECM); 0 with ECM */
};

enum t4_end {
    T4_END_NONE = 0, /* decoding failed before the end */
    T4_END_DATA,     /* the data ended after a whole row, without EOFB or RTC */
    T4_END_EOFB,     /* T.6 §2.4.1.1 */
    T4_END_RTC,      /* T.4 §4.1.4 */
};

struct t4_report {
    uint32_t rows;       /* rows decoded, bad ones included */
    uint32_t bad_rows;   /* rows replaced by a copy of the row above (T.4 only) */
    size_t error_offset; /* octet near which decoding failed; the length of the data if it ended */
    size_t end_offset;   /* octets up to and including EOFB or RTC, or all of them */
    enum t4_end end;
};

/* Decodes one page. Of `format` width, coding and lsb_first are used.
 *
 * Tolerated: fill before EOL, zeros after the end (frames are padded with them), a missing EOFB or
 * RTC when the data ends after a whole row (report->end tells), anything behind EOFB or RTC. In T.4
 * up to max_bad_rows rows with errors; each is replaced by the row above. On success *out owns the
 * rows (height may be 0: FAX_EEMPTY is returned instead) and the caller frees it with raster_free;
 * on failure *out is empty. *report is always filled in and may be NULL.
 *
 * Errors: FAX_EFORMAT (T.6: the first coding error; T.4: more bad rows than allowed),
 * FAX_ETRUNCATED (the data ends inside a row), FAX_ELIMIT (more than max_rows rows),
 * FAX_EUNSUPPORTED (the uncompressed mode), FAX_EEMPTY (no row at all), FAX_EINVAL (width 0 or too
 * large, a coding of another decoder), FAX_ENOMEM. */
int t4_decode(const uint8_t *data, size_t length, const struct page_format *format,
              const struct t4_limits *limits, struct raster *out, struct t4_report *report)
    __attribute__((warn_unused_result));

#endif
