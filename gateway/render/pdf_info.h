/* pdf_info.h: reads what `pdfinfo -f 1 -l N` says about a PDF and judges whether it can be
 * rendered.
 *
 * Pure: text in, a verdict out. */
#ifndef GATEWAY_RENDER_PDF_INFO_H
#define GATEWAY_RENDER_PDF_INFO_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page_ranges.h"

enum { PDF_INFO_REASON_MAX = 256 };

struct pdf_limits {
    uint32_t max_pages;
    uint32_t max_listed;                  /* pages whose size was asked for */
    uint32_t max_width_mm, max_height_mm; /* of each page, as it is shown (after rotation) */
    const struct page_ranges *wanted;     /* only these are judged, and max_pages does not count;
                                             NULL: all */
    uint32_t pages_before;                /* of the document, in the numbers of wanted */
};

struct pdf_page_size {
    float width_mm, height_mm; /* as it is shown */
};

struct pdf_info {
    uint32_t pages;
    uint32_t failed_page;        /* page that the reason names, 0: the document */
    uint32_t listed;             /* pages whose size pdfinfo was asked for: pages or fewer */
    struct pdf_page_size *sizes; /* of those; 0 × 0 where not wanted */
};

/* Judges the output of `pdfinfo -f 1 -l limits->max_listed` (`text`, NUL-terminated) and its
 * messages (`errors`, NUL-terminated, from stderr); exit_status as in WEXITSTATUS. Returns 0 with
 * info->pages and sizes (pdf_info_free); otherwise a negative error and one sentence for the user
 * in reason, info to be freed as well: FAX_EENCRYPTED, FAX_EFORMAT (damaged), FAX_EEMPTY (no
 * pages), FAX_ELIMIT (too many pages, page too large). The page list must be complete: a page
 * without a usable size is a damaged one. */
int pdf_info_judge(const char *text, const char *errors, int exit_status,
                   const struct pdf_limits *limits, struct pdf_info *info,
                   char reason[PDF_INFO_REASON_MAX]) __attribute__((warn_unused_result));

/* Safe on NULL. */
void pdf_info_free(struct pdf_info *info);

/* Copies the first message of poppler's stderr into out as plain text: without 'Syntax Error (…):'
 * prefixes and control characters; "" when there is none. */
void pdf_info_first_error(const char *errors, char *out, size_t capacity);

#endif
