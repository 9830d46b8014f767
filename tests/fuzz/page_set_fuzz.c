/* page_set_fuzz.c: any block as a page set; one that opens must come out the same when written
 * again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/page_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct page_set_reader reader;
    struct page_set_writer writer = {0};
    struct page_set_entry entry;
    uint8_t *again, *copy;
    size_t length;
    if (page_set_open(&reader, data, size, 0) < 0)
        return 0;
    while (page_set_next(&reader, &entry) == 1) {
        struct coded_page page = {.format = entry.format, .length = entry.length};
        copy = malloc(entry.length);
        if (!copy)
            abort();
        memcpy(copy, entry.data, entry.length);
        page.data = copy;
        if (page_set_write(&writer, &page, entry.digest) < 0)
            abort();
        free(copy);
    }
    if (page_set_finish(&writer, &again, &length) < 0 || length != size ||
        memcmp(again, data, size) != 0)
        abort();
    wiped_free(again, length);
    return 0;
}
