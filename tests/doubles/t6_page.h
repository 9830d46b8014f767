/* t6_page.h: pages coded in T.6 for tests, made from a seed; libtiff codes them.
 */
#ifndef TESTS_DOUBLES_T6_PAGE_H
#define TESTS_DOUBLES_T6_PAGE_H

#include "t38/fax_page.h"

enum t6_page_kind {
    T6_PAGE_TEXT,  /* lines of small marks: about 40 kB */
    T6_PAGE_SHORT, /* a few lines: some 2 kB, so that calls end soon */
    T6_PAGE_PHOTO, /* noise: about 370 kB, six blocks of ECM */
};

/* Makes a page of 1728 pels at 204 x 196 dpi. The caller frees view.data through fax_page_wipe().
 * Ends the program when libtiff fails. */
struct fax_page t6_page_make(enum t6_page_kind kind, uint32_t seed);

/* Is the received page the sent one: the same octets, filled with zeros to whole ECM frames of 256
 * octets, or, coded otherwise than in T.85, the same pixels? */
bool t6_page_arrived(const struct fax_page_view *sent, const struct fax_page_view *received);

#endif
