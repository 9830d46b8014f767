#include "gateway/line/vault_pages.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/wiped_buffer.h"
#include "gateway/file_octets.h"
#include "policy/policy_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct vault_pages {
    int fd;
    enum vault_stream stream;
    uint16_t attempt;
    uint64_t offset, size;
    uint32_t number;
    struct vault_opener *opener;
};

static int errno_of_policy(int error)
{
    if (error == FAX_EP_VERSION)
        return -EPROTONOSUPPORT;
    return error == FAX_EP_NOMEM || error == FAX_EP_CRYPTO ? -ENOMEM : -EBADMSG;
}

static int read_header(struct vault_pages *pages, const uint8_t *fax_id)
{
    uint8_t bytes[VAULT_HEADER_MAX];
    struct vault_header header;
    struct stat status;
    size_t length, available;
    int error;

    if (fstat(pages->fd, &status) < 0)
        return -errno;
    pages->size = (uint64_t)status.st_size;
    available = pages->size < sizeof bytes ? (size_t)pages->size : sizeof bytes;
    error = file_read_all_at(pages->fd, bytes, available, 0);
    if (error != 0)
        return error;
    error = vault_header_decode(bytes, available, fax_id, &header, &length);
    if (error != 0)
        return errno_of_policy(error);
    pages->offset = length;
    return 0;
}

int vault_pages_open(struct vault_pages **out, const struct vault_pages_source *source)
{
    struct vault_pages *pages = calloc(1, sizeof *pages);
    int error;

    *out = NULL;
    if (pages == NULL)
        return -ENOMEM;
    pages->fd = source->fd;
    pages->stream = source->stream;
    pages->attempt = source->attempt;
    error = read_header(pages, source->fax_id);
    if (error != 0)
        goto fail;
    error = vault_opener_new(source->data_key, source->fax_id, &pages->opener);
    if (error != 0) {
        error = errno_of_policy(error);
        goto fail;
    }
    *out = pages;
    return 0;
fail:
    vault_pages_close(pages);
    return error;
}

/* Moves to the next frame of the stream. Returns 1, 0 at the end, or a negative errno. A trace
 * that is not whole is the end, as is a piece that is too short to say what it is: it was being
 * written at a crash, and nobody was told of it. How many pages there must be is known from the
 * log. */
static int find_frame(struct vault_pages *pages, struct vault_frame_info *info)
{
    uint8_t header[VAULT_FRAME_HEADER_OCTETS];

    while (pages->offset < pages->size) {
        uint64_t left = pages->size - pages->offset;
        int error;

        if (left < sizeof header)
            return 0;
        error = file_read_all_at(pages->fd, header, sizeof header, pages->offset);
        if (error != 0)
            return error;
        error = vault_frame_header_decode(header, sizeof header, info);
        if (error == FAX_EP_TRUNCATED)
            return 0;
        if (error != 0 || info->frame_length < sizeof header)
            return -EBADMSG;
        if (info->frame_length > left)
            return info->stream == VAULT_STREAM_TRACE ? 0 : -EBADMSG;
        if (info->stream == pages->stream && info->attempt == pages->attempt)
            return 1;
        pages->offset += info->frame_length;
    }
    return 0;
}

int vault_pages_count(struct vault_pages *pages, uint32_t *count)
{
    struct vault_frame_info info = {0};
    uint64_t start = pages->offset;
    uint32_t seen = 0;
    int found;

    while ((found = find_frame(pages, &info)) == 1) {
        if (info.number != pages->number + seen + 1) {
            found = -EBADMSG;
            break;
        }
        seen++;
        pages->offset += info.frame_length;
    }
    pages->offset = start;
    *count = seen;
    return found;
}

int vault_pages_skip(struct vault_pages *pages, uint32_t count)
{
    struct vault_frame_info info = {0};

    for (uint32_t i = 0; i < count; i++) {
        int found = find_frame(pages, &info);

        if (found < 0)
            return found;
        if (found == 0 || info.number != pages->number + 1)
            return -EBADMSG;
        pages->number++;
        pages->offset += info.frame_length;
    }
    return 0;
}

/* Takes the payload over, also on failure: what stands before the coded octets goes. */
static int page_of_payload(uint8_t *plain, size_t length, struct coded_page *page)
{
    struct vault_page_meta meta;

    if (vault_page_meta_decode(plain, length, &meta) != 0 || !page_coding_is_known(meta.coding) ||
        meta.width > RASTER_WIDTH_MAX || meta.rows > RASTER_ROWS_MAX || meta.x_dpi > UINT16_MAX ||
        meta.y_dpi > UINT16_MAX) {
        wiped_free(plain, length);
        return -EBADMSG;
    }
    page->format = (struct page_format){
        .width = meta.width,
        .height = meta.rows,
        .x_dpi = (uint16_t)meta.x_dpi,
        .y_dpi = (uint16_t)meta.y_dpi,
        .coding = (enum page_coding)meta.coding,
        .lsb_first = meta.lsb_first,
    };
    page->length = length - VAULT_PAGE_META_OCTETS;
    memmove(plain, plain + VAULT_PAGE_META_OCTETS, page->length);
    explicit_bzero(plain + page->length, VAULT_PAGE_META_OCTETS);
    page->data = plain;
    return 0;
}

int vault_page_decode(const struct coded_page *page, struct raster *out)
{
    const struct page_limits limits = {.max_rows = page->format.height};
    int error = page_decode(page->data, page->length, &page->format, &limits, out, NULL);

    if (error == FAX_ENOMEM)
        return -ENOMEM;
    if (error != 0)
        return -EBADMSG;
    if (out->height != page->format.height) {
        raster_free(out);
        return -EBADMSG;
    }
    return 0;
}

static int open_frame(struct vault_pages *pages, const struct vault_frame_info *info,
                      struct coded_page *page)
{
    uint8_t *frame = malloc(info->frame_length + 1);
    uint8_t *plain = malloc((size_t)info->plain_length + 1);
    size_t plain_length = 0;
    int error = -ENOMEM;

    if (frame == NULL || plain == NULL)
        goto out;
    error = file_read_all_at(pages->fd, frame, info->frame_length, pages->offset);
    if (error != 0)
        goto out;
    error = vault_open_frame(pages->opener, frame, info->frame_length, plain,
                             (size_t)info->plain_length + 1, &plain_length);
    if (error != 0) {
        error = errno_of_policy(error);
        goto out;
    }
    error = page_of_payload(plain, plain_length, page);
    plain = NULL;
out:
    free(frame);
    wiped_free(plain, plain_length);
    return error;
}

int vault_pages_next_coded(struct vault_pages *pages, struct coded_page *page)
{
    struct vault_frame_info info = {0};
    int found;

    memset(page, 0, sizeof *page);
    pages->number++;
    found = find_frame(pages, &info);
    if (found <= 0)
        return found;
    if (info.number != pages->number)
        return -EBADMSG;
    found = open_frame(pages, &info, page);
    if (found != 0)
        return found;
    pages->offset += info.frame_length;
    return 1;
}

int vault_pages_next(struct vault_pages *pages, struct raster *page, struct page_format *format)
{
    struct coded_page coded;
    int found = vault_pages_next_coded(pages, &coded), error;

    memset(page, 0, sizeof *page);
    if (found <= 0)
        return found;
    *format = coded.format;
    error = vault_page_decode(&coded, page);
    coded_page_free(&coded);
    return error != 0 ? error : 1;
}

uint32_t vault_pages_number(const struct vault_pages *pages)
{
    return pages->number;
}

void vault_pages_close(struct vault_pages *pages)
{
    if (pages == NULL)
        return;
    vault_opener_free(pages->opener);
    free(pages);
}
