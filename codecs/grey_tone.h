/* grey_tone.h: what is paper, text and photograph on a grey page; part of grey_page_convert.
 *
 * The page is cut into cells of 4 × 4 pixels. A cell gets a threshold, or the mark that it lies
 * in an area of continuous tone and needs a screen. */
#ifndef CODECS_GREY_TONE_H
#define CODECS_GREY_TONE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/grey_page.h"

enum {
    GREY_TONE_CELL = 4,   /* pixels, both ways */
    GREY_TONE_BLOCK = 4,  /* cells, both ways: the unit in which photographs are found */
    GREY_TONE_SCREEN = 1, /* in the place of a threshold: the cell gets a screen */
};

struct grey_tone {
    uint32_t columns, rows; /* of cells */
    uint8_t *thresholds;    /* a cell: pixels below it are black, or GREY_TONE_SCREEN; wiped by
                               grey_tone_free */
    uint8_t *blocks;        /* a block: 1 where cells of it get a screen */
    uint32_t block_columns, block_rows;
    uint8_t white, black; /* from white on a pixel is paper, below black it is ink */
};

/* Analyses the page. The caller frees *out with grey_tone_free, also after a failure. Errors:
 * FAX_ENOMEM. */
int grey_tone_analyse(const struct grey_page *page, struct grey_tone *out)
    __attribute__((warn_unused_result));

/* Wipes and frees. Safe on NULL and on an all-zero struct. */
void grey_tone_free(struct grey_tone *tone);

/* Marks the areas of continuous tone in tone->blocks and tone->thresholds, given the darkest and
 * the lightest pixel of each cell. Errors: FAX_ENOMEM. (grey_photo.c) */
int grey_photo_find(struct grey_tone *tone, const uint8_t *darkest, const uint8_t *lightest)
    __attribute__((warn_unused_result));

#endif
