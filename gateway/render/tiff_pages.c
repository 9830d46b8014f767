#include "gateway/render/render_job.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "codecs/fax_error.h"
#include "codecs/tiff_read.h"

static int read_pages(struct render_job *job, struct tiff_reader *reader, const char *detail)
{
    uint32_t total = tiff_read_page_count(reader);
    int found = 0;

    for (;;) {
        struct page_format format;
        struct raster raster;
        int error;

        found = tiff_read_next(reader, &raster, &format);
        if (found <= 0)
            break;
        error = render_add_page(job, &raster, format.y_dpi, total);
        raster_free(&raster);
        if (error != 0)
            return error;
    }
    if (found < 0)
        return render_fail(job, found, job->pages.pages + 1, "the TIFF cannot be sent: %s", detail);
    if (job->pages.pages != total)
        return render_fail(job, FAX_ETRUNCATED, job->pages.pages + 1,
                           "only %u of %u pages of the TIFF can be read", job->pages.pages, total);
    return 0;
}

int render_tiff(struct render_job *job)
{
    const struct tiff_read_limits limits = {
        .width = job->request.width,
        .max_rows = tiff_read_send_limits.max_rows,
        .max_pages = job->request.max_pages,
    };
    char detail[TIFF_READ_DETAIL] = "";
    struct tiff_reader *reader = NULL;
    void *map = mmap(NULL, (size_t)job->octets, PROT_READ, MAP_PRIVATE, job->document, 0);
    int error;

    if (map == MAP_FAILED)
        return render_fail(job, -errno, 0, "the document cannot be mapped: %s", strerror(errno));
    error = tiff_read_open(&reader, map, (size_t)job->octets, &limits, detail);
    if (error != 0)
        error = render_fail(job, error, 0, "the TIFF cannot be sent: %s", detail);
    else
        error = read_pages(job, reader, detail);
    tiff_read_close(reader);
    munmap(map, (size_t)job->octets);
    return error;
}
