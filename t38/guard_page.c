#include "t38/guard_page.h"

#include "codecs/fax_error.h"

#include <stdlib.h>
#include <string.h>

enum { GROWTH_OCTETS = 8192 }; /* at least; a quarter later. Thousands of pages are in progress */

/* realloc would leave an unwiped copy behind */
static int grow(struct guard_page *p)
{
    size_t quarter = p->capacity / 4;
    size_t want = p->capacity + (quarter > GROWTH_OCTETS ? quarter : GROWTH_OCTETS);
    uint8_t *bigger = malloc(want);
    if (!bigger)
        return FAX_ENOMEM;
    if (p->data) {
        memcpy(bigger, p->data, p->capacity);
        explicit_bzero(p->data, p->capacity);
        free(p->data);
    }
    memset(bigger + p->capacity, 0, want - p->capacity);
    p->data = bigger;
    p->capacity = want;
    return 0;
}

/* Frames lie 256 octets apart until their block is complete: frames of 64 octets are not announced
 * reliably. */
int guard_page_put(struct guard_page *p, uint8_t number, const uint8_t *data, size_t n)
{
    size_t at = p->length + (size_t)number * GUARD_FRAME_OCTETS;
    if (n > GUARD_FRAME_OCTETS || at + GUARD_FRAME_OCTETS > p->limit)
        return FAX_ELIMIT;
    while (at + GUARD_FRAME_OCTETS > p->capacity)
        if (grow(p))
            return FAX_ENOMEM;
    memcpy(p->data + at, data, n);
    return 0;
}

int guard_page_close_block(struct guard_page *p, const int16_t *lengths, size_t frames)
{
    size_t from = p->length;
    for (size_t i = 0; i < frames; i++, from += GUARD_FRAME_OCTETS) {
        size_t n = lengths[i] > 0 ? (size_t)lengths[i] : 0;
        if (n < 1 || n > GUARD_FRAME_OCTETS || from + n > p->capacity)
            return FAX_ESTATE;
        if (p->length != from)
            memmove(p->data + p->length, p->data + from, n);
        p->length += n;
    }
    return 0;
}

int guard_page_append(struct guard_page *p, const uint8_t *data, size_t n)
{
    if (n > p->limit - p->length)
        return FAX_ELIMIT;
    while (p->length + n > p->capacity)
        if (grow(p))
            return FAX_ENOMEM;
    memcpy(p->data + p->length, data, n);
    p->length += n;
    return 0;
}

void guard_page_restart(struct guard_page *p)
{
    p->length = 0;
}

void guard_page_wipe(struct guard_page *p)
{
    if (p->data)
        explicit_bzero(p->data, p->capacity);
    free(p->data);
    p->data = NULL;
    p->capacity = p->length = 0;
}
