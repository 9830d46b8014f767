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

bool sample_write_pdf(const struct grey_page *page, const char *path)
{
    static const char content[] = "595.28 0 0 841.89 0 0 cm /I Do";
    size_t octets = (size_t)page->width * page->height;
    long offsets[6];
    FILE *to = fopen(path, "wb");
    bool good;

    if (to == NULL)
        return false;
    fputs("%PDF-1.4\n", to);
    offsets[1] = ftell(to);
    fputs("1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n", to);
    offsets[2] = ftell(to);
    fputs("2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n", to);
    offsets[3] = ftell(to);
    fputs("3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 4 0 R"
          "/Resources<</XObject<</I 5 0 R>>>>>>endobj\n",
          to);
    offsets[4] = ftell(to);
    fprintf(to, "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n", strlen(content), content);
    offsets[5] = ftell(to);
    fprintf(to,
            "5 0 obj<</Type/XObject/Subtype/Image/Width %u/Height %u/ColorSpace/DeviceGray"
            "/BitsPerComponent 8/Length %zu>>stream\n",
            page->width, page->height, octets);
    good = fwrite(page->pixels, 1, octets, to) == octets;
    fputs("\nendstream endobj\n", to);
    long xref = ftell(to);
    fputs("xref\n0 6\n0000000000 65535 f \n", to);
    for (int i = 1; i < 6; i++)
        fprintf(to, "%010ld 00000 n \n", offsets[i]);
    fprintf(to, "trailer<</Size 6/Root 1 0 R>>\nstartxref\n%ld\n%%%%EOF\n", xref);
    return fclose(to) == 0 && good;
}
