#include "gateway/render/pdf_info.h"

#include "codecs/fax_error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double mm_per_point = 25.4 / 72.0;

void pdf_info_first_error(const char *errors, char *out, size_t capacity)
{
    size_t used = 0;
    const char *end = strchr(errors, '\n');
    const char *colon;

    if (end == NULL)
        end = errors + strlen(errors);
    colon = memmem(errors, (size_t)(end - errors), ": ", 2);
    if (colon != NULL && colon + 2 < end)
        errors = colon + 2;
    for (; errors < end && used + 1 < capacity; errors++)
        out[used++] = *errors >= ' ' && *errors < 127 ? *errors : ' ';
    out[used] = '\0';
}

static int refuse_failed(const char *errors, char *reason)
{
    char detail[128];

    if (strstr(errors, "Incorrect password") != NULL || strstr(errors, "encrypt") != NULL) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF needs a password");
        return FAX_EENCRYPTED;
    }
    if (strstr(errors, "Invalid page count 0") != NULL) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF has no pages");
        return FAX_EEMPTY;
    }
    pdf_info_first_error(errors, detail, sizeof detail);
    snprintf(reason, PDF_INFO_REASON_MAX, "the PDF is damaged: %s",
             detail[0] != '\0' ? detail : "it cannot be read");
    return FAX_EFORMAT;
}

/* A line 'Page    3 size:  595.276 x 841.89 pts (A4)' or 'Page    3 rot:   90'. */
struct page_line {
    uint32_t page;
    double width, height;
    int rotation;
};

static const char *find_page_line(const char *text, uint32_t page, const char *what)
{
    char key[48];
    const char *at;

    snprintf(key, sizeof key, "\nPage %4u %s:", page, what);
    at = strstr(text, key);
    return at == NULL ? NULL : at + strlen(key);
}

static int read_page_line(const char *text, struct page_line *line)
{
    const char *size = find_page_line(text, line->page, "size");
    const char *rotation = find_page_line(text, line->page, "rot");
    char *rest;

    if (size == NULL)
        return FAX_EFORMAT;
    line->width = strtod(size, &rest);
    if (strncmp(rest, " x ", 3) != 0)
        return FAX_EFORMAT;
    line->height = strtod(rest + 3, NULL);
    line->rotation = rotation == NULL ? 0 : (int)strtol(rotation, NULL, 10);
    if (!isfinite(line->width) || !isfinite(line->height) || line->width <= 0 || line->height <= 0)
        return FAX_EFORMAT;
    return 0;
}

static int judge_page(const char *text, uint32_t page, const struct pdf_limits *limits,
                      char *reason)
{
    struct page_line line = {.page = page};
    double width_mm, height_mm;

    if (read_page_line(text, &line) != 0) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF is damaged: page %u has no usable size",
                 page);
        return FAX_EFORMAT;
    }
    width_mm = (line.rotation % 180 == 0 ? line.width : line.height) * mm_per_point;
    height_mm = (line.rotation % 180 == 0 ? line.height : line.width) * mm_per_point;
    if (height_mm > limits->max_height_mm) {
        snprintf(reason, PDF_INFO_REASON_MAX, "page %u is %.0f mm high; the limit is %u mm", page,
                 height_mm, limits->max_height_mm);
        return FAX_ELIMIT;
    }
    if (width_mm > limits->max_width_mm) {
        snprintf(reason, PDF_INFO_REASON_MAX, "page %u is %.0f mm wide; the limit is %u mm", page,
                 width_mm, limits->max_width_mm);
        return FAX_ELIMIT;
    }
    return 0;
}

int pdf_info_judge(const char *text, const char *errors, int exit_status,
                   const struct pdf_limits *limits, struct pdf_info *info,
                   char reason[PDF_INFO_REASON_MAX])
{
    const char *line = strstr(text, "\nPages:");
    long pages;

    memset(info, 0, sizeof *info);
    reason[0] = '\0';
    if (exit_status != 0 || line == NULL)
        return refuse_failed(errors, reason);
    pages = strtol(line + strlen("\nPages:"), NULL, 10);
    if (pages <= 0) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF has no pages");
        return FAX_EEMPTY;
    }
    if ((unsigned long)pages > limits->max_pages) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF has %ld pages; the limit is %u", pages,
                 limits->max_pages);
        return FAX_ELIMIT;
    }
    info->pages = (uint32_t)pages;
    for (uint32_t page = 1; page <= info->pages; page++) {
        int error = judge_page(text, page, limits, reason);

        if (error != 0) {
            info->failed_page = page;
            return error;
        }
    }
    return 0;
}
