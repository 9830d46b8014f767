/* openapi_document.h: the description of the API (gateway/api/openapi.json), built into the
 * program. */
#ifndef GATEWAY_API_OPENAPI_DOCUMENT_H
#define GATEWAY_API_OPENAPI_DOCUMENT_H

#include <stddef.h>

extern const unsigned char openapi_document[];
extern const size_t openapi_document_length_bytes;

#endif
