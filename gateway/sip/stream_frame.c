#include "gateway/sip/stream_frame.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 6 };

static bool is_name(const char *line, size_t length, const char *name, size_t *value)
{
    size_t n = strlen(name);
    if (length <= n || strncasecmp(line, name, n) != 0)
        return false;
    while (n < length && (line[n] == ' ' || line[n] == '\t'))
        n++;
    if (n == length || line[n] != ':')
        return false;
    *value = n + 1;
    return true;
}

/* A line of the header section, without its end: Content-Length is the only one that matters. */
static int take_line(struct sip_frame *f, const char *line, size_t length)
{
    size_t at, number = 0, digits = 0;
    if (!is_name(line, length, "Content-Length", &at) && !is_name(line, length, "l", &at))
        return 0;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    for (; at < length && line[at] >= '0' && line[at] <= '9'; at++, digits++)
        number = number * 10 + (size_t)(line[at] - '0') % 10;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    if (f->has_length || at != length || digits == 0)
        return -EBADMSG;
    if (digits > LENGTH_DIGITS_MAX)
        return -E2BIG;
    f->has_length = true;
    f->body_length = number;
    return 0;
}

static int end_headers(struct sip_frame *f, size_t header_length)
{
    if (!f->has_length)
        return -EBADMSG;
    f->total = header_length + f->body_length;
    return f->total > SIP_STREAM_MESSAGE_MAX ? -E2BIG : 0;
}

static int scan_headers(struct sip_frame *f, const char *bytes, size_t available)
{
    size_t limit = available < SIP_STREAM_MESSAGE_MAX ? available : SIP_STREAM_MESSAGE_MAX;
    while (!f->total) {
        const char *newline = memchr(bytes + f->scanned, '\n', limit - f->scanned);
        if (!newline) {
            f->scanned = limit;
            return limit == SIP_STREAM_MESSAGE_MAX ? -E2BIG : -EAGAIN;
        }
        size_t end = (size_t)(newline - bytes), length = end - f->line_start;
        const char *line = bytes + f->line_start;
        if (length && line[length - 1] == '\r')
            length--;
        int error = length ? take_line(f, line, length) : end_headers(f, end + 1);
        if (error)
            return error;
        f->scanned = f->line_start = end + 1;
    }
    return 0;
}

/* Empty lines between messages. Returns what they take up, 0 when there are none. */
static int take_empty(const char *bytes, size_t available, bool is_pong_due,
                      enum sip_frame_kind *kind, size_t *length)
{
    *kind = SIP_FRAME_PONG;
    *length = 2;
    if (bytes[0] == '\n') {
        *length = 1;
        return 0;
    }
    if (available < 2)
        return -EAGAIN;
    if (bytes[1] != '\n')
        return -EBADMSG;
    if (is_pong_due)
        return 0;
    if (available < 3 || (available < 4 && bytes[2] == '\r'))
        return -EAGAIN;
    if (bytes[2] == '\r' && bytes[3] == '\n') {
        *kind = SIP_FRAME_PING;
        *length = 4;
    }
    return 0;
}

int sip_frame_next(struct sip_frame *frame, const char *bytes, size_t available, bool is_pong_due,
                   enum sip_frame_kind *kind, size_t *length)
{
    if (available == 0)
        return -EAGAIN;
    if (frame->scanned == 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
        return take_empty(bytes, available, is_pong_due, kind, length);
    int error = scan_headers(frame, bytes, available);
    if (error)
        return error;
    if (available < frame->total)
        return -EAGAIN;
    *kind = SIP_FRAME_MESSAGE;
    *length = frame->total;
    *frame = (struct sip_frame){0};
    return 0;
}
