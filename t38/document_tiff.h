/* document_tiff.h: the document that spandsp believes it sends, as a TIFF in a memfd.
 */
#ifndef T38_DOCUMENT_TIFF_H
#define T38_DOCUMENT_TIFF_H

#include "t38/fax_page.h"

#include <stdbool.h>
#include <stdint.h>

/* Replaces the contents of the memfd by a TIFF/F of `count` pages of eight white rows with the
 * width and resolution of those given, enough to negotiate with. The descriptor stays the caller's.
 * Returns 0, FAX_ENOMEM or FAX_EENGINE. */
int document_tiff_write(int memfd, const struct fax_page_view *pages, uint32_t count)
    __attribute__((warn_unused_result));

/* spandsp counts a document's pages when it opens it, by going to each of them from the first one
 * on: with a thousand pages half a million steps at once. Until then it needs the first page only.
 * hide: ends the document behind its first page, whatever reads it; returns what show needs, 0 when
 * there is nothing to hide. show: undoes it; false: it could not. */
uint32_t document_tiff_hide_pages(int memfd) __attribute__((warn_unused_result));
bool document_tiff_show_pages(int memfd, uint32_t hidden) __attribute__((warn_unused_result));

#endif
