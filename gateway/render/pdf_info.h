/* pdf_info.h: reads what `pdfinfo -f 1 -l N` says about a PDF and judges whether it can be
 * rendered.
 *
 * Pure: text in, a verdict out. */
#ifndef GATEWAY_RENDER_PDF_INFO_H
#define GATEWAY_RENDER_PDF_INFO_H

#include <stddef.h>
#include <stdint.h>

enum { PDF_INFO_REASON_MAX = 256 };

struct pdf_limits {
    uint32_t max_pages;
    uint32_t max_width_mm, max_height_mm; /* of each page, as it is shown (after rotation) */
};

struct pdf_info {
    uint32_t pages;
    uint32_t failed_page; /* page that the reason names, 0: the document */
};

/* Judges pdfinfo's output (`text`, NUL-terminated) and its messages (`errors`, NUL-terminated, from
 * stderr); exit_status as in WEXITSTATUS. Returns 0 with info->pages; otherwise a negative error
 * with one sentence for the user in reason: FAX_EENCRYPTED, FAX_EFORMAT (damaged), FAX_EEMPTY (no
 * pages), FAX_ELIMIT (too many pages, page too large). The page list must be complete: a page
 * without a usable size is a damaged one. */
int pdf_info_judge(const char *text, const char *errors, int exit_status,
                   const struct pdf_limits *limits, struct pdf_info *info,
                   char reason[PDF_INFO_REASON_MAX]) __attribute__((warn_unused_result));

/* Copies the first message of poppler's stderr into out as plain text: without 'Syntax Error (…):'
 * prefixes and control characters; "" when there is none. */
void pdf_info_first_error(const char *errors, char *out, size_t capacity);

#endif
