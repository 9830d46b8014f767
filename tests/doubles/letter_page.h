/* letter_page.h: the page of tests/data/letter.tif, a letter as it is faxed: for benchmarks. */
#ifndef TESTS_DOUBLES_LETTER_PAGE_H
#define TESTS_DOUBLES_LETTER_PAGE_H

#include "codecs/raster.h"

/* The caller frees *page with raster_free(). Returns 0, or a negative errno when the file cannot be
 * read. */
int letter_page_load(struct raster *page) __attribute__((warn_unused_result));

#endif
