/* document_tiff.h: a document to send as a TIFF in a memfd, the only form in which the engine takes
 * one.
 */
#ifndef T38_DOCUMENT_TIFF_H
#define T38_DOCUMENT_TIFF_H

#include "t38/fax_page.h"

/* Replaces the contents of the memfd by a TIFF/F of `count` T.6 pages (rows known). blank: pages of
 * eight white rows with the same width and resolution, enough to negotiate with; else the pages
 * themselves. The descriptor stays the caller's. Returns 0, FAX_ENOMEM or FAX_EENGINE. */
int document_tiff_write(int memfd, const struct fax_page_view *pages, uint32_t count, bool blank)
    __attribute__((warn_unused_result));

/* Overwrites the contents of a memfd and makes it empty. */
void document_tiff_wipe(int memfd);

#endif
