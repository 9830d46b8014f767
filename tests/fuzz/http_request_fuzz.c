/* Feeds octets as requests of one connection through the head and body readers. What they accept,
 * http-parser must accept as well, with the same end of the message and the same body. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <http_parser.h>

#include "gateway/http/http_body.h"
#include "gateway/http/http_head.h"

struct second_opinion {
    size_t body_length;
    uint32_t body_sum;
    bool complete;
};

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t add_to_sum(uint32_t sum, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + octets[i];
    return sum;
}

static int take_body(http_parser *parser, const char *at, size_t length)
{
    struct second_opinion *second = parser->data;
    second->body_length += length;
    second->body_sum = add_to_sum(second->body_sum, (const uint8_t *)at, length);
    return 0;
}

static int take_end(http_parser *parser)
{
    struct second_opinion *second = parser->data;
    second->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static void compare(const uint8_t *data, size_t message, size_t body_length, uint32_t sum)
{
    struct second_opinion second = {0};
    http_parser parser;
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_body = take_body;
    settings.on_message_complete = take_end;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &second;
    http_parser_execute(&parser, &settings, (const char *)data, message);
    if (!second.complete || second.body_length != body_length || second.body_sum != sum)
        abort();
}

/* Returns the length of the request at data, 0 when it is refused or incomplete. */
static size_t read_request(const uint8_t *data, size_t size)
{
    static const struct http_head_limits limits = {
        .head_bytes = 4096, .target_bytes = 1024, .headers = 32};
    struct http_refusal refusal;
    struct http_head head;
    struct http_body_reader reader;
    size_t seen = 0, body_length = 0, used, piece;
    const uint8_t *octets;
    uint32_t sum = 0;
    long found = http_strict_find_end((const char *)data, size, &seen, &limits, &refusal);
    if (found <= 0)
        return 0;
    size_t at = (size_t)found;
    int result = http_head_parse(&head, (const char *)data, at, &limits, &refusal);
    if (result == 0) {
        http_body_begin(&reader, head.chunked, head.content_length);
        do {
            result =
                http_body_read(&reader, data + at, size - at, &used, &octets, &piece, &refusal);
            at += used;
            body_length += piece;
            sum = octets ? add_to_sum(sum, octets, piece) : sum;
        } while (result == 0 && used > 0);
        if (result == 1)
            compare(data, at, body_length, sum);
    }
    http_head_free(&head);
    return result == 1 ? at : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data,
                           size_t size) /* NOLINT(readability-identifier-naming) */
{
    for (int requests = 0; requests < 16 && size > 0; requests++) {
        size_t used = read_request(data, size);
        if (used == 0)
            break;
        data += used;
        size -= used;
    }
    return 0;
}
