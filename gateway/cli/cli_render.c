#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/fax_error.h"
#include "codecs/header_line.h"
#include "codecs/page_coder.h"
#include "codecs/page_ranges.h"
#include "codecs/page_set.h"
#include "codecs/page_shape.h"
#include "codecs/png_write.h"
#include "codecs/tiff_write.h"
#include "codecs/wire_time.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_documents.h"
#include "gateway/cli/cli_output.h"
#include "gateway/cli/cli_render_child.h"
#include "gateway/file_octets.h"

static const struct cli_option render_options[] = {
    {"out", "DIR", "where the pages are written; made when it does not exist"},
    {"format", "png|tiff", "a PNG for each page (as without), or one TIFF"},
    {"resolution", "NAME", "standard, fine (as without), superfine or 400"},
    {"paper", "NAME", "a4 (as without), letter, legal, b4 or a3"},
    {"pages", "RANGES", "only these pages, as 1-3,5,8-; counted through all files"},
    {"rotate", "MODE", "auto: wide pages are turned where that fits better; none: never"},
    {"header", "TEXT", "a header line with this text and the page number"},
    {"rate", "BIT/S", "that the time on the wire is told for (14400)"},
    {NULL, NULL, NULL},
};

enum { RATE_MIN = 300, RATE_MAX = 33600, PIECE_OCTETS = 65536, PATH_OCTETS = 4096 };

static const enum page_coding codings[] = {PAGE_CODING_T4_1D, PAGE_CODING_T4_2D, PAGE_CODING_T6,
                                           PAGE_CODING_T85};
static const char *const coding_keys[] = {"t4_1d", "t4_2d", "t6", "t85"};
enum { CODINGS = sizeof codings / sizeof codings[0] };

struct rendering {
    struct cli *cli;
    const char *folder, *header;
    bool is_tiff;
    uint32_t rate, pages;
    struct tiff_writer tiff;
    json_t *list; /* a page each */
    uint64_t total_ms[CODINGS];
};

static int refuse(struct cli *cli, const char *what, const char *why)
{
    fprintf(stderr, "sealfax: ");
    if (what != NULL) {
        cli_print_escaped(stderr, what);
        fprintf(stderr, ": ");
    }
    cli_print_escaped(stderr, why);
    fputc('\n', stderr);
    if (cli->json) {
        json_t *problem =
            json_pack("{s:s, s:s}", "title", "The document cannot be faxed", "detail", why);
        if (problem != NULL)
            cli_print_json(stdout, problem, 0);
        json_decref(problem);
    }
    return CLI_FAILED;
}

/* Appears under its name at once and whole; nobody else may read it. */
static int write_file(struct rendering *r, const char *name, const uint8_t *data, size_t length)
{
    char path[PATH_OCTETS];
    int error = 0;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", r->folder, name) >= sizeof path)
        return refuse(r->cli, r->folder, strerror(ENAMETOOLONG));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(r->cli, path, strerror(errno));
    error = file_write_all(fd, data, length);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error != 0 ? refuse(r->cli, path, strerror(-error)) : CLI_DONE;
}

/* The sizes of the page in all codings, as a JSON object; NULL without memory. */
static json_t *measure(struct rendering *r, const struct raster *page,
                       const struct page_format *format)
{
    json_t *all = json_object();

    for (size_t i = 0; all != NULL && i < CODINGS; i++) {
        struct page_format coded_as = *format;
        struct coded_page coded;
        uint64_t ms = 0;

        coded_as.coding = codings[i];
        if (page_encode(page, &coded_as, &coded) != 0) {
            json_decref(all);
            return NULL;
        }
        ms = wire_time_ms(codings[i], coded.length, r->rate);
        r->total_ms[i] += ms;
        if (json_object_set_new(all, coding_keys[i],
                                json_pack("{s:I, s:I}", "octets", (json_int_t)coded.length, "ms",
                                          (json_int_t)ms)) != 0) {
            json_decref(all);
            all = NULL;
        }
        coded_page_free(&coded);
    }
    return all;
}

static int save_page(struct rendering *r, const struct raster *page,
                     const struct page_format *format, const char *name)
{
    uint8_t *data = NULL;
    size_t length = 0;
    int result;

    if (r->is_tiff)
        return tiff_write_page(&r->tiff, page, format->x_dpi, format->y_dpi) == 0
                   ? CLI_DONE
                   : refuse(r->cli, NULL, "the TIFF grows too large");
    if (png_write(page, format->x_dpi, format->y_dpi, &data, &length) != 0)
        return refuse(r->cli, NULL, "no memory for an image");
    result = write_file(r, name, data, length);
    wiped_free(data, length);
    return result;
}

static int show_page(struct rendering *r, uint32_t number, struct raster *page,
                     const struct page_format *format)
{
    char name[40], of[40];
    json_t *sizes;
    int result;

    snprintf(name, sizeof name, r->is_tiff ? "pages.tif" : "page-%04u.png", number);
    snprintf(of, sizeof of, "page %u/%u", number, r->pages);
    if (r->header != NULL && header_line_draw(page, format->y_dpi, r->header, "", of) != 0)
        return refuse(r->cli, NULL, "a page has no room for a header line");
    result = save_page(r, page, format, name);
    if (result != CLI_DONE)
        return result;
    sizes = measure(r, page, format);
    if (sizes == NULL ||
        json_array_append_new(
            r->list, json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:o}", "page", (json_int_t)number,
                               "file", name, "width", (json_int_t)page->width, "rows",
                               (json_int_t)page->height, "x_dpi", (json_int_t)format->x_dpi,
                               "y_dpi", (json_int_t)format->y_dpi, "codings", sizes)) != 0)
        return refuse(r->cli, NULL, "no memory for a page");
    return CLI_DONE;
}

static int show_pages(struct rendering *r, const struct cli_rendered *rendered)
{
    const struct page_limits limits = {.max_rows = RASTER_ROWS_MAX};
    struct page_set_reader reader;
    struct page_set_entry entry;
    uint32_t number = 0;
    int result = CLI_DONE;

    if (page_set_open(&reader, rendered->pages, rendered->octets, 0) != 0)
        return refuse(r->cli, NULL, "the renderer's answer is damaged");
    r->pages = reader.pages;
    while (result == CLI_DONE && page_set_next(&reader, &entry) == 1) {
        struct raster page;

        if (page_decode(entry.data, entry.length, &entry.format, &limits, &page, NULL) != 0)
            return refuse(r->cli, NULL, "the renderer's answer is damaged");
        result = show_page(r, ++number, &page, &entry.format);
        raster_free(&page);
    }
    return result;
}

static int finish_tiff(struct rendering *r)
{
    uint8_t *data = NULL;
    size_t length = 0;
    int result;

    if (!r->is_tiff)
        return CLI_DONE;
    if (tiff_write_finish(&r->tiff, &data, &length) != 0)
        return refuse(r->cli, NULL, "the document has no pages");
    result = write_file(r, "pages.tif", data, length);
    wiped_free(data, length);
    return result;
}

/* Of a call with all pages in one coding. */
static json_int_t call_ms(const struct rendering *r, size_t coding)
{
    uint64_t ms = r->total_ms[coding] + wire_time_call_ms(r->rate);

    return (json_int_t)ms;
}

static void print_table(const struct rendering *r)
{
    size_t i;
    const json_t *page;

    printf("%-16s %14s  seconds on the wire at %u bit/s (kB)\n", "", "", r->rate);
    printf("%-16s %14s  %15s %15s %15s %15s\n", "FILE", "SIZE", "T.4 1-D", "T.4 2-D", "T.6",
           "T.85");
    json_array_foreach(r->list, i, page)
    {
        char size[32];

        snprintf(size, sizeof size, "%d × %d",
                 (int)json_integer_value(json_object_get(page, "width")),
                 (int)json_integer_value(json_object_get(page, "rows")));
        /* '×' has two octets */
        printf("%-16s %15s ", json_string_value(json_object_get(page, "file")), size);
        for (size_t k = 0; k < CODINGS; k++) {
            const json_t *one = json_object_get(json_object_get(page, "codings"), coding_keys[k]);

            printf(" %7.1f %7.1f", (double)json_integer_value(json_object_get(one, "ms")) / 1000,
                   (double)json_integer_value(json_object_get(one, "octets")) / 1000);
        }
        putchar('\n');
    }
    printf("%-16s %14s ", "call", "");
    for (size_t k = 0; k < CODINGS; k++)
        printf(" %7.1f %7s", (double)call_ms(r, k) / 1000, "");
    putchar('\n');
}

static int report(struct rendering *r)
{
    if (!r->cli->json) {
        print_table(r);
        return CLI_DONE;
    }
    json_t *call = json_object();
    for (size_t k = 0; k < CODINGS; k++)
        (void)json_object_set_new(call, coding_keys[k], json_integer(call_ms(r, k)));
    json_t *all = json_pack("{s:I, s:O, s:o}", "rate", (json_int_t)r->rate, "pages", r->list,
                            "call_ms", call);
    if (all == NULL)
        return refuse(r->cli, NULL, "no memory");
    cli_print_json(stdout, all, 0);
    json_decref(all);
    return CLI_DONE;
}

static int copy_document(struct cli *cli, const char *file, int *out)
{
    char piece[PIECE_OCTETS];
    ssize_t n;
    int error = 0, from = cli_documents_open(file);

    *out = -1;
    if (from < 0)
        return CLI_FAILED;
    *out = memfd_create("sealfax-document", MFD_CLOEXEC);
    if (*out < 0)
        error = -errno;
    while (error == 0 && (n = read(from, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        error = n < 0 ? -errno : file_write_all(*out, piece, (size_t)n);
    }
    if (from != STDIN_FILENO)
        close(from);
    return error != 0 ? refuse(cli, file, strerror(-error)) : CLI_DONE;
}

/* Returns CLI_DONE with a descriptor and the content type of several. */
static int open_documents(struct cli *cli, struct msg_render_document *request, int *out)
{
    char type[CLI_DOCUMENTS_TYPE_TEXT] = "";
    struct stat status;

    if (cli->argument_count == 1) {
        int result = copy_document(cli, cli->arguments[0], out);
        if (result != CLI_DONE)
            return result;
    } else {
        *out = cli_documents_join(cli->arguments, cli->argument_count, type);
        if (*out < 0)
            return CLI_FAILED;
    }
    snprintf(request->content_type, sizeof request->content_type, "%s", type);
    if (fstat(*out, &status) < 0)
        return refuse(cli, NULL, strerror(errno));
    request->document_octets = (uint64_t)status.st_size;
    return CLI_DONE;
}

static int read_wishes(struct cli *cli, struct msg_render_document *request)
{
    const char *pages = cli_option(cli, "pages"), *rotate = cli_option(cli, "rotate");
    struct page_ranges ranges;
    struct page_shape shape;
    int unknown_paper = 0;

    if (page_shape_find(cli_option(cli, "resolution"), cli_option(cli, "paper"), &shape,
                        &unknown_paper) != 0)
        return unknown_paper ? cli_usage(cli, "--paper must be %s", page_shape_papers)
                             : cli_usage(cli, "--resolution must be %s", page_shape_resolutions);
    if (pages != NULL && (!*pages || strlen(pages) >= sizeof request->pages ||
                          page_ranges_parse(pages, &ranges) != 0))
        return cli_usage(cli, "--pages must be numbers and ranges in ascending order, as in "
                              "1-3,5,8-");
    if (rotate != NULL && strcmp(rotate, "auto") != 0 && strcmp(rotate, "none") != 0)
        return cli_usage(cli, "--rotate must be auto or none");
    request->x_dpi = shape.x_dpi;
    request->y_dpi = shape.y_dpi;
    request->width = shape.width;
    request->height_mm = shape.height_mm;
    request->rotate = rotate != NULL && *rotate == 'n' ? RENDER_ROTATE_NONE : RENDER_ROTATE_AUTO;
    snprintf(request->pages, sizeof request->pages, "%s", pages != NULL ? pages : "");
    return CLI_DONE;
}

static int render(struct rendering *r, struct msg_render_document *request)
{
    struct cli_rendered rendered = {0};
    int document = -1, result = open_documents(r->cli, request, &document);

    if (result == CLI_DONE && cli_render_child_run(request, document, &rendered) != 0)
        result = refuse(r->cli, NULL, rendered.reason);
    if (document >= 0)
        close(document);
    if (result == CLI_DONE && mkdir(r->folder, 0700) < 0 && errno != EEXIST)
        result = refuse(r->cli, r->folder, strerror(errno));
    if (result == CLI_DONE)
        result = show_pages(r, &rendered);
    if (result == CLI_DONE)
        result = finish_tiff(r);
    cli_rendered_free(&rendered);
    return result;
}

static int run_render(struct cli *cli)
{
    struct rendering r = {
        .cli = cli, .folder = cli_option(cli, "out"), .header = cli_option(cli, "header")};
    const char *format = cli_option(cli, "format");
    struct msg_render_document request = {0};
    int64_t rate = 14400;
    int result;

    if (r.folder == NULL || !*r.folder)
        return cli_usage(cli, "--out is needed: the folder for the pages");
    if (format != NULL && strcmp(format, "png") != 0 && strcmp(format, "tiff") != 0)
        return cli_usage(cli, "--format must be png or tiff");
    if (cli_option_number(cli, "rate", RATE_MIN, RATE_MAX, &rate) < 0)
        return CLI_USAGE;
    r.is_tiff = format != NULL && strcmp(format, "tiff") == 0;
    r.rate = (uint32_t)rate;
    result = read_wishes(cli, &request);
    if (result != CLI_DONE)
        return result;
    r.list = json_array();
    if (r.list == NULL)
        return refuse(cli, NULL, "no memory");
    result = render(&r, &request);
    if (result == CLI_DONE)
        result = report(&r);
    tiff_write_free(&r.tiff);
    json_decref(r.list);
    return result;
}

const struct cli_command cli_render_commands[] = {
    {"render", NULL, "FILE...",
     "Write the pages as they would be faxed, with their time on the wire; needs no gateway",
     "sealfax render letter.pdf photo.jpg --out pages --resolution superfine", render_options, 1,
     run_render},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
