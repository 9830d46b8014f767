#include "codecs/page_ranges.h"

#include <stddef.h>
#include <string.h>

#include "codecs/fax_error.h"

/* No sign, no blank, no leading zero. */
static int read_number(const char **at, uint32_t *number)
{
    const char *text = *at;
    uint32_t value = 0;
    if (*text < '1' || *text > '9')
        return FAX_EFORMAT;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > PAGE_RANGES_NUMBER)
            return FAX_ELIMIT;
    }
    *at = text;
    *number = value;
    return 0;
}

static int read_range(const char **at, struct page_range *range)
{
    int rc = read_number(at, &range->first);
    if (rc < 0)
        return rc;
    range->last = range->first;
    if (**at != '-')
        return 0;
    ++*at;
    if (**at == '\0') {
        range->last = UINT32_MAX;
        return 0;
    }
    rc = read_number(at, &range->last);
    return rc == 0 && range->last < range->first ? FAX_EFORMAT : rc;
}

static int read_all(const char *text, struct page_ranges *out)
{
    for (;;) {
        struct page_range range;
        if (out->count == PAGE_RANGES_MAX)
            return FAX_ELIMIT;
        int rc = read_range(&text, &range);
        if (rc < 0)
            return rc;
        if (out->count > 0 && range.first <= out->ranges[out->count - 1].last)
            return FAX_EFORMAT;
        out->ranges[out->count++] = range;
        if (*text == '\0')
            return 0;
        if (*text++ != ',')
            return FAX_EFORMAT;
    }
}

int page_ranges_parse(const char *text, struct page_ranges *out)
{
    *out = (struct page_ranges){0};
    if (*text == '\0')
        return 0;
    if (strnlen(text, PAGE_RANGES_TEXT) == PAGE_RANGES_TEXT)
        return FAX_ELIMIT;
    int rc = read_all(text, out);
    if (rc < 0)
        *out = (struct page_ranges){0};
    return rc;
}

bool page_ranges_contain(const struct page_ranges *ranges, uint32_t page)
{
    for (uint32_t i = 0; i < ranges->count; i++)
        if (page >= ranges->ranges[i].first && page <= ranges->ranges[i].last)
            return true;
    return ranges->count == 0;
}

uint32_t page_ranges_last(const struct page_ranges *ranges)
{
    return ranges->count == 0 ? UINT32_MAX : ranges->ranges[ranges->count - 1].last;
}

uint32_t page_ranges_needed(const struct page_ranges *ranges)
{
    const struct page_range *range;
    if (ranges->count == 0)
        return 0;
    range = &ranges->ranges[ranges->count - 1];
    return range->last == UINT32_MAX ? range->first : range->last;
}
