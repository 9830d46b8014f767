/* tiff_document.h: pages as a TIFF/F in a memfd, the only form in which a plain spandsp terminal
 * takes them.
 */
#ifndef TESTS_DOUBLES_TIFF_DOCUMENT_H
#define TESTS_DOUBLES_TIFF_DOCUMENT_H

#include "t38/fax_page.h"

/* Makes a memfd with `count` T.6 pages (rows known). Ends the program when that fails. */
int tiff_document_make(const struct fax_page_view *pages, uint32_t count);

#endif
