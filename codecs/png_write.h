/* png_write.h: a page as a PNG image of one bit a pixel, in memory. */
#ifndef CODECS_PNG_WRITE_H
#define CODECS_PNG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/raster.h"

/* The resolution stands in the image, as pixels of a fax are not square. The caller frees *data
 * with wiped_free; on failure it is NULL. Errors: FAX_EEMPTY (a page without pixels), FAX_EINVAL
 * (resolution 0), FAX_ENOMEM. */
int png_write(const struct raster *page, uint16_t x_dpi, uint16_t y_dpi, uint8_t **data,
              size_t *length) __attribute__((warn_unused_result));

#endif
