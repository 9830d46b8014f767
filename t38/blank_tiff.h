/* blank_tiff.h: the document that spandsp believes it sends: white pages of eight rows. Made here
 * and not by libtiff, which takes 20 µs a page and so a whole tick for a thick document.
 */
#ifndef T38_BLANK_TIFF_H
#define T38_BLANK_TIFF_H

#include "t38/fax_page.h"

#include <stddef.h>

/* Makes a TIFF with a page for each of those given, of the same width and resolution. On success
 * *data is the caller's, freed with free(); it holds nothing confidential. Returns 0 or FAX_ENOMEM.
 */
int blank_tiff_make(const struct fax_page_view *pages, uint32_t count, uint8_t **data,
                    size_t *length) __attribute__((warn_unused_result));

#endif
