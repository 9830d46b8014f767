/* Searches files for the contents of pages that must not be in clear anywhere: coded as T.6 in both
 * bit orders at every bit offset, as rows of pixels in both orders and polarities, as a piece of
 * the document that was submitted, and (in files below the directories of --magic) as the beginning
 * of any TIFF or PDF.
 *
 *   gateway_search_prog [--newer SECONDS] [--magic] PAGES.tif DOCUMENT PATH...
 *
 * Prints a line for each find; exit 0: nothing found, 1: found, 2: could not search->
 *   gateway_search_prog --plant KIND PAGES.tif DOCUMENT FILE
 * writes such a piece in the middle of other octets (KIND: t6, t6-reversed, rows, rows-inverted,
 * document, tiff, pdf), for the proof that the search finds it. */
#include "codecs/t4_encode.h"
#include "codecs/tiff_read.h"
#include "codecs/wiped_buffer.h"

#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 32,
    PIECE = CHUNK - 1,
    PATTERNS_MAX = 4000,
    BLOCK = 512,
    PLANT_BEFORE = 70001,
    PARTS = 16
};

struct pattern {
    uint8_t octets[CHUNK];
    char name[24];
};

struct search {
    struct pattern patterns[PATTERNS_MAX];
    size_t count;
    uint16_t first[65536]; /* by the first two octets: a pattern's number + 1, 0 for none */
    uint16_t next[PATTERNS_MAX];
    bool magic;
    time_t newer_than;
    unsigned found;
    unsigned long files;
    unsigned long long octets;
};

struct bytes {
    uint8_t *data;
    size_t length;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static struct bytes map_file(const char *path)
{
    struct stat about;
    struct bytes out = {NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) || about.st_size == 0) {
        if (fd >= 0)
            close(fd);
        return out;
    }
    void *map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return out;
    out.data = map;
    out.length = (size_t)about.st_size;
    return out;
}

static uint8_t reversed(uint8_t octet)
{
    uint8_t out = 0;
    for (int i = 0; i < 8; i++)
        if (octet & 1 << i)
            out |= (uint8_t)(0x80 >> i);
    return out;
}

static bool is_dull(const uint8_t *octets)
{
    unsigned changes = 0;
    for (int i = 1; i < PIECE; i++)
        changes += octets[i] != octets[i - 1];
    /* Files are full of runs of one octet: a piece that begins so would cost too much. */
    bool run = octets[0] == octets[1];
    for (int i = 0; i < 2; i++)
        run = run || octets[i] == 0 || octets[i] == 0xff;
    return run || changes < PIECE / 3;
}

static void add(struct search *search, const uint8_t *octets, const char *name)
{
    if (search->count == PATTERNS_MAX || is_dull(octets))
        return;
    struct pattern *pattern = &search->patterns[search->count];
    memcpy(pattern->octets, octets, PIECE);
    snprintf(pattern->name, sizeof pattern->name, "%s", name);
    uint16_t *first = &search->first[octets[0] << 8 | octets[1]];
    search->next[search->count++] = *first;
    *first = (uint16_t)search->count;
}

static void add_shifted(struct search *search, const uint8_t *octets, const char *name,
                        const char *reversed_name)
{
    for (int shift = 0; shift < 8; shift++) {
        uint8_t plain[CHUNK], other[CHUNK];
        for (int i = 0; i < PIECE; i++) {
            plain[i] = (uint8_t)(octets[i] << shift | octets[i + 1] >> (8 - shift));
            other[i] = reversed(plain[i]);
        }
        add(search, plain, name);
        add(search, other, reversed_name);
    }
}

static void add_rows(struct search *search, const struct raster *page)
{
    for (uint32_t part = 1; part < 8; part++) {
        const uint8_t *row = raster_row_const(page, page->height * part / 8);
        size_t next = 0;
        for (size_t at = 0; at + CHUNK <= raster_row_octets(page); at++) {
            if (at < next || is_dull(row + at))
                continue;
            next = at + CHUNK / 2;
            uint8_t piece[4][CHUNK];
            for (int i = 0; i < CHUNK; i++) {
                piece[0][i] = row[at + (size_t)i];
                piece[1][i] = (uint8_t)~row[at + (size_t)i];
                piece[2][i] = reversed(piece[0][i]);
                piece[3][i] = reversed(piece[1][i]);
            }
            add(search, piece[0], "rows");
            add(search, piece[1], "rows-inverted");
            add(search, piece[2], "rows-reversed");
            add(search, piece[3], "rows-both");
        }
    }
}

/* Calls with every page's pixels and T.6 data. */
static void each_page(const char *path,
                      void (*take)(void *user, const struct raster *, const struct bytes *),
                      void *user)
{
    char detail[TIFF_READ_DETAIL];
    struct tiff_reader *reader;
    struct page_format format;
    struct raster page;
    struct bytes file = map_file(path), coded;
    if (!file.data ||
        tiff_read_open(&reader, file.data, file.length, &tiff_read_send_limits, detail) < 0)
        fail(path);
    while (tiff_read_next(reader, &page, &format) == 1) {
        if (t4_encode(&page, PAGE_CODING_T6, 1, false, &coded.data, &coded.length) < 0)
            fail("coding");
        take(user, &page, &coded);
        wiped_free(coded.data, coded.length);
        raster_free(&page);
    }
    tiff_read_close(reader);
}

/* The first place at or after the part-th of `parts` that says something: where rows repeat, T.6 is
 * nothing but ones. NULL: none before the next part. */
static const uint8_t *telling(const struct bytes *bytes, size_t part, size_t parts)
{
    size_t end = bytes->length * (part + 1) / parts;
    for (size_t at = bytes->length * part / parts; at + (size_t)2 * CHUNK < end; at++)
        if (!is_dull(bytes->data + at))
            return bytes->data + at;
    return NULL;
}

static void learn(void *user, const struct raster *page, const struct bytes *coded)
{
    for (size_t part = 1; part < PARTS; part++) {
        const uint8_t *from = telling(coded, part, PARTS);
        if (from)
            add_shifted(user, from, "t6", "t6-reversed");
    }
    add_rows(user, page);
}

static void learn_document(struct search *search, const char *path)
{
    struct bytes document = map_file(path);
    if (!document.data)
        fail(path);
    for (size_t part = 1; part < PARTS; part++) {
        const uint8_t *from = telling(&document, part, PARTS);
        if (from)
            add(search, from, "document");
    }
}

static void report(struct search *search, const char *path, size_t at, const char *what)
{
    printf("%s: %s at %zu\n", path, what, at);
    search->found++;
}

static const char *pattern_at(const struct search *search, const uint8_t *data)
{
    for (uint16_t i = search->first[data[0] << 8 | data[1]]; i; i = search->next[i - 1])
        if (memcmp(search->patterns[i - 1].octets, data, PIECE) == 0)
            return search->patterns[i - 1].name;
    return NULL;
}

static void look_at(struct search *search, const char *path, const struct bytes *file)
{
    unsigned before = search->found;
    for (size_t i = 0; i + PIECE <= file->length && search->found < before + 3; i++) {
        const char *name = pattern_at(search, file->data + i);
        if (name)
            report(search, path, i, name);
    }
    for (size_t i = 0; search->magic && i + 5 <= file->length; i += BLOCK)
        if (memcmp(file->data + i, "II*\0", 4) == 0 || memcmp(file->data + i, "MM\0*", 4) == 0 ||
            memcmp(file->data + i, "%PDF-", 5) == 0)
            report(search, path, i, "the beginning of a TIFF or PDF");
}

static void visit(struct search *search, const char *path, const struct stat *about)
{
    if (!S_ISREG(about->st_mode) || about->st_mtime < search->newer_than)
        return;
    struct bytes file = map_file(path);
    if (!file.data)
        return;
    search->files++;
    search->octets += file.length;
    look_at(search, path, &file);
    munmap(file.data, file.length);
}

static void search_below(struct search *search, char *path)
{
    char *const roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    if (!tree)
        fail(path);
    while ((entry = fts_read(tree)))
        if (entry->fts_info == FTS_F)
            visit(search, entry->fts_path, entry->fts_statp);
    fts_close(tree);
}

struct plant {
    const char *kind;
    uint8_t octets[CHUNK * 4];
};

static void pick(void *user, const struct raster *page, const struct bytes *coded)
{
    struct plant *plant = user;
    const uint8_t *from = telling(coded, PARTS / 2, PARTS);
    if (!from)
        fail("the page says too little");
    from -= CHUNK / 2;
    if (strncmp(plant->kind, "rows", 4) == 0)
        from = raster_row_const(page, page->height / 2) + CHUNK;
    for (size_t i = 0; i < sizeof plant->octets; i++) {
        plant->octets[i] = from[i];
        if (strcmp(plant->kind, "t6-reversed") == 0)
            plant->octets[i] = reversed(from[i]);
        if (strcmp(plant->kind, "rows-inverted") == 0)
            plant->octets[i] = (uint8_t)~from[i];
    }
}

static int write_plant(char **argv)
{
    struct plant plant = {.kind = argv[0]};
    struct bytes document = map_file(argv[2]);
    FILE *file = fopen(argv[3], "wxe");
    if (!document.data || !file)
        fail(argv[3]);
    each_page(argv[1], pick, &plant);
    bool magic = strcmp(plant.kind, "tiff") == 0 || strcmp(plant.kind, "pdf") == 0;
    size_t before = magic ? 0 : PLANT_BEFORE;
    for (size_t i = 0; i < before; i++)
        fputc((int)(i * 7 & 0xff), file);
    if (magic)
        fwrite(plant.kind[0] == 't' ? "II*\0\10" : "%PDF-", 5, 1, file);
    else if (strcmp(plant.kind, "document") == 0)
        fwrite(document.data + document.length / 2, sizeof plant.octets, 1, file);
    else
        fwrite(plant.octets, sizeof plant.octets, 1, file);
    for (size_t i = 0; i < before; i++)
        fputc((int)(i * 5 & 0xff), file);
    return fclose(file) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    int at = 1;
    static struct search search;
    if (argc == 6 && strcmp(argv[1], "--plant") == 0)
        return write_plant(argv + 2);
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--magic") == 0)
            search.magic = true;
        else if (strcmp(argv[at], "--newer") == 0 && at + 1 < argc)
            search.newer_than = (time_t)strtoll(argv[++at], NULL, 10);
    }
    if (argc - at < 3) {
        fprintf(stderr, "use: %s [--newer SECONDS] [--magic] PAGES.tif DOCUMENT PATH...\n",
                argv[0]);
        return 2;
    }
    each_page(argv[at], learn, &search);
    learn_document(&search, argv[at + 1]);
    if (search.count < 100) {
        fprintf(stderr, "too little to look for\n");
        return 2;
    }
    for (at += 2; at < argc; at++)
        search_below(&search, argv[at]);
    printf("searched %lu files, %llu octets, for %zu pieces: %u found\n", search.files,
           search.octets, search.count, search.found);
    return search.found ? 1 : 0;
}
