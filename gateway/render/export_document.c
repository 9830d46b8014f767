#include "gateway/render/export_document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/pdf_write.h"
#include "codecs/tiff_write.h"
#include "gateway/line/vault_pages.h"

struct document_writer {
    enum export_format format;
    struct pdf_writer pdf;
    struct tiff_writer tiff;
};

static int write_page(struct document_writer *writer, const struct raster *page,
                      const struct page_format *format)
{
    if (writer->format == EXPORT_PDF)
        return pdf_write_page(&writer->pdf, page, format->x_dpi, format->y_dpi);
    return tiff_write_page(&writer->tiff, page, format->x_dpi, format->y_dpi);
}

static int finish(struct document_writer *writer, uint8_t **data, size_t *length)
{
    if (writer->format == EXPORT_PDF)
        return pdf_write_finish(&writer->pdf, data, length);
    return tiff_write_finish(&writer->tiff, data, length);
}

static int fail(struct msg_render_failed *failed, int error, uint32_t page, const char *what)
{
    failed->error = error;
    failed->page = page;
    if (page == 0)
        snprintf(failed->reason, sizeof failed->reason, "%s", what);
    else
        snprintf(failed->reason, sizeof failed->reason, "page %u %s", page, what);
    return error;
}

/* Small errnos would be taken for FAX_E... codes. */
static int reading_error(int error)
{
    return error > -16 && error != -ENOMEM ? -EREMOTEIO : error;
}

static int fail_page(struct msg_render_failed *failed, int found, uint32_t page)
{
    if (found == 0)
        return fail(failed, -EBADMSG, page, "is missing in the vault file");
    if (found == -EBADMSG)
        return fail(failed, found, page, "of the vault file is damaged, or the key is not its own");
    return fail(failed, reading_error(found), page, strerror(-found));
}

static int copy_pages(struct vault_pages *pages, uint32_t count, struct document_writer *writer,
                      struct msg_render_failed *failed)
{
    for (uint32_t page = 1; page <= count; page++) {
        struct page_format format;
        struct raster raster;
        int found = vault_pages_next(pages, &raster, &format);
        int error;

        if (found != 1)
            return fail_page(failed, found, page);
        error = write_page(writer, &raster, &format);
        raster_free(&raster);
        if (error != 0)
            return fail(failed, error, page, fax_error_text(error));
    }
    return 0;
}

int export_document(int fd, const struct msg_export *request, uint8_t **data, size_t *length,
                    struct msg_render_failed *failed)
{
    const struct vault_pages_source source = {
        .fd = fd,
        .fax_id = request->fax_id,
        .data_key = request->data_key,
        .stream = (enum vault_stream)request->stream,
        .attempt = request->attempt,
    };
    struct document_writer writer = {.format = (enum export_format)request->format};
    struct vault_pages *pages = NULL;
    int error;

    *data = NULL;
    if (request->format != EXPORT_PDF && request->format != EXPORT_TIFF)
        return fail(failed, -EINVAL, 0, "unknown export format");
    if (request->pages == 0)
        return fail(failed, FAX_EEMPTY, 0, "the fax has no pages");
    error = vault_pages_open(&pages, &source);
    if (error != 0)
        return fail(failed, reading_error(error), 0,
                    error == -EBADMSG ? "the vault file's header is damaged or of another fax"
                    : error == -EPROTONOSUPPORT ? "the vault file was written by a newer sealfax"
                                                : strerror(-error));
    error = copy_pages(pages, request->pages, &writer, failed);
    if (error == 0) {
        error = finish(&writer, data, length);
        if (error != 0)
            fail(failed, error, 0, fax_error_text(error));
    }
    vault_pages_close(pages);
    pdf_write_free(&writer.pdf);
    tiff_write_free(&writer.tiff);
    return error;
}
