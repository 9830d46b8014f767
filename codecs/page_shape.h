/* page_shape.h: the names of the resolutions and papers that faxes know, and what they mean. */
#ifndef CODECS_PAGE_SHAPE_H
#define CODECS_PAGE_SHAPE_H

#include <stdint.h>

/* T.30 table 2, bits 15 to 18, 41 and 43 of DIS and DCS. */
struct page_shape {
    uint32_t width;        /* pixels */
    uint16_t x_dpi, y_dpi; /* 204 × 98, 196 or 391, or 408 × 391 */
    uint32_t height_mm;    /* of the paper; a fax page may be longer */
    const char *paper;     /* its name; static storage */
};

/* Resolutions are standard, fine, superfine and 400 (408 × 391); papers a4, letter and legal (1728
 * pixels wide at 204 dpi), b4 (2048) and a3 (2432). NULL stands for fine and a4. Returns 0, or
 * FAX_EINVAL with *out untouched: *unknown_paper tells which of the two names it is. */
int page_shape_find(const char *resolution, const char *paper, struct page_shape *out,
                    int *unknown_paper) __attribute__((warn_unused_result));

/* What to say about names that are none. */
extern const char page_shape_resolutions[], page_shape_papers[];

#endif
