#include "tests/doubles/page_samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 65536, OCTAVES = 7 };

struct grey_page sample_blank(void)
{
    struct grey_page page = {.width = SAMPLE_WIDTH, .height = SAMPLE_HEIGHT};

    page.pixels = malloc((size_t)page.width * page.height);
    if (page.pixels == NULL)
        abort();
    memset(page.pixels, 255, (size_t)page.width * page.height);
    return page;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* The same number between 0 and 1 for the same place. */
static double lattice(int32_t x, int32_t y, uint32_t seed)
{
    uint32_t h = (uint32_t)x * 0x8da6b343U + (uint32_t)y * 0xd8163841U + seed * 0xcb1ab31fU;

    h ^= h >> 13;
    h *= 0x5bd1e995U;
    h ^= h >> 15;
    h *= 0x27d4eb2fU;
    h ^= h >> 16;
    return h / 4294967295.0;
}

static double smooth_noise(double x, double y, uint32_t seed)
{
    double fx = floor(x), fy = floor(y), u = x - fx, v = y - fy;
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;

    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    double top = lattice(ix, iy, seed) * (1 - u) + lattice(ix + 1, iy, seed) * u;
    double low = lattice(ix, iy + 1, seed) * (1 - u) + lattice(ix + 1, iy + 1, seed) * u;
    return top * (1 - v) + low * v;
}

/* Noise whose detail has the spectrum of natural pictures; 0 to 1. */
static double natural_noise(double x, double y, uint32_t seed)
{
    double sum = 0, weight = 0.5, total = 0;

    for (uint32_t i = 0; i < OCTAVES; i++) {
        sum += weight * smooth_noise(x, y, seed + i);
        total += weight;
        weight *= 0.55;
        x *= 2;
        y *= 2;
    }
    return sum / total;
}

static double ball_level(double dx, double dy, double z)
{
    double light = 0.75 * z - 0.45 * dx - 0.48 * dy, shine = clamp(light - 0.9, 0, 1);

    return clamp(0.08 + 0.75 * clamp(light, 0, 1) + 6 * shine * shine, 0, 1);
}

/* Level of a place of the photograph, u and v from 0 to 1. */
static double photo_level(double u, double v)
{
    double dx = (u - 0.66) / 0.2, dy = (v - 0.62) / 0.2, r = dx * dx + dy * dy;

    if (r < 1)
        return ball_level(dx, dy, sqrt(1 - r)) * (0.85 + 0.3 * natural_noise(u * 30, v * 30, 91));
    double horizon = 0.36 + 0.1 * natural_noise(u * 3, 0.5, 7);
    if (v < horizon)
        return clamp(0.72 + 0.5 * (natural_noise(u * 4, v * 7, 31) - 0.35), 0, 1);
    double depth = (v - horizon) / (1 - horizon);
    double shade = hypot((u - 0.72) / 0.26, (v - 0.84) / 0.05) < 1 ? 0.35 : 1;
    return clamp((0.62 - 0.3 * depth) * shade +
                     1.3 * (0.2 + depth) * (natural_noise(u * 9, v * 18, 57) - 0.5),
                 0, 1);
}

void sample_draw_photo(struct grey_page *page, const uint32_t box[4])
{
    for (uint32_t y = box[1]; y < box[3]; y++)
        for (uint32_t x = box[0]; x < box[2]; x++) {
            double u = (x - box[0]) / (double)(box[2] - box[0]);
            double v = (y - box[1]) / (double)(box[3] - box[1]);

            page->pixels[(size_t)y * page->width + x] =
                (uint8_t)(8 + 244 * photo_level(u, v) + 0.5);
        }
}

static double pixel_at(const struct grey_page *page, double x, double y)
{
    if (x < 0 || y < 0 || x > page->width - 2 || y > page->height - 2)
        return -1;
    uint32_t ix = (uint32_t)x, iy = (uint32_t)y;
    const uint8_t *p = page->pixels + (size_t)iy * page->width + ix;
    double u = x - ix, v = y - iy;
    return (p[0] * (1 - u) + p[1] * u) * (1 - v) +
           (p[page->width] * (1 - u) + p[page->width + 1] * u) * v;
}

/* What a sensor sees around a place: a small blur. */
static double seen_at(const struct grey_page *page, double x, double y)
{
    static const double offsets[5][2] = {{0, 0}, {0.5, 0}, {-0.5, 0}, {0, 0.5}, {0, -0.5}};
    double sum = 0;

    for (int i = 0; i < 5; i++) {
        double level = pixel_at(page, x + offsets[i][0], y + offsets[i][1]);
        if (level < 0)
            return -1;
        sum += level;
    }
    return sum / 5;
}

void sample_scan(struct grey_page *page)
{
    static const double turn = 0.009;
    struct grey_page seen = sample_blank();

    for (uint32_t y = 0; y < seen.height; y++)
        for (uint32_t x = 0; x < seen.width; x++) {
            double cx = x - seen.width / 2.0, cy = y - seen.height / 2.0;
            double level = seen_at(page, seen.width / 2.0 + cx - turn * cy,
                                   seen.height / 2.0 + cy + turn * cx);
            double paper = 236 - 34.0 * x / seen.width - 12.0 * y / seen.height;
            double noise = 0;

            for (uint32_t i = 0; i < 4; i++)
                noise += lattice((int32_t)x, (int32_t)y, 1000 + i) - 0.5;
            level = level < 0 ? 60 : 48 + level / 255 * (paper - 48);
            seen.pixels[(size_t)y * seen.width + x] = (uint8_t)clamp(level + 11 * noise, 0, 255);
        }
    grey_page_free(page);
    *page = seen;
}

static bool read_page(FILE *from, struct grey_page *page)
{
    const struct grey_limits limits = {10000, 10000, 100000000};
    struct grey_reader *reader = NULL;
    uint8_t piece[PIECE];
    size_t n, used;
    int found = grey_reader_new(&reader, &limits);

    while (found == 0 && (n = fread(piece, 1, sizeof piece, from)) > 0)
        found = grey_reader_feed(reader, piece, n, &used, page);
    grey_reader_free(reader);
    return found == 1;
}

bool sample_render(const char *pdf, struct grey_page *page)
{
    char command[1024];
    FILE *from;
    bool good;

    snprintf(command, sizeof command,
             "pdftoppm -gray -r %d -l 1 -scale-to-x %d -scale-to-y %d '%s'", SAMPLE_DPI,
             SAMPLE_WIDTH, SAMPLE_HEIGHT, pdf);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command */
    from = popen(command, "r");
    if (from == NULL)
        return false;
    good = read_page(from, page);
    return pclose(from) == 0 && good;
}

/* A document that is being written: where its objects begin. */
struct pdf {
    FILE *to;
    long offsets[6];
};

static bool begin_pdf(struct pdf *pdf, const char *path, const char *resources)
{
    pdf->to = fopen(path, "wb");
    if (pdf->to == NULL)
        return false;
    fputs("%PDF-1.4\n", pdf->to);
    pdf->offsets[1] = ftell(pdf->to);
    fputs("1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n", pdf->to);
    pdf->offsets[2] = ftell(pdf->to);
    fputs("2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n", pdf->to);
    pdf->offsets[3] = ftell(pdf->to);
    fprintf(pdf->to,
            "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 4 0 R"
            "/Resources<<%s>>>>endobj\n",
            resources);
    pdf->offsets[4] = ftell(pdf->to);
    return true;
}

static bool end_pdf(struct pdf *pdf)
{
    long table = ftell(pdf->to);

    fputs("xref\n0 6\n0000000000 65535 f \n", pdf->to);
    for (int i = 1; i < 6; i++)
        fprintf(pdf->to, "%010ld 00000 n \n", pdf->offsets[i]);
    fprintf(pdf->to, "trailer<</Size 6/Root 1 0 R>>\nstartxref\n%ld\n%%%%EOF\n", table);
    bool good = ferror(pdf->to) == 0;
    return fclose(pdf->to) == 0 && good;
}

bool sample_write_pdf(const struct grey_page *page, const char *path)
{
    static const char content[] = "595.28 0 0 841.89 0 0 cm /I Do";
    size_t octets = (size_t)page->width * page->height;
    struct pdf pdf;

    if (!begin_pdf(&pdf, path, "/XObject<</I 5 0 R>>"))
        return false;
    fprintf(pdf.to, "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n", strlen(content),
            content);
    pdf.offsets[5] = ftell(pdf.to);
    fprintf(pdf.to,
            "5 0 obj<</Type/XObject/Subtype/Image/Width %u/Height %u/ColorSpace/DeviceGray"
            "/BitsPerComponent 8/Length %zu>>stream\n",
            page->width, page->height, octets);
    (void)fwrite(page->pixels, 1, octets, pdf.to); /* end_pdf tells */
    fputs("\nendstream endobj\n", pdf.to);
    return end_pdf(&pdf);
}

static const char *const letter[] = {
    "Northern Lights Trading Company",
    "14 Harbour Street, Port Ellis",
    "",
    "Messrs. Brown and Daughters",
    "Attention of the purchasing department",
    "9 Mill Lane, Westbury",
    "",
    "Our reference: 2026/1184                                     21 November 2026",
    "",
    "Your order of 16 November, number 40-7715",
    "",
    "Dear Ms. Brown,",
    "",
    "thank you for your order, which we received yesterday. We confirm that the goods",
    "listed below will leave our warehouse on Thursday, 26 November, and should arrive",
    "at your premises within three working days. The carrier will call you on the morning",
    "of the delivery, so that somebody can be there to take the boxes in.",
    "",
    "    12 boxes of writing paper, A4, white, 80 g             144.00",
    "     4 boxes of envelopes with window, C6/5                 58.40",
    "    30 ring binders, blue, 75 mm                            87.00",
    "     1 shelf for filing, 900 x 380 x 1800 mm               212.50",
    "",
    "    Sum without tax                                        501.90",
    "",
    "Two of the items in your list are not in stock at present: the stamp pads, red, and",
    "the desk lamp with the longer arm. The maker promises both for the second week of",
    "December. Please let us know whether you would like to wait for them, or whether we",
    "should send the nearest that we have; the enclosed leaflet shows what there is.",
    "",
    "As agreed when we met at the fair, the sum is due within thirty days of delivery,",
    "and two per cent may be taken off if it is paid within ten. The invoice follows by",
    "post. If anything is missing or damaged, please tell the driver at once and send us",
    "a note within a week; we shall replace it without further questions.",
    "",
    "We hope that everything is as you expect it, and look forward to your next order.",
    "",
    "Yours sincerely,",
    "",
    "",
    "H. Lindqvist, sales department",
};

bool sample_write_letter(const char *path)
{
    char content[8192];
    size_t used = (size_t)snprintf(content, sizeof content, "BT /F 11 Tf 14.5 TL 71 770 Td\n");
    struct pdf pdf;

    for (size_t i = 0; i < sizeof letter / sizeof letter[0]; i++)
        used += (size_t)snprintf(content + used, sizeof content - used, "(%s) '\n", letter[i]);
    snprintf(content + used, sizeof content - used, "ET");
    if (!begin_pdf(&pdf, path, "/Font<</F 5 0 R>>"))
        return false;
    fprintf(pdf.to, "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n", strlen(content),
            content);
    pdf.offsets[5] = ftell(pdf.to);
    fputs("5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n", pdf.to);
    return end_pdf(&pdf);
}
