#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/process/sandbox.h"
#include "gateway/render/document_kind.h"
#include "gateway/render/render_job.h"
#include "gateway/render/run_program.h"

static int render_kind(struct render_job *job)
{
    const struct render_document *document = &job->document;

    switch (document_kind_detect(document->data, document->octets)) {
    case DOCUMENT_PDF:
        return render_pdf(job);
    case DOCUMENT_TIFF:
        return render_tiff(job);
    case DOCUMENT_PNG:
        return render_png(job);
    case DOCUMENT_JPEG:
        return render_jpeg(job);
    case DOCUMENT_TEXT:
        return render_text(job);
    case DOCUMENT_OFFICE:
        return render_office(job);
    case DOCUMENT_MARKUP:
        return render_fail(job, FAX_EUNSUPPORTED, 0, "%s; make a PDF of it",
                           document_markup_name(document->data, document->octets));
    case DOCUMENT_CONTAINER:
        return render_fail(
            job, FAX_EUNSUPPORTED, 0,
            "%s, not a PDF, TIFF, PNG, JPEG, Office or text document; make a PDF of it",
            document_container_name(document->data, document->octets));
    case DOCUMENT_UNKNOWN:
        break;
    }
    return render_fail(job, FAX_EUNSUPPORTED, 0,
                       "not a PDF, TIFF, PNG, JPEG, Office or text document");
}

int render_document_at_hand(struct render_job *job)
{
    if (job->document.octets == 0)
        return render_fail(job, FAX_EEMPTY, 0, "the document is empty");
    if (program_now_ms() >= job->deadline_ms)
        return render_fail(job, FAX_ELIMIT, 0, "the document takes longer than %u s to render",
                           job->request.wall_limit_ms / 1000);
    return render_kind(job);
}

/* All of the parts are well formed and not too many: known before the first one is rendered. */
static int check_parts(struct render_job *job, const uint8_t *data, size_t octets)
{
    struct multipart_reader reader;
    struct multipart_part part;
    int found = multipart_open(&reader, job->request.content_type, data, octets);

    if (found == 0)
        do
            found = multipart_next(&reader, &part);
        while (found == 1);
    if (found != 0)
        return render_fail(job, found, 0, "%s", reader.reason);
    return reader.parts > 0 ? 0 : render_fail(job, FAX_EEMPTY, 0, "the submission has no files");
}

static int render_parts(struct render_job *job, const uint8_t *data, size_t octets)
{
    struct multipart_reader reader;
    struct multipart_part part;
    int found = check_parts(job, data, octets);

    if (found != 0)
        return found;
    found = multipart_open(&reader, job->request.content_type, data, octets);
    while (found == 0 && multipart_next(&reader, &part) == 1) {
        struct render_document *document = &job->document;
        uint32_t before = document->pages_before + document->pages;

        *document = (struct render_document){
            .data = part.data, .octets = part.length, .file = reader.parts, .pages_before = before};
        memcpy(document->name, part.name, sizeof document->name);
        found = render_wants_more(job, 0) ? render_document_at_hand(job) : 0;
    }
    if (found == 0)
        job->document.file = 0; /* what is said from now on is about all of them */
    return found;
}

/* Documents behind the last wanted page are not looked at, so their pages do not count here. */
int render_check_wanted(struct render_job *job)
{
    uint32_t pages = job->document.pages_before + job->document.pages;
    uint32_t needed = page_ranges_needed(&job->wanted);

    if (needed <= pages)
        return 0;
    return render_fail(job, FAX_EINVAL, 0, "page %u was asked for, but there %s %u page%s", needed,
                       pages == 1 ? "is" : "are", pages, pages == 1 ? "" : "s");
}

bool render_needs_programs(const uint8_t *data, size_t octets)
{
    enum document_kind kind = document_kind_detect(data, octets);

    return kind == DOCUMENT_PDF || kind == DOCUMENT_OFFICE;
}

static bool any_needs_programs(const struct render_job *job, const uint8_t *data, size_t octets)
{
    struct multipart_reader reader;
    struct multipart_part part;

    if (job->request.content_type[0] == '\0')
        return render_needs_programs(data, octets);
    if (multipart_open(&reader, job->request.content_type, data, octets) != 0)
        return false;
    while (multipart_next(&reader, &part) == 1)
        if (render_needs_programs(part.data, part.length))
            return true;
    return false;
}

int render_submission(struct render_job *job, const uint8_t *data, size_t octets)
{
    int error;

    job->document = (struct render_document){.data = data, .octets = octets};
    if (!any_needs_programs(job, data, octets) && sandbox_alone() != 0)
        return render_fail(job, FAX_ESTATE, 0, "the sandbox cannot be made narrower");
    if (job->request.content_type[0] != '\0')
        error = render_parts(job, data, octets);
    else
        error = render_document_at_hand(job);
    return error == 0 ? render_check_wanted(job) : error;
}
