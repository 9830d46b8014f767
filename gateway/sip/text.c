#include "gateway/sip/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sip_text_open(struct sip_text *t, char *buffer, size_t capacity)
{
    *t = (struct sip_text){.text = buffer, .capacity = capacity};
}

void sip_text_add(struct sip_text *t, const char *format, ...)
{
    va_list arguments;
    size_t room = t->capacity - t->length;
    if (t->overflow)
        return;
    va_start(arguments, format);
    int n = vsnprintf(t->text + t->length, room, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= room)
        t->overflow = true;
    else
        t->length += (size_t)n;
}

void sip_text_copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

void sip_text_add_octets(struct sip_text *t, const char *octets, size_t length)
{
    if (t->overflow || length > t->capacity - t->length) {
        t->overflow = true;
        return;
    }
    if (length)
        memcpy(t->text + t->length, octets, length);
    t->length += length;
}

bool sip_text_is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s <= ' ' || *s >= 127)
            return false;
    }
    return true;
}

bool sip_text_is_line(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < ' ' || *s == 127)
            return false;
    }
    return true;
}
