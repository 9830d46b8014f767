/* page.h: a page as coded data with its format. */
#ifndef CODECS_PAGE_H
#define CODECS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the rows are coded. The values are stored in vault files and page sets: never renumber. */
enum page_coding {
    PAGE_CODING_T4_1D = 1, /* T.4 §4.1, modified Huffman */
    PAGE_CODING_T4_2D = 2, /* T.4 §4.2, modified READ */
    PAGE_CODING_T6 = 3,    /* T.6, modified modified READ */
    PAGE_CODING_T85 = 4,   /* T.85, the octets as in the BIE */
};

/* FCD frames and non-ECM page data carry the least significant bit first: lsb_first = true
 * (the line order of a fax). TIFF and PDF files of ours have lsb_first = false. T.85 knows one
 * order only. */
struct page_format {
    uint32_t width, height; /* pixels; height 0 where it is not known yet */
    uint16_t x_dpi, y_dpi;  /* as in T.30: 204 × 98, 196 or 391 */
    enum page_coding coding;
    bool lsb_first;
};

struct coded_page {
    struct page_format format;
    uint8_t *data; /* owned */
    size_t length;
};

/* Wipes and frees the data; the page is then all zero. Safe on NULL and on an all-zero page. */
void coded_page_free(struct coded_page *page);

/* Whether the value is one of enum page_coding (for values from outside). */
bool page_coding_is_known(unsigned value);

/* "T.4 1-D", "T.4 2-D", "T.6", "T.85", otherwise "unknown". Static storage. */
const char *page_coding_name(enum page_coding coding);

#endif
