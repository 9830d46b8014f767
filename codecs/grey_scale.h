/* grey_scale.h: resampling of grey pages by area average. */
#ifndef CODECS_GREY_SCALE_H
#define CODECS_GREY_SCALE_H

#include <stdint.h>

#include "codecs/grey_page.h"

/* Makes a copy of another size, each pixel the average of the area it covers. The caller frees *out
 * with grey_page_free; on failure it is empty. Sizes are up to 65,535. Errors: FAX_EEMPTY (a size
 * of 0), FAX_ENOMEM. */
int grey_scale(const struct grey_page *page, uint32_t width, uint32_t height, struct grey_page *out)
    __attribute__((warn_unused_result));

#endif
