/* http_strict.h: the checks of a request's head that http-parser does not make (RFC 9112). Pure. */
#ifndef GATEWAY_HTTP_HTTP_STRICT_H
#define GATEWAY_HTTP_HTTP_STRICT_H

#include <stddef.h>

#include "gateway/http/http_refusal.h"

struct http_head_limits {
    size_t head_bytes;
    size_t target_bytes;
    unsigned headers;
};

/* Looks for the end of the head, the empty line, in octets. *seen: how far earlier calls came, 0 at
 * first; line ends and characters up to there are known to be good. Returns the length of the head
 * with its empty line; 0 when more octets are needed; -EBADMSG with the refusal: bare CR or LF, a
 * control or non-ASCII character, an empty line at the start, too long. */
long http_strict_find_end(const char *octets, size_t length, size_t *seen,
                          const struct http_head_limits *limits, struct http_refusal *refusal);

/* Judges a whole head as found by http_strict_find_end(): request line, header syntax, Host,
 * Content-Length and Transfer-Encoding, what may stand there once only. Returns 0 or -EBADMSG. */
int http_strict_check(const char *head, size_t length, const struct http_head_limits *limits,
                      struct http_refusal *refusal) __attribute__((warn_unused_result));

#endif
