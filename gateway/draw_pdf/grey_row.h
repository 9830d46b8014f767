/* grey_row.h: a row of cairo's image in grey. */
#ifndef GATEWAY_DRAW_PDF_GREY_ROW_H
#define GATEWAY_DRAW_PDF_GREY_ROW_H

#include <stddef.h>
#include <stdint.h>

/* The luminance (ITU-R BT.601) of `width` pixels of CAIRO_FORMAT_RGB24, 4 octets each: black is 0,
 * white exactly 255. */
void grey_row_from_rgb(const uint8_t *rgb, size_t width, uint8_t *grey);

#endif
