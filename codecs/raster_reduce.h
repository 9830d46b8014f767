/* raster_reduce.h: pages with fewer pixels, for receivers that take no more. */
#ifndef CODECS_RASTER_REDUCE_H
#define CODECS_RASTER_REDUCE_H

#include "codecs/raster.h"

/* Joins x_factor × y_factor pixels to one, which is black where any of them was: no thin line is
 * lost. x_factor is 1 or 2. The caller frees *out with raster_free; on failure it is empty. Errors:
 * FAX_EINVAL (another factor, or a y_factor of 0), FAX_ENOMEM. */
int raster_join(const struct raster *page, unsigned x_factor, unsigned y_factor, struct raster *out)
    __attribute__((warn_unused_result));

/* Makes a page narrower, to `width` pixels, and `height` rows; a pixel is black where three tenths
 * of what it covers were. Ownership and errors as above; FAX_EINVAL for a size of 0. */
int raster_shrink(const struct raster *page, uint32_t width, uint32_t height, struct raster *out)
    __attribute__((warn_unused_result));

#endif
