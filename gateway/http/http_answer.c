#include "gateway/http/http_answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 64 << 20, LINE_BYTES_MAX = 1 << 20 };

int http_answer_fail(struct http_answer *answer, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(answer->error, sizeof answer->error, format, arguments);
    va_end(arguments);
    return error;
}

static int fail(struct http_answer_reader *reader, int error, const char *text)
{
    reader->error = http_answer_fail(reader->answer, error, "%s", text);
    return -1;
}

/* http-parser gives names and values in pieces; a piece of name after one of value is a new name.
 */
static int take_name(http_parser *parser, const char *at, size_t length)
{
    struct http_answer_reader *reader = parser->data;
    if (reader->in_value)
        reader->name_length = 0;
    reader->in_value = false;
    for (size_t i = 0; i < length; i++, reader->name_length++)
        if (reader->name_length < sizeof reader->name)
            reader->name[reader->name_length] = at[i];
    return 0;
}

static int take_value(http_parser *parser, const char *at, size_t length)
{
    static const char wanted[] = "content-type";
    struct http_answer_reader *reader = parser->data;
    reader->in_value = true;
    if (reader->name_length != sizeof wanted - 1 ||
        strncasecmp(reader->name, wanted, sizeof wanted - 1) != 0)
        return 0;
    char *type = reader->answer->content_type;
    size_t have = strlen(type);
    for (size_t i = 0; i < length && have + 1 < HTTP_CLIENT_TYPE_TEXT; i++)
        type[have++] = at[i];
    type[have] = '\0';
    return 0;
}

static bool is_json(const struct http_answer *answer)
{
    return strcasecmp(answer->content_type, "application/json") == 0 ||
           strcasecmp(answer->content_type, "application/problem+json") == 0;
}

static int headers_done(http_parser *parser)
{
    struct http_answer_reader *reader = parser->data;
    struct http_answer *answer = reader->answer;
    answer->status = (int)parser->status_code;
    answer->content_type[strcspn(answer->content_type, "; \t")] = '\0';
    bool good = answer->status >= 200 && answer->status < 300;
    if (good && reader->call->line && strcasecmp(answer->content_type, "application/jsonl") == 0)
        reader->sink = SINK_LINES;
    else if (good && reader->call->answer_fd >= 0 && !is_json(answer))
        reader->sink = SINK_FD;
    return 0;
}

static int keep(struct http_answer_reader *reader, const char *octets, size_t length, size_t limit)
{
    size_t need = reader->kept_length + length + 1;
    if (need > limit)
        return fail(reader, -EMSGSIZE, "the answer is too large");
    if (need > reader->kept_capacity) {
        size_t capacity = need > 2 * reader->kept_capacity ? need : 2 * reader->kept_capacity;
        char *kept = realloc(reader->kept, capacity);
        if (!kept)
            return fail(reader, -ENOMEM, "out of memory");
        reader->kept = kept;
        reader->kept_capacity = capacity;
    }
    memcpy(reader->kept + reader->kept_length, octets, length);
    reader->kept_length += length;
    reader->kept[reader->kept_length] = '\0';
    return 0;
}

static int write_out(struct http_answer_reader *reader, const char *octets, size_t length)
{
    while (length > 0) {
        ssize_t count = write(reader->call->answer_fd, octets, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            reader->error = http_answer_fail(reader->answer, -errno,
                                             "the output cannot be written: %s", strerror(errno));
            return -1;
        }
        octets += count;
        length -= (size_t)count;
    }
    return 0;
}

static int give_line(struct http_answer_reader *reader)
{
    json_t *line = json_loadb(reader->kept, reader->kept_length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(line)) {
        json_decref(line);
        return fail(reader, -EPROTO, "the gateway sent a line that is no JSON object");
    }
    reader->kept_length = 0;
    int stop = reader->call->line(reader->call->user, line);
    json_decref(line);
    return stop ? fail(reader, -ECANCELED, "stopped") : 0;
}

static int take_lines(struct http_answer_reader *reader, const char *octets, size_t length)
{
    while (length > 0) {
        const char *end = memchr(octets, '\n', length);
        size_t piece = end ? (size_t)(end - octets) : length;
        if (keep(reader, octets, piece, LINE_BYTES_MAX) < 0)
            return -1;
        if (end && reader->kept_length > 0 && give_line(reader) < 0)
            return -1;
        piece += end ? 1 : 0;
        octets += piece;
        length -= piece;
    }
    return 0;
}

static int take_body(http_parser *parser, const char *at, size_t length)
{
    struct http_answer_reader *reader = parser->data;
    reader->answer->body_length_bytes += length;
    switch (reader->sink) {
    case SINK_MEMORY:
        return keep(reader, at, length, BODY_BYTES_MAX);
    case SINK_FD:
        return write_out(reader, at, length);
    case SINK_LINES:
        return take_lines(reader, at, length);
    }
    return -1;
}

static int message_done(http_parser *parser)
{
    struct http_answer_reader *reader = parser->data;
    reader->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

void http_answer_begin(struct http_answer_reader *reader, const struct http_call *call,
                       struct http_answer *answer)
{
    memset(reader, 0, sizeof *reader);
    reader->call = call;
    reader->answer = answer;
    http_parser_init(&reader->parser, HTTP_RESPONSE);
    reader->parser.data = reader;
}

int http_answer_feed(struct http_answer_reader *reader, const char *octets, size_t length)
{
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_header_field = take_name;
    settings.on_header_value = take_value;
    settings.on_headers_complete = headers_done;
    settings.on_body = take_body;
    settings.on_message_complete = message_done;
    http_parser_execute(&reader->parser, &settings, octets, length);
    if (reader->error || reader->complete)
        return reader->error;
    if (length == 0)
        return reader->error = http_answer_fail(reader->answer, -EPROTO,
                                                "the gateway closed the connection in its answer");
    if (HTTP_PARSER_ERRNO(&reader->parser) != HPE_OK)
        return reader->error =
                   http_answer_fail(reader->answer, -EPROTO, "the answer cannot be read: %s",
                                    http_errno_description(HTTP_PARSER_ERRNO(&reader->parser)));
    return 0;
}

int http_answer_end(struct http_answer_reader *reader)
{
    struct http_answer *answer = reader->answer;
    int error = reader->error;
    if (error == 0 && reader->sink == SINK_MEMORY && is_json(answer)) {
        answer->json = json_loadb(reader->kept ? reader->kept : "", reader->kept_length,
                                  JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(answer->json))
            error = http_answer_fail(answer, -EPROTO, "the answer is no JSON object");
    } else if (error == 0 && reader->sink == SINK_MEMORY) {
        answer->body = reader->kept;
        reader->kept = NULL;
    }
    free(reader->kept);
    reader->kept = NULL;
    return error;
}
