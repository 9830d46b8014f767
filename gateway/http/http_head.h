/* http_head.h: the head of a request, checked and cut into strings. Pure. */
#ifndef GATEWAY_HTTP_HTTP_HEAD_H
#define GATEWAY_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/http_strict.h"
#include "gateway/http/http_uri.h"

enum { HTTP_HEADERS_MAX = 128 };

struct http_head {
    char *text;         /* all strings below point into this or target */
    const char *method; /* static */
    char *path;         /* as sent, without query */
    char *query_text;
    struct http_query query;
    struct {
        char *name;
        char *value;
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
    uint64_t content_length; /* 0 also when absent */
    bool chunked;
    bool expect_continue;
    bool close; /* the client wants the connection closed after the answer */
};

/* Reads a head of length octets that http_strict_find_end() has found. Returns 0; -EBADMSG with the
 * refusal; -ENOMEM. head must be released with http_head_free() in all cases. */
int http_head_parse(struct http_head *head, const char *octets, size_t length,
                    const struct http_head_limits *limits, struct http_refusal *refusal)
    __attribute__((warn_unused_result));

/* The value of the first header of that name, NULL when absent. */
const char *http_head_find(const struct http_head *head, const char *name);

/* Releases what the head holds and empties it. */
void http_head_free(struct http_head *head);

#endif
