#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/compound_file.h"
#include "gateway/render/office_document.h"
#include "gateway/render/zip_directory.h"

/* --- archives, every file stored --- */

enum { ARCHIVE_OCTETS = 4096 };

struct archive {
    uint8_t data[ARCHIVE_OCTETS];
    size_t length;
    uint8_t directory[ARCHIVE_OCTETS];
    size_t directory_length;
    unsigned files;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value & 0xFFFF);
    put16(at + 2, value >> 16);
}

/* announced: octets that it is said to unpack to */
static void add_file(struct archive *a, const char *name, const char *text, uint32_t announced)
{
    size_t name_length = strlen(name), length = strlen(text);
    uint8_t *local = a->data + a->length, *entry = a->directory + a->directory_length;

    assert_true(a->length + 30 + name_length + length <= ARCHIVE_OCTETS);
    assert_true(a->directory_length + 46 + name_length <= ARCHIVE_OCTETS);
    memcpy(local, "PK\3\4", 4);
    put16(local + 26, (unsigned)name_length);
    memcpy(local + 30, name, name_length);
    memcpy(local + 30 + name_length, text, length);
    memcpy(entry, "PK\1\2", 4);
    put32(entry + 20, (uint32_t)length);
    put32(entry + 24, announced);
    put16(entry + 28, (unsigned)name_length);
    put32(entry + 42, (uint32_t)a->length);
    memcpy(entry + 46, name, name_length);
    a->length += 30 + name_length + length;
    a->directory_length += 46 + name_length;
    a->files++;
}

static void add(struct archive *a, const char *name, const char *text)
{
    add_file(a, name, text, (uint32_t)strlen(text));
}

static void close_archive(struct archive *a)
{
    uint8_t *end = a->data + a->length + a->directory_length;

    assert_true(a->length + a->directory_length + 22 <= ARCHIVE_OCTETS);
    memcpy(a->data + a->length, a->directory, a->directory_length);
    memcpy(end, "PK\5\6", 4);
    put16(end + 8, a->files);
    put16(end + 10, a->files);
    put32(end + 12, (uint32_t)a->directory_length);
    put32(end + 16, (uint32_t)a->length);
    a->length += a->directory_length + 22;
}

static const char types[] = "<Types><Override ContentType=\"application/xml\"/></Types>";

static struct archive *new_docx(void)
{
    struct archive *a = calloc(1, sizeof *a);

    assert_non_null(a);
    add(a, "[Content_Types].xml", types);
    add(a, "word/document.xml", "<w:document/>");
    return a;
}

static int examine(const struct archive *a, char *reason)
{
    enum office_format format;

    reason[0] = '\0';
    return office_document_examine(a->data, a->length, &format, reason);
}

static void test_formats(void **state)
{
    static const struct {
        const char *first, *text, *second;
        enum office_format format;
    } cases[] = {
        {"[Content_Types].xml", types, "word/document.xml", OFFICE_DOCX},
        {"xl/workbook.xml", "", "[Content_Types].xml", OFFICE_XLSX},
        {"ppt/presentation.xml", "", "[content_types].XML", OFFICE_PPTX},
        {"word/document.xml", "", "other", OFFICE_NONE},
        {"[Content_Types].xml", types, "other/word/", OFFICE_NONE},
        {"mimetype", "application/vnd.oasis.opendocument.text", "content.xml", OFFICE_ODT},
        {"mimetype", "application/vnd.oasis.opendocument.text-template", "a", OFFICE_ODT},
        {"mimetype", "application/vnd.oasis.opendocument.spreadsheet", "a", OFFICE_ODS},
        {"mimetype", "application/vnd.oasis.opendocument.presentation", "a", OFFICE_ODP},
        {"mimetype", "application/vnd.oasis.opendocument.", "a", OFFICE_NONE},
        {"mimetype", "application/epub+zip", "content.xml", OFFICE_NONE},
        {"content.xml", "", "mimetype", OFFICE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct archive *a = calloc(1, sizeof *a);

        assert_non_null(a);
        add(a, cases[i].first, cases[i].text);
        add(a, cases[i].second, "");
        close_archive(a);
        assert_int_equal(office_document_format(a->data, a->length), cases[i].format);
        free(a);
    }
    assert_int_equal(office_document_format((const uint8_t *)"{\\rtf1 x}", 9), OFFICE_RTF);
    assert_int_equal(office_document_format((const uint8_t *)"{\\rt", 4), OFFICE_NONE);
    assert_int_equal(office_document_format((const uint8_t *)"", 0), OFFICE_NONE);
    assert_string_equal(office_format_extension(OFFICE_XLSX), "xlsx");
    assert_string_equal(office_format_package(OFFICE_DOC), "libreoffice-writer-nogui");
}

static void test_a_plain_document(void **state)
{
    char reason[OFFICE_DOCUMENT_REASON_MAX];
    struct archive *a = new_docx();
    enum office_format format;

    (void)state;
    close_archive(a);
    assert_int_equal(office_document_examine(a->data, a->length, &format, reason), 0);
    assert_int_equal(format, OFFICE_DOCX);
    /* Each of its beginnings is damaged. */
    for (size_t length = 0; length < a->length; length++) {
        uint8_t *part = malloc(length + 1);

        assert_non_null(part);
        memcpy(part, a->data, length);
        assert_int_equal(office_document_examine(part, length, &format, reason), FAX_EFORMAT);
        free(part);
    }
    free(a);
}

static void test_macros(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"word/vbaProject.bin", "x"},       {"XL/VBAPROJECT.BIN", "x"},
        {"xl/macrosheets/sheet1.xml", "x"}, {"Basic/Standard/Module1.xml", "x"},
        {"Scripts/python/a.py", "x"},
    };
    char reason[OFFICE_DOCUMENT_REASON_MAX];
    struct archive *a;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        a = new_docx();
        add(a, cases[i].name, cases[i].text);
        close_archive(a);
        assert_int_equal(examine(a, reason), FAX_EUNSUPPORTED);
        assert_string_equal(reason, "the Office document has macros");
        free(a);
    }
    /* A macro by any other name, told by its type. */
    a = calloc(1, sizeof *a);
    assert_non_null(a);
    add(a, "[Content_Types].xml",
        "<Override PartName='/word/a' ContentType='application/vnd.ms-office.VbaProject'/>");
    add(a, "word/document.xml", "");
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_EUNSUPPORTED);
    free(a);
}

static void test_bombs(void **state)
{
    char reason[OFFICE_DOCUMENT_REASON_MAX];
    struct archive *a = new_docx();

    (void)state;
    add_file(a, "word/a", "xxxxxxxxxx", 257u << 20);
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_ELIMIT);
    assert_string_equal(reason, "the Office document unpacks to more than 256 MiB");
    free(a);

    a = new_docx();
    add_file(a, "word/a", "xxxxxxxxxx", 2u << 20);
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_ELIMIT);
    assert_string_equal(reason, "the Office document unpacks to more than 200 times its size");
    free(a);

    a = new_docx();
    add_file(a, "word/a", "x", UINT32_MAX); /* ZIP64 */
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_ELIMIT);
    free(a);

    /* Many entries for the same octets: more than the archive has. */
    a = new_docx();
    add(a, "word/a", "0123456789012345678901234567890123456789012345678901234567890123456789");
    for (int i = 0; i < 30; i++) {
        memcpy(a->directory + a->directory_length, a->directory + a->directory_length - 52, 52);
        put32(a->directory + a->directory_length + 20, 200);
        a->directory_length += 52;
        a->files++;
    }
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_EFORMAT);
    free(a);
}

static void test_passwords_and_hidden_types(void **state)
{
    char reason[OFFICE_DOCUMENT_REASON_MAX];
    struct archive *a = new_docx();

    (void)state;
    a->directory[8] = 1; /* encrypted */
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_EENCRYPTED);
    assert_string_equal(reason, "the Office document needs a password");
    free(a);

    a = new_docx();
    a->data[30 + 19 + 3] = '\0'; /* in the types: UTF-16 would look so */
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_EFORMAT);
    free(a);

    a = calloc(1, sizeof *a);
    assert_non_null(a);
    add(a, "readme.txt", "an archive");
    close_archive(a);
    assert_int_equal(examine(a, reason), FAX_EUNSUPPORTED);
    free(a);
}

static void test_damaged_directories(void **state)
{
    /* Places in the record at the end, and what is written there. */
    static const struct {
        int from_end;
        uint8_t octet;
    } cases[] = {{22 - 4, 1}, {22 - 8, 3}, {22 - 12, 0xF0}, {22 - 16, 0xF0}, {22 - 17, 1}, {2, 1}};
    char reason[OFFICE_DOCUMENT_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct archive *a = new_docx();

        close_archive(a);
        a->data[a->length - (size_t)cases[i].from_end] = cases[i].octet;
        assert_int_equal(examine(a, reason), FAX_EFORMAT);
        free(a);
    }
}

static void test_unpacking(void **state)
{
    static const uint8_t hello[] = {0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}; /* 'hello' */
    struct zip_directory directory = {0};
    struct zip_entry entry = {.method = 8, .packed_octets = sizeof hello};
    uint8_t data[64] = "PK\3\4", out[16];
    size_t octets;

    (void)state;
    memcpy(data + 30, hello, sizeof hello);
    directory.data = data;
    directory.length = 30 + sizeof hello;
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, sizeof out, &octets), 0);
    assert_int_equal(octets, 5);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, 4, &octets), FAX_ELIMIT);
    entry.packed_octets--;
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, sizeof out, &octets), FAX_EFORMAT);
    entry.packed_octets += 2;
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, sizeof out, &octets), FAX_EFORMAT);
    entry.packed_octets = sizeof hello;
    entry.method = 99;
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, sizeof out, &octets),
                     FAX_EUNSUPPORTED);
    entry.offset = 8;
    assert_int_equal(zip_entry_unpack(&directory, &entry, out, sizeof out, &octets), FAX_EFORMAT);
}

/* --- compound files: header, one FAT sector, then the directory --- */

enum { SECTOR = 512, COMPOUND_OCTETS = 4 * SECTOR };

static void put_name(uint8_t *entry, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        entry[2 * i] = (uint8_t)name[i];
    put16(entry + 64, (unsigned)(2 * length + 2));
    entry[66] = 2;
}

/* Names end with NULL; eight at most, in sectors 1 and 2. */
static void make_compound(uint8_t data[COMPOUND_OCTETS], const char *const *names)
{
    memset(data, 0, COMPOUND_OCTETS);
    memcpy(data, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
    put16(data + 30, 9);
    put32(data + 48, 1);
    put32(data + 68, 0xFFFFFFFE);
    put32(data + 76, 0);
    put32(data + SECTOR + 4, 2);
    put32(data + SECTOR + 8, 0xFFFFFFFE);
    for (size_t i = 0; names[i] != NULL; i++)
        put_name(data + (size_t)2 * SECTOR + i * 128, names[i]);
}

static int examine_compound(const uint8_t *data, enum office_format *format)
{
    char reason[OFFICE_DOCUMENT_REASON_MAX];

    return office_document_examine(data, COMPOUND_OCTETS, format, reason);
}

static void test_compound_files(void **state)
{
    static const struct {
        const char *names[9];
        enum office_format format;
        int error;
    } cases[] = {
        {{"Root Entry", "WordDocument", "1Table"}, OFFICE_DOC, 0},
        {{"Root Entry", "a", "b", "c", "Workbook"}, OFFICE_XLS, 0}, /* in the second sector */
        {{"Root Entry", "Book"}, OFFICE_XLS, 0},
        {{"Root Entry", "PowerPoint Document"}, OFFICE_PPT, 0},
        {{"Root Entry", "WordDocument", "Macros"}, OFFICE_DOC, FAX_EUNSUPPORTED},
        {{"Root Entry", "Workbook", "_VBA_PROJECT_CUR"}, OFFICE_XLS, FAX_EUNSUPPORTED},
        {{"Root Entry", "EncryptedPackage"}, OFFICE_NONE, FAX_EENCRYPTED},
        {{"Root Entry", "__properties_version1.0"}, OFFICE_NONE, FAX_EUNSUPPORTED}, /* a mail */
    };
    uint8_t data[COMPOUND_OCTETS];
    enum office_format format;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_compound(data, cases[i].names);
        assert_int_equal(examine_compound(data, &format), cases[i].error);
        assert_int_equal(format, cases[i].format);
    }
    make_compound(data, cases[0].names);
    put32(data + SECTOR + 8, 1); /* the chain runs in a circle */
    assert_int_equal(examine_compound(data, &format), FAX_EFORMAT);
    put32(data + SECTOR + 8, 77); /* outside of the file */
    assert_int_equal(examine_compound(data, &format), FAX_EFORMAT);
    put16(data + 30, 31);
    assert_int_equal(examine_compound(data, &format), FAX_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_a_plain_document),
        cmocka_unit_test(test_macros),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_passwords_and_hidden_types),
        cmocka_unit_test(test_damaged_directories),
        cmocka_unit_test(test_unpacking),
        cmocka_unit_test(test_compound_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
