/* http_body.h: where a request's body ends (RFC 9112 §6, §7.1). Pure. */
#ifndef GATEWAY_HTTP_HTTP_BODY_H
#define GATEWAY_HTTP_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/http_refusal.h"

struct http_body_reader {
    uint64_t remaining; /* octets of the body or chunk still to come */
    unsigned state;
    unsigned digits;
};

/* Starts a body of content_length octets, or a chunked one. */
void http_body_begin(struct http_body_reader *reader, bool chunked, uint64_t content_length);

/* Reads on. *used: octets of input that are done with; *data, *data_length: at most one piece of
 * body among them. Returns 1 when the body is complete, 0 when not, -EBADMSG for broken chunks:
 * extensions and trailers are refused, they mean nothing here and are read differently elsewhere.
 * Call again with the rest while *used > 0 and 0 is returned. */
int http_body_read(struct http_body_reader *reader, const uint8_t *input, size_t length,
                   size_t *used, const uint8_t **data, size_t *data_length,
                   struct http_refusal *refusal) __attribute__((warn_unused_result));

#endif
