#include "codecs/page.h"

#include "codecs/wiped_buffer.h"

void coded_page_free(struct coded_page *page)
{
    if (!page)
        return;
    wiped_free(page->data, page->length);
    *page = (struct coded_page){0};
}

bool page_coding_is_known(unsigned value)
{
    return value >= PAGE_CODING_T4_1D && value <= PAGE_CODING_T85;
}

const char *page_coding_name(enum page_coding coding)
{
    switch (coding) {
    case PAGE_CODING_T4_1D:
        return "T.4 1-D";
    case PAGE_CODING_T4_2D:
        return "T.4 2-D";
    case PAGE_CODING_T6:
        return "T.6";
    case PAGE_CODING_T85:
        return "T.85";
    }
    return "unknown";
}
