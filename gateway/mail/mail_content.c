#include "gateway/mail/mail_content.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "policy/secret.h"
#include "policy/text_code.h"

static uint64_t coded_length(uint64_t octets)
{
    uint64_t lines = octets / MAIL_LINE_OCTETS, rest = octets % MAIL_LINE_OCTETS;
    return lines * MAIL_LINE_TEXT + (rest ? base64_length((size_t)rest) + 2 : 0);
}

static bool has_document(const struct mail_content *content)
{
    return content->encrypted || content->document >= 0;
}

uint64_t mail_content_length(const struct mail_content *content)
{
    return content->frame.head.length + content->frame.tail.length +
           (has_document(content) ? coded_length(content->octets) : 0);
}

/* Copies of text what stands from at on. */
static size_t copy(const struct mail_text *text, uint64_t at, char *out, size_t capacity)
{
    size_t left = text->length - (size_t)at;
    size_t part = left < capacity ? left : capacity;
    memcpy(out, text->octets + at, part);
    return part;
}

/* Part of one line of base64. */
static int64_t read_line(const struct mail_content *content, uint64_t at, char *out,
                         size_t capacity)
{
    uint8_t octets[MAIL_LINE_OCTETS];
    char line[MAIL_LINE_TEXT + 1];
    uint64_t begin = at / MAIL_LINE_TEXT * MAIL_LINE_OCTETS;
    uint64_t left = content->octets - begin;
    size_t part = left < sizeof octets ? (size_t)left : sizeof octets;
    int rc = 0;
    if (content->encrypted)
        memcpy(octets, content->encrypted + begin, part);
    else
        rc = file_read_all_at(content->document, octets, part, begin);
    if (rc == 0) {
        base64_encode(octets, part, line);
        size_t length = base64_length(part);
        line[length] = '\r';
        line[length + 1] = '\n';
        size_t skip = (size_t)(at % MAIL_LINE_TEXT), rest = length + 2 - skip;
        rc = (int)(rest < capacity ? rest : capacity);
        memcpy(out, line + skip, (size_t)rc);
    }
    secret_wipe(octets, sizeof octets);
    secret_wipe(line, sizeof line);
    return rc;
}

/* What stands at one place: of the head, a line of the document, or the tail. */
static int64_t read_piece(const struct mail_content *content, char *out, size_t capacity)
{
    const struct mail_frame *frame = &content->frame;
    uint64_t at = content->at;
    uint64_t coded = has_document(content) ? coded_length(content->octets) : 0;
    if (at < frame->head.length)
        return (int64_t)copy(&frame->head, at, out, capacity);
    at -= frame->head.length;
    if (at < coded)
        return read_line(content, at, out, capacity);
    at -= coded;
    return at < frame->tail.length ? (int64_t)copy(&frame->tail, at, out, capacity) : 0;
}

int64_t mail_content_read(struct mail_content *content, char *out, size_t capacity)
{
    size_t length = 0;
    while (length < capacity) {
        int64_t part = read_piece(content, out + length, capacity - length);
        if (part < 0)
            return part;
        if (part == 0)
            break;
        length += (size_t)part;
        content->at += (uint64_t)part;
    }
    return (int64_t)length;
}

void mail_content_clear(struct mail_content *content)
{
    mail_frame_clear(&content->frame);
    if (content->document >= 0)
        close(content->document);
    content->document = -1;
    OPENSSL_free(content->encrypted);
    content->encrypted = NULL;
}
