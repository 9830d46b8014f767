/* What a line does with pages to be sent on its pool: loading and reducing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codecs/page_coder.h"
#include "codecs/t4_decode.h"
#include "gateway/line/document_adapt.h"
#include "gateway/line/document_load.h"
#include "tests/doubles/vault_file.h"

#include <errno.h>
#include <stdio.h>
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

static void expect_same_in_t85(const struct loaded_document *document)
{
    assert_non_null(document->t85_pages);
    for (uint32_t i = 0; i < document->page_count; i++) {
        const struct coded_page *t6 = &document->pages[i], *t85 = &document->t85_pages[i];
        struct raster a, b;

        assert_int_equal(t85->format.coding, PAGE_CODING_T85);
        assert_int_equal(t85->format.y_dpi, t6->format.y_dpi);
        assert_int_equal(t85->format.height, t6->format.height);
        assert_int_equal(page_decode(t6->data, t6->length, &t6->format, NULL, &a, NULL), 0);
        assert_int_equal(page_decode(t85->data, t85->length, &t85->format, NULL, &b, NULL), 0);
        assert_true(raster_equal(&a, &b));
        raster_free(&a);
        raster_free(&b);
    }
}

static void test_document_loads_in_t85_too(void **state)
{
    struct vault_file_id id;
    struct loaded_document document, reduced;
    char reason[MSG_REASON_MAX];

    (void)state;
    vault_file_id_new(&id);
    int fd = document_file(&id, 5);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(document_load(&document, fd, &start, 0, reason), 0);
    assert_null(document.t85_pages);
    document_wipe(&document);
    start.t85 = 1;
    strcpy(start.header_left, "+4930123 Test");
    assert_int_equal(document_load(&document, fd, &start, 0, reason), 0);
    assert_int_equal(document.page_count, 5);
    expect_same_in_t85(&document);
    assert_int_equal(
        document_adapt(&reduced, &document, &(struct document_form){1728, 204, 98, PAGE_CODING_T6}),
        0);
    assert_int_equal(reduced.page_count, 5);
    expect_same_in_t85(&reduced);
    document_wipe(&reduced);
    assert_int_equal(document_adapt(&reduced, &document,
                                    &(struct document_form){1728, 204, 196, PAGE_CODING_T6}),
                     0);
    assert_int_equal(reduced.octets, document.octets);
    expect_same_in_t85(&reduced);
    document_wipe(&reduced);
    document_wipe(&document);
    close(fd);
}

/* The pages are those of the whole document, their numbers included. */
static void test_document_from_a_page_on(void **state)
{
    struct vault_file_id id;
    struct loaded_document whole, rest;
    char reason[MSG_REASON_MAX];

    (void)state;
    vault_file_id_new(&id);
    int fd = document_file(&id, 4);
    struct msg_call_start start = start_of(&id);
    strcpy(start.header_left, "+4930123 Test");
    strcpy(start.header_to, "+4930456");
    assert_int_equal(document_load(&whole, fd, &start, 1700000000, reason), 0);
    for (uint32_t first = 1; first <= 4; first++) {
        start.first_page = first;
        assert_int_equal(document_load(&rest, fd, &start, 1700000000, reason), 0);
        assert_int_equal(rest.total, 4);
        assert_int_equal(rest.page_count, 5 - first);
        for (uint32_t i = 0; i < rest.page_count; i++) {
            const struct coded_page *expected = &whole.pages[first - 1 + i];

            assert_int_equal(rest.pages[i].length, expected->length);
            assert_memory_equal(rest.pages[i].data, expected->data, expected->length);
        }
        document_wipe(&rest);
    }
    start.first_page = 5;
    assert_int_equal(document_load(&rest, fd, &start, 1700000000, reason), -ENODATA);
    assert_int_equal(rest.page_count, 0);
    document_wipe(&whole);
    close(fd);
}

static void decode(const struct coded_page *page, struct raster *out)
{
    assert_int_equal(
        t4_decode(page->data, page->length, &page->format, &(struct t4_limits){0}, out, NULL), 0);
}

/* Each pel of the reduced page is black where one of the pels it stands for was. */
static void expect_joined(const struct coded_page *fine, const struct coded_page *reduced,
                          uint32_t factor)
{
    struct raster from, to;

    decode(fine, &from);
    decode(reduced, &to);
    assert_int_equal(to.height, (from.height + factor - 1) / factor);
    for (uint32_t y = 0; y < to.height; y++)
        for (size_t x = 0; x < raster_row_octets(&to); x++) {
            uint8_t black = 0;

            for (uint32_t k = y * factor; k < (y + 1) * factor && k < from.height; k++)
                black |= raster_row(&from, k)[x];
            assert_int_equal(raster_row(&to, y)[x], black);
        }
    raster_free(&from);
    raster_free(&to);
}

/* A rendition of three pages, drawn from 0, 1 and 2. The caller closes it. */
static int vault_of_three(struct vault_file_id *id, uint32_t rows, const uint16_t y_dpis[3])
{
    vault_file_id_new(id);
    int fd = vault_file_new(NULL, id);
    for (uint32_t i = 0; i < 3; i++) {
        struct raster page;

        vault_file_draw_page(&page, rows, i);
        vault_file_add_page_at(fd, id, VAULT_STREAM_RENDITION, 0, i + 1, &page, y_dpis[i]);
        raster_free(&page);
    }
    return fd;
}

static void test_document_reduces(void **state)
{
    static const uint16_t y_dpis[] = {391, 196, 98};
    static const uint16_t wanted[] = {196, 98};
    struct vault_file_id id;
    struct loaded_document fine, reduced;
    char reason[MSG_REASON_MAX];

    (void)state;
    int fd = vault_of_three(&id, ROWS + 1, y_dpis);
    struct msg_call_start start = start_of(&id);
    assert_int_equal(document_load(&fine, fd, &start, 0, reason), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(fine.pages[i].format.y_dpi, y_dpis[i]);
    for (size_t w = 0; w < 2; w++) {
        assert_int_equal(
            document_adapt(&reduced, &fine,
                           &(struct document_form){1728, 204, wanted[w], PAGE_CODING_T6}),
            0);
        assert_int_equal(reduced.page_count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t factor = y_dpis[i] <= wanted[w] ? 1 : wanted[w] == 98 && i == 0 ? 4 : 2;

            assert_int_equal(reduced.pages[i].format.y_dpi,
                             y_dpis[i] < wanted[w] ? y_dpis[i] : wanted[w]);
            expect_joined(&fine.pages[i], &reduced.pages[i], factor);
        }
        document_wipe(&reduced);
    }
    fine.pages[1].length /= 2; /* ends inside a row */
    assert_int_equal(
        document_adapt(&reduced, &fine, &(struct document_form){1728, 204, 98, PAGE_CODING_T6}),
        -EBADMSG);
    assert_null(reduced.pages);
    document_wipe(&fine);
    close(fd);
}

static void expect_same(const struct coded_page *before, const struct coded_page *after)
{
    struct raster from, to;

    assert_int_equal(page_decode(before->data, before->length, &before->format, NULL, &from, NULL),
                     0);
    assert_int_equal(page_decode(after->data, after->length, &after->format, NULL, &to, NULL), 0);
    assert_true(raster_equal(&from, &to));
    raster_free(&from);
    raster_free(&to);
}

/* Header line included; in T.4 there is nothing else beside it. */
static void test_document_in_t4(void **state)
{
    static const enum page_coding codings[] = {PAGE_CODING_T4_1D, PAGE_CODING_T4_2D};
    struct vault_file_id id;
    struct loaded_document document, adapted;
    char reason[MSG_REASON_MAX];

    (void)state;
    int fd = vault_of_three(&id, ROWS, (const uint16_t[]){196, 196, 196});
    struct msg_call_start start = start_of(&id);
    start.t85 = 1;
    snprintf(start.header_left, sizeof start.header_left, "sealfax");
    assert_int_equal(document_load(&document, fd, &start, 0, reason), 0);
    for (int i = 0; i < 4; i++) {
        struct document_form form = {1728, 204, i < 2 ? 196 : 98, codings[i % 2]};

        assert_int_equal(document_adapt(&adapted, &document, &form), 0);
        assert_int_equal(adapted.page_count, 3);
        assert_int_equal(adapted.total, 3);
        assert_null(adapted.t85_pages);
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(adapted.pages[k].format.coding, codings[i % 2]);
            assert_int_equal(adapted.pages[k].format.y_dpi, form.y_dpi);
            assert_true(adapted.pages[k].format.lsb_first);
            if (i < 2)
                expect_same(&document.pages[k], &adapted.pages[k]);
            else
                expect_joined(&document.pages[k], &adapted.pages[k], 2);
        }
        document_wipe(&adapted);
    }
    document.pages[2].length /= 2; /* ends inside a row */
    assert_int_equal(document_adapt(&adapted, &document,
                                    &(struct document_form){1728, 204, 196, PAGE_CODING_T4_1D}),
                     -EBADMSG);
    assert_null(adapted.pages);
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
        cmocka_unit_test(test_document_loads),
        cmocka_unit_test(test_document_loads_in_t85_too),
        cmocka_unit_test(test_document_from_a_page_on),
        cmocka_unit_test(test_document_reduces),
        cmocka_unit_test(test_document_in_t4),
        cmocka_unit_test(test_damaged_documents),
        cmocka_unit_test(test_empty_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
