/* fax_page.h: coded pages as they go over a fax line.
 */
#ifndef T38_FAX_PAGE_H
#define T38_FAX_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fax_page_coding {
    FAX_PAGE_T4_1D, /* T.4 §4.1, modified Huffman */
    FAX_PAGE_T4_2D, /* T.4 §4.2, modified READ */
    FAX_PAGE_T6,    /* T.6 */
    FAX_PAGE_T85,   /* T.85; the octets as in the BIE */
};

/* A coded page that somebody else owns. */
struct fax_page_view {
    enum fax_page_coding coding;
    bool lsb_first; /* the first pel on the line is the lowest bit of an octet, as in TIFF FillOrder
                       2 */
    uint32_t width; /* pels */
    uint32_t rows;  /* 0: not known before decoding */
    uint16_t x_dpi; /* 204, 300, 408, ... */
    uint16_t y_dpi; /* 98, 196, 391, ... */
    const uint8_t *data;
    size_t length; /* octets */
};

/* A received page with its buffer. Whoever holds the struct owns the buffer; release with
 * fax_page_wipe. */
struct fax_page {
    struct fax_page_view view; /* view.data points to buffer */
    uint8_t *buffer;           /* from malloc; capacity octets of it were written to at most */
    size_t capacity;
    bool without_ecm;       /* may hold damaged rows */
    uint32_t lost_permille; /* of its packets, those that never came; without ECM only */
};

/* Overwrites and frees the buffer, and clears the struct. Safe on a cleared struct. */
void fax_page_wipe(struct fax_page *page);

#endif
