#include "gateway/render/render_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codecs/fax_error.h"
#include "codecs/grey_page.h"
#include "codecs/grey_turn.h"
#include "codecs/wiped_buffer.h"
#include "gateway/process/program_beside.h"
#include "gateway/process/state_paths.h"
#include "gateway/render/pdf_info.h"
#include "gateway/render/run_program.h"
#include "gateway/render/sealed_memfd.h"

enum {
    INFO_OCTETS_MAX = 4 * 1024 * 1024,
    ERRORS_OCTETS = 4096,
    PIXELS_MAX = 150 * 1000 * 1000, /* of the largest page that pdf_info lets pass */
    SIDE_MAX = 65535,
    WIDTH_TOLERANCE_MM = 2, /* letter paper */
    EXIT_NOT_FOUND = 127,
    EXIT_LEFT = 3, /* of PROGRAM_DRAW_PDF */
    DRAWING_LEFT = 1,
    DRAWING_NOT_INSTALLED = 2,
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
    case PROGRAM_KILLED_OUTSIDE:
        return render_fail(job, FAX_ELIMIT, page,
                           "the program that renders page %u was killed from outside, as happens "
                           "when memory runs out",
                           page);
    case PROGRAM_STOPPED:
    case PROGRAM_EXITED:
        break;
    }
    if (result->exit_status == EXIT_NOT_FOUND)
        return render_fail(job, -ENOSYS, 0, "%s is not installed (package poppler-utils)", program);
    pdf_info_first_error(errors, detail, sizeof detail);
    return render_fail(job, FAX_EFORMAT, page, "page %u of the PDF cannot be rendered: %s", page,
                       detail[0] != '\0' ? detail : "the renderer gave up");
}

/* The last page that is wanted, as far as the document's own numbers go. */
static uint32_t last_listed(const struct render_job *job)
{
    uint32_t last = page_ranges_last(&job->wanted) - job->document.pages_before;

    if (job->wanted.count == 0)
        return job->request.max_pages;
    return last < RENDER_LISTED_MAX ? last : RENDER_LISTED_MAX;
}

static int inspect(struct render_job *job, int document, struct pdf_info *info)
{
    char last[16], errors[ERRORS_OCTETS];
    const char *const argv[] = {"pdfinfo", "-f", "1", "-l", last, document_name, NULL};
    struct wiped_buffer text = {.limit = INFO_OCTETS_MAX};
    struct pdf_limits limits = {
        .max_pages = job->request.max_pages,
        .max_listed = last_listed(job),
        .max_width_mm = RENDER_WIDTH_MM_MAX,
        .max_height_mm = RENDER_HEIGHT_MM_MAX,
        .wanted = job->wanted.count > 0 ? &job->wanted : NULL,
        .pages_before = job->document.pages_before,
    };
    struct program program = {argv,  document, job->program_limits, job->deadline_ms, collect_info,
                              &text, errors,   sizeof errors,       PROGRAM_ALONE,    NULL};
    struct program_result result;
    char reason[PDF_INFO_REASON_MAX];
    int error;

    snprintf(last, sizeof last, "%u", limits.max_listed);
    program_run(&program, &result);
    if (result.end == PROGRAM_STOPPED)
        error = render_fail(job, FAX_ELIMIT, 0, "the PDF's description of itself is too long");
    else if (result.end != PROGRAM_EXITED || result.exit_status == EXIT_NOT_FOUND)
        error = fail_program(job, &result, "pdfinfo", 1, errors);
    else if ((error = wiped_buffer_append(&text, "", 1)) != 0)
        error = render_fail(job, error, 0, "no memory");
    else if ((error = pdf_info_judge((const char *)text.data, errors, result.exit_status, &limits,
                                     info, reason)) != 0)
        error = render_fail(job, error, info->failed_page, "%s", reason);
    wiped_buffer_free(&text);
    return error;
}

/* Pages that follow each other, are all wanted and all turned or not: one run of pdftoppm. */
struct page_run {
    uint32_t first, last;
    bool turned;
};

struct page_stream {
    struct render_job *job;
    struct grey_reader *reader;
    struct page_run run;
    uint32_t next; /* page */
};

/* A page wider than high that is wider than the paper: upright it would be made smaller. */
static bool is_turned(const struct render_job *job, const struct pdf_page_size *size)
{
    double paper_mm = job->request.width * 25.4 / job->request.x_dpi;

    return job->request.rotate == RENDER_ROTATE_AUTO && size->width_mm > size->height_mm &&
           (double)size->width_mm > paper_mm + WIDTH_TOLERANCE_MM;
}

static bool next_run(const struct render_job *job, const struct pdf_info *info,
                     struct page_run *run)
{
    uint32_t page = run->last + 1;

    while (page <= info->listed && !render_wants(job, page))
        page++;
    if (page > info->listed)
        return false;
    *run = (struct page_run){page, page, is_turned(job, &info->sizes[page - 1])};
    while (run->last < info->listed && render_wants(job, run->last + 1) &&
           is_turned(job, &info->sizes[run->last]) == run->turned)
        run->last++;
    return true;
}

static int take_page(struct page_stream *stream, struct grey_page *grey)
{
    struct render_job *job = stream->job;
    uint32_t page = stream->next++;
    int error;

    if (page > stream->run.last)
        return render_fail(job, FAX_EFORMAT, page,
                           "the PDF is damaged: it has more pages than it says");
    if (stream->run.turned) {
        error = grey_page_turn(grey, GREY_TURN_CLOCKWISE);
        if (error != 0)
            return render_fail(job, error, page, "page %u cannot be turned: %s", page,
                               fax_error_text(error));
    }
    return render_add_grey(job, page, grey);
}

static int take_output(void *user, const uint8_t *data, size_t length)
{
    struct page_stream *stream = user;

    while (length > 0) {
        struct grey_page grey = {0};
        size_t used = 0;
        int found = grey_reader_feed(stream->reader, data, length, &used, &grey);

        if (found < 0)
            return render_fail(stream->job, found, stream->next,
                               found == FAX_ELIMIT ? "page %u is larger than a fax page may be"
                                                   : "page %u cannot be rendered",
                               stream->next);
        data += used;
        length -= used;
        if (found == 1) {
            int error = take_page(stream, &grey);

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
    uint32_t done = stream->next - 1;

    if (result->end == PROGRAM_STOPPED)
        return job->failed.error;
    if (result->end != PROGRAM_EXITED || result->exit_status != 0)
        return fail_program(job, result, "the renderer", done + 1, errors);
    if (grey_reader_end(stream->reader) != 0 || done != stream->run.last)
        return render_fail(job, FAX_ETRUNCATED, done + 1,
                           "only %u of %u pages of the PDF can be rendered", done,
                           job->document.pages);
    return 0;
}

/* What the programs take: resolutions, page numbers, as text. */
struct drawing_numbers {
    char x_dpi[16], y_dpi[16], first[16], last[16];
};

/* A page that is to be turned gets the resolutions of the axes that its own become. */
static struct drawing_numbers drawing_numbers(const struct render_job *job,
                                              const struct page_run *run)
{
    uint32_t across = job->request.x_dpi, down = job->request.y_dpi;
    struct drawing_numbers numbers;

    snprintf(numbers.x_dpi, sizeof numbers.x_dpi, "%u", run->turned ? down : across);
    snprintf(numbers.y_dpi, sizeof numbers.y_dpi, "%u", run->turned ? across : down);
    snprintf(numbers.first, sizeof numbers.first, "%u", run->first);
    snprintf(numbers.last, sizeof numbers.last, "%u", run->last);
    return numbers;
}

/* Returns DRAWING_LEFT when the program leaves pages from *next on to another one,
 * DRAWING_NOT_INSTALLED when it is not there. */
static int draw_by(const char *const *argv, struct render_job *job, int document,
                   const struct page_run *run, uint32_t *next)
{
    const struct grey_limits limits = {SIDE_MAX, SIDE_MAX, PIXELS_MAX};
    struct page_stream stream = {job, NULL, *run, run->first};
    char errors[ERRORS_OCTETS];
    struct program program = {argv,    document, job->program_limits, job->deadline_ms, take_output,
                              &stream, errors,   sizeof errors,       PROGRAM_ALONE,    NULL};
    struct program_result result;
    int error = grey_reader_new(&stream.reader, &limits);

    if (error != 0)
        return render_fail(job, error, 0, "no memory");
    program_run(&program, &result);
    *next = stream.next;
    if (result.end == PROGRAM_EXITED && result.exit_status == EXIT_LEFT)
        error = DRAWING_LEFT;
    else if (result.end == PROGRAM_EXITED && result.exit_status == EXIT_NOT_FOUND)
        error = DRAWING_NOT_INSTALLED;
    else
        error = check_end(&stream, &result, errors);
    grey_reader_free(stream.reader);
    return error;
}

/* Quick, for pages without images. */
static int draw_quickly(struct render_job *job, int document, const struct page_run *run,
                        uint32_t *next)
{
    struct drawing_numbers n = drawing_numbers(job, run);
    char path[STATE_PATH_MAX];
    const char *const argv[] = {path, n.x_dpi, n.y_dpi, n.first, n.last, NULL};

    *next = run->first;
    if (program_beside(PROGRAM_DRAW_PDF, path, sizeof path) != 0)
        return DRAWING_NOT_INSTALLED;
    return draw_by(argv, job, document, run, next);
}

static int draw_anything(struct render_job *job, int document, const struct page_run *run)
{
    struct drawing_numbers n = drawing_numbers(job, run);
    const char *const argv[] = {"pdftoppm", "-gray",       "-cropbox", "-rx",   n.x_dpi,
                                "-ry",      n.y_dpi,       "-f",       n.first, "-l",
                                n.last,     document_name, NULL};
    uint32_t next = run->first;
    int error = draw_by(argv, job, document, run, &next);

    if (error == DRAWING_NOT_INSTALLED)
        return render_fail(job, -ENOSYS, 0, "pdftoppm is not installed (package poppler-utils)");
    if (error == DRAWING_LEFT)
        return render_fail(job, FAX_EFORMAT, next, "page %u of the PDF cannot be rendered", next);
    return error;
}

/* A program start costs as much as a page or two: where one page after the other is left, the slow
 * program gets twice as many each time before the quick one is tried again. */
static int draw(struct render_job *job, int document, const struct page_run *run)
{
    struct page_run rest = *run, left;
    uint32_t many = 0, before;
    int error;

    while (rest.first <= run->last) {
        before = rest.first;
        error = draw_quickly(job, document, &rest, &rest.first);
        if (error != DRAWING_LEFT && error != DRAWING_NOT_INSTALLED)
            return error;
        many = rest.first == before && many > 0 ? 2 * many : 1;
        left = rest;
        if (error == DRAWING_LEFT && run->last - rest.first >= many)
            left.last = rest.first + many - 1;
        error = draw_anything(job, document, &left);
        if (error != 0)
            return error;
        rest.first = left.last + 1;
    }
    return 0;
}

int render_pdf(struct render_job *job)
{
    struct pdf_info info = {0};
    struct page_run run = {0};
    int document = sealed_memfd_new("sealfax-document", job->document.data, job->document.octets);
    int error;

    if (document < 0)
        return render_fail(job, document, 0, "no memory for the document");
    error = inspect(job, document, &info);
    job->document.pages = info.pages;
    while (error == 0 && next_run(job, &info, &run))
        error = draw(job, document, &run);
    pdf_info_free(&info);
    close(document);
    return error;
}
