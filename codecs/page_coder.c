#include "codecs/page_coder.h"

#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/t85_adaptive.h"
#include "codecs/t85_decode.h"
#include "codecs/t85_encode.h"

static int decode_t4(const uint8_t *data, size_t length, const struct page_format *format,
                     const struct page_limits *limits, struct raster *out,
                     struct page_report *report)
{
    const struct t4_limits t4_limits = {.max_rows = limits->max_rows,
                                        .max_bad_rows = limits->max_bad_rows};
    struct t4_report t4_report;
    int rc = t4_decode(data, length, format, &t4_limits, out, &t4_report);
    *report = (struct page_report){.rows = t4_report.rows, .bad_rows = t4_report.bad_rows};
    return rc;
}

static int decode_t85(const uint8_t *data, size_t length, const struct page_format *format,
                      const struct page_limits *limits, struct raster *out,
                      struct page_report *report)
{
    const struct t85_limits t85_limits = {.width = format->width, .max_rows = limits->max_rows};
    struct t85_report t85_report;
    int rc = t85_decode(data, length, &t85_limits, out, &t85_report);
    *report = (struct page_report){.rows = t85_report.rows};
    return rc;
}

int page_decode(const uint8_t *data, size_t length, const struct page_format *format,
                const struct page_limits *limits, struct raster *out, struct page_report *report)
{
    static const struct page_limits usual = {0};
    struct page_report unused;
    if (!report)
        report = &unused;
    if (!limits)
        limits = &usual;
    return format->coding == PAGE_CODING_T85 ? decode_t85(data, length, format, limits, out, report)
                                             : decode_t4(data, length, format, limits, out, report);
}

int page_encode(const struct raster *page, const struct page_format *format, struct coded_page *out)
{
    if (format->coding != PAGE_CODING_T85)
        return t4_encode_page(page, format, out);
    struct coded_page coded = {.format = *format};
    *out = (struct coded_page){0};
    coded.format.width = page->width;
    coded.format.height = page->height;
    coded.format.lsb_first = false;
    const struct t85_options options = {.at_x = t85_adaptive_place(page)};
    int rc = t85_encode(page, &options, &coded.data, &coded.length);
    if (rc == 0)
        *out = coded;
    return rc;
}
