#include <stdarg.h>
#include <stdio.h>

#include "codecs/fax_error.h"
#include "codecs/t4_encode.h"
#include "gateway/process/ipc.h"
#include "gateway/render/render_job.h"

int render_fail(struct render_job *job, int error, uint32_t page, const char *format, ...)
{
    const struct render_document *document = &job->document;
    char *reason = job->failed.reason;
    size_t room = sizeof job->failed.reason, used = 0;
    va_list arguments;

    if (document->file > 0)
        used = (size_t)snprintf(reason, room, "file %u%s%s%s: ", document->file,
                                document->name[0] ? " (" : "", document->name,
                                document->name[0] ? ")" : "");
    job->failed.error = error;
    job->failed.page = page;
    va_start(arguments, format);
    vsnprintf(reason + used, room - used, format, arguments);
    va_end(arguments);
    return error;
}

bool render_wants(const struct render_job *job, uint32_t page)
{
    return page_ranges_contain(&job->wanted, job->document.pages_before + page);
}

bool render_wants_more(const struct render_job *job, uint32_t page)
{
    return page_ranges_last(&job->wanted) > job->document.pages_before + page;
}

/* How many pages there will be, where that is known already. */
static uint32_t expected_pages(const struct render_job *job)
{
    return job->document.file == 0 && job->wanted.count == 0 ? job->document.pages : 0;
}

int render_add_page(struct render_job *job, uint32_t page, const struct raster *raster,
                    uint16_t y_dpi)
{
    const struct page_format format = {
        .width = raster->width,
        .height = raster->height,
        .x_dpi = job->request.x_dpi,
        .y_dpi = y_dpi,
        .coding = PAGE_CODING_T6,
    };
    struct msg_render_progress progress = {job->pages.pages + 1, expected_pages(job)};
    uint8_t digest[RASTER_DIGEST_OCTETS];
    struct coded_page coded = {0};
    int error;

    if (job->pages.pages >= job->request.max_pages)
        return render_fail(job, FAX_ELIMIT, page, "the fax has more than %u pages",
                           job->request.max_pages);
    error = raster_digest(raster, digest);
    if (error == 0)
        error = t4_encode_page(raster, &format, &coded);
    if (error == 0)
        error = page_set_write(&job->pages, &coded, digest);
    coded_page_free(&coded);
    if (error == FAX_ELIMIT)
        return render_fail(job, error, page, "the document is too large (page %u)", page);
    if (error != 0)
        return render_fail(job, error, page, "page %u cannot be coded: %s", page,
                           fax_error_text(error));
    error =
        ipc_send(job->channel, MSG_RENDER_PROGRESS, job->tag, &progress, sizeof progress, NULL, 0);
    if (error != 0)
        return render_fail(job, error, page, "nobody waits for the document");
    return 0;
}

int render_add_grey(struct render_job *job, uint32_t page, const struct grey_page *grey)
{
    const struct msg_render_document *request = &job->request;
    const struct grey_conversion conversion = {
        .width = request->width,
        .source_x_dpi = request->x_dpi,
        .source_y_dpi = request->y_dpi,
        .x_dpi = request->x_dpi,
        .y_dpi = request->y_dpi,
        .max_rows = RENDER_ROWS_MAX,
    };
    struct raster raster;
    int error = grey_page_convert(grey, &conversion, &raster);

    if (error == FAX_ELIMIT)
        return render_fail(job, error, page, "page %u has more than %d rows at this resolution",
                           page, RENDER_ROWS_MAX);
    if (error != 0)
        return render_fail(job, error, page, "page %u cannot be converted: %s", page,
                           fax_error_text(error));
    error = render_add_page(job, page, &raster, request->y_dpi);
    raster_free(&raster);
    return error;
}
