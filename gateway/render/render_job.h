/* render_job.h: the one document of a render process. Private to gateway/render/. */
#ifndef GATEWAY_RENDER_RENDER_JOB_H
#define GATEWAY_RENDER_RENDER_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page_set.h"
#include "codecs/raster.h"
#include "gateway/process/messages.h"
#include "gateway/process/sandbox.h"

enum {
    RENDER_PAGES_MAX = 1000,
    RENDER_WIDTH_MM_MAX = 900,   /* A0 upright is 841 × 1189 */
    RENDER_HEIGHT_MM_MAX = 1300, /* 10,031 rows at 196 an inch */
    RENDER_ROWS_MAX = 10100,
    RENDER_SET_OCTETS_MAX = 192 * 1024 * 1024,
};

struct render_job {
    int channel;
    uint64_t tag;
    int document; /* descriptor of the document's memfd, stays render_main's */
    uint64_t octets;
    struct msg_render_document request; /* with our limits filled in where it had none or more */
    struct sandbox_limits program_limits;
    uint64_t deadline_ms;
    struct page_set_writer pages;
    struct msg_render_failed failed;
};

/* Renders the PDF into job->pages. Returns 0, or a negative error with job->failed filled in. */
int render_pdf(struct render_job *job) __attribute__((warn_unused_result));

/* Reads the TIFF into job->pages; result as render_pdf. */
int render_tiff(struct render_job *job) __attribute__((warn_unused_result));

/* Codes the page in T.6, adds it to job->pages and reports progress; `total` 0: not known. Returns
 * 0, or a negative error with job->failed filled in. */
int render_add_page(struct render_job *job, const struct raster *page, uint16_t y_dpi,
                    uint32_t total) __attribute__((warn_unused_result));

/* Fills job->failed in and returns error, which must not be 0. */
int render_fail(struct render_job *job, int error, uint32_t page, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
