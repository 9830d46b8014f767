/* export_document.h: the pages of a vault file as a PDF or TIFF document. */
#ifndef GATEWAY_RENDER_EXPORT_DOCUMENT_H
#define GATEWAY_RENDER_EXPORT_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/process/messages.h"

/* Opens request->pages pages from the vault file fd and writes the document. On success *data is
 * the caller's (wiped_free). On failure *failed has error, page and a sentence. Returns 0; -EBADMSG
 * (damaged or missing page, or another fax's key); -EINVAL (unknown format); another negative errno
 * or FAX_E... code. */
int export_document(int fd, const struct msg_export *request, uint8_t **data, size_t *length,
                    struct msg_render_failed *failed) __attribute__((warn_unused_result));

#endif
