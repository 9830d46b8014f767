/* t6_top.h: another top for a page in T.6 without coding the whole page anew.
 *
 * A row of T.6 depends on the row above it only. So it is enough to code the rows that change and
 * the one below them; the bits of all others stay as they are, shifted. */
#ifndef CODECS_T6_TOP_H
#define CODECS_T6_TOP_H

#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"

/* Alters the top of a page: `top` holds its first rows. All but the last of them may be changed,
 * and rows may be put in above that one, which must stay the last and as it is. Returns 0 or a
 * negative FAX_E... code. */
typedef int t6_top_cb(void *user, struct raster *top);

/* Gives *out: the page with the first `rows` rows (and what `change` puts in) changed, in T.6 with
 * lsb_first as wanted. The rows below are taken to be valid: for pages that were decoded before.
 * The caller frees *out with coded_page_free; on failure it is all zero. Errors: FAX_EUNSUPPORTED
 * (not T.6), FAX_EINVAL (no width), FAX_ETRUNCATED (the page has not more than `rows` rows),
 * FAX_EFORMAT (a coding error in the top), FAX_ENOMEM, and what `change` returned. */
int t6_change_top(const struct coded_page *page, uint32_t rows, t6_top_cb *change, void *user,
                  bool lsb_first, struct coded_page *out) __attribute__((warn_unused_result));

#endif
