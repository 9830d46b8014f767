/* grey_row.h: a row of coloured pixels in grey. */
#ifndef CODECS_GREY_ROW_H
#define CODECS_GREY_ROW_H

#include <stddef.h>
#include <stdint.h>

/* The luminance (ITU-R BT.601) of `width` pixels of 32 bits in the order of the machine, as cairo
 * has them (CAIRO_FORMAT_RGB24): red in bits 16 to 23, green 8 to 15, blue 0 to 7, whatever the
 * others are. Black becomes 0, white 255. */
void grey_row_from_rgb(const uint8_t *rgb, size_t width, uint8_t *grey);

#endif
