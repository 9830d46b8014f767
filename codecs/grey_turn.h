/* grey_turn.h: grey pages turned by quarters and mirrored. */
#ifndef CODECS_GREY_TURN_H
#define CODECS_GREY_TURN_H

#include "codecs/grey_page.h"

enum { GREY_TURN_CLOCKWISE = 6 };

/* Replaces the page by itself made upright: `orientation` as in EXIF tag 0x0112 says where its
 * first row and column stand. 1: as it is; 3: turned by 180°; 6: turned clockwise; 8: the other
 * way; 2, 4, 5, 7: mirrored too. Errors: FAX_EINVAL (not 1 to 8), FAX_ENOMEM; the page is then as
 * before. */
int grey_page_turn(struct grey_page *page, unsigned orientation)
    __attribute__((warn_unused_result));

#endif
