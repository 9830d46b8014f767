/* wiped_buffer.h: a growing buffer for confidential octets; all memory is wiped before it is freed.
 */
#ifndef CODECS_WIPED_BUFFER_H
#define CODECS_WIPED_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty buffer without a limit. */
struct wiped_buffer {
    uint8_t *data;
    size_t length, capacity;
    size_t limit; /* most octets it may hold; 0: no limit */
};

/* Makes room for `more` octets behind length. Errors: FAX_ELIMIT, FAX_ENOMEM; unchanged then. */
int wiped_buffer_reserve(struct wiped_buffer *buffer, size_t more)
    __attribute__((warn_unused_result));

/* Appends octets (data may be NULL when length is 0). Errors as wiped_buffer_reserve. */
int wiped_buffer_append(struct wiped_buffer *buffer, const void *data, size_t length)
    __attribute__((warn_unused_result));

/* Wipes and frees; the buffer is then empty. Safe on NULL. */
void wiped_buffer_free(struct wiped_buffer *buffer);

/* Wipes and frees one block of `length` octets, as the writers of this folder hand out. Safe on
 * NULL. */
void wiped_free(uint8_t *data, size_t length);

#endif
