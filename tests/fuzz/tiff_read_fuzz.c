/* tiff_read_fuzz.c: any document through all checks and, where they pass, all rows. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/tiff_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tiff_read_limits limits = {.width = 0, .max_rows = 300, .max_pages = 8};
    char detail[TIFF_READ_DETAIL];
    struct tiff_reader *reader;
    struct raster page;
    struct page_format format;
    int rc = tiff_read_open(&reader, data, size, &limits, detail);
    if (memchr(detail, '\0', sizeof detail) == NULL || (rc < 0) != (detail[0] != '\0'))
        abort();
    if (rc < 0)
        return 0;
    uint32_t pages = 0;
    while ((rc = tiff_read_next(reader, &page, &format)) == 1) {
        if (page.height == 0 || page.height > limits.max_rows || format.width != page.width)
            abort();
        raster_free(&page);
        pages++;
    }
    if (rc == 0 && pages != tiff_read_page_count(reader))
        abort();
    tiff_read_close(reader);
    return 0;
}
