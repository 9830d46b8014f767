/* header_line.h: the line of text at the top of each page that is sent (sender, time, page number).
 */
#ifndef CODECS_HEADER_LINE_H
#define CODECS_HEADER_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"

enum { HEADER_LINE_TIME = 23 }; /* octets of a time text with its NUL */

/* Rows that the header line takes at a vertical resolution: 28 at 196 dpi. */
uint32_t header_line_rows(uint16_t y_dpi);

/* Draws left-aligned, centred and right-aligned text at the top. Nothing of the page is covered:
 * where the top rows are white they are used, otherwise rows are inserted (the page grows). Octets
 * outside ASCII 32–126 become '?', one for a whole UTF-8 character. NULL counts as an empty text.
 * Where the line is too short, first the middle, then the left text is cut. 140 characters fit on
 * 1728 pixels. Errors: FAX_EINVAL (empty page, width below 256, resolution 0 or above 1,200),
 * FAX_ELIMIT (page too long to insert rows), FAX_ENOMEM; the page is then unchanged. */
int header_line_draw(struct raster *page, uint16_t y_dpi, const char *left, const char *middle,
                     const char *right) __attribute__((warn_unused_result));

/* Writes the time at an offset from UTC as '2026-11-21 22:15 +0100'.
 * Errors: FAX_EINVAL (buffer below HEADER_LINE_TIME, offset beyond ±18 hours, year outside
 * 1970–9999). */
int header_line_time(char *out, size_t size, int64_t unix_seconds, int utc_offset_minutes)
    __attribute__((warn_unused_result));

#endif
