/* What a line does with pages on its pool: storing received ones, loading those to be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codecs/t4_decode.h"
#include "codecs/t4_encode.h"
#include "codecs/wiped_buffer.h"
#include "gateway/line/document_load.h"
#include "gateway/line/received_page.h"
#include "gateway/line/vault_pages.h"
#include "tests/doubles/vault_file.h"

#include <errno.h>
#include <fcntl.h>
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

static int document_file(const struct vault_file_id *id, uint32_t count)
{
    int fd = vault_file_new(NULL, id);

    for (uint32_t number = 1; number <= count; number++) {
        struct raster page;

        vault_file_draw_page(&page, ROWS, number);
        vault_file_add_page(fd, id, VAULT_STREAM_RENDITION, 0, number, &page);
        /* A trace between the pages is passed over. */
        vault_file_add_page(fd, id, VAULT_STREAM_TRACE, 0, number, &page);
        raster_free(&page);
    }
    return fd;
}

static void test_document_loads(void **state)
{
    struct vault_file_id id;
    struct loaded_document document;
    char reason[MSG_REASON_MAX];
    int fd;

    (void)state;
    vault_file_id_new(&id);
    fd = document_file(&id, 3);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(document_load(&document, fd, &start, 0, reason), 0);
    assert_int_equal(document.page_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct coded_page *page = &document.pages[i];
        struct raster expected, found;

        assert_int_equal(page->format.coding, PAGE_CODING_T6);
        assert_true(page->format.lsb_first);
        assert_int_equal(t4_decode(page->data, page->length, &page->format, &(struct t4_limits){0},
                                   &found, NULL),
                         0);
        vault_file_draw_page(&expected, ROWS, i + 1);
        assert_true(raster_equal(&expected, &found));
        raster_free(&expected);
        raster_free(&found);
    }
    document_wipe(&document);

    /* With a header line the top differs and the rest does not. */
    strcpy(start.header_left, "+4930123 Test");
    strcpy(start.header_to, "+4930456");
    assert_int_equal(document_load(&document, fd, &start, 1700000000, reason), 0);
    struct raster expected, found;
    const struct coded_page *page = &document.pages[1];
    assert_int_equal(
        t4_decode(page->data, page->length, &page->format, &(struct t4_limits){0}, &found, NULL),
        0);
    vault_file_draw_page(&expected, ROWS, 2);
    assert_false(raster_equal(&expected, &found));
    assert_memory_equal(raster_row(&expected, 40),
                        raster_row(&found, 40 + found.height - expected.height),
                        expected.stride * (ROWS - 40));
    raster_free(&expected);
    raster_free(&found);
    document_wipe(&document);
    close(fd);
}

struct damage {
    const char *name;
    uint64_t flip; /* octet of the file that is altered; 0: none */
    bool truncate, wrong_key;
    int error;
    const char *reason;
};

static void test_damaged_documents(void **state)
{
    static const struct damage damages[] = {
        {"page", 1200, false, false, -EBADMSG, "page 1 "},
        {"header", 3, false, false, -EBADMSG, "header"},
        {"torn", 0, true, false, -EBADMSG, "page 3 "},
        {"key", 0, false, true, -EBADMSG, "page 1 "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct vault_file_id id;
        struct loaded_document document;
        char reason[MSG_REASON_MAX];
        struct stat status;
        struct raster page;
        int fd;

        vault_file_id_new(&id);
        fd = vault_file_new(NULL, &id);
        for (uint32_t number = 1; number <= 3; number++) {
            vault_file_draw_page(&page, ROWS, number);
            vault_file_add_page(fd, &id, VAULT_STREAM_RENDITION, 0, number, &page);
            raster_free(&page);
        }
        if (damages[i].flip != 0)
            vault_file_flip_bit(fd, damages[i].flip);
        assert_int_equal(fstat(fd, &status), 0);
        if (damages[i].truncate)
            assert_int_equal(ftruncate(fd, status.st_size - 5), 0);
        struct msg_call_start start = start_of(&id);
        if (damages[i].wrong_key)
            start.data_key[7] ^= 1;
        assert_int_equal(document_load(&document, fd, &start, 0, reason), damages[i].error);
        assert_non_null(strstr(reason, damages[i].reason));
        assert_int_equal(document.page_count, 0);
        assert_null(document.pages);
        close(fd);
    }
}

static void test_empty_document(void **state)
{
    struct vault_file_id id;
    struct loaded_document document;
    char reason[MSG_REASON_MAX];
    int fd;

    (void)state;
    vault_file_id_new(&id);
    fd = vault_file_new(NULL, &id);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(document_load(&document, fd, &start, 0, reason), -ENODATA);
    assert_string_equal(reason, "the vault file holds no page to send");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_page_opens_again),
        cmocka_unit_test(test_bad_pages_are_refused),
        cmocka_unit_test(test_file_of_another_fax),
        cmocka_unit_test(test_document_loads),
        cmocka_unit_test(test_damaged_documents),
        cmocka_unit_test(test_empty_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
