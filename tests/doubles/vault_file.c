#include "tests/doubles/vault_file.h"

#include "codecs/page.h"
#include "codecs/t4_encode.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_WIDTH = 1728, X_DPI = 204, Y_DPI = 196 };

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

void vault_file_id_new(struct vault_file_id *id)
{
    require(getrandom(id, sizeof *id, 0) == (ssize_t)sizeof *id, "getrandom");
}

int vault_file_new(const char *directory, const struct vault_file_id *id)
{
    struct vault_header header = {.class_name = "test", .key_id = "test-undated-1"};
    uint8_t bytes[VAULT_HEADER_MAX];
    size_t length;
    int fd;

    if (directory == NULL)
        directory = getenv("TMPDIR");
    if (directory == NULL)
        directory = "/tmp";
    fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    require(fd >= 0, "O_TMPFILE");
    memcpy(header.fax_id, id->fax_id, sizeof header.fax_id);
    require(vault_header_encode(&header, bytes, sizeof bytes, &length) == 0, "header");
    require(pwrite(fd, bytes, length, 0) == (ssize_t)length, "pwrite");
    return fd;
}

void vault_file_add_page(int fd, const struct vault_file_id *id, enum vault_stream stream,
                         uint16_t attempt, uint32_t number, const struct raster *page)
{
    vault_file_add_page_at(fd, id, stream, attempt, number, page, Y_DPI);
}

void vault_file_add_page_at(int fd, const struct vault_file_id *id, enum vault_stream stream,
                            uint16_t attempt, uint32_t number, const struct raster *page,
                            uint16_t y_dpi)
{
    const struct page_format format = {.x_dpi = X_DPI, .y_dpi = y_dpi, .coding = PAGE_CODING_T6};
    struct vault_page_meta meta = {
        .coding = PAGE_CODING_T6,
        .width = page->width,
        .rows = page->height,
        .x_dpi = X_DPI,
        .y_dpi = y_dpi,
    };
    uint8_t meta_octets[VAULT_PAGE_META_OCTETS], *frame;
    struct vault_sealer *sealer;
    struct coded_page coded;
    struct stat status;
    size_t capacity, length;

    require(raster_digest(page, meta.digest) == 0, "digest");
    require(t4_encode_page(page, &format, &coded) == 0, "encode");
    vault_page_meta_encode(&meta, meta_octets);
    capacity = vault_frame_sealed_length(sizeof meta_octets + coded.length);
    frame = malloc(capacity);
    require(frame != NULL, "malloc");
    require(vault_sealer_new(id->data_key, id->fax_id, stream, attempt, &sealer) == 0, "sealer");
    const struct vault_piece pieces[] = {{meta_octets, sizeof meta_octets},
                                         {coded.data, coded.length}};
    require(vault_seal_frame(sealer, number, pieces, 2, frame, capacity, &length) == 0, "seal");
    require(fstat(fd, &status) == 0, "fstat");
    require(pwrite(fd, frame, length, status.st_size) == (ssize_t)length, "pwrite");
    vault_sealer_free(sealer);
    coded_page_free(&coded);
    free(frame);
}

void vault_file_flip_bit(int fd, uint64_t offset)
{
    uint8_t octet;

    require(pread(fd, &octet, 1, (off_t)offset) == 1, "pread");
    octet ^= 1;
    require(pwrite(fd, &octet, 1, (off_t)offset) == 1, "pwrite");
}

void vault_file_draw_page(struct raster *page, uint32_t rows, uint32_t seed)
{
    require(raster_init(page, PAGE_WIDTH, rows) == 0, "raster");
    for (uint32_t y = 40; y + 24 < rows; y += 48)
        for (uint32_t x = 20; x + 2 < PAGE_WIDTH / 8 - 20; x += 2) {
            seed = seed * 1664525u + 1013904223u;
            for (uint32_t dy = 0; dy < 24; dy++)
                raster_row(page, y + dy)[x] = (uint8_t)((seed >> 24) | (dy % 8 == 0 ? 0x3c : 0));
        }
}
