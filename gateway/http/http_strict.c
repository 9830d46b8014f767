#include "gateway/http/http_strict.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/http_uri.h"

/* Headers whose repetition two readers would resolve differently. */
static const char *const single_headers[] = {
    "Host",   "Content-Length",  "Transfer-Encoding", "Content-Type", "Expect",
    "Accept", "Idempotency-Key", "Authorization",     "Connection",
};
enum { SINGLE_COUNT = sizeof single_headers / sizeof single_headers[0] };
enum { SINGLE_HOST, SINGLE_LENGTH, SINGLE_CODING };

struct head_facts {
    unsigned headers;
    bool seen[SINGLE_COUNT];
};

long http_strict_find_end(const char *octets, size_t length, size_t *seen,
                          const struct http_head_limits *limits, struct http_refusal *refusal)
{
    for (size_t i = *seen; i < length; i++) {
        unsigned char c = (unsigned char)octets[i];
        bool after_cr = i > 0 && octets[i - 1] == '\r';
        if (i >= limits->head_bytes)
            return memchr(octets, '\n', i) ? http_refuse(refusal, 431, "the headers are too large")
                                           : http_refuse(refusal, 414, "the target is too long");
        if (after_cr != (c == '\n'))
            return http_refuse(refusal, 400, "a line does not end with CR LF");
        if (c != '\r' && c != '\n' && c != '\t' && (c < 0x20 || c > 0x7e))
            return http_refuse(refusal, 400, "a character is not allowed in the head");
        if (c == '\n' && i == 1)
            return http_refuse(refusal, 400, "an empty line stands before the request");
        if (c == '\n' && i >= 3 && octets[i - 2] == '\n')
            return (long)(i + 1);
    }
    *seen = length;
    return 0;
}

static bool is_token_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && is_token_character(text[i]))
        i++;
    return i;
}

static int check_request_line(const char *line, size_t length,
                              const struct http_head_limits *limits, struct http_refusal *refusal)
{
    static const char version[] = " HTTP/1.1";
    size_t method = token_length(line, length);
    if (method == 0 || method > 16 || method == length || line[method] != ' ')
        return http_refuse(refusal, 400, "the request line has no method");
    const char *target = line + method + 1;
    size_t rest = length - method - 1;
    const char *end = memchr(target, ' ', rest);
    size_t target_length = end ? (size_t)(end - target) : rest;
    if (target_length > limits->target_bytes)
        return http_refuse(refusal, 414, "the target is too long");
    if (!http_uri_is_origin_form(target, target_length))
        return http_refuse(refusal, 400, "the target is not a plain path");
    size_t tail = rest - target_length;
    if (tail == sizeof version - 1 && memcmp(end, version, tail) == 0)
        return 0;
    if (tail == sizeof version - 1 && memcmp(end, " HTTP/", 6) == 0)
        return http_refuse(refusal, 505, "only HTTP/1.1 is spoken here");
    return http_refuse(refusal, 400, "the request line does not end with the version");
}

/* The name is compared without case, the value as it stands between blanks. */
static int check_value(size_t single, const char *value, size_t length,
                       struct http_refusal *refusal)
{
    if (single == SINGLE_HOST) {
        for (size_t i = 0; i < length; i++)
            if (!is_token_character(value[i]) && !strchr(":[]", value[i]))
                return http_refuse(refusal, 400, "Host is malformed");
    } else if (single == SINGLE_LENGTH) {
        if (length == 0 || length > 15 || strspn(value, "0123456789") < length)
            return http_refuse(refusal, 400, "Content-Length is not a plain number");
        if (length > 1 && value[0] == '0')
            return http_refuse(refusal, 400, "Content-Length is not a plain number");
    } else if (single == SINGLE_CODING) {
        if (length != 7 || strncasecmp(value, "chunked", 7) != 0)
            return http_refuse(refusal, 400, "the only transfer coding known is chunked");
    }
    return 0;
}

static int check_header(const char *line, size_t length, struct head_facts *facts,
                        struct http_refusal *refusal)
{
    if (line[0] == ' ' || line[0] == '\t')
        return http_refuse(refusal, 400, "a header is continued on a second line");
    size_t name = token_length(line, length);
    if (name == 0 || name == length || line[name] != ':')
        return http_refuse(refusal, 400, "a header is not 'Name: value'");
    size_t from = name + 1, to = length;
    while (from < to && strchr(" \t", line[from]))
        from++;
    while (to > from && strchr(" \t", line[to - 1]))
        to--;
    for (size_t i = 0; i < SINGLE_COUNT; i++) {
        if (strlen(single_headers[i]) != name || strncasecmp(single_headers[i], line, name) != 0)
            continue;
        if (facts->seen[i])
            return http_refuse(refusal, 400, "a header that may stand once is repeated");
        facts->seen[i] = true;
        return check_value(i, line + from, to - from, refusal);
    }
    return 0;
}

int http_strict_check(const char *head, size_t length, const struct http_head_limits *limits,
                      struct http_refusal *refusal)
{
    struct head_facts facts = {0};
    const char *at = head, *end = head + length - 2; /* before the empty line */
    for (bool first = true; at < end; first = false) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        if (!line_end)
            return http_refuse(refusal, 400, "a line does not end with CR LF");
        size_t line_length = (size_t)(line_end - at);
        int error = first ? check_request_line(at, line_length, limits, refusal)
                          : check_header(at, line_length, &facts, refusal);
        if (error < 0)
            return error;
        if (!first && ++facts.headers > limits->headers)
            return http_refuse(refusal, 431, "there are too many headers");
        at = line_end + 2;
    }
    if (!facts.seen[SINGLE_HOST])
        return http_refuse(refusal, 400, "Host is missing");
    if (facts.seen[SINGLE_LENGTH] && facts.seen[SINGLE_CODING])
        return http_refuse(refusal, 400, "Content-Length and Transfer-Encoding exclude each other");
    return 0;
}
