/* grey_row.h: a row of coloured pixels in grey. */
#ifndef CODECS_GREY_ROW_H
#define CODECS_GREY_ROW_H

#include <stddef.h>
#include <stdint.h>

/* The luminance (ITU-R BT.601) of `width` pixels of 16 bits in the order of the machine, as cairo
 * has them (CAIRO_FORMAT_RGB16_565): 5 bits of red on top, 6 of green, 5 of blue. Black becomes 0,
 * white 255. */
void grey_row_from_565(const uint8_t *pixels, size_t width, uint8_t *grey);

#endif
