/* document_adapt.h: a document as its receiver takes it: with less resolution or width, or in T.4.
 * Blocking: for the thread pool. */
#ifndef GATEWAY_LINE_DOCUMENT_ADAPT_H
#define GATEWAY_LINE_DOCUMENT_ADAPT_H

#include <stdint.h>

#include "gateway/line/document_load.h"

/* What a receiver takes: pixels at 204 an inch (1728, 2048 or 2432), and 204 × 98, 196 or 391 dpi;
 * with an x_dpi of 408 it takes 408 × 391 too. */
struct document_form {
    uint32_t width;
    uint16_t x_dpi, y_dpi;
    enum page_coding coding; /* T.6 (then T.85 as well, where the document has it), or T.4 */
};

/* Makes *out from `in`: pages with more resolution get two or four pixels joined to one, which is
 * black where any of them was, so that no thin line is lost; wider ones are then made smaller as a
 * whole; what suits is copied. `in` is only read. The caller wipes *out with document_wipe; on
 * failure it is empty. Returns 0, -ENOMEM, -E2BIG (limits of document_load.h), or -EBADMSG for a
 * page that is not as document_load made it. */
int document_adapt(struct loaded_document *out, const struct loaded_document *in,
                   const struct document_form *form) __attribute__((warn_unused_result));

#endif
