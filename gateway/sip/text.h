/* text.h: builds text in a buffer of fixed size; the first overflow sticks. */
#ifndef GATEWAY_SIP_TEXT_H
#define GATEWAY_SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct sip_text {
    char *text; /* not owned */
    size_t capacity, length;
    bool overflow;
};

/* Starts an empty text in the caller's buffer. */
void sip_text_open(struct sip_text *t, char *buffer, size_t capacity);

/* Appends as printf does. Past the capacity nothing is kept and overflow is set. */
void sip_text_add(struct sip_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends length octets as they are. */
void sip_text_add_octets(struct sip_text *t, const char *octets, size_t length);

/* Copies from, cut to what fits in size with the NUL; size is at least 1. */
void sip_text_copy(char *to, size_t size, const char *from);

/* Tells whether s has only characters above space and below DEL, at least one. */
bool sip_text_is_token(const char *s);

/* Tells whether s holds no control characters, as needed inside a header line. */
bool sip_text_is_line(const char *s);

#endif
