/* t85_adaptive.h: where the adaptive pixel of T.85 belongs for a page. */
#ifndef CODECS_T85_ADAPTIVE_H
#define CODECS_T85_ADAPTIVE_H

#include <stdint.h>

#include "codecs/raster.h"

/* Says at_x of struct t85_options for a page: 0 for text and drawings; for one with much screened
 * picture the distance in which its dots repeat, which shortens it by up to a third (T.82 annex C).
 * Looks at some of the rows only. */
uint8_t t85_adaptive_place(const struct raster *page);

#endif
