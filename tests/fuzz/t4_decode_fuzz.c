/* t4_decode_fuzz.c: any page data in any coding; what decodes must code and decode to itself again.
 * The first octet selects coding, bit order and tolerance, the next two the width. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct raster *page, struct page_format format)
{
    struct coded_page coded;
    struct raster back;
    if (t4_encode_page(page, &format, &coded) < 0 ||
        t4_decode(coded.data, coded.length, &format, NULL, &back, NULL) < 0 ||
        !raster_equal(page, &back))
        abort();
    raster_free(&back);
    coded_page_free(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct page_format format = {.width = (((uint32_t)data[1] << 8 | data[2]) & 0xFFF) + 1,
                                 .coding = (enum page_coding)(1 + data[0] % 3),
                                 .lsb_first = data[0] & 4,
                                 .y_dpi = 196};
    struct t4_limits limits = {.max_rows = 500, .max_bad_rows = data[0] & 8 ? 5 : 0};
    struct t4_report report;
    struct raster page;
    if (t4_decode(data + 3, size - 3, &format, &limits, &page, &report) == 0) {
        if (report.rows != page.height || report.rows > limits.max_rows ||
            report.bad_rows > limits.max_bad_rows || report.end_offset > size - 3)
            abort();
        check_round_trip(&page, format);
    } else if (report.error_offset > size - 3 || page.rows) {
        abort();
    }
    raster_free(&page);
    return 0;
}
