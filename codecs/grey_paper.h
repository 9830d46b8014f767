/* grey_paper.h: uneven paper made even; part of grey_page_convert.
 *
 * Paper under a lamp, or photographed by hand, is darker towards one side. How light it is varies
 * so slowly that a surface of second degree describes it, which cannot follow a picture on it. */
#ifndef CODECS_GREY_PAPER_H
#define CODECS_GREY_PAPER_H

#include "codecs/grey_page.h"

enum { GREY_PAPER_LEVEL = 250 }; /* what the paper of a levelled page has */

/* Returns 0 when the paper is even or cannot be told from what is on it: *out is then empty. 1:
 * *out is a copy of the page as it would be on even paper, the caller's (grey_page_free). Errors:
 * FAX_ENOMEM, *out is empty. The page is at least a pixel. */
int grey_paper_level(const struct grey_page *page, struct grey_page *out)
    __attribute__((warn_unused_result));

#endif
