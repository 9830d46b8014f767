/* http_uri.h: paths and queries of request targets (RFC 3986, RFC 9112 §3.2.1). */
#ifndef GATEWAY_HTTP_HTTP_URI_H
#define GATEWAY_HTTP_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_QUERY_MAX = 32 };

struct http_query {
    struct {
        const char *name;
        const char *value;
    } items[HTTP_QUERY_MAX];
    size_t count;
};

/* True when target is in origin form, of the characters that RFC 3986 allows, without fragment. */
bool http_uri_is_origin_form(const char *target, size_t length);

/* Decodes percent-encoding in place. Returns 0, or -EBADMSG for a broken escape, or when the result
 * is not clean UTF-8 (control characters are refused). '+' stays. */
int http_uri_decode(char *text) __attribute__((warn_unused_result));

/* Cuts text ("a=1&b=2", without '?') into decoded items that point into it. Returns 0 or -EBADMSG:
 * broken escape, empty name, the same name twice, more than HTTP_QUERY_MAX. */
int http_uri_split_query(char *text, struct http_query *query) __attribute__((warn_unused_result));

/* The value of an item, NULL when absent. */
const char *http_uri_query_find(const struct http_query *query, const char *name);

#endif
