/* Content type up to the first NUL, then the body: parts stay within it and in order. */
#include <stdlib.h>
#include <string.h>

#include "gateway/render/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *body = size > 0 ? memchr(data, '\0', size) : NULL;
    struct multipart_reader reader;
    struct multipart_part part;
    const uint8_t *last;
    int found;

    if (body++ == NULL)
        return 0;
    size -= (size_t)(body - data);
    if (multipart_open(&reader, (const char *)data, body, size) != 0)
        return 0;
    last = body;
    while ((found = multipart_next(&reader, &part)) == 1) {
        if (part.data < last || part.length > size - (size_t)(part.data - body) ||
            strlen(part.name) >= sizeof part.name)
            abort();
        last = part.data + part.length;
    }
    if ((found == 0) != (reader.reason[0] == '\0'))
        abort();
    return 0;
}
