/* page_ranges.h: which pages of a document are meant, as '1-3,5,8-'. */
#ifndef CODECS_PAGE_RANGES_H
#define CODECS_PAGE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PAGE_RANGES_MAX = 32,
    PAGE_RANGES_TEXT = 160,     /* octets of a text with its NUL; longer ones are refused */
    PAGE_RANGES_NUMBER = 99999, /* largest page number that a text may name */
};

struct page_range {
    uint32_t first, last; /* both belong to it; last is UINT32_MAX in '8-' */
};

/* All zero: every page. */
struct page_ranges {
    uint32_t count;
    struct page_range ranges[PAGE_RANGES_MAX]; /* ascending, without overlap */
};

/* Reads numbers and ranges parted by commas, in ascending order; the last may be open ('8-'). The
 * empty text means every page. Errors: FAX_EFORMAT (anything else), FAX_ELIMIT (too many ranges or
 * characters, or a number above PAGE_RANGES_NUMBER); *out is then all zero. */
int page_ranges_parse(const char *text, struct page_ranges *out)
    __attribute__((warn_unused_result));

/* Whether the page (from 1) is meant. */
bool page_ranges_contain(const struct page_ranges *ranges, uint32_t page);

/* The highest page meant, UINT32_MAX when there is no end. */
uint32_t page_ranges_last(const struct page_ranges *ranges);

/* The highest page that is named: a document with fewer pages does not have what was asked for. 0
 * when none is. */
uint32_t page_ranges_needed(const struct page_ranges *ranges);

#endif
