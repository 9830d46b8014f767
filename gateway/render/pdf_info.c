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

/* Lines as 'Page    3 size:  595.276 x 841.89 pts (A4)' and 'Page    3 rot:   90'. */
/* The lines come in the order of the pages: *at is where the search starts, and where it ended. */
static const char *find_page_line(const char **at, uint32_t page, const char *what)
{
    char key[48];
    const char *found;

    snprintf(key, sizeof key, "\nPage %4u %s:", page, what);
    found = strstr(*at, key);
    if (found == NULL)
        return NULL;
    *at = found;
    return found + strlen(key);
}

static int read_page_lines(const char **at, uint32_t page, struct pdf_page_size *out)
{
    const char *size = find_page_line(at, page, "size");
    const char *after = *at;
    const char *rotation = size == NULL ? NULL : find_page_line(&after, page, "rot");
    double width, height;
    char *rest;

    if (size == NULL)
        return FAX_EFORMAT;
    width = strtod(size, &rest);
    if (strncmp(rest, " x ", 3) != 0)
        return FAX_EFORMAT;
    height = strtod(rest + 3, NULL);
    if (!isfinite(width) || !isfinite(height) || width <= 0 || height <= 0)
        return FAX_EFORMAT;
    if (rotation != NULL && strtol(rotation, NULL, 10) % 180 != 0) {
        double turned = width;

        width = height;
        height = turned;
    }
    *out = (struct pdf_page_size){(float)(width * mm_per_point), (float)(height * mm_per_point)};
    return 0;
}

static int judge_page(const char **at, uint32_t page, const struct pdf_limits *limits,
                      struct pdf_page_size *size, char *reason)
{
    if (limits->wanted != NULL && !page_ranges_contain(limits->wanted, limits->pages_before + page))
        return 0;
    if (read_page_lines(at, page, size) != 0) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF is damaged: page %u has no usable size",
                 page);
        return FAX_EFORMAT;
    }
    if (size->height_mm > (float)limits->max_height_mm) {
        snprintf(reason, PDF_INFO_REASON_MAX, "page %u is %.0f mm high; the limit is %u mm", page,
                 (double)size->height_mm, limits->max_height_mm);
        return FAX_ELIMIT;
    }
    if (size->width_mm > (float)limits->max_width_mm) {
        snprintf(reason, PDF_INFO_REASON_MAX, "page %u is %.0f mm wide; the limit is %u mm", page,
                 (double)size->width_mm, limits->max_width_mm);
        return FAX_ELIMIT;
    }
    return 0;
}

static int judge_pages(const char *text, const struct pdf_limits *limits, struct pdf_info *info,
                       char *reason)
{
    info->listed = info->pages < limits->max_listed ? info->pages : limits->max_listed;
    info->sizes = calloc((size_t)info->listed + 1, sizeof *info->sizes);
    if (info->sizes == NULL) {
        snprintf(reason, PDF_INFO_REASON_MAX, "no memory");
        return FAX_ENOMEM;
    }
    for (uint32_t page = 1; page <= info->listed; page++) {
        int error = judge_page(&text, page, limits, &info->sizes[page - 1], reason);

        if (error != 0) {
            info->failed_page = page;
            return error;
        }
    }
    return 0;
}

void pdf_info_free(struct pdf_info *info)
{
    if (info == NULL)
        return;
    free(info->sizes);
    *info = (struct pdf_info){0};
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
    if (limits->wanted == NULL && (unsigned long)pages > limits->max_pages) {
        snprintf(reason, PDF_INFO_REASON_MAX, "the PDF has %ld pages; the limit is %u", pages,
                 limits->max_pages);
        return FAX_ELIMIT;
    }
    info->pages = (unsigned long)pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
    return judge_pages(text, limits, info, reason);
}
