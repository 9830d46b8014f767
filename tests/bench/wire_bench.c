/* What pages cost on the wire, and whether they can still be read. A letter, a dense page of text,
 * a grey scan, a photograph and a page of both go through a real, sandboxed render process and, for
 * comparison, through Ghostscript's tiffg4. How much can be read is counted by tesseract: words of
 * the original that it finds. One JSON object a line.
 *
 * render.text_bytes: octets of the letter in T.6 at 204 × 196.
 * render.wire_ratio: the worst share of Ghostscript's time on the wire, of scan, photograph and
 * mixed page, T.6 against T.6 at 14400 bit/s. No figure when fewer words are found than on
 * Ghostscript's. use: wire_bench [NAME...] */
#include "codecs/page_coder.h"
#include "codecs/page_set.h"
#include "codecs/tiff_read.h"
#include "codecs/tiff_write.h"
#include "codecs/wiped_buffer.h"
#include "codecs/wire_time.h"
#include "gateway/process/messages.h"
#include "tests/doubles/page_samples.h"
#include "tests/doubles/render_driver.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RATE = 14400, COMMAND_OCTETS = 4096, PATH_OCTETS = 512 };

static const char dense_text[] = TESTS_DIR "/data/text_a4.pdf";

struct figures {
    size_t ours, theirs;        /* octets in T.6 */
    size_t ours_t85;            /* in T.85 */
    int our_words, their_words; /* -1: not counted */
};

static char folder[] = "/tmp/sealfax-wire-bench-XXXXXX";

struct path {
    char text[PATH_OCTETS];
};

static struct path path_of(const char *name)
{
    struct path path;

    snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

static bool save(const char *path, const uint8_t *data, size_t length)
{
    FILE *to = fopen(path, "wb");
    bool good = to != NULL && fwrite(data, 1, length, to) == length;

    return to != NULL && fclose(to) == 0 && good;
}

/* The one page in a page set: its size in both codings, and itself as a TIFF. */
static bool measure_page(const struct page_set_entry *entry, struct figures *f)
{
    struct page_format format = entry->format;
    struct coded_page t85 = {0};
    struct tiff_writer tiff = {0};
    struct raster page;
    uint8_t *data = NULL;
    size_t length = 0;
    bool good = page_decode(entry->data, entry->length, &entry->format, NULL, &page, NULL) == 0;

    if (!good)
        return false;
    format.coding = PAGE_CODING_T85;
    f->ours = entry->length;
    good = page_encode(&page, &format, &t85) == 0 &&
           tiff_write_page(&tiff, &page, format.x_dpi, format.y_dpi) == 0 &&
           tiff_write_finish(&tiff, &data, &length) == 0 &&
           save(path_of("ours.tif").text, data, length);
    f->ours_t85 = t85.length;
    coded_page_free(&t85);
    wiped_free(data, length);
    raster_free(&page);
    return good;
}

static bool render_ours(const char *pdf, struct figures *f)
{
    struct msg_render_document request = {
        .max_pages = 1, .x_dpi = 204, .y_dpi = 196, .width = 1728};
    int document = render_driver_document(pdf, &request.document_octets);
    struct render_answer answer;
    struct page_set_reader reader;
    struct page_set_entry entry;
    bool good = false;

    render_driver_run("", MSG_RENDER_DOCUMENT, &request, sizeof request, document, &answer);
    close(document);
    if (answer.type != MSG_RENDERED)
        return false;
    void *set = mmap(NULL, answer.rendered.octets, PROT_READ, MAP_PRIVATE, answer.descriptor, 0);
    if (set != MAP_FAILED) {
        good = page_set_open(&reader, set, answer.rendered.octets, 1) == 0 &&
               page_set_next(&reader, &entry) == 1 && measure_page(&entry, f);
        munmap(set, answer.rendered.octets);
    }
    close(answer.descriptor);
    return good;
}

static bool shell(const char *command)
{
    /* NOLINTNEXTLINE(cert-env33-c): names of our own in our own folder */
    return system(command) == 0;
}

/* Ghostscript's page, coded by our T.6 coder too, so that only the pixels differ. */
static bool render_theirs(const char *pdf, struct figures *f)
{
    const struct tiff_read_limits limits = {.width = 1728, .max_rows = 10000, .max_pages = 1};
    const struct page_format format = {.x_dpi = 204, .y_dpi = 196, .coding = PAGE_CODING_T6};
    char command[COMMAND_OCTETS], detail[TIFF_READ_DETAIL];
    const struct path out = path_of("theirs.tif");
    struct tiff_reader *reader = NULL;
    struct coded_page coded = {0};
    struct page_format found;
    struct raster page;
    uint64_t octets = 0;
    bool good = false;

    snprintf(command, sizeof command,
             "gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=tiffg4 -r204x196 -g1728x2292 "
             "-sOutputFile='%s' '%s' >/dev/null 2>&1",
             out.text, pdf);
    if (!shell(command))
        return false;
    int file = render_driver_document(out.text, &octets);
    void *data = mmap(NULL, octets, PROT_READ, MAP_PRIVATE, file, 0);
    if (data != MAP_FAILED) {
        if (tiff_read_open(&reader, data, octets, &limits, detail) == 0 &&
            tiff_read_next(reader, &page, &found) == 1) {
            good = page_encode(&page, &format, &coded) == 0;
            raster_free(&page);
        }
        tiff_read_close(reader);
        munmap(data, octets);
    }
    close(file);
    f->theirs = coded.length;
    coded_page_free(&coded);
    return good;
}

/* Words of the text that stand on the page as tesseract reads it, each as often as it does. */
static int count_words(const char *tiff, const char *pdf)
{
    static const char words[] = "tr -cs '[:alnum:]' '\\n' | grep . | sort";
    char command[COMMAND_OCTETS];
    int count = -1;

    snprintf(command, sizeof command,
             "pdftotext -l 1 '%s' - | %s >'%s/truth' && "
             "tesseract '%s' - --psm 4 2>/dev/null | %s >'%s/read' && "
             "comm -12 '%s/truth' '%s/read' | wc -l",
             pdf, words, folder, tiff, words, folder, folder, folder);
    /* NOLINTNEXTLINE(cert-env33-c): likewise */
    FILE *from = popen(command, "r");
    if (from == NULL)
        return -1;
    if (fscanf(from, "%d", &count) != 1) /* NOLINT(cert-err34-c): printed by wc */
        count = -1;
    return pclose(from) == 0 ? count : -1;
}

/* `text`: a PDF whose text stands on the page; NULL: none. */
static bool measure(const char *pdf, const char *text, struct figures *f)
{
    *f = (struct figures){.our_words = -1, .their_words = -1};
    if (!render_ours(pdf, f) || !render_theirs(pdf, f))
        return false;
    if (text == NULL)
        return true;
    f->our_words = count_words(path_of("ours.tif").text, text);
    f->their_words = count_words(path_of("theirs.tif").text, text);
    return f->our_words >= 0 && f->their_words >= 0;
}

static double ratio(const struct figures *f)
{
    return (double)wire_time_ms(PAGE_CODING_T6, f->ours, RATE) /
           (double)wire_time_ms(PAGE_CODING_T6, f->theirs, RATE);
}

static int fail(const char *name, const char *why)
{
    printf("{\"name\":\"%s\",\"value\":null,\"reason\":\"%s\"}\n", name, why);
    return 1;
}

static int measure_text(void)
{
    const struct path path = path_of("letter.pdf");
    const char *pdf = path.text;
    struct figures letter, dense;

    if (!sample_write_letter(pdf) || !measure(pdf, pdf, &letter) ||
        !measure(dense_text, dense_text, &dense))
        return fail("render.text_bytes", "pdftoppm, gs or tesseract did not do its part");
    if (letter.our_words < letter.their_words || dense.our_words < dense.their_words)
        return fail("render.text_bytes", "fewer words can be read than on Ghostscript's page");
    printf("{\"name\":\"render.text_bytes\",\"value\":%zu,\"unit\":\"octets T.6\","
           "\"baseline\":{\"name\":\"ghostscript tiffg4\",\"value\":%zu},"
           "\"load\":{\"page\":\"letter of 1,800 characters, 204 x 196\",\"t85\":%zu,\"words\":%d,"
           "\"baseline_words\":%d,\"dense_page\":{\"octets\":%zu,\"baseline\":%zu,\"t85\":%zu,"
           "\"words\":%d,\"baseline_words\":%d}}}\n",
           letter.ours, letter.theirs, letter.ours_t85, letter.our_words, letter.their_words,
           dense.ours, dense.theirs, dense.ours_t85, dense.our_words, dense.their_words);
    return 0;
}

static bool make_samples(const char *scan, const char *photo, const char *mixed)
{
    struct grey_page page = {0};
    bool good = sample_render(dense_text, &page);

    if (!good)
        return false;
    sample_scan(&page);
    good = sample_write_pdf(&page, scan);
    grey_page_free(&page);
    page = sample_blank();
    sample_draw_photo(&page, (const uint32_t[]){80, 80, 1574, 2259});
    good = sample_write_pdf(&page, photo) && good;
    grey_page_free(&page);
    good = sample_render(dense_text, &page) && good;
    sample_draw_photo(&page, (const uint32_t[]){250, 1000, 1400, 1800});
    sample_scan(&page);
    good = sample_write_pdf(&page, mixed) && good;
    grey_page_free(&page);
    return good;
}

static void print_sample(const char *name, const struct figures *f)
{
    printf("\"%s\":{\"ratio\":%.3f,\"s\":%.1f,\"baseline_s\":%.1f,\"t85_s\":%.1f}", name, ratio(f),
           (double)wire_time_ms(PAGE_CODING_T6, f->ours, RATE) / 1000,
           (double)wire_time_ms(PAGE_CODING_T6, f->theirs, RATE) / 1000,
           (double)wire_time_ms(PAGE_CODING_T85, f->ours_t85, RATE) / 1000);
}

static int measure_wire(void)
{
    const struct path scan = path_of("scan.pdf"), photo = path_of("photo.pdf");
    const struct path mixed = path_of("mixed.pdf");
    struct figures f[3];

    if (!make_samples(scan.text, photo.text, mixed.text) ||
        !measure(scan.text, dense_text, &f[0]) || !measure(photo.text, NULL, &f[1]) ||
        !measure(mixed.text, NULL, &f[2]))
        return fail("render.wire_ratio", "pdftoppm, gs or tesseract did not do its part");
    if (f[0].our_words < f[0].their_words)
        return fail("render.wire_ratio", "fewer words can be read than on Ghostscript's scan");
    double worst = ratio(&f[0]);
    for (int i = 1; i < 3; i++)
        worst = ratio(&f[i]) > worst ? ratio(&f[i]) : worst;
    printf("{\"name\":\"render.wire_ratio\",\"value\":%.3f,\"unit\":\"of Ghostscript's time at %d "
           "bit/s, T.6, the worst sample\",\"load\":{",
           worst, RATE);
    print_sample("scan", &f[0]);
    printf(",");
    print_sample("photo", &f[1]);
    printf(",");
    print_sample("mixed", &f[2]);
    printf(",\"scan_words\":%d,\"baseline_scan_words\":%d}}\n", f[0].our_words, f[0].their_words);
    return 0;
}

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2;
}

static void clear_folder(void)
{
    static const char *const names[] = {"letter.pdf", "scan.pdf", "photo.pdf",  "mixed.pdf",
                                        "ours.tif",   "truth",    "theirs.tif", "read"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_of(names[i]).text);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    int status = render_driver_child(argc, argv), failed = 0;

    if (status >= 0)
        return status;
    if (mkdtemp(folder) == NULL)
        return fail("render.text_bytes", "no temporary folder");
    if (is_wanted(argc, argv, "render.text_bytes"))
        failed |= measure_text();
    if (is_wanted(argc, argv, "render.wire_ratio"))
        failed |= measure_wire();
    clear_folder();
    return failed;
}
