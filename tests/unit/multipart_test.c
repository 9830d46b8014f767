/* multipart: parts and their names, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/multipart.h"

static const char usual[] = "multipart/mixed; boundary=b";

static int read_all(const char *type, const char *text, struct multipart_reader *reader)
{
    struct multipart_part part;
    int found = multipart_open(reader, type, (const uint8_t *)text, strlen(text));

    if (found == 0)
        do
            found = multipart_next(reader, &part);
        while (found == 1);
    return found;
}

static void test_parts(void **state)
{
    static const char text[] =
        "--a b\r\n\r\none\r\n--a b\r\n"
        "content-disposition: attachment; x=y; filename=\"s \\\"c\\\" \xc3\xa4\xff.jpg\"\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n\r\n--a\r\n--a b\r\n\r\n"
        "\r\n--a b\r\n\r\n--a b--\r\n";
    struct multipart_reader reader;
    struct multipart_part part;

    (void)state;
    assert_int_equal(multipart_open(&reader, "Multipart/Mixed ; boundary=\"a b\"",
                                    (const uint8_t *)text, strlen(text)),
                     0);
    assert_int_equal(multipart_next(&reader, &part), 1);
    assert_int_equal(part.length, 3);
    assert_memory_equal(part.data, "one", 3);
    assert_string_equal(part.name, "");
    assert_int_equal(multipart_next(&reader, &part), 1);
    assert_int_equal(part.length, 5);
    assert_memory_equal(part.data, "\r\n--a", 5);
    assert_string_equal(part.name, "s \"c\" \xc3\xa4?.jpg");
    assert_int_equal(multipart_next(&reader, &part), 1);
    assert_int_equal(part.length, 0);
    assert_int_equal(multipart_next(&reader, &part), 1);
    assert_int_equal(part.length, 0);
    assert_int_equal(multipart_next(&reader, &part), 0);
    assert_int_equal(multipart_next(&reader, &part), 0);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *type, *text;
        int error;
    } rows[] = {
        {usual, "--b\r\n\r\nx\r\n--b--\r\n", 0},
        {usual, "--b\r\n\r\nx\r\n--b--", 0},
        {usual, "--b--", 0},
        {usual, "--b\r\n\r\nx\r\n--b--\r\nx", FAX_EFORMAT},
        {usual, "\r\n--b\r\n\r\nx\r\n--b--", FAX_EFORMAT},
        {usual, "--c\r\n\r\nx\r\n--b--", FAX_EFORMAT},
        {usual, "", FAX_EFORMAT},
        {usual, "--b", FAX_EFORMAT},
        {usual, "--b\r\n", FAX_ETRUNCATED},
        {usual, "--b\r\n\r\nx", FAX_ETRUNCATED},
        {usual, "--b\r\n\r\nx\r\n--b", FAX_EFORMAT},
        {usual, "--b\r\n\r\nx\r\n--bc\r\n--b--", FAX_EFORMAT},
        {usual, "--b\r\nno colon\r\n\r\nx\r\n--b--", FAX_EFORMAT},
        {usual, "--b\r\na b: c\r\n\r\nx\r\n--b--", FAX_EFORMAT},
        {usual, "--b\r\na: \x01\r\n\r\nx\r\n--b--", FAX_EFORMAT},
        {usual, "--b\r\na: b\n\nx\r\n--b--", FAX_EFORMAT},
        {usual, "--b\r\nContent-Type: multipart/mixed\r\n\r\nx\r\n--b--", FAX_EUNSUPPORTED},
        {usual, "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", FAX_EUNSUPPORTED},
        {"multipart/mixed", "--b--", FAX_EFORMAT},
        {"multipart/mixed; boundary=", "--b--", FAX_EFORMAT},
        {"multipart/mixed; boundary=\"b\"x", "--b--", FAX_EFORMAT},
        {"multipart/mixed; boundary=\"b ", "--b --", FAX_EFORMAT},
        {"multipart/mixed; boundary=\"b \"", "--b --", FAX_EFORMAT},
        {"multipart/mixed; boundary=b; boundary=b", "--b--", FAX_EFORMAT},
        {"multipart/mixed2; boundary=b", "--b--", FAX_EUNSUPPORTED},
        {"multipart/form-data; boundary=b", "--b--", FAX_EUNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct multipart_reader reader;
        int error = read_all(rows[i].type, rows[i].text, &reader);

        if (error != rows[i].error || (error != 0) != (reader.reason[0] != '\0'))
            fail_msg("%s | %s: %d %s", rows[i].type, rows[i].text, error, reader.reason);
    }
}

static void test_long_heads(void **state)
{
    char text[8192], header[64];
    struct multipart_reader reader;

    (void)state;
    snprintf(text, sizeof text, "--b\r\na: %0*d\r\n\r\nx\r\n--b--", 2000, 0);
    assert_int_equal(read_all(usual, text, &reader), FAX_ELIMIT);
    snprintf(text, sizeof text, "--b\r\n");
    for (int i = 0; i < 100; i++) {
        snprintf(header, sizeof header, "a: %0*d\r\n", 50, i);
        strcat(text, header);
    }
    strcat(text, "\r\nx\r\n--b--");
    assert_int_equal(read_all(usual, text, &reader), FAX_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
