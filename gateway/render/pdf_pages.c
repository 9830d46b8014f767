#include "gateway/render/render_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/grey_page.h"
#include "codecs/wiped_buffer.h"
#include "gateway/render/pdf_info.h"
#include "gateway/render/run_program.h"

enum {
    INFO_OCTETS_MAX = 1024 * 1024,
    ERRORS_OCTETS = 4096,
    PIXELS_MAX = 80 * 1000 * 1000, /* of the largest page that pdf_info lets pass */
    SIDE_MAX = 65535,
};

/* poppler opens it by name: a memfd reopened through /proc, never a file. */
static const char document_name[] = "/proc/self/fd/0";

static int collect_info(void *user, const uint8_t *data, size_t length)
{
    return wiped_buffer_append(user, data, length);
}

static int fail_program(struct render_job *job, const struct program_result *result,
                        const char *program, uint32_t page, const char *errors)
{
    char detail[128];

    switch (result->end) {
    case PROGRAM_CPU_LIMIT:
        return render_fail(job, FAX_ELIMIT, page,
                           "page %u takes more than %llu s of processor time to render", page,
                           (unsigned long long)job->program_limits.cpu_seconds);
    case PROGRAM_WALL_LIMIT:
        return render_fail(job, FAX_ELIMIT, page,
                           "the document takes longer than %u s to render (page %u)",
                           job->request.wall_limit_ms / 1000, page);
    case PROGRAM_NOT_POSSIBLE:
        return render_fail(job, result->start_error, 0, "%s cannot be started: %s", program,
                           strerror(-result->start_error));
    case PROGRAM_KILLED:
        return render_fail(job, FAX_EFORMAT, page, "rendering page %u crashed (signal %d)", page,
                           result->signal_number);
    case PROGRAM_STOPPED:
    case PROGRAM_EXITED:
        break;
    }
    if (result->exit_status == 127)
        return render_fail(job, -ENOSYS, 0, "%s is not installed (package poppler-utils)", program);
    pdf_info_first_error(errors, detail, sizeof detail);
    return render_fail(job, FAX_EFORMAT, page, "page %u of the PDF cannot be rendered: %s", page,
                       detail[0] != '\0' ? detail : "the renderer gave up");
}

static int inspect(struct render_job *job, struct pdf_info *info)
{
    char last[16], errors[ERRORS_OCTETS];
    const char *const argv[] = {"pdfinfo", "-f", "1", "-l", last, document_name, NULL};
    struct wiped_buffer text = {.limit = INFO_OCTETS_MAX};
    struct pdf_limits limits = {job->request.max_pages, RENDER_WIDTH_MM_MAX, RENDER_HEIGHT_MM_MAX};
    struct program program = {argv,
                              job->document,
                              job->program_limits,
                              job->deadline_ms,
                              collect_info,
                              &text,
                              errors,
                              sizeof errors,
                              true};
    struct program_result result;
    char reason[PDF_INFO_REASON_MAX];
    int error;

    snprintf(last, sizeof last, "%u", job->request.max_pages);
    program_run(&program, &result);
    if (result.end == PROGRAM_STOPPED)
        error = render_fail(job, FAX_ELIMIT, 0, "the PDF's description of itself is too long");
    else if (result.end != PROGRAM_EXITED || result.exit_status == 127)
        error = fail_program(job, &result, "pdfinfo", 1, errors);
    else if ((error = wiped_buffer_append(&text, "", 1)) != 0)
        error = render_fail(job, error, 0, "no memory");
    else if ((error = pdf_info_judge((const char *)text.data, errors, result.exit_status, &limits,
                                     info, reason)) != 0)
        error = render_fail(job, error, info->failed_page, "%s", reason);
    wiped_buffer_free(&text);
    return error;
}

struct page_stream {
    struct render_job *job;
    struct grey_reader *reader;
    uint32_t announced;
};

static int convert_page(struct page_stream *stream, const struct grey_page *grey)
{
    struct render_job *job = stream->job;
    const struct msg_render_document *request = &job->request;
    const struct grey_conversion conversion = {
        .width = request->width,
        .source_x_dpi = request->x_dpi,
        .source_y_dpi = request->y_dpi,
        .x_dpi = request->x_dpi,
        .y_dpi = request->y_dpi,
        .max_rows = RENDER_ROWS_MAX,
    };
    uint32_t number = job->pages.pages + 1;
    struct raster raster;
    int error;

    if (number > stream->announced)
        return render_fail(job, FAX_EFORMAT, number,
                           "the PDF is damaged: it has more pages than it says");
    error = grey_page_convert(grey, &conversion, &raster);
    if (error != 0)
        return render_fail(job, error, number, "page %u cannot be converted: %s", number,
                           fax_error_text(error));
    error = render_add_page(job, &raster, request->y_dpi, stream->announced);
    raster_free(&raster);
    return error;
}

static int take_output(void *user, const uint8_t *data, size_t length)
{
    struct page_stream *stream = user;
    uint32_t number = stream->job->pages.pages + 1;

    while (length > 0) {
        struct grey_page grey = {0};
        size_t used = 0;
        int found = grey_reader_feed(stream->reader, data, length, &used, &grey);

        if (found < 0)
            return render_fail(stream->job, found, number,
                               found == FAX_ELIMIT ? "page %u is larger than a fax page may be"
                                                   : "page %u cannot be rendered",
                               number);
        data += used;
        length -= used;
        if (found == 1) {
            int error = convert_page(stream, &grey);

            grey_page_free(&grey);
            if (error != 0)
                return error;
        }
    }
    return 0;
}

static int check_end(const struct page_stream *stream, const struct program_result *result,
                     const char *errors)
{
    struct render_job *job = stream->job;
    uint32_t done = job->pages.pages;

    if (result->end == PROGRAM_STOPPED)
        return job->failed.error;
    if (result->end != PROGRAM_EXITED || result->exit_status != 0)
        return fail_program(job, result, "pdftoppm", done + 1, errors);
    if (grey_reader_end(stream->reader) != 0 || done != stream->announced)
        return render_fail(job, FAX_ETRUNCATED, done + 1,
                           "only %u of %u pages of the PDF can be rendered", done,
                           stream->announced);
    return 0;
}

static int draw(struct render_job *job, uint32_t pages)
{
    char x_dpi[16], y_dpi[16], last[16], errors[ERRORS_OCTETS];
    const char *const argv[] = {"pdftoppm", "-gray", "-cropbox", "-rx", x_dpi,         "-ry", y_dpi,
                                "-f",       "1",     "-l",       last,  document_name, NULL};
    const struct grey_limits limits = {SIDE_MAX, SIDE_MAX, PIXELS_MAX};
    struct page_stream stream = {job, NULL, pages};
    struct program program = {argv,
                              job->document,
                              job->program_limits,
                              job->deadline_ms,
                              take_output,
                              &stream,
                              errors,
                              sizeof errors,
                              true};
    struct program_result result;
    int error;

    snprintf(x_dpi, sizeof x_dpi, "%u", job->request.x_dpi);
    snprintf(y_dpi, sizeof y_dpi, "%u", job->request.y_dpi);
    snprintf(last, sizeof last, "%u", pages);
    error = grey_reader_new(&stream.reader, &limits);
    if (error != 0)
        return render_fail(job, error, 0, "no memory");
    program_run(&program, &result);
    error = check_end(&stream, &result, errors);
    grey_reader_free(stream.reader);
    return error;
}

int render_pdf(struct render_job *job)
{
    struct pdf_info info = {0};
    int error = inspect(job, &info);

    return error != 0 ? error : draw(job, info.pages);
}
