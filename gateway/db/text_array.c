#include "gateway/db/text_array.h"

#include <stdlib.h>
#include <string.h>

char *text_array_make(const char *const *items, size_t count)
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++)
        size += 2 * strlen(items[i]) + 3;
    char *text = malloc(size);
    if (!text)
        return NULL;
    char *at = text;
    *at++ = '{';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        *at++ = '"';
        for (const char *from = items[i]; *from; from++) {
            if (*from == '"' || *from == '\\')
                *at++ = '\\';
            *at++ = *from;
        }
        *at++ = '"';
    }
    *at++ = '}';
    *at = '\0';
    return text;
}
