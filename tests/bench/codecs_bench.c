/* codecs_bench.c: our T.4 and T.6 coders against libtiff's and our T.85 coder against libjbig on
 * one page of text. Prints a JSON object a line; MB are 10^6 octets of uncoded rows, CPU time of
 * this process. */
#include <stdio.h>
#include <time.h>

#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/t85_decode.h"
#include "codecs/t85_encode.h"
#include "codecs/tiff_read.h"
#include "codecs/wiped_buffer.h"
#include "tests/unit/jbig_reference.h"
#include "tests/unit/tiff_reference.h"

enum { ROUNDS = 7, PAGES_A_ROUND = 20 };

struct subject {
    struct raster page;
    struct page_format format;
    uint8_t *coded;
    size_t length;
};

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool decode_ours(const struct subject *s)
{
    struct raster out;
    bool ok = t4_decode(s->coded, s->length, &s->format, NULL, &out, NULL) == 0;
    raster_free(&out);
    return ok;
}

static bool decode_theirs(const struct subject *s)
{
    struct raster out;
    bool ok = reference_decode(s->coded, s->length, &s->format, s->page.height, &out);
    raster_free(&out);
    return ok;
}

static bool encode_ours(const struct subject *s)
{
    struct coded_page out;
    bool ok = t4_encode_page(&s->page, &s->format, &out) == 0;
    coded_page_free(&out);
    return ok;
}

static bool encode_theirs(const struct subject *s)
{
    size_t length;
    free(reference_encode(&s->page, &s->format, &length));
    return length > 0;
}

/* The best of some rounds, which other work on the machine disturbs least. */
static double measure(bool (*code)(const struct subject *), const struct subject *s)
{
    double best = 0, octets = (double)raster_row_octets(&s->page) * s->page.height;
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds();
        for (int i = 0; i < PAGES_A_ROUND; i++)
            if (!code(s))
                exit(1);
        double rate = octets * PAGES_A_ROUND / (cpu_seconds() - start) / 1e6;
        best = rate > best ? rate : best;
    }
    return best;
}

static bool decode_t85_ours(const struct subject *s)
{
    struct raster out;
    bool ok = t85_decode(s->coded, s->length, NULL, &out, NULL) == 0;
    raster_free(&out);
    return ok;
}

static bool decode_t85_theirs(const struct subject *s)
{
    struct raster out;
    bool ok = jbig_decode(s->coded, s->length, &out);
    raster_free(&out);
    return ok;
}

static bool encode_t85_ours(const struct subject *s)
{
    uint8_t *data;
    size_t length;
    bool ok = t85_encode(&s->page, NULL, &data, &length) == 0;
    wiped_free(data, length);
    return ok;
}

static bool encode_t85_theirs(const struct subject *s)
{
    struct jbig_bie bie = jbig_encode(&s->page, JBG_TPBON, 128, 0);
    free(bie.data);
    return bie.length > 0;
}

static void report(const char *name, const char *reference, double ours, double theirs)
{
    printf("{\"name\":\"codecs.%s\",\"value\":%.0f,\"unit\":\"MB/s of rows\","
           "\"baseline\":{\"name\":\"%s\",\"value\":%.0f}}\n",
           name, ours, reference, theirs);
}

static void bench_coding(struct subject *s, enum page_coding coding, const char *decode_name,
                         const char *encode_name)
{
    struct coded_page coded;
    s->format.coding = coding;
    if (t4_encode_page(&s->page, &s->format, &coded) < 0)
        exit(1);
    s->coded = coded.data;
    s->length = coded.length;
    report(decode_name, "libtiff", measure(decode_ours, s), measure(decode_theirs, s));
    report(encode_name, "libtiff", measure(encode_ours, s), measure(encode_theirs, s));
    coded_page_free(&coded);
}

static void bench_t85(struct subject *s)
{
    if (t85_encode(&s->page, NULL, &s->coded, &s->length) < 0)
        exit(1);
    report("t85_decode", "libjbig", measure(decode_t85_ours, s), measure(decode_t85_theirs, s));
    report("t85_encode", "libjbig", measure(encode_t85_ours, s), measure(encode_t85_theirs, s));
    wiped_free(s->coded, s->length);
}

static bool load_page(const char *path, struct subject *s)
{
    static uint8_t file[1 << 20];
    char detail[TIFF_READ_DETAIL];
    struct tiff_reader *reader = NULL;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    size_t length = fread(file, 1, sizeof file, f);
    fclose(f);
    bool ok = tiff_read_open(&reader, file, length, &tiff_read_send_limits, detail) == 0 &&
              tiff_read_next(reader, &s->page, &s->format) == 1;
    tiff_read_close(reader);
    return ok;
}

int main(int argc, char **argv)
{
    struct subject s = {0};
    if (!load_page(argc > 1 ? argv[1] : TESTS_DIR "/data/letter.tif", &s)) {
        fprintf(stderr, "the sample page cannot be read\n");
        return 1;
    }
    s.format.lsb_first = true;
    bench_coding(&s, PAGE_CODING_T6, "t6_decode", "t6_encode");
    bench_coding(&s, PAGE_CODING_T4_2D, "t4_2d_decode", "t4_2d_encode");
    bench_coding(&s, PAGE_CODING_T4_1D, "t4_1d_decode", "t4_1d_encode");
    bench_t85(&s);
    raster_free(&s.page);
    return 0;
}
