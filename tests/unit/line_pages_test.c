/* What a line does with received pages on its pool: judging and storing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/t85_encode.h"
#include "codecs/wiped_buffer.h"
#include "gateway/line/received_page.h"
#include "gateway/line/vault_pages.h"
#include "tests/doubles/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 300 };

static struct msg_call_start start_of(const struct vault_file_id *id)
{
    struct msg_call_start start = {.call = 1, .attempt = 3};

    memcpy(start.fax_id, id->fax_id, sizeof start.fax_id);
    memcpy(start.data_key, id->data_key, sizeof start.data_key);
    return start;
}

static enum fax_copy store(struct received_pages *pages, const struct fax_page_view *view,
                           uint32_t number, struct msg_page_sealed *sealed)
{
    const struct fax_page page = {.view = *view};

    return received_page_store(pages, &page, number, sealed);
}

static struct fax_page_view coded_view(uint8_t **data, size_t *length, uint32_t seed)
{
    struct fax_page_view view = {
        .coding = FAX_PAGE_T6, .lsb_first = true, .width = 1728, .x_dpi = 204, .y_dpi = 196};
    struct raster page;

    vault_file_draw_page(&page, ROWS, seed);
    assert_int_equal(t4_encode(&page, PAGE_CODING_T6, 1, true, data, length), 0);
    raster_free(&page);
    view.data = *data;
    view.length = *length;
    return view;
}

static void test_stored_page_opens_again(void **state)
{
    struct vault_file_id id;
    struct received_pages pages;
    struct vault_pages *reader;
    struct page_format format;
    struct raster expected, found;
    int fd;

    (void)state;
    vault_file_id_new(&id);
    fd = vault_file_new(NULL, &id);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    for (uint32_t number = 1; number <= 3; number++) {
        struct msg_page_sealed sealed;
        struct stat status;
        uint8_t *data;
        size_t length;
        struct fax_page_view view = coded_view(&data, &length, number);

        (void)store(&pages, &view, number, &sealed);
        wiped_free(data, length);
        assert_int_equal(sealed.status, 0);
        assert_int_equal(sealed.page, number);
        assert_int_equal(sealed.rows, ROWS);
        assert_int_equal(sealed.width, 1728);
        assert_int_equal(sealed.octets, length);
        assert_int_equal(fstat(fd, &status), 0);
        assert_int_equal(sealed.offset + sealed.length, status.st_size);
    }
    received_pages_close(&pages);

    const struct vault_pages_source source = {fd, id.fax_id, id.data_key, VAULT_STREAM_PAGES, 3};
    assert_int_equal(vault_pages_open(&reader, &source), 0);
    for (uint32_t number = 1; number <= 3; number++) {
        vault_file_draw_page(&expected, ROWS, number);
        assert_int_equal(vault_pages_next(reader, &found, &format), 1);
        assert_true(raster_equal(&expected, &found));
        assert_int_equal(format.y_dpi, 196);
        raster_free(&expected);
        raster_free(&found);
    }
    assert_int_equal(vault_pages_next(reader, &found, &format), 0);
    vault_pages_close(reader);
    close(fd);
}

/* As it comes: filled with zeros to whole frames. */
static void test_t85_page_is_stored(void **state)
{
    struct vault_file_id id;
    struct received_pages pages;
    struct vault_pages *reader;
    struct page_format format;
    struct raster page, found;
    struct msg_page_sealed sealed;
    uint8_t *data, *frames;
    size_t length;

    (void)state;
    vault_file_id_new(&id);
    int fd = vault_file_new(NULL, &id);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    vault_file_draw_page(&page, ROWS, 1);
    assert_int_equal(t85_encode(&page, NULL, &data, &length), 0);
    frames = calloc(1, length + 255);
    memcpy(frames, data, length);
    struct fax_page_view view = {.coding = FAX_PAGE_T85,
                                 .width = 1728,
                                 .x_dpi = 204,
                                 .y_dpi = 196,
                                 .data = frames,
                                 .length = length / 2};
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    view.length = length + 255;
    view.width = 2048; /* the DCS promised so */
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    view.width = 1728;
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, 0);
    assert_int_equal(sealed.coding, PAGE_CODING_T85);
    assert_int_equal(sealed.rows, ROWS);
    received_pages_close(&pages);
    const struct vault_pages_source source = {fd, id.fax_id, id.data_key, VAULT_STREAM_PAGES, 3};
    assert_int_equal(vault_pages_open(&reader, &source), 0);
    assert_int_equal(vault_pages_next(reader, &found, &format), 1);
    assert_int_equal(format.coding, PAGE_CODING_T85);
    assert_true(raster_equal(&page, &found));
    raster_free(&found);
    raster_free(&page);
    vault_pages_close(reader);
    free(frames);
    wiped_free(data, length);
    close(fd);
}

/* Nothing that does not decode is sealed, and nothing is said to be safe that was not written. */
static void test_bad_pages_are_refused(void **state)
{
    static const uint8_t eofb_only[] = {0x00, 0x08, 0x80};
    struct vault_file_id id;
    struct received_pages pages;
    struct msg_page_sealed sealed;
    struct stat before, after;
    uint8_t *data;
    size_t length;
    int fd;

    (void)state;
    vault_file_id_new(&id);
    fd = vault_file_new(NULL, &id);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    assert_int_equal(fstat(fd, &before), 0);
    struct fax_page_view view = coded_view(&data, &length, 1);

    view.width = 512; /* the rows are longer */
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    assert_non_null(strstr(sealed.reason, "page 1 does not decode"));
    view.width = 1728;
    view.length = length / 2; /* ends inside a row */
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    view.data = eofb_only;
    view.length = sizeof eofb_only;
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    view.coding = FAX_PAGE_T85;
    (void)store(&pages, &view, 1, &sealed);
    assert_int_equal(sealed.status, -EBADMSG);
    assert_int_equal(fstat(fd, &after), 0);
    assert_int_equal(before.st_size, after.st_size);

    wiped_free(data, length);
    view = coded_view(&data, &length, 1);
    pages.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)store(&pages, &view, 1, &sealed);
    assert_true(sealed.status < 0);
    assert_non_null(strstr(sealed.reason, "cannot be stored"));
    close(pages.fd);
    wiped_free(data, length);
    received_pages_close(&pages);
    close(fd);
}

static size_t size_of(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    return (size_t)status.st_size;
}

/* A page without ECM in T.4; `damaged` rows get an octet of nonsense. */
static uint8_t *code_without_ecm(size_t *length, unsigned damaged)
{
    struct raster page;
    uint8_t *data;

    vault_file_draw_page(&page, ROWS, 7);
    assert_int_equal(t4_encode(&page, PAGE_CODING_T4_1D, 1, false, &data, length), 0);
    raster_free(&page);
    for (unsigned i = 0; i < damaged; i++)
        data[(i + 1) * (*length / (damaged + 1))] ^= 0x5A;
    return data;
}

struct quality {
    unsigned damaged;
    uint32_t lost_permille;
    enum fax_copy copy;
};

/* What was sealed opens with the strict decoder, whatever was repaired. */
static void expect_sealed(int fd, const struct vault_file_id *id,
                          const struct msg_page_sealed *sealed)
{
    const struct vault_pages_source source = {fd, id->fax_id, id->data_key, VAULT_STREAM_PAGES, 3};
    uint8_t digest[RASTER_DIGEST_OCTETS];
    struct vault_pages *reader;
    struct page_format format;
    struct raster found;

    assert_int_equal(vault_pages_open(&reader, &source), 0);
    assert_int_equal(vault_pages_next(reader, &found, &format), 1);
    assert_int_equal(format.coding, sealed->coding);
    assert_int_equal(found.height, sealed->rows);
    assert_int_equal(raster_digest(&found, digest), 0);
    assert_memory_equal(digest, sealed->digest, sizeof digest);
    raster_free(&found);
    vault_pages_close(reader);
}

static void test_page_without_ecm_is_judged(void **state)
{
    static const struct quality cases[] = {
        {0, 0, FAX_COPY_GOOD},  {0, 49, FAX_COPY_GOOD},  {0, 50, FAX_COPY_POOR},
        {5, 0, FAX_COPY_GOOD},  {20, 0, FAX_COPY_POOR},  {100, 0, FAX_COPY_BAD},
        {0, 150, FAX_COPY_BAD}, {0, 1000, FAX_COPY_BAD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct quality *c = &cases[i];
        struct vault_file_id id;
        struct received_pages pages;
        struct msg_page_sealed sealed;
        size_t length;
        uint8_t *data = code_without_ecm(&length, c->damaged);
        const struct fax_page page = {
            .view = {FAX_PAGE_T4_1D, false, 1728, 0, 204, 196, data, length},
            .without_ecm = true,
            .lost_permille = c->lost_permille};

        vault_file_id_new(&id);
        int fd = vault_file_new(NULL, &id);
        size_t before = size_of(fd);
        struct msg_call_start start = start_of(&id);
        assert_int_equal(received_pages_open(&pages, fd, &start), 0);
        assert_int_equal(received_page_store(&pages, &page, 1, &sealed), c->copy);
        assert_int_equal(sealed.status, 0);
        if (c->copy == FAX_COPY_BAD) {
            assert_int_equal(size_of(fd), before);
        } else {
            assert_int_equal(sealed.coding, c->damaged ? PAGE_CODING_T6 : PAGE_CODING_T4_1D);
            assert_int_equal(sealed.octets, length);
            expect_sealed(fd, &id, &sealed);
        }
        wiped_free(data, length);
        received_pages_close(&pages);
        close(fd);
    }
}

static void test_nonsense_without_ecm_is_a_bad_copy(void **state)
{
    static const uint8_t values[] = {0x00, 0xFF, 0x55};
    uint8_t octets[5000];
    struct vault_file_id id;
    struct received_pages pages;
    struct msg_page_sealed sealed;

    (void)state;
    vault_file_id_new(&id);
    int fd = vault_file_new(NULL, &id);
    size_t before = size_of(fd);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    for (size_t i = 0; i < sizeof values; i++)
        for (int coding = FAX_PAGE_T4_1D; coding <= FAX_PAGE_T4_2D; coding++) {
            memset(octets, values[i], sizeof octets);
            const struct fax_page page = {.view = {(enum fax_page_coding)coding, false, 1728, 0,
                                                   204, 196, octets, sizeof octets},
                                          .without_ecm = true};
            assert_int_equal(received_page_store(&pages, &page, 1, &sealed), FAX_COPY_BAD);
            assert_int_equal(sealed.status, 0);
        }
    assert_int_equal(size_of(fd), before);
    received_pages_close(&pages);
    close(fd);
}

/* A row's bits again and again, the last octet filled up with the next ones. */
static uint8_t *repeat_bits(const char *bits, uint32_t rows, size_t *length)
{
    size_t each = strlen(bits);
    uint8_t *octets = calloc(1, (each * rows + 7) / 8);

    *length = (each * rows + 7) / 8;
    for (size_t i = 0; i < each * rows; i++)
        octets[i / 8] |= (uint8_t)((bits[i % each] == '1') << (7 - i % 8));
    return octets;
}

/* As many rows as fit a metre of paper are kept; 100,000 are not, nor none. Nothing is written. */
static void test_bombs_and_empty_pages_are_refused(void **state)
{
    static const struct {
        enum fax_page_coding coding;
        bool without_ecm;
        const char *row;
        const char *none;
        size_t none_octets;
    } cases[] = {
        {FAX_PAGE_T6, false, "1", "\x00\x10\x01", 3},
        {FAX_PAGE_T4_1D, false, "00000000000101001101100110101", "\0\x10\x01\0\x10\x01\0\x10\x01",
         9},
        {FAX_PAGE_T4_1D, true, "00000000000101001101100110101", "\0\x10\x01\0\x10\x01\0\x10\x01",
         9},
        {FAX_PAGE_T4_2D, false,
         "000000000001101001101100110101"
         "00000000000101",
         "\0\x18\0\xC0\x06\0\x30\x01\x80\x0C", 10},
        {FAX_PAGE_T4_2D, true,
         "000000000001101001101100110101"
         "00000000000101",
         "\0\x18\0\xC0\x06\0\x30\x01\x80\x0C", 10},
    };
    struct vault_file_id id;
    struct received_pages pages;
    struct msg_page_sealed sealed;

    (void)state;
    vault_file_id_new(&id);
    int fd = vault_file_new(NULL, &id);
    size_t before = size_of(fd), length;
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *octets = repeat_bits(cases[i].row, 100000, &length);
        struct fax_page page = {.view = {cases[i].coding, false, 1728, 0, 204, 196, octets, length},
                                .without_ecm = cases[i].without_ecm};
        enum fax_copy copy = received_page_store(&pages, &page, 1, &sealed);
        assert_int_equal(sealed.status, -EBADMSG);
        assert_int_equal(copy, FAX_COPY_GOOD); /* what it would have been */
        assert_true(sealed.rows <= RECEIVED_PAGE_ROWS_MAX);
        page.view.data = (const uint8_t *)cases[i].none;
        page.view.length = cases[i].none_octets;
        copy = received_page_store(&pages, &page, 1, &sealed);
        assert_true(sealed.status == -EBADMSG || copy == FAX_COPY_BAD);
        assert_int_equal(size_of(fd), before);
        free(octets);
    }
    received_pages_close(&pages);
    close(fd);
}

/* 22 octets of T.85 that promise four thousand million rows, and ones that promise none. */
static void test_a_bomb_of_t85_is_refused(void **state)
{
    uint8_t octets[] = {0,    0,    1,    0,    0,    0, 6, 0xC0, 0xFF, 0xFF, 0xFF,
                        0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0,    0x28, 0xFF, 2};
    struct vault_file_id id;
    struct received_pages pages;
    struct msg_page_sealed sealed;

    (void)state;
    vault_file_id_new(&id);
    int fd = vault_file_new(NULL, &id);
    size_t before = size_of(fd);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(received_pages_open(&pages, fd, &start), 0);
    struct fax_page_view view = {FAX_PAGE_T85, false, 1728, 0, 204, 196, octets, sizeof octets};
    for (int rows = 0; rows < 3; rows++) {
        const uint8_t count[3][4] = {{0xFF, 0xFF, 0xFF, 0xFF}, {0, 1, 0x86, 0xA0}, {0}};
        memcpy(octets + 8, count[rows], 4);
        (void)store(&pages, &view, 1, &sealed);
        assert_int_equal(sealed.status, -EBADMSG);
        assert_true(sealed.rows <= RECEIVED_PAGE_ROWS_MAX);
    }
    assert_int_equal(size_of(fd), before);
    received_pages_close(&pages);
    close(fd);
}

static void test_file_of_another_fax(void **state)
{
    struct vault_file_id id, other;
    struct received_pages pages;
    int fd;

    (void)state;
    vault_file_id_new(&id);
    vault_file_id_new(&other);
    fd = vault_file_new(NULL, &id);
    struct msg_call_start start = start_of(&other);
    assert_int_equal(received_pages_open(&pages, fd, &start), -EBADMSG);
    received_pages_close(&pages);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_page_opens_again),
        cmocka_unit_test(test_t85_page_is_stored),
        cmocka_unit_test(test_bombs_and_empty_pages_are_refused),
        cmocka_unit_test(test_a_bomb_of_t85_is_refused),
        cmocka_unit_test(test_bad_pages_are_refused),
        cmocka_unit_test(test_page_without_ecm_is_judged),
        cmocka_unit_test(test_nonsense_without_ecm_is_a_bad_copy),
        cmocka_unit_test(test_file_of_another_fax),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
