/* guard_page.h: puts a page together from the FCD frames of ECM blocks (T.4 annex A), or from
 * the octets of a page without ECM. Pure.
 */
#ifndef T38_GUARD_PAGE_H
#define T38_GUARD_PAGE_H

#include <stddef.h>
#include <stdint.h>

enum { GUARD_FRAME_OCTETS = 256, GUARD_BLOCK_FRAMES = 256 };

struct guard_page {
    uint8_t *data;
    size_t capacity;
    size_t length; /* of the finished blocks */
    size_t limit;  /* octets a page may have */
};

/* Keeps the payload of frame `number` of the block in progress; a repeated frame replaces the
 * earlier one. Returns 0, FAX_ELIMIT or FAX_ENOMEM. */
int guard_page_put(struct guard_page *p, uint8_t number, const uint8_t *data, size_t n)
    __attribute__((warn_unused_result));

/* Ends a block of `frames` frames with the given lengths (each 1 to 256); all must have been put.
 * Returns 0, or FAX_ESTATE when frames or lengths cannot be right. */
int guard_page_close_block(struct guard_page *p, const int16_t *lengths, size_t frames)
    __attribute__((warn_unused_result));

/* Adds octets of a page without ECM. Returns 0, FAX_ELIMIT or FAX_ENOMEM. */
int guard_page_append(struct guard_page *p, const uint8_t *data, size_t n)
    __attribute__((warn_unused_result));

/* Forgets the page so far; the buffer stays. */
void guard_page_restart(struct guard_page *p);

/* Wipes and frees the buffer; the limit stays. */
void guard_page_wipe(struct guard_page *p);

#endif
