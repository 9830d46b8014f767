/* header_font.h: the bitmap font of the header line: 5 × 7 pixels, ASCII 32–126. */
#ifndef CODECS_HEADER_FONT_H
#define CODECS_HEADER_FONT_H

#include <stdint.h>

enum {
    HEADER_FONT_FIRST = ' ',
    HEADER_FONT_GLYPHS = 95,
    HEADER_FONT_ROWS = 7,
    HEADER_FONT_COLUMNS = 5,
};

/* From the top row; bit 4 is the leftmost pixel. */
extern const uint8_t header_font[HEADER_FONT_GLYPHS][HEADER_FONT_ROWS];

#endif
