#include "gateway/http/http_body.h"

#include "policy/text_code.h"

enum body_state {
    BODY_PLAIN,
    BODY_SIZE,
    BODY_SIZE_LF,
    BODY_CHUNK,
    BODY_CHUNK_CR,
    BODY_CHUNK_LF,
    BODY_END_CR,
    BODY_END_LF,
    BODY_DONE,
};

enum { CHUNK_DIGITS_MAX = 8 };

void http_body_begin(struct http_body_reader *reader, bool chunked, uint64_t content_length)
{
    reader->remaining = chunked ? 0 : content_length;
    reader->digits = 0;
    reader->state = chunked ? BODY_SIZE : content_length ? BODY_PLAIN : BODY_DONE;
}

static int read_size(struct http_body_reader *reader, uint8_t c)
{
    int value = hex_digit_value((char)c);
    if (value >= 0 && reader->digits < CHUNK_DIGITS_MAX) {
        reader->remaining = reader->remaining << 4 | (uint64_t)value;
        reader->digits++;
        return 0;
    }
    if (c != '\r' || reader->digits == 0)
        return -1;
    reader->state = BODY_SIZE_LF;
    return 0;
}

static int read_framing(struct http_body_reader *reader, uint8_t c)
{
    switch ((enum body_state)reader->state) {
    case BODY_SIZE:
        return read_size(reader, c);
    case BODY_SIZE_LF:
        reader->digits = 0;
        reader->state = reader->remaining ? BODY_CHUNK : BODY_END_CR;
        return c == '\n' ? 0 : -1;
    case BODY_CHUNK_CR:
        reader->state = BODY_CHUNK_LF;
        return c == '\r' ? 0 : -1;
    case BODY_CHUNK_LF:
        reader->state = BODY_SIZE;
        return c == '\n' ? 0 : -1;
    case BODY_END_CR:
        reader->state = BODY_END_LF;
        return c == '\r' ? 0 : -1;
    case BODY_END_LF:
        reader->state = BODY_DONE;
        return c == '\n' ? 0 : -1;
    case BODY_PLAIN:
    case BODY_CHUNK:
    case BODY_DONE:
        break;
    }
    return -1;
}

int http_body_read(struct http_body_reader *reader, const uint8_t *input, size_t length,
                   size_t *used, const uint8_t **data, size_t *data_length,
                   struct http_refusal *refusal)
{
    *used = 0;
    *data = NULL;
    *data_length = 0;
    while (*used < length && reader->state != BODY_DONE) {
        if (reader->state == BODY_PLAIN || reader->state == BODY_CHUNK) {
            size_t piece = length - *used;
            if (piece > reader->remaining)
                piece = (size_t)reader->remaining;
            *data = input + *used;
            *data_length = piece;
            *used += piece;
            reader->remaining -= piece;
            if (reader->remaining == 0)
                reader->state = reader->state == BODY_PLAIN ? BODY_DONE : BODY_CHUNK_CR;
            break;
        }
        if (read_framing(reader, input[(*used)++]) < 0)
            return http_refuse(refusal, 400, "the chunks of the body are malformed");
    }
    return reader->state == BODY_DONE;
}
