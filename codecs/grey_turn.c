#include "codecs/grey_turn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "codecs/fax_error.h"

int grey_page_turn(struct grey_page *page, unsigned orientation)
{
    if (orientation < 1 || orientation > 8)
        return FAX_EINVAL;
    if (orientation == 1)
        return 0;
    bool across = orientation >= 5; /* rows become columns */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    struct grey_page out = {.width = across ? page->height : page->width,
                            .height = across ? page->width : page->height};
    out.pixels = malloc((size_t)out.width * out.height);
    if (!out.pixels)
        return FAX_ENOMEM;
    for (uint32_t y = 0; y < out.height; y++) {
        uint8_t *row = out.pixels + (size_t)y * out.width;
        for (uint32_t x = 0; x < out.width; x++) {
            uint32_t from_x = across ? y : x, from_y = across ? x : y;
            if (from_right)
                from_x = page->width - 1 - from_x;
            if (from_below)
                from_y = page->height - 1 - from_y;
            row[x] = page->pixels[(size_t)from_y * page->width + from_x];
        }
    }
    grey_page_free(page);
    *page = out;
    return 0;
}
