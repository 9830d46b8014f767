#include "gateway/sip/body.h"

#include <string.h>
#include <strings.h>

#include "gateway/sip/text.h"

enum { PARTS_MAX = 16, PART_HEADERS_MAX = 16 };

struct span {
    const char *at, *end;
};

/* Takes a line with its end; *content is it without. */
static struct span take_line(struct span *rest, struct span *content)
{
    const char *newline = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
    struct span line = {rest->at, newline ? newline + 1 : rest->end};
    *content = (struct span){line.at, newline ? newline : rest->end};
    if (content->end > content->at && content->end[-1] == '\r')
        content->end--;
    rest->at = line.end;
    return line;
}

/* Whether a header line has that name; *value is then what follows the colon. */
static bool is_header(struct span line, const char *name, struct span *value)
{
    size_t length = strlen(name);
    if ((size_t)(line.end - line.at) <= length || strncasecmp(line.at, name, length) != 0)
        return false;
    const char *at = line.at + length;
    while (at < line.end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == line.end || *at != ':')
        return false;
    for (at++; at < line.end && (*at == ' ' || *at == '\t');)
        at++;
    *value = (struct span){at, line.end};
    return true;
}

static bool read_length(struct span value, size_t *length)
{
    size_t n = 0;
    while (value.end > value.at && (value.end[-1] == ' ' || value.end[-1] == '\t'))
        value.end--;
    if (value.at == value.end || value.end - value.at > 6)
        return false;
    for (; value.at < value.end; value.at++) {
        if (*value.at < '0' || *value.at > '9')
            return false;
        n = n * 10 + (size_t)(*value.at - '0');
    }
    *length = n;
    return true;
}

/* Copies the header section without Content-Length, whose value goes to *body_length. Returns
 * false when that is no number or stands there twice. */
static bool copy_headers(struct span *rest, struct sip_text *headers, size_t *body_length,
                         bool *has_length)
{
    struct span content, value;
    do {
        struct span line = take_line(rest, &content);
        if (is_header(content, "Content-Length", &value) || is_header(content, "l", &value)) {
            if (*has_length || !read_length(value, body_length))
                return false;
            *has_length = true;
        } else {
            sip_text_add_octets(headers, line.at, (size_t)(line.end - line.at));
        }
    } while (content.at < content.end && rest->at < rest->end);
    return !headers->overflow;
}

osip_event_t *sip_body_parse(struct sip_stack *stack, const char *bytes, size_t length)
{
    struct span rest = {bytes, bytes + length};
    struct sip_text headers;
    size_t body_length = 0;
    bool has_length = false;
    sip_text_open(&headers, stack->scratch, sizeof stack->scratch);
    if (!copy_headers(&rest, &headers, &body_length, &has_length))
        return NULL;
    size_t available = (size_t)(rest.end - rest.at);
    if (has_length && body_length > available)
        return NULL;
    osip_event_t *event = osip_parse(headers.text, headers.length);
    if (!has_length)
        body_length = available;
    if (event && body_length && osip_message_set_body(event->sip, rest.at, body_length) != 0) {
        osip_event_free(event);
        return NULL;
    }
    return event;
}

/* Whether line is the delimiter; *last when it is the closing one. */
static bool is_delimiter(struct span line, const char *boundary, size_t length, bool *last)
{
    if ((size_t)(line.end - line.at) < length + 2 || memcmp(line.at, "--", 2) != 0 ||
        memcmp(line.at + 2, boundary, length) != 0)
        return false;
    line.at += length + 2;
    *last = line.end - line.at >= 2 && !memcmp(line.at, "--", 2);
    return true;
}

/* Reads the headers of a part; returns whether its Content-Type is type. */
static bool read_part_headers(struct span *rest, const char *type)
{
    struct span content, value;
    bool is_type = false;
    for (int i = 0; i < PART_HEADERS_MAX && rest->at < rest->end; i++) {
        (void)take_line(rest, &content);
        if (content.at == content.end)
            return is_type;
        size_t length = strlen(type);
        if (is_header(content, "Content-Type", &value))
            is_type = (size_t)(value.end - value.at) >= length &&
                      !strncasecmp(value.at, type, length) &&
                      (value.at + length == value.end ||
                       !strchr("abcdefghijklmnopqrstuvwxyz+-.", value.at[length]));
    }
    return false;
}

bool sip_body_find_part(const char *body, size_t length, const char *boundary, const char *type,
                        const char **part, size_t *part_length)
{
    struct span rest = {body, body + length}, content;
    size_t boundary_length = strlen(boundary);
    bool last = false, wanted = false;
    int parts = 0;
    if (boundary_length >= 2 && *boundary == '"' && boundary[boundary_length - 1] == '"')
        boundary++, boundary_length -= 2;
    *part = body;
    while (rest.at < rest.end && parts < PARTS_MAX && !last && boundary_length > 0) {
        struct span line = take_line(&rest, &content);
        if (!is_delimiter(content, boundary, boundary_length, &last))
            continue;
        if (wanted) {
            *part_length = (size_t)(line.at - *part);
            return true;
        }
        wanted = read_part_headers(&rest, type);
        *part = rest.at;
        parts++;
    }
    return false;
}
