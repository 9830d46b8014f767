/* sealfax-draw-pdf: pages of the PDF that is its standard input, as grey PGM images on standard
 * output, drawn by poppler on cairo. A program of its own that shares no code with the gateway, as
 * poppler is under the GPL; who starts it confines it (gateway/render/run_program.h).
 *
 * use: sealfax-draw-pdf X_DPI Y_DPI FIRST LAST. Exit status: 0; 1: the document or a page is
 * damaged; 3: the next page is left to another renderer, as it has images or cairo cannot draw it.
 * What poppler says goes to standard error. */
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <poppler.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/grey_row.h"

enum {
    EXIT_DAMAGED = 1,
    EXIT_LEFT = 3,
    POINTS_AN_INCH = 72,
    SIDE_MAX = 32767,               /* cairo's */
    BAND_PIXELS = 16 * 1000 * 1000, /* a page with more is drawn in bands */
    OUTPUT_OCTETS = 256 * 1024,
    HEADER_OCTETS = 32,
};

struct drawing {
    PopplerDocument *document;
    double x_scale, y_scale; /* pixels a point */
    cairo_surface_t *surface;
    uint8_t *output;
    size_t used; /* octets of output */
};

/* Poppler tells of damage by GLib's log. */
static void say(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user)
{
    (void)domain, (void)level, (void)user;
    fprintf(stderr, "%s\n", message);
}

static int flush(struct drawing *d)
{
    size_t done = 0;

    while (done < d->used) {
        ssize_t n = write(STDOUT_FILENO, d->output + done, d->used - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return EXIT_DAMAGED;
        done += (size_t)n;
    }
    d->used = 0;
    return 0;
}

/* White paper; the surface of the band before where it has the same size. 16 bits a pixel are
 * enough for what is drawn, and half as much memory is to be written and read. */
static int clear_surface(struct drawing *d, int width, int height)
{
    if (d->surface == NULL || cairo_image_surface_get_width(d->surface) != width ||
        cairo_image_surface_get_height(d->surface) != height) {
        if (d->surface != NULL)
            cairo_surface_destroy(d->surface);
        d->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB16_565, width, height);
    }
    if (cairo_surface_status(d->surface) != CAIRO_STATUS_SUCCESS)
        return EXIT_LEFT;
    cairo_surface_flush(d->surface);
    memset(cairo_image_surface_get_data(d->surface), 255,
           (size_t)cairo_image_surface_get_stride(d->surface) * (size_t)height);
    cairo_surface_mark_dirty(d->surface);
    return 0;
}

/* After an error cairo leaves out all that follows, so its status says whether the page is whole.
 */
static int draw_band(struct drawing *d, PopplerPage *page, int top)
{
    cairo_t *cairo = cairo_create(d->surface);
    cairo_status_t status;

    cairo_translate(cairo, 0, -top);
    cairo_scale(cairo, d->x_scale, d->y_scale);
    poppler_page_render(page, cairo);
    status = cairo_status(cairo);
    cairo_destroy(cairo);
    cairo_surface_flush(d->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        return 0;
    fprintf(stderr, "cairo: %s\n", cairo_status_to_string(status));
    return EXIT_LEFT;
}

static int put_rows(struct drawing *d, int width, int rows)
{
    const uint8_t *pixels = cairo_image_surface_get_data(d->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(d->surface);
    int status = 0;

    for (int y = 0; y < rows && status == 0; y++) {
        if (d->used + (size_t)width > OUTPUT_OCTETS)
            status = flush(d);
        grey_row_from_565(pixels + (size_t)y * stride, (size_t)width, d->output + d->used);
        d->used += (size_t)width;
    }
    return status;
}

/* An image too large for cairo, or for the memory that there is, is left out without a word. */
static bool has_images(PopplerPage *page)
{
    GList *images = poppler_page_get_image_mapping(page);

    poppler_page_free_image_mapping(images);
    return images != NULL;
}

static int draw_page(struct drawing *d, PopplerPage *page)
{
    double points_across, points_down;
    int width, height, band, status = 0;

    poppler_page_get_size(page, &points_across, &points_down);
    if (has_images(page))
        return EXIT_LEFT;
    points_across = ceil(points_across * d->x_scale);
    points_down = ceil(points_down * d->y_scale);
    if (!(points_across >= 1 && points_across <= SIDE_MAX && points_down >= 1 &&
          points_down <= UINT16_MAX))
        return EXIT_LEFT;
    width = (int)points_across;
    height = (int)points_down;
    band = height < BAND_PIXELS / width ? height : BAND_PIXELS / width;
    d->used += (size_t)snprintf((char *)d->output + d->used, HEADER_OCTETS, "P5\n%d %d\n255\n",
                                width, height);
    for (int top = 0; top < height && status == 0; top += band) {
        int rows = height - top < band ? height - top : band;

        status = clear_surface(d, width, rows);
        if (status == 0)
            status = draw_band(d, page, top);
        if (status == 0)
            status = put_rows(d, width, rows);
    }
    return status == 0 ? flush(d) : status;
}

static int draw_pages(struct drawing *d, int first, int last)
{
    int status = 0;

    for (int number = first; number <= last && status == 0; number++) {
        PopplerPage *page = poppler_document_get_page(d->document, number - 1);

        if (page == NULL)
            return EXIT_DAMAGED;
        status = draw_page(d, page);
        g_object_unref(page);
    }
    return status;
}

static PopplerDocument *open_document(void)
{
    PopplerDocument *document;
    GError *error = NULL;
    struct stat about;
    void *data;

    if (fstat(STDIN_FILENO, &about) < 0 || about.st_size <= 0)
        return NULL;
    data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    if (data == MAP_FAILED)
        return NULL;
    document = poppler_document_new_from_bytes(g_bytes_new_static(data, (gsize)about.st_size), NULL,
                                               &error);
    if (document == NULL)
        fprintf(stderr, "%s\n", error != NULL ? error->message : "no memory");
    return document;
}

static bool read_number(const char *text, long highest, long *out)
{
    char *end;

    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out > 0 && *out <= highest;
}

int main(int argc, char **argv)
{
    static uint8_t output[OUTPUT_OCTETS];
    struct drawing d = {.output = output};
    long x_dpi, y_dpi, first, last;
    int status = EXIT_DAMAGED;

    if (argc != 5 || !read_number(argv[1], 4800, &x_dpi) || !read_number(argv[2], 4800, &y_dpi) ||
        !read_number(argv[3], INT32_MAX - 1, &first) ||
        !read_number(argv[4], INT32_MAX - 1, &last)) {
        fputs("use: sealfax-draw-pdf X_DPI Y_DPI FIRST LAST <PDF >PGM\n", stderr);
        return 2;
    }
    g_log_set_default_handler(say, NULL);
    d.x_scale = (double)x_dpi / POINTS_AN_INCH;
    d.y_scale = (double)y_dpi / POINTS_AN_INCH;
    d.document = open_document();
    if (d.document != NULL)
        status = draw_pages(&d, (int)first, (int)last);
    _exit(status); /* nothing is worth the time that freeing it takes */
}
