#include "gateway/render/render_job.h"

#include "codecs/fax_error.h"
#include "codecs/tiff_read.h"

/* Pages that are not wanted are decoded too: the library only goes from one to the next. */
static int read_pages(struct render_job *job, struct tiff_reader *reader, const char *detail)
{
    uint32_t total = tiff_read_page_count(reader), page = 0;
    int found = 0;

    while (render_wants_more(job, page)) {
        struct page_format format;
        struct raster raster;
        int error = 0;

        found = tiff_read_next(reader, &raster, &format);
        if (found <= 0)
            break;
        page++;
        if (render_wants(job, page))
            error = render_add_page(job, page, &raster, format.y_dpi);
        raster_free(&raster);
        if (error != 0)
            return error;
    }
    if (found < 0)
        return render_fail(job, found, page + 1, "the TIFF cannot be sent: %s", detail);
    if (found == 0 && page != total)
        return render_fail(job, FAX_ETRUNCATED, page + 1,
                           "only %u of %u pages of the TIFF can be read", page, total);
    return 0;
}

int render_tiff(struct render_job *job)
{
    const struct tiff_read_limits limits = {
        .width = job->request.width,
        .max_rows = tiff_read_send_limits.max_rows,
        .max_pages = job->wanted.count > 0 ? RENDER_LISTED_MAX : job->request.max_pages,
        .turn = job->request.rotate == RENDER_ROTATE_AUTO,
    };
    enum { TIFF_X_DPI = 204 };
    char detail[TIFF_READ_DETAIL] = "";
    struct tiff_reader *reader = NULL;
    int error;

    if (job->request.x_dpi != TIFF_X_DPI)
        return render_fail(
            job, FAX_EUNSUPPORTED, 0,
            "the pages of a TIFF keep their resolution; they cannot be sent at %u dpi",
            job->request.x_dpi);
    error = tiff_read_open(&reader, job->document.data, job->document.octets, &limits, detail);

    if (error != 0)
        return render_fail(job, error, 0, "the TIFF cannot be sent: %s", detail);
    job->document.pages = tiff_read_page_count(reader);
    error = read_pages(job, reader, detail);
    tiff_read_close(reader);
    return error;
}
