/* render_job.h: the one submission of a render process and the document of it that is at hand.
 * Private to gateway/render/. */
#ifndef GATEWAY_RENDER_RENDER_JOB_H
#define GATEWAY_RENDER_RENDER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/grey_page.h"
#include "codecs/page_ranges.h"
#include "codecs/page_set.h"
#include "codecs/raster.h"
#include "gateway/process/messages.h"
#include "gateway/process/sandbox.h"
#include "gateway/render/multipart.h"

enum {
    RENDER_PAGES_MAX = 1000,
    RENDER_LISTED_MAX = 10000, /* pages of a document of which some are wanted */
    RENDER_WIDTH_MM_MAX = 900, /* A0 upright is 841 × 1189 */
    RENDER_HEIGHT_MM_MAX = 1300,
    RENDER_ROWS_MAX = 10000, /* what receivers of ours take; 1296 mm at 196 rows an inch */
    RENDER_A4_HEIGHT_MM = 297,
    RENDER_SET_OCTETS_MAX = 192 * 1024 * 1024,
};

/* One document. Its pages count from 1; in the submission they follow pages_before others. */
struct render_document {
    const uint8_t *data; /* borrowed from the mapped submission */
    size_t octets;
    uint32_t file; /* from 1; 0: it is the only one */
    char name[MULTIPART_NAME_TEXT];
    uint32_t pages_before;
    uint32_t pages; /* what it has, filled in when it is rendered */
};

struct cover_page;
struct office_place;

struct render_job {
    int channel;
    uint64_t tag;
    int submission; /* descriptor of the memfd, stays render_main's */
    uint64_t octets;
    struct msg_render_document request; /* with our limits filled in where it had none or more */
    struct page_ranges wanted;
    struct sandbox_limits program_limits;
    uint64_t deadline_ms;
    struct render_document document;
    struct page_set_writer pages;
    struct msg_render_failed failed;
    const struct office_place *office; /* for Office documents */
    const struct cover_page *cover;    /* under the first page of the text at hand; NULL: none */
    bool spell_unknown; /* characters without a glyph become [U+1F600], else they are refused */
};

/* job->document, by its kind. Returns as render_submission(). */
int render_document_at_hand(struct render_job *job) __attribute__((warn_unused_result));

/* Whether a document is of a kind that further programs read: poppler's or LibreOffice. */
bool render_needs_programs(const uint8_t *data, size_t octets);

/* Says FAX_EINVAL when pages were asked for that there are not; to be called when all documents are
 * rendered. */
int render_check_wanted(struct render_job *job) __attribute__((warn_unused_result));

/* Every document of the submission, in order. Returns 0, or a negative error with job->failed
 * filled in (likewise all below). */
int render_submission(struct render_job *job, const uint8_t *data, size_t octets)
    __attribute__((warn_unused_result));

/* Render job->document into job->pages, its wanted pages only, and set document.pages. */
int render_pdf(struct render_job *job) __attribute__((warn_unused_result));
int render_tiff(struct render_job *job) __attribute__((warn_unused_result));
int render_png(struct render_job *job) __attribute__((warn_unused_result));
int render_jpeg(struct render_job *job) __attribute__((warn_unused_result));
int render_text(struct render_job *job) __attribute__((warn_unused_result));
int render_office(struct render_job *job) __attribute__((warn_unused_result));

/* Whether a page of the document is to be in the fax. */
bool render_wants(const struct render_job *job, uint32_t page);

/* Whether the document or those after it have wanted pages behind this one. */
bool render_wants_more(const struct render_job *job, uint32_t page);

/* Codes a page of the document in T.6, adds it to job->pages and reports progress. The caller has
 * asked render_wants(). */
int render_add_page(struct render_job *job, uint32_t page, const struct raster *raster,
                    uint16_t y_dpi) __attribute__((warn_unused_result));

/* Makes a grey page bilevel, which has the resolution of the request, and adds it. */
int render_add_grey(struct render_job *job, uint32_t page, const struct grey_page *grey)
    __attribute__((warn_unused_result));

/* Fills job->failed in, the reason with the document's place and name in front ('file 2
 * (scan.jpg): …'), and returns error, which must not be 0. page 0: the document. */
int render_fail(struct render_job *job, int error, uint32_t page, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
