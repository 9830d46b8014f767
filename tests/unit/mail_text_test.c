#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/mail/mail_compose.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/mail/mail_relay_private.h"
#include "gateway/mail/mail_text.h"

static void field_is(const char *name, const char *value, const char *expected)
{
    struct mail_text text = {0};
    mail_text_field(&text, name, value);
    if (!text.error)
        assert_string_equal(text.octets, expected);
    mail_text_clear(&text);
}

static void fields_are_encoded_and_folded(void **state)
{
    (void)state;
    field_is("Subject", "a fax", "Subject: a fax\r\n");
    field_is("Subject", "", "Subject: \r\n");
    field_is("Subject", "f\xC3\xBCr dich", "Subject: =?UTF-8?B?ZsO8ciBkaWNo?=\r\n");
    /* What looks encoded is encoded, so that it comes out as it is. */
    field_is("Subject", "=?x?", "Subject: =?UTF-8?B?PT94Pw==?=\r\n");
    /* No value begins another field. */
    field_is("Subject", "a\r\nBcc: x@y", "Subject: a  Bcc: x@y\r\n");
    field_is("Subject", "a\nb\rc\x7F", "Subject: a b c \r\n");
    field_is("Subject", "\xFF\xFE", "Subject: ??\r\n");
    /* Never in the middle of a character, never longer than a line. */
    char longest[901] = "";
    for (int i = 0; i < 300; i++)
        memcpy(longest + 3 * i, "\xE2\x82\xAC", 3);
    struct mail_text text = {0};
    mail_text_field(&text, "Subject", longest);
    for (const char *line = text.error ? NULL : text.octets; line && *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 76 + 9);
        line = end + 2;
    }
    mail_text_clear(&text);
}

static void addresses_are_judged(void **state)
{
    (void)state;
    const char *const good[] = {"a@b", "fax+1@example.test", "\xC3\xA4@example.test"};
    const char *const bad[] = {"",       "a",     "@b",      "a@",      "a b@c", "a@b\r\nTo: x",
                               "a@b@c",  "<a@b>", "a@b,c@d", "\"a\"@b", "a@b;c", "a\x01@b",
                               "a@b(c)", "\xFF@b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mail_text_is_address(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mail_text_is_address(bad[i]));
    struct mail_text text = {0};
    mail_text_address_field(&text, "To", "", "a@b");
    mail_text_address_field(&text, "To", "", "a@b>\r\nBcc: <c@d");
    mail_text_address_field(&text, "From", "Fax", "c@d");
    if (!text.error)
        assert_string_equal(text.octets, "To: <a@b>\r\nTo: undisclosed-recipients:;\r\n"
                                         "From: =?UTF-8?B?RmF4?=\r\n <c@d>\r\n");
    mail_text_clear(&text);
}

static void status_fields_are_ascii(void **state)
{
    (void)state;
    struct mail_text text = {0};
    mail_text_status_field(&text, "Final-Recipient", "utf-8", "\xC3\xBC@x\r\nAction: delivered");
    if (!text.error)
        assert_string_equal(text.octets,
                            "Final-Recipient: utf-8; \\x{FC}@x  Action: delivered\r\n");
    mail_text_clear(&text);
}

static void bodies_are_encoded(void **state)
{
    (void)state;
    struct mail_text text = {0};
    static const char body[] = "a=b \nx\r\n.\n\xC3\xA4";
    mail_text_quoted(&text, body, sizeof body - 1);
    if (!text.error)
        assert_string_equal(text.octets, "a=3Db=20\r\nx=0D\r\n.\r\n=C3=A4\r\n");
    mail_text_clear(&text);
    char line[201];
    memset(line, 'x', 200);
    line[200] = '\0';
    mail_text_quoted(&text, line, 200);
    if (!text.error) {
        assert_int_equal(strcspn(text.octets, "\r"), 76);
        assert_memory_equal(text.octets + 75, "=\r\n", 3);
    }
    mail_text_clear(&text);
    mail_text_base64(&text, (const uint8_t *)line, 58);
    if (!text.error)
        assert_int_equal(text.length, 78 + 6);
    mail_text_clear(&text);
    mail_text_parameter(&text, "filename", "a b.pdf");
    mail_text_parameter(&text, "filename", "\xC3\xA4\".pdf");
    if (!text.error)
        assert_string_equal(text.octets, ";\r\n filename=\"a b.pdf\";\r\n "
                                         "filename*=UTF-8''%C3%A4%22%2Epdf");
    mail_text_clear(&text);
    char date[MAIL_DATE_TEXT];
    mail_text_date(INT64_C(1795330000123), date);
    assert_string_equal(date, "Sun, 22 Nov 2026 06:46:40 +0000");
}

static void forms_only_get_less(void **state)
{
    (void)state;
    enum mail_form form;
    assert_int_equal(mail_form_parse("tiff", &form), 0);
    assert_int_equal(form, MAIL_FORM_TIFF);
    assert_int_equal(mail_form_parse("zip", &form), -EINVAL);
    assert_int_equal(mail_form_allowed(MAIL_FORM_PDF, "open", "a, open"), MAIL_FORM_PDF);
    assert_int_equal(mail_form_allowed(MAIL_FORM_PDF, "open", "opener,op"), MAIL_FORM_SMIME);
    assert_int_equal(mail_form_allowed(MAIL_FORM_TIFF, "", ""), MAIL_FORM_SMIME);
    assert_int_equal(mail_form_allowed(MAIL_FORM_NOTICE, "open", "open"), MAIL_FORM_NOTICE);
    assert_int_equal(mail_form_lesser(MAIL_FORM_PDF, MAIL_FORM_SMIME), MAIL_FORM_SMIME);
    assert_int_equal(mail_form_lesser(MAIL_FORM_NOTICE, MAIL_FORM_TIFF), MAIL_FORM_NOTICE);
}

static void the_relay_is_named_and_reached(void **state)
{
    (void)state;
    struct config config;
    char url[MAIL_URL_TEXT], connect_to[MAIL_CONNECT_TEXT], name[] = "mx.example.test", none[] = "";
    static const struct {
        const char *relay, *url, *to;
        bool named;
    } cases[] = {
        {"smtp://mail", "smtp://mail:25/gw", "", false},
        {"smtps://mail", "smtps://mail:465/gw", "", false},
        {"smtp://10.0.0.1:2525", "smtp://mx.example.test:2525/gw",
         "mx.example.test:2525:10.0.0.1:2525", true},
        {"smtp://[::1]", "smtp://mx.example.test:25/gw", "mx.example.test:25:[::1]:25", true},
        {"smtp://[::1]:26", "smtp://[::1]:26/gw", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char relay[64];
        memset(&config, 0, sizeof config);
        snprintf(relay, sizeof relay, "%s", cases[i].relay);
        config.mail.out_relay = relay;
        config.mail.out_tls_name = cases[i].named ? name : none;
        assert_int_equal(mail_relay_url(&config, "gw", url, connect_to), 0);
        assert_string_equal(url, cases[i].url);
        assert_string_equal(connect_to, cases[i].to);
    }
}

static void reverse_paths_are_known_again(void **state)
{
    (void)state;
    uint8_t key[MAIL_RETURN_KEY_OCTETS] = {1, 2, 3}, other[MAIL_RETURN_KEY_OCTETS] = {1, 2, 4};
    struct fax_id out = {{0xFF, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}, read;
    char path[MAIL_RETURN_TEXT], changed[MAIL_RETURN_TEXT];
    static const char from[] = "fax@gw.example.test";
    assert_int_equal(mail_return_make(key, from, &out, path), 0);
    assert_int_equal(strcspn(path, "@"), 3 + 2 + MAIL_RETURN_TOKEN_CHARACTERS);
    assert_true(mail_return_read(key, from, path, &read));
    assert_true(fax_id_equal(&out, &read));
    for (char *c = path; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    assert_true(mail_return_read(key, from, path, &read));
    assert_false(mail_return_read(other, from, path, &read));
    assert_false(mail_return_read(key, "fax@example.test", path, &read));
    assert_false(mail_return_read(key, from, from, &read));
    assert_false(mail_return_read(key, from, "", &read));
    for (size_t i = 5; i < 5 + MAIL_RETURN_TOKEN_CHARACTERS; i++) {
        memcpy(changed, path, sizeof changed);
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        assert_true(strcmp(changed, path) == 0 || changed[i] + 32 == path[i] ||
                    changed[i] - 32 == path[i] || !mail_return_read(key, from, changed, &read));
        changed[i] = '1';
        assert_false(mail_return_read(key, from, changed, &read));
    }
    assert_int_equal(mail_return_make(key, "a-local-part-of-24-chars@b", &out, path), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_encoded_and_folded),
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(status_fields_are_ascii),
        cmocka_unit_test(bodies_are_encoded),
        cmocka_unit_test(forms_only_get_less),
        cmocka_unit_test(reverse_paths_are_known_again),
        cmocka_unit_test(the_relay_is_named_and_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
