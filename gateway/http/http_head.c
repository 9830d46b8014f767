#include "gateway/http/http_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

/* Where http-parser found things; the strings are cut only after it has read them all. */
struct head_spans {
    char *text;
    struct http_head *head;
    char *target;
    size_t target_length;
    size_t name_lengths[HTTP_HEADERS_MAX];
    size_t value_lengths[HTTP_HEADERS_MAX];
    size_t names;
    size_t values;
    bool complete;
};

static char *writable(struct head_spans *spans, const char *at, const char *base)
{
    return spans->text + (at - base);
}

static int take_target(http_parser *parser, const char *at, size_t length)
{
    struct head_spans *spans = parser->data;
    spans->target = writable(spans, at, spans->text);
    spans->target_length = length;
    return 0;
}

static int take_name(http_parser *parser, const char *at, size_t length)
{
    struct head_spans *spans = parser->data;
    if (spans->names == HTTP_HEADERS_MAX || spans->names != spans->values)
        return -1;
    spans->head->headers[spans->names].name = writable(spans, at, spans->text);
    spans->name_lengths[spans->names++] = length;
    return 0;
}

static int take_value(http_parser *parser, const char *at, size_t length)
{
    struct head_spans *spans = parser->data;
    if (spans->names != spans->values + 1)
        return -1;
    spans->head->headers[spans->values].value = writable(spans, at, spans->text);
    spans->value_lengths[spans->values++] = length;
    return 0;
}

static int headers_done(http_parser *parser)
{
    struct head_spans *spans = parser->data;
    spans->complete = true;
    return 0;
}

static int run_parser(struct http_head *head, struct head_spans *spans, size_t length,
                      struct http_refusal *refusal)
{
    http_parser parser;
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = take_target;
    settings.on_header_field = take_name;
    settings.on_header_value = take_value;
    settings.on_headers_complete = headers_done;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = spans;
    http_parser_execute(&parser, &settings, spans->text, length);
    if (HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_METHOD)
        return http_refuse(refusal, 501, "the method is unknown");
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || !spans->complete || spans->names != spans->values)
        return http_refuse(refusal, 400, "the head cannot be read");
    static const enum http_method known[] = {HTTP_GET,   HTTP_HEAD,   HTTP_POST,   HTTP_PUT,
                                             HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (parser.method == known[i])
            head->method = http_method_str(known[i]);
    return head->method ? 0 : http_refuse(refusal, 501, "the method is unknown");
}

static void cut_strings(struct http_head *head, struct head_spans *spans)
{
    for (size_t i = 0; i < spans->values; i++) {
        size_t length = spans->value_lengths[i];
        while (length > 0 && strchr(" \t", head->headers[i].value[length - 1]))
            length--;
        head->headers[i].name[spans->name_lengths[i]] = '\0';
        /* http-parser points behind the line end for an empty value */
        if (length == 0)
            head->headers[i].value = head->headers[i].name + spans->name_lengths[i];
        head->headers[i].value[length] = '\0';
    }
    head->header_count = spans->values;
    spans->target[spans->target_length] = '\0';
    head->path = spans->target;
    char *query = strchr(spans->target, '?');
    if (query)
        *query++ = '\0';
    head->query_text = query;
}

static int read_meaning(struct http_head *head, struct http_refusal *refusal)
{
    const char *length = http_head_find(head, "Content-Length");
    const char *expect = http_head_find(head, "Expect");
    const char *connection = http_head_find(head, "Connection");
    head->chunked = http_head_find(head, "Transfer-Encoding") != NULL;
    head->content_length = length ? strtoull(length, NULL, 10) : 0;
    head->close = connection && strcasestr(connection, "close") != NULL;
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return http_refuse(refusal, 417, "the only expectation known is 100-continue");
    head->expect_continue = expect && (head->chunked || head->content_length > 0);
    if (head->query_text && http_uri_split_query(head->query_text, &head->query) < 0)
        return http_refuse(refusal, 400, "the query is malformed or repeats a parameter");
    return 0;
}

int http_head_parse(struct http_head *head, const char *octets, size_t length,
                    const struct http_head_limits *limits, struct http_refusal *refusal)
{
    memset(head, 0, sizeof *head);
    int error = http_strict_check(octets, length, limits, refusal);
    if (error < 0)
        return error;
    head->text = malloc(length + 1);
    if (!head->text)
        return http_refuse(refusal, 503, "no memory for the head");
    memcpy(head->text, octets, length);
    head->text[length] = '\0';
    struct head_spans spans = {.text = head->text, .head = head};
    error = run_parser(head, &spans, length, refusal);
    if (error < 0)
        return error;
    cut_strings(head, &spans);
    return read_meaning(head, refusal);
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (strcasecmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    return NULL;
}

void http_head_free(struct http_head *head)
{
    free(head->text);
    memset(head, 0, sizeof *head);
}
