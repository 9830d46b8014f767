/* t85_decode_fuzz.c: any image; what decodes must code and decode to itself again. The first octet
 * selects how it is coded again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codecs/t85_decode.h"
#include "codecs/t85_encode.h"
#include "codecs/wiped_buffer.h"

enum { WIDTH_MAX = 400, ROWS_MAX = 150 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct raster *page, uint8_t choice)
{
    static const uint8_t places[] = {0, 5, 8, 127};
    const struct t85_options options = {.stripe_rows = choice & 8 ? 7 : 0,
                                        .at_x = places[choice & 3],
                                        .two_line = choice & 4,
                                        .not_typical = choice & 16,
                                        .reset_stripes = choice & 32};
    struct t85_limits limits = {.width = page->width, .max_rows = page->height};
    struct raster back;
    uint8_t *coded;
    size_t length;
    if (t85_encode(page, &options, &coded, &length) < 0 ||
        t85_decode(coded, length, &limits, &back, NULL) < 0 || !raster_equal(page, &back))
        abort();
    raster_free(&back);
    wiped_free(coded, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* wide images only cost time */
    if (size < 21 || data[5] || data[6] || (data[7] << 8 | data[8]) > WIDTH_MAX)
        return 0;
    struct t85_limits limits = {.max_rows = ROWS_MAX};
    struct t85_report report;
    struct raster page;
    if (t85_decode(data + 1, size - 1, &limits, &page, &report) == 0) {
        if (report.rows != page.height || report.rows > ROWS_MAX || report.end_offset > size - 1)
            abort();
        check_round_trip(&page, data[0]);
    } else if (report.error_offset > size - 1 || page.rows) {
        abort();
    }
    raster_free(&page);
    return 0;
}
