/* document_reduce.h: a document with less vertical resolution, for a receiver that takes no more.
 * Blocking: for the thread pool. */
#ifndef GATEWAY_LINE_DOCUMENT_REDUCE_H
#define GATEWAY_LINE_DOCUMENT_REDUCE_H

#include <stdint.h>

#include "gateway/line/document_load.h"

/* Makes *out from `in`: pages with more than y_dpi (98 or 196) rows an inch get two or four rows
 * joined to one, which is black where any of them was, so that no thin line is lost; the others are
 * copied. `in` is only read. The caller wipes *out with document_wipe; on failure it is empty.
 * Returns 0, -ENOMEM, or -EBADMSG for a page that is not as document_load made it. */
int document_reduce(struct loaded_document *out, const struct loaded_document *in, uint16_t y_dpi)
    __attribute__((warn_unused_result));

#endif
