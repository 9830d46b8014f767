#include "gateway/line/received_page.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"
#include "codecs/raster.h"
#include "gateway/file_octets.h"
#include "policy/policy_error.h"
#include "t38/copy_quality.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int errno_of_policy(int error)
{
    return error == FAX_EP_NOMEM || error == FAX_EP_CRYPTO ? -ENOMEM : -EBADMSG;
}

int received_pages_open(struct received_pages *pages, int fd, const struct msg_call_start *start)
{
    uint8_t bytes[VAULT_HEADER_MAX];
    struct vault_header header;
    struct stat status;
    size_t length;
    ssize_t n;
    int error;

    memset(pages, 0, sizeof *pages);
    pages->fd = fd;
    if (fstat(fd, &status) < 0)
        return -errno;
    n = pread(fd, bytes, sizeof bytes, 0);
    if (n < 0)
        return -errno;
    error = vault_header_decode(bytes, (size_t)n, start->fax_id, &header, &length);
    if (error == 0)
        error = vault_sealer_new(start->data_key, start->fax_id, VAULT_STREAM_PAGES, start->attempt,
                                 &pages->sealer);
    if (error != 0)
        return errno_of_policy(error);
    pages->end = (uint64_t)status.st_size;
    return 0;
}

void received_pages_close(struct received_pages *pages)
{
    vault_sealer_free(pages->sealer);
    pages->sealer = NULL;
}

enum page_coding received_page_coding(enum fax_page_coding coding)
{
    switch (coding) {
    case FAX_PAGE_T4_1D:
        return PAGE_CODING_T4_1D;
    case FAX_PAGE_T4_2D:
        return PAGE_CODING_T4_2D;
    case FAX_PAGE_T6:
        return PAGE_CODING_T6;
    case FAX_PAGE_T85:
        break;
    }
    return PAGE_CODING_T85;
}

static int fail(struct msg_page_sealed *sealed, int status, const char *step, const char *why)
{
    sealed->status = status;
    snprintf(sealed->reason, sizeof sealed->reason, "page %u %s: %s", sealed->page, step, why);
    return status;
}

/* Damaged rows were repaired as well as can be. The octets that came would be repaired again by
 * every reader, in its own way. */
static int code_anew(struct coded_page *repaired, const struct raster *raster,
                     struct fax_page_view *view)
{
    const struct page_format format = {
        .x_dpi = view->x_dpi, .y_dpi = view->y_dpi, .coding = PAGE_CODING_T6, .lsb_first = true};
    int error = page_encode(raster, &format, repaired);

    if (error != 0)
        return error;
    view->coding = FAX_PAGE_T6;
    view->lsb_first = true;
    view->data = repaired->data;
    view->length = repaired->length;
    return 0;
}

/* What cannot be decoded here cannot be shown to anybody later: it is no page, whatever the frame
 * check sequences said. Without them there are all degrees. view: what is to be sealed. */
static int check_pixels(const struct fax_page *page, struct fax_page_view *view,
                        struct coded_page *repaired, struct msg_page_sealed *sealed,
                        enum fax_copy *copy)
{
    const struct page_limits limits = {.max_rows = RECEIVED_PAGE_ROWS_MAX,
                                       .max_bad_rows = page->without_ecm ? UINT32_MAX : 0};
    const struct page_format format = {
        .width = view->width,
        .x_dpi = view->x_dpi,
        .y_dpi = view->y_dpi,
        .coding = received_page_coding(view->coding),
        .lsb_first = view->lsb_first,
    };
    struct page_report report;
    struct raster raster;
    int error = page_decode(view->data, view->length, &format, &limits, &raster, &report);

    *copy = FAX_COPY_GOOD;
    if (page->without_ecm && (error == 0 || error == FAX_EEMPTY))
        *copy = copy_quality_judge(report.rows, report.bad_rows, page->lost_permille);
    if (*copy == FAX_COPY_BAD)
        error = 0;
    else if (error == 0)
        error = raster_digest(&raster, sealed->digest);
    if (error == 0 && *copy != FAX_COPY_BAD && report.bad_rows > 0)
        error = code_anew(repaired, &raster, view);
    sealed->rows = raster.height;
    raster_free(&raster);
    if (error != 0)
        return fail(sealed, error == FAX_ENOMEM ? -ENOMEM : -EBADMSG, "does not decode",
                    fax_error_text(error));
    return 0;
}

static int write_and_sync(int fd, const uint8_t *data, size_t length, uint64_t offset)
{
    int error = file_write_all_at(fd, data, length, offset);

    if (error < 0)
        return error;
    /* fdatasync also writes the file's new size, without which the data could not be read. */
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int seal_and_write(struct received_pages *pages, const struct fax_page_view *page,
                          struct msg_page_sealed *sealed)
{
    uint8_t meta_octets[VAULT_PAGE_META_OCTETS];
    struct vault_page_meta meta = {
        .coding = (uint8_t)sealed->coding,
        .lsb_first = page->lsb_first,
        .width = page->width,
        .rows = sealed->rows,
        .x_dpi = page->x_dpi,
        .y_dpi = page->y_dpi,
    };
    const struct vault_piece pieces[] = {{meta_octets, sizeof meta_octets},
                                         {page->data, page->length}};
    size_t capacity = vault_frame_sealed_length(sizeof meta_octets + page->length);
    uint8_t *frame = malloc(capacity);
    size_t length = 0;
    int error;

    if (frame == NULL)
        return fail(sealed, -ENOMEM, "cannot be sealed", "no memory");
    memcpy(meta.digest, sealed->digest, sizeof meta.digest);
    vault_page_meta_encode(&meta, meta_octets);
    error = vault_seal_frame(pages->sealer, sealed->page, pieces, 2, frame, capacity, &length);
    if (error != 0) {
        free(frame);
        return fail(sealed, error == FAX_EP_LIMIT ? -EFBIG : -EIO, "cannot be sealed",
                    policy_error_text(error));
    }
    error = write_and_sync(pages->fd, frame, length, pages->end);
    free(frame);
    if (error != 0)
        return fail(sealed, error, "cannot be stored", strerror(-error));
    sealed->offset = pages->end;
    sealed->length = (uint32_t)length;
    pages->end += length;
    return 0;
}

enum fax_copy received_page_store(struct received_pages *pages, const struct fax_page *page,
                                  uint32_t number, struct msg_page_sealed *sealed)
{
    struct fax_page_view view = page->view;
    struct coded_page repaired = {0};
    enum fax_copy copy;

    memset(sealed, 0, sizeof *sealed);
    sealed->page = number;
    sealed->width = view.width;
    sealed->x_dpi = view.x_dpi;
    sealed->y_dpi = view.y_dpi;
    sealed->coding = received_page_coding(view.coding);
    sealed->octets = (uint32_t)view.length;
    if (check_pixels(page, &view, &repaired, sealed, &copy) == 0 && copy != FAX_COPY_BAD) {
        sealed->coding = received_page_coding(view.coding);
        (void)seal_and_write(pages, &view, sealed);
    }
    coded_page_free(&repaired);
    return copy;
}
