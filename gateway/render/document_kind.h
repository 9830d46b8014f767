/* document_kind.h: what a document is, by its first octets; names and declared types do not count.
 */
#ifndef GATEWAY_RENDER_DOCUMENT_KIND_H
#define GATEWAY_RENDER_DOCUMENT_KIND_H

#include <stddef.h>
#include <stdint.h>

enum document_kind { DOCUMENT_UNKNOWN, DOCUMENT_PDF, DOCUMENT_TIFF };

/* PDF: '%PDF-' within the first 1,024 octets (ISO 32000-1 annex H, implementation note 13), TIFF:
 * either byte order, not BigTIFF. data may be shorter than any magic. */
enum document_kind document_kind_detect(const uint8_t *data, size_t length);

#endif
