#include "gateway/line/document_load.h"

#include "codecs/fax_error.h"
#include "codecs/header_line.h"
#include "codecs/page_coder.h"
#include "codecs/raster.h"
#include "codecs/t6_top.h"
#include "gateway/line/vault_pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void document_wipe(struct loaded_document *document)
{
    for (uint32_t i = 0; i < document->page_count; i++) {
        coded_page_free(&document->pages[i]);
        if (document->t85_pages != NULL)
            coded_page_free(&document->t85_pages[i]);
    }
    free(document->pages);
    free(document->t85_pages);
    memset(document, 0, sizeof *document);
}

static int errno_of_codecs(int error)
{
    if (error == FAX_ENOMEM)
        return -ENOMEM;
    return error == FAX_ELIMIT ? -E2BIG : -EBADMSG;
}

static int grow(struct coded_page **pages, size_t capacity)
{
    struct coded_page *more = realloc(*pages, capacity * sizeof *more);

    if (more == NULL)
        return -ENOMEM;
    *pages = more;
    return 0;
}

int document_reserve(struct loaded_document *document, bool with_t85)
{
    uint32_t count = document->page_count;
    size_t capacity = count == 0 ? 1 : 2 * (size_t)count;
    int error;

    if ((count & (count - 1)) != 0)
        return 0;
    error = grow(&document->pages, capacity);
    if (error == 0 && with_t85)
        error = grow(&document->t85_pages, capacity);
    return error;
}

int document_append(struct loaded_document *document, const struct raster *raster,
                    const struct page_format *format)
{
    struct page_format wanted = *format;
    struct coded_page *page = &document->pages[document->page_count];
    struct coded_page t85 = {0};
    int error;

    wanted.lsb_first = true;
    error = page_encode(raster, &wanted, page);
    wanted.coding = PAGE_CODING_T85;
    if (error == 0 && document->t85_pages != NULL) {
        error = page_encode(raster, &wanted, &t85);
        if (error != 0)
            coded_page_free(page);
    }
    if (error != 0)
        return errno_of_codecs(error);
    if (document->t85_pages != NULL)
        document->t85_pages[document->page_count] = t85;
    document->page_count++;
    document->octets += page->length + t85.length;
    return document->octets > DOCUMENT_LOAD_OCTETS_MAX ? -E2BIG : 0;
}

struct header_text {
    char left[128];
    const char *to;
};

static void fill_header_text(struct header_text *text, const struct msg_call_start *start,
                             int64_t now_s)
{
    char time[HEADER_LINE_TIME];

    memset(text, 0, sizeof *text);
    if (start->header_left[0] == '\0')
        return;
    if (header_line_time(time, sizeof time, now_s, start->utc_offset_minutes) != 0)
        time[0] = '\0';
    snprintf(text->left, sizeof text->left, "%.*s  %s", (int)sizeof start->header_left,
             start->header_left, time);
    text->to = start->header_to;
}

/* The header line of one page. */
struct header_draw {
    const struct header_text *text;
    uint16_t y_dpi;
    char right[40];
};

static int draw_header_cb(void *user, struct raster *raster)
{
    const struct header_draw *draw = user;

    return header_line_draw(raster, draw->y_dpi, draw->text->left, draw->text->to, draw->right);
}

/* For a page that is too short, or that is not in T.6. */
static int code_anew(const struct coded_page *stored, struct header_draw *draw,
                     struct coded_page *page)
{
    struct page_format format = stored->format;
    struct raster raster;
    int error = vault_page_decode(stored, &raster);

    if (error != 0)
        return error;
    if (draw->text->to != NULL)
        error = draw_header_cb(draw, &raster);
    format.coding = PAGE_CODING_T6;
    format.lsb_first = true;
    if (error == 0)
        error = page_encode(&raster, &format, page);
    raster_free(&raster);
    return error != 0 ? errno_of_codecs(error) : 0;
}

/* What was sealed is taken as it is but for its top: it was decoded when it was rendered, and the
 * seal says that it is the same. */
static int prepare_page(struct coded_page *stored, struct header_draw *draw,
                        struct coded_page *page)
{
    bool is_t6 = stored->format.coding == PAGE_CODING_T6;
    int error;

    if (is_t6 && stored->format.lsb_first && draw->text->to == NULL) {
        *page = *stored;
        memset(stored, 0, sizeof *stored);
        return 0;
    }
    draw->y_dpi = stored->format.y_dpi;
    error = is_t6 && draw->text->to != NULL ? t6_change_top(stored, header_line_rows(draw->y_dpi),
                                                            draw_header_cb, draw, true, page)
                                            : FAX_EUNSUPPORTED;
    if (error == FAX_EUNSUPPORTED || error == FAX_ETRUNCATED)
        return code_anew(stored, draw, page);
    return error != 0 ? errno_of_codecs(error) : 0;
}

/* Takes the page over, also on failure. */
static int append_coded(struct loaded_document *document, struct coded_page *page)
{
    const struct page_limits limits = {.max_rows = RASTER_ROWS_MAX};
    struct page_format format = page->format;
    struct raster raster;
    int error = 0;

    if (document->t85_pages != NULL) {
        error = page_decode(page->data, page->length, &page->format, &limits, &raster, NULL);
        format.coding = PAGE_CODING_T85;
        if (error == 0) {
            error = page_encode(&raster, &format, &document->t85_pages[document->page_count]);
            raster_free(&raster);
        }
    }
    if (error != 0) {
        coded_page_free(page);
        return errno_of_codecs(error);
    }
    if (document->t85_pages != NULL)
        document->octets += document->t85_pages[document->page_count].length;
    document->octets += page->length;
    document->pages[document->page_count++] = *page;
    return document->octets > DOCUMENT_LOAD_OCTETS_MAX ? -E2BIG : 0;
}

/* The whole number of pages stands in the header line of the first one. */
static int count_pages(struct vault_pages *pages, uint32_t *count, uint32_t *failed)
{
    int error = vault_pages_count(pages, count);

    if (error != 0)
        *failed = *count + 1;
    else if (*count == 0)
        error = -ENODATA;
    else if (*count > DOCUMENT_LOAD_PAGES_MAX)
        error = -E2BIG;
    return error;
}

static int load_page(struct loaded_document *document, struct vault_pages *pages,
                     const struct header_text *text, uint32_t count)
{
    struct header_draw draw = {.text = text};
    struct coded_page stored, page = {0};
    int found = vault_pages_next_coded(pages, &stored), error;

    if (found <= 0)
        return found == 0 ? -EBADMSG : found;
    snprintf(draw.right, sizeof draw.right, "page %u/%u", vault_pages_number(pages), count);
    error = prepare_page(&stored, &draw, &page);
    coded_page_free(&stored);
    return error != 0 ? error : append_coded(document, &page);
}

static int load_pages(struct loaded_document *document, const struct vault_pages_source *source,
                      const struct header_text *text, uint32_t skipped, bool with_t85,
                      uint32_t *failed)
{
    struct vault_pages *pages;
    uint32_t count = 0;
    int error = vault_pages_open(&pages, source);

    *failed = 0;
    if (error != 0)
        return error;
    error = count_pages(pages, &count, failed);
    if (error == 0 && skipped >= count)
        error = -ENODATA;
    if (error == 0)
        error = vault_pages_skip(pages, skipped);
    while (error == 0 && document->page_count < count - skipped) {
        error = document_reserve(document, with_t85);
        if (error == 0)
            error = load_page(document, pages, text, count);
        if (error != 0)
            *failed = vault_pages_number(pages);
    }
    vault_pages_close(pages);
    document->total = count;
    return error;
}

static void explain(char *reason, int error, uint32_t page)
{
    if (error == -ENODATA)
        snprintf(reason, MSG_REASON_MAX, "the vault file holds no page to send");
    else if (error == -E2BIG)
        snprintf(reason, MSG_REASON_MAX, "the document is too large to send (page %u)", page);
    else if (error == -EBADMSG && page == 0)
        snprintf(reason, MSG_REASON_MAX, "the vault file's header is damaged");
    else if (error == -EBADMSG)
        snprintf(reason, MSG_REASON_MAX,
                 "page %u of the vault file is damaged or the key is not its own", page);
    else
        snprintf(reason, MSG_REASON_MAX, "the pages cannot be read: %s", strerror(-error));
}

int document_load(struct loaded_document *document, int fd, const struct msg_call_start *start,
                  int64_t now_s, char reason[MSG_REASON_MAX])
{
    struct vault_pages_source source = {
        .fd = fd,
        .fax_id = start->fax_id,
        .data_key = start->data_key,
        .stream = start->source_attempt ? VAULT_STREAM_PAGES : VAULT_STREAM_RENDITION,
        .attempt = start->source_attempt,
    };
    struct header_text text;
    uint32_t failed;
    int error;

    memset(document, 0, sizeof *document);
    reason[0] = '\0';
    fill_header_text(&text, start, now_s);
    error = load_pages(document, &source, &text, start->first_page > 1 ? start->first_page - 1 : 0,
                       start->t85 != 0, &failed);
    if (error != 0) {
        explain(reason, error, failed);
        document_wipe(document);
    }
    return error;
}
