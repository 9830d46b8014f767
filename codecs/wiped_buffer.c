#include "codecs/wiped_buffer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

enum { FIRST_CAPACITY = 4096 };

void wiped_free(uint8_t *data, size_t length)
{
    if (data)
        OPENSSL_cleanse(data, length);
    free(data);
}

int wiped_buffer_reserve(struct wiped_buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->length)
        return 0;
    if (more > SIZE_MAX / 4 || buffer->length > SIZE_MAX / 4)
        return FAX_ELIMIT;
    size_t needed = buffer->length + more;
    if (buffer->limit && needed > buffer->limit)
        return FAX_ELIMIT;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : FIRST_CAPACITY;
    if (capacity < needed)
        capacity = needed;
    if (buffer->limit && capacity > buffer->limit)
        capacity = buffer->limit;
    /* Not realloc: it would leave an unwiped copy behind. */
    uint8_t *data = malloc(capacity);
    if (!data)
        return FAX_ENOMEM;
    if (buffer->length)
        memcpy(data, buffer->data, buffer->length);
    wiped_free(buffer->data, buffer->length);
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int wiped_buffer_append(struct wiped_buffer *buffer, const void *data, size_t length)
{
    int rc = wiped_buffer_reserve(buffer, length);
    if (rc < 0)
        return rc;
    if (length)
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return 0;
}

void wiped_buffer_free(struct wiped_buffer *buffer)
{
    if (!buffer)
        return;
    wiped_free(buffer->data, buffer->capacity);
    *buffer = (struct wiped_buffer){0};
}
