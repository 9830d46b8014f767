/* pdf_info: what pdfinfo says, judged; document_kind: what a document is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codecs/fax_error.h"
#include "gateway/render/document_kind.h"
#include "gateway/render/pdf_info.h"

#include <string.h>

static const struct pdf_limits limits = {
    .max_pages = 10, .max_listed = 10, .max_width_mm = 900, .max_height_mm = 1300};

struct case_row {
    const char *text, *errors;
    int exit_status;
    int expected;
    uint32_t pages, failed_page;
    const char *reason;
};

static const struct case_row rows[] = {
    {"Title: x\nPages:           2\nEncrypted:       no\n"
     "Page    1 size:  595.276 x 841.89 pts (A4)\nPage    1 rot:   0\n"
     "Page    2 size:  612 x 792 pts (letter)\nPage    2 rot:   90\n",
     "", 0, 0, 2, 0, ""},
    {"", "Command Line Error: Incorrect password\n", 1, FAX_EENCRYPTED, 0, 0,
     "the PDF needs a password"},
    {"", "Syntax Error: Couldn't find trailer dictionary\nSyntax Error: x\n", 1, FAX_EFORMAT, 0, 0,
     "the PDF is damaged: Couldn't find trailer dictionary"},
    {"", "", 1, FAX_EFORMAT, 0, 0, "the PDF is damaged: it cannot be read"},
    {"", "Syntax Error: Invalid page count 0\n", 99, FAX_EEMPTY, 0, 0, "the PDF has no pages"},
    {"x\nPages:           0\n", "", 0, FAX_EEMPTY, 0, 0, "the PDF has no pages"},
    {"x\nPages:           11\n", "", 0, FAX_ELIMIT, 0, 0, "the PDF has 11 pages; the limit is 10"},
    {"x\nPages: 1\nPage    1 size:  595 x 14400 pts\nPage    1 rot:   0\n", "", 0, FAX_ELIMIT, 1, 1,
     "page 1 is 5080 mm high; the limit is 1300 mm"},
    {"x\nPages: 1\nPage    1 size:  595 x 14400 pts\nPage    1 rot:   270\n", "", 0, FAX_ELIMIT, 1,
     1, "page 1 is 5080 mm wide; the limit is 900 mm"},
    {"x\nPages: 2\nPage    1 size:  595 x 842 pts\nPage    2 size:  0 x 0 pts\n", "", 0,
     FAX_EFORMAT, 2, 2, "the PDF is damaged: page 2 has no usable size"},
    {"x\nPages: 2\nPage    1 size:  595 x 842 pts\n", "", 0, FAX_EFORMAT, 2, 2,
     "the PDF is damaged: page 2 has no usable size"},
    {"x\nPages: 1\nPage    1 size:  nan x 842 pts\n", "", 0, FAX_EFORMAT, 1, 1,
     "the PDF is damaged: page 1 has no usable size"},
    {"x\nPages: 1\nPage    1 size:  1e999 x 842 pts\n", "", 0, FAX_EFORMAT, 1, 1,
     "the PDF is damaged: page 1 has no usable size"},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct case_row *row = &rows[i];
        char reason[PDF_INFO_REASON_MAX];
        struct pdf_info info;

        assert_int_equal(
            pdf_info_judge(row->text, row->errors, row->exit_status, &limits, &info, reason),
            row->expected);
        assert_int_equal(info.pages, row->pages);
        assert_int_equal(info.failed_page, row->failed_page);
        assert_string_equal(reason, row->reason);
        pdf_info_free(&info);
    }
}

static void test_first_error_is_plain_text(void **state)
{
    char out[16];

    (void)state;
    pdf_info_first_error("Syntax Error (12): a\x1b[31m 'b'\nmore", out, sizeof out);
    assert_string_equal(out, "a [31m 'b'");
    pdf_info_first_error("Error: 0123456789abcdefghi", out, sizeof out);
    assert_string_equal(out, "0123456789abcde");
    pdf_info_first_error("", out, sizeof out);
    assert_string_equal(out, "");
}

static enum document_kind kind_of(const char *text, size_t length)
{
    return document_kind_detect((const uint8_t *)text, length);
}

static void test_kinds(void **state)
{
    char late[2048];

    (void)state;
    assert_int_equal(kind_of("%PDF-1.7", 8), DOCUMENT_PDF);
    assert_int_equal(kind_of("junk\n%PDF-1.7", 13), DOCUMENT_PDF);
    assert_int_equal(kind_of("%PDF", 4), DOCUMENT_TEXT);
    assert_int_equal(kind_of("II*\0", 4), DOCUMENT_TIFF);
    assert_int_equal(kind_of("MM\0*", 4), DOCUMENT_TIFF);
    assert_int_equal(kind_of("II+\0", 4), DOCUMENT_UNKNOWN);
    assert_int_equal(kind_of("II", 2), DOCUMENT_TEXT);
    assert_int_equal(kind_of("", 0), DOCUMENT_UNKNOWN);
    memset(late, ' ', sizeof late);
    memmove(late + 1100, "%PDF-1.7", sizeof "%PDF-1.7");
    assert_int_equal(kind_of(late, sizeof late), DOCUMENT_TEXT);
    assert_int_equal(kind_of("\x89PNG\r\n\x1a\n", 8), DOCUMENT_PNG);
    assert_int_equal(kind_of("\x89PNG\n\x1a\n", 7), DOCUMENT_UNKNOWN);
    assert_int_equal(kind_of("\xff\xd8\xff\xe0", 4), DOCUMENT_JPEG);
    assert_int_equal(kind_of("hello\n", 6), DOCUMENT_TEXT);
    assert_int_equal(kind_of("b\xe4h\n", 4), DOCUMENT_TEXT);
    assert_int_equal(kind_of("ding\a dong \xc3\xa4", 13), DOCUMENT_TEXT);
    assert_int_equal(kind_of("ding\a dong \xe4", 12), DOCUMENT_UNKNOWN);
    assert_int_equal(kind_of("PK\3\4\0\0", 6), DOCUMENT_CONTAINER);
    assert_string_equal(document_container_name((const uint8_t *)"PK\3\4\0\0", 6), "a ZIP archive");
    assert_string_equal(document_container_name((const uint8_t *)"PK\3\4\0word/document.xml", 22),
                        "an Office document");
    assert_int_equal(kind_of("PK\3\4\0word/document.xml", 22), DOCUMENT_OFFICE);
    assert_int_equal(kind_of("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8), DOCUMENT_OFFICE);
    assert_int_equal(kind_of("{\\rtf1 hello}", 13), DOCUMENT_OFFICE);
    assert_int_equal(kind_of("MZ\x90\0", 4), DOCUMENT_CONTAINER);
    assert_int_equal(kind_of("MZ-700 and other machines", 25), DOCUMENT_TEXT);
    assert_null(document_container_name((const uint8_t *)"", 0));
    assert_int_equal(kind_of("\n{\\rtf1 hello}", 14), DOCUMENT_MARKUP);
    assert_int_equal(kind_of("\xef\xbb\xbf<?xml ?>", 11), DOCUMENT_MARKUP);
    memset(late, ' ', sizeof late);
    memcpy(late + 1023, "\xc3\xa4", 2); /* a character across the end of the head */
    memset(late, '\a', 3);
    assert_int_equal(kind_of(late, sizeof late), DOCUMENT_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_first_error_is_plain_text),
        cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
